import { randomUUID } from 'node:crypto';
import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Answer, type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.stop());
afterEach(() => {
  api.proxy.plan = () => 'none';
});

const make = (idempotencyKey: string, more: Record<string, unknown> = {}, key?: string) =>
  api.call('POST /v1/keys', {
    body: { partner: 'acme', scopes: ['keys:read', 'keys:write'], ...more },
    headers: { 'idempotency-key': idempotencyKey },
    ...(key !== undefined && { key }),
  });

async function records(): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await api.client.send(
    new ScanCommand({ TableName: api.embedded.tables.registry, Limit: 1000 }),
  );
  return Items.filter(({ pk }) => String(pk).startsWith('idempotency#'));
}

test('a repetition is answered as the first time, and says so', async () => {
  const key = randomUUID();
  const first = await make(key);
  const second = await make(key);
  expect(first.headers).not.toHaveProperty('idempotent-replayed');
  expect(second.headers['idempotent-replayed']).toBe('true');
  expect([second.status, second.body]).toEqual([first.status, first.body]);
});

test('the first answer lies sealed: a new key is in no table', async () => {
  const { body } = await make(randomUUID());
  const text = JSON.stringify(await records());
  expect(text).not.toContain(body.key);
  expect(text).not.toContain(body.id);
});

test('another body is 422, and so is another route', async () => {
  const key = randomUUID();
  await make(key);
  const other = await make(key, { partner: 'other' });
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  const route = await api.call('DELETE /v1/test-clock', { headers: { 'idempotency-key': key } });
  expect([route.status, route.body.code]).toEqual([422, 'idempotency_key_reused']);
});

test('of forty at once one acts; the others get its answer or 409', async () => {
  const key = randomUUID();
  const partner = 'forty';
  const answers = await Promise.all(Array.from({ length: 40 }, () => make(key, { partner })));
  for (const { status, body, headers } of answers) {
    expect([201, 409]).toContain(status);
    if (status === 409)
      expect([body.code, headers['retry-after']]).toEqual(['idempotency_under_way', expect.stringMatching(/^1[0-5]$/)]);
  }
  const ids = new Set(answers.filter(({ status }) => status === 201).map(({ body }) => body.id as string));
  expect(ids.size).toBe(1);
  expect((await make(key, { partner })).body.id).toBe([...ids][0]);
});

test('it belongs to the key: another caller with the same text acts anew', async () => {
  const one = await api.keyFor('acme', ['keys:read', 'keys:write']);
  const key = randomUUID();
  const answers: Answer[] = [await make(key), await make(key, {}, one)];
  expect(answers[1]?.headers).not.toHaveProperty('idempotent-replayed');
  expect(answers[1]?.body.id).not.toBe(answers[0]?.body.id);
});

test('what was refused is not kept, so that it can be mended', async () => {
  const key = randomUUID();
  expect((await make(key, { scopes: [] })).status).toBe(400);
  expect((await make(key)).status).toBe(201);
});

test('a failure is not kept: the repetition acts', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const key = randomUUID();
  api.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'throttled' : 'none');
  expect((await make(key)).status).toBe(503);
  api.proxy.plan = () => 'none';
  const { status, headers } = await make(key);
  expect(status).toBe(201);
  expect(headers).not.toHaveProperty('idempotent-replayed');
});

test('a batch of which the store could not take all is not kept either', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const item = (externalId: string) => ({
    type: 'call',
    externalId,
    occurredAt: '2026-03-01T09:00:00Z',
    customer: { email: 'batch@example.com' },
  });
  const report = () =>
    api.call('POST /v1/interactions', {
      body: { interactions: [item('b-1'), item('b-2')] },
      headers: { 'idempotency-key': 'a-batch' },
    });
  api.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'throttled' : 'none');
  const failed = await report();
  expect([failed.status, failed.headers['retry-after']]).toEqual([207, '2']);
  expect(failed.body.data.map(({ httpStatus }) => httpStatus)).toEqual([503, 503]);
  api.proxy.plan = () => 'none';
  const taken = await report();
  expect(taken.headers).not.toHaveProperty('idempotent-replayed');
  expect(taken.body.data.map(({ httpStatus }) => httpStatus)).toEqual([201, 201]);
  expect((await report()).headers['idempotent-replayed']).toBe('true');
});

test('one that is sent twice is refused', async () => {
  const { status, body } = await make('k-1, k-1');
  expect([status, body.code]).toEqual([400, 'invalid_idempotency_key']);
});

test('whose owner died is free again after its lease, for the same request, which then has one effect', async () => {
  const key = randomUUID();
  const first = await make(key);
  // Every record as a crash in mid-flight leaves it: without an answer.
  const crash = async (left: number) => {
    for (const { pk, sk } of await records()) {
      await api.client.send(
        new UpdateCommand({
          TableName: api.embedded.tables.registry,
          Key: { pk, sk },
          UpdateExpression: 'SET leaseUntil = :until REMOVE answer',
          ExpressionAttributeValues: { ':until': Date.now() + left },
        }),
      );
    }
    const { body, headers } = await make(key);
    return [body.code, headers['retry-after']];
  };
  expect(await crash(8_000)).toEqual(['idempotency_under_way', '8']);
  expect(await crash(400)).toEqual(['idempotency_under_way', '1']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await make(key, { partner: 'other' })).status).toBe(422);
  const again = await make(key);
  expect(again.headers).not.toHaveProperty('idempotent-replayed');
  expect([again.status, again.body.id, again.body.key]).toEqual([201, first.body.id, first.body.key]);
  const { data } = (await api.call('GET /v1/keys', { query: { limit: '100' } })).body;
  expect(data.filter(({ id }) => id === first.body.id)).toHaveLength(1);
  expect((await make(key)).headers['idempotent-replayed']).toBe('true');
});

test('after 24 hours by the clock at the door it is a new request', async () => {
  const key = randomUUID();
  const first = await make(key);
  const { now } = (await api.call('GET /v1/test-clock')).body;
  const later = (hours: number) => new Date(Date.parse(now) + hours * 3_600_000).toISOString();
  await holdClock(later(23));
  expect((await make(key)).body.id).toBe(first.body.id);
  await holdClock(later(25));
  expect((await make(key)).body.id).not.toBe(first.body.id);
  await api.call('DELETE /v1/test-clock');
});

async function holdClock(now: string): Promise<void> {
  await api.client.send(
    new UpdateCommand({
      TableName: api.embedded.tables.registry,
      Key: { pk: 'clock', sk: 'clock' },
      UpdateExpression: 'SET #now = :now',
      ExpressionAttributeNames: { '#now': 'now' },
      ExpressionAttributeValues: { ':now': now },
    }),
  );
}

test.each(['', 'a'.repeat(256), 'ä', 'a\u0007'])('the key %j is refused', async (key) => {
  const { status, body } = await make(key);
  expect([status, body.code]).toEqual([400, 'invalid_idempotency_key']);
});

test('255 characters are taken', async () => {
  expect((await make('k'.repeat(255))).status).toBe(201);
});

test('a PUT is answered as the first time as well', async () => {
  const put = () =>
    api.call('PUT /v1/sources/{sourceId}', {
      params: { sourceId: 'kept' },
      body: { platform: 'shopify', secrets: ['0123456789abcdef'], currency: 'EUR', timeZone: 'UTC' },
      headers: { 'idempotency-key': 'put-1' },
    });
  expect((await put()).status).toBe(201);
  const again = await put();
  expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, 'true']);
});
