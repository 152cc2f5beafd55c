import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Answer } from './door.ts';
import { type KeptShop, openKeptShop } from './kept.ts';

const scopes = ['sources:read', 'sources:write', 'deliveries:read', 'deliveries:write'];
const params = (sourceId: string) => ({ params: { sourceId } });

let shop: KeptShop;
const quarantined: Record<string, string> = {};
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  shop = await openKeptShop({ one: 'shopify', two: 'shopify', three: 'shopify' });
  for (const [hour, sourceId] of ['one', 'two', 'three'].entries()) {
    const now = `2026-06-01T1${hour}:00:00.000Z`;
    const { deliveryId } = await shop.deliver('orders/create', '{', { id: `w-${sourceId}`, sourceId, now });
    quarantined[sourceId] = deliveryId;
  }
  await shop.keep();
});
afterAll(() => shop.stop());

const call = (key: string, routeKey: string, more = {}) => shop.api.call(routeKey, { key, ...more });
const deliveryOf = (sourceId: string) => ({ params: { deliveryId: quarantined[sourceId] ?? 'dlv_unknown' } });
const range = { from: '2026-06-01T00:00:00Z', to: '2026-06-02T00:00:00Z' };
const settings = { platform: 'shopify', currency: 'EUR', timeZone: 'Europe/Berlin' };

/** Everything that can be asked about one source. */
const asked: Record<string, (key: string, sourceId: string) => Promise<Answer>> = {
  'its deliveries': (key, sourceId) => call(key, 'GET /v1/deliveries', { query: { sourceId } }),
  'a delivery': (key, sourceId) => call(key, 'GET /v1/deliveries/{deliveryId}', deliveryOf(sourceId)),
  'what was sent': (key, sourceId) =>
    call(key, 'GET /v1/deliveries/{deliveryId}', { ...deliveryOf(sourceId), query: { body: 'true' } }),
  'a replay': (key, sourceId) => call(key, 'POST /v1/deliveries/{deliveryId}/replay', deliveryOf(sourceId)),
  'a replay of a time': (key, sourceId) => call(key, 'POST /v1/deliveries/replay', { body: { sourceId, ...range } }),
  'its health': (key, sourceId) => call(key, 'GET /v1/sources/{sourceId}/health', params(sourceId)),
  'its settings': (key, sourceId) => call(key, 'GET /v1/sources/{sourceId}', params(sourceId)),
  'its comparisons': (key, sourceId) => call(key, 'GET /v1/sources/{sourceId}/reconciliations', params(sourceId)),
};

describe('a key reaches the sources that it names', () => {
  test.each(Object.entries(asked))('%s', async (_, ask) => {
    const key = await shop.api.keyFor('acme', scopes, { sources: ['one'] });
    const [own, other, none] = [await ask(key, 'one'), await ask(key, 'two'), await ask(key, 'nowhere')];
    expect(own.status).toBe(200);
    expect([other.status, other.body.code, other.body.detail]).toEqual([404, none.body.code, none.body.detail]);
  });

  test('of all that is quarantined it sees what came to them, in whole pages', async () => {
    const listed = async (key: string, limit: string) => {
      const { body } = await call(key, 'GET /v1/deliveries', { query: { limit } });
      return [body.data.map(({ sourceId }) => sourceId), body.nextCursor !== null];
    };
    const key = await shop.api.keyFor('acme', scopes, { sources: ['one', 'three'] });
    expect(await listed(key, '100')).toEqual([['three', 'one'], false]);
    expect(await listed(key, '1')).toEqual([['three'], true]);
    expect(await listed(await shop.api.keyFor('acme', scopes), '100')).toEqual([[], false]);
  });

  test('it begins and ends no comparison of others, and changes no settings of theirs', async () => {
    const key = await shop.api.keyFor('acme', scopes, { sources: ['one', 'new'] });
    const begun = { ...params('two'), body: { since: range.from } };
    expect((await call(key, 'POST /v1/sources/{sourceId}/reconciliations', begun)).body.code).toBe('source_not_found');
    const run = { params: { sourceId: 'two', reconciliationId: 'rec_1' } };
    const route = '/v1/sources/{sourceId}/reconciliations/{reconciliationId}';
    expect((await call(key, `DELETE ${route}`, run)).body.code).toBe('source_not_found');
    expect((await call(key, `GET ${route}`, run)).body.code).toBe('source_not_found');
    const body = { ...settings, secrets: ['a secret of my own'] };
    for (const sourceId of ['two', 'nowhere']) {
      const { status, body: problem } = await call(key, 'PUT /v1/sources/{sourceId}', { ...params(sourceId), body });
      expect([status, problem.code]).toEqual([400, 'invalid_request']);
      const given = { ...body, secrets: ['a-secret-of-my-own'] };
      const refused = await call(key, 'PUT /v1/sources/{sourceId}', { ...params(sourceId), body: given });
      expect([refused.status, refused.body.code]).toEqual([403, 'source_not_allowed']);
    }
    const made = { ...params('new'), body: { ...settings, secrets: ['a-secret-of-my-own'] } };
    expect((await call(key, 'PUT /v1/sources/{sourceId}', made)).status).toBe(201);
  });
});

test('a key that names none reaches none; one for all reaches those made later, too', async () => {
  const none = await shop.api.keyFor('acme', scopes);
  const all = await shop.api.keyFor('ops', [...scopes, 'keys:write'], { sources: ['*'] });
  const made = { ...params('later'), body: { ...settings, secrets: ['a-secret-of-my-own'] } };
  expect((await shop.api.call('PUT /v1/sources/{sourceId}', made)).status).toBe(201);
  for (const ask of Object.values(asked)) {
    expect((await ask(none, 'one')).status).toBe(404);
    expect((await ask(all, 'one')).status).toBe(200);
  }
  expect((await asked['its health']?.(all, 'later'))?.status).toBe(200);

  const handOn = (key: string, sources: string[]) =>
    call(key, 'POST /v1/keys', { body: { partner: 'ops', scopes: ['sources:read'], sources } });
  expect((await handOn(all, ['one', 'not-yet'])).status).toBe(201);
  expect((await handOn(all, ['*'])).status).toBe(201);
  const some = await shop.api.keyFor('ops', ['sources:read', 'keys:write'], { sources: ['one'] });
  expect((await handOn(some, ['one'])).status).toBe(201);
  for (const sources of [['*'], ['two']]) {
    const { status, body } = await handOn(some, sources);
    expect([status, body.errors[0]?.pointer]).toEqual([403, '/sources']);
  }
});

test('the list of sources shows those that a key reaches, page by page, without secrets', async () => {
  const ids = async (key: string | undefined, limit: string) => {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = { limit, ...(cursor !== '' && { cursor }) };
      const { status, body } = await shop.api.call('GET /v1/sources', { query, ...(key !== undefined && { key }) });
      expect(status).toBe(200);
      expect(body.data.length).toBeLessThanOrEqual(Number(limit));
      expect(JSON.stringify(body)).not.toContain('secret"');
      found.push(...body.data.map(({ id }) => String(id)));
      cursor = body.nextCursor as string | null;
    }
    return found;
  };
  const every = ['later', 'new', 'one', 'three', 'two'];
  for (const limit of ['1', '2', '5', '100']) expect(await ids(undefined, limit)).toEqual(every);
  const some = await shop.api.keyFor('acme', ['sources:read'], { sources: ['two', 'one', 'never-made'] });
  for (const limit of ['1', '100']) expect(await ids(some, limit)).toEqual(['one', 'two']);
  expect(await ids(await shop.api.keyFor('acme', ['sources:read']), '2')).toEqual([]);
  const writer = await shop.api.keyFor('acme', ['sources:write'], { sources: ['one'] });
  expect((await shop.api.call('GET /v1/sources', { key: writer })).body.code).toBe('insufficient_scope');
});
