import { setTimeout as wait } from 'node:timers/promises';
import { PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { type ApiDoor, adminKey, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.stop());
afterEach(() => {
  api.proxy.plan = () => 'none';
});

const keys = (key?: string) => api.call('GET /v1/keys', key === undefined ? {} : { key });

test.each([
  ['no header', {}],
  ['another scheme', { authorization: `Basic ${adminKey}` }],
  ['an unknown key', { authorization: 'Bearer rk_unknown_unknown_unknown_unknown_unknown' }],
  ['no rk_', { authorization: 'Bearer 0123456789' }],
  ['two headers', { authorization: `Bearer ${adminKey},Bearer ${adminKey}` }],
  ['a control character', { authorization: `Bearer ${adminKey}\u0000` }],
  ['a very long key', { authorization: `Bearer rk_${'a'.repeat(100_000)}` }],
])('%s is 401', async (_, headers) => {
  const { status, body, headers: answered } = await api.call('GET /v1/keys', { key: '', headers });
  expect([status, body.code]).toEqual([401, 'unauthenticated']);
  expect(answered['www-authenticate']).toMatch(/^Bearer/);
});

test('health and document need no key', async () => {
  const { status, body } = await api.call('GET /health', { key: '' });
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: 'ok', stage: 'test' });
  expect((await api.call('GET /openapi.json', { key: '' })).status).toBe(200);
});

test('health is 503 where the store does not answer', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api.proxy.plan = () => 'server-error';
  const { status, body, headers } = await api.call('GET /health', { key: '' });
  expect([status, body.code]).toEqual([503, 'store_unavailable']);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
});

test('a key is shown once, kept hashed, works within its scopes, and is revoked at once', async () => {
  const made = await api.call('POST /v1/keys', { body: { partner: 'acme', scopes: ['sources:read'] } });
  expect(made.status).toBe(201);
  const key = made.body.key as string;
  expect(key).toMatch(/^rk_[\w-]{43}$/);
  const { Items = [] } = await api.client.send(
    new ScanCommand({ TableName: api.embedded.tables.registry, Limit: 1000 }),
  );
  expect(JSON.stringify(Items)).not.toContain(key);
  const listed = (await keys()).body.data.find(({ id }) => id === made.body.id);
  expect(listed).toMatchObject({ partner: 'acme', scopes: ['sources:read'], rateLimitPerMinute: 600, expiresAt: null });
  expect(listed).not.toHaveProperty('key');

  const source = { params: { sourceId: 'shop' }, key };
  expect((await api.call('GET /v1/sources/{sourceId}', source)).status).toBe(404);
  const lacking = await api.call('PUT /v1/sources/{sourceId}', { ...source, body: {} });
  expect([lacking.status, lacking.body.code]).toEqual([403, 'insufficient_scope']);
  expect(lacking.headers['www-authenticate']).toContain('scope="sources:write"');

  expect((await api.call('DELETE /v1/keys/{keyId}', { params: { keyId: made.body.id } })).status).toBe(204);
  expect((await api.call('GET /v1/sources/{sourceId}', source)).status).toBe(401);
  const again = await api.call('DELETE /v1/keys/{keyId}', { params: { keyId: made.body.id } });
  expect([again.status, again.body.code]).toEqual([404, 'key_not_found']);
});

test('a partner sees and revokes its own keys alone, and another partner’s are not there', async () => {
  const one = await api.keyFor('one', ['keys:read', 'keys:write']);
  await api.keyFor('two', ['keys:read']);
  const all = (await keys()).body.data;
  expect((await keys(one)).body.data.map(({ partner }) => partner)).toEqual(['one']);
  const theirs = all.find(({ partner }) => partner === 'two')?.id as string;
  const dropped = await api.call('DELETE /v1/keys/{keyId}', { key: one, params: { keyId: theirs } });
  const unknown = await api.call('DELETE /v1/keys/{keyId}', { key: one, params: { keyId: 'key_unknown' } });
  expect([dropped.status, dropped.body.code]).toEqual([unknown.status, unknown.body.code]);
  expect((await keys()).body.data.map(({ id }) => id)).toContain(theirs);
});

test('a key hands on no more than it has', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const maker = await api.keyFor('maker', ['keys:write', 'customers:read'], { expiresAt, rateLimitPerMinute: 100 });
  const make = (body: Record<string, unknown>) =>
    api.call('POST /v1/keys', {
      key: maker,
      body: { partner: 'maker', scopes: ['customers:read'], expiresAt, rateLimitPerMinute: 50, ...body },
    });
  expect((await make({})).status).toBe(201);
  for (const [field, value] of Object.entries({
    partner: 'other',
    scopes: ['sources:write'],
    sources: ['shop'],
    rateLimitPerMinute: 101,
    expiresAt: '2199-01-01T00:00:00Z',
  })) {
    const { status, body } = await make({ [field]: value });
    expect([status, body.code]).toEqual([403, 'beyond_own_rights']);
    expect(body.errors[0]?.pointer).toBe(`/${field}`);
  }
  expect((await make({ expiresAt: undefined })).status).toBe(403);
});

test.each([
  ['a past expiry', { expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
  ['an unknown scope', { scopes: ['everything:write'] }, '/scopes/0'],
  ['no scope', { scopes: [] }, '/scopes'],
  ['a scope twice', { scopes: ['keys:read', 'keys:read'] }, '/scopes'],
  ['the name admin', { partner: 'admin' }, '/partner'],
  ['a limit of 1.5', { rateLimitPerMinute: 1.5 }, '/rateLimitPerMinute'],
  ['a limit of 0', { rateLimitPerMinute: 0 }, '/rateLimitPerMinute'],
])('%s is refused', async (_, change, pointer) => {
  const { status, body } = await api.call('POST /v1/keys', {
    body: { partner: 'acme', scopes: ['keys:read'], ...change },
  });
  expect([status, body.errors[0]?.pointer]).toEqual([400, pointer]);
});

test('a key expires by the clock at the door', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const key = await api.keyFor('brief', ['keys:read'], { expiresAt });
  expect((await keys(key)).status).toBe(200);
  await api.client.send(
    new PutCommand({ TableName: api.embedded.tables.registry, Item: { ...clockKey, now: '2199-06-01T00:00:00.000Z' } }),
  );
  expect((await keys(key)).status).toBe(401);
  await api.call('DELETE /v1/test-clock');
  expect((await keys(key)).status).toBe(200);
});

test('the rate limit counts in headers, and beyond it is 429 with Retry-After', async () => {
  while (Date.now() % 60_000 > 55_000) await wait(500);
  const key = await api.keyFor('busy', ['keys:read'], { rateLimitPerMinute: 3 });
  for (const remaining of ['2', '1', '0']) {
    const { status, headers } = await keys(key);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'ratelimit-limit': '3',
      'ratelimit-remaining': remaining,
      'ratelimit-policy': '"minute";q=3;w=60',
    });
    expect(Number(headers['ratelimit-reset'])).toBeGreaterThan(0);
  }
  const { status, headers, body } = await keys(key);
  expect([status, body.code]).toEqual([429, 'rate_limited']);
  expect(headers['retry-after']).toBe(headers['ratelimit-reset']);
  expect((await keys()).status).toBe(200);
});

test('a throttled store is 503 with Retry-After', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api.proxy.plan = (operation) => (operation === 'Query' ? 'throttled' : 'none');
  const { status, headers, body } = await keys();
  expect([status, body.code]).toEqual([503, 'store_unavailable']);
  expect(headers['retry-after']).toBe('2');
});
