import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clockKey, reconciliationKey } from '../../shared/dynamodb/keys.ts';
import { at, eachListed, fill, ids } from './listed-orders.ts';
import { openReconciliations, type ReconciliationDoor, settings } from './reconciliation-door.ts';
import type { ShopLists } from './shop-lists.ts';

let api: ReconciliationDoor;
let shop: ShopLists;
beforeAll(async () => {
  api = await openReconciliations();
  shop = api.shop;
});
afterAll(() => api.stop());
beforeEach(() => api.reset());

describe.each(eachListed)('%s', (platform) => {
  test('a source that lacks what its API asks for is told so', async () => {
    const sourceId = await api.aSource(platform, { credentials: { other: 'x' } });
    const { status, body } = await api.start(sourceId, at(0));
    expect([status, body.code]).toEqual([422, 'source_not_listable']);
    expect(body.detail).toContain('credential');
    expect(api.queue.waiting).toEqual([]);
  });
});

test('one that is under way can be ended, and goes on no further', async () => {
  const sourceId = await api.aSource('shopify');
  fill(shop, 'shopify', ids(60));
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.work(60_000);
  const end = (more = {}) =>
    api.call('DELETE /v1/sources/{sourceId}/reconciliations/{reconciliationId}', {
      params: { sourceId, reconciliationId: id },
      ...more,
    });
  const reader = await api.keyFor('acme', ['sources:read'], { sources: [sourceId] });
  expect((await end({ key: reader })).body.code).toBe('insufficient_scope');
  const { status, body } = await end();
  expect([status, body.state, Number(body.listed)]).toEqual([200, 'cancelled', 50]);
  expect((await end()).body).toEqual(body);
  await api.workAll();
  expect(await api.show(sourceId, id)).toEqual(body);
  const other = { params: { sourceId, reconciliationId: 'rec_none' } };
  const none = await api.call('DELETE /v1/sources/{sourceId}/reconciliations/{reconciliationId}', other);
  expect(none.body.code).toBe('reconciliation_not_found');
  expect((await api.start(sourceId, at(0))).status).toBe(202);
});

test('of several that are begun at once one is', async () => {
  const sourceId = await api.aSource('shopify');
  for (let round = 0; round < 3; round++) {
    api.queue.waiting.push({ MessageBody: JSON.stringify({ scheduledTime: `2026-11-1${round}T04:00:00Z` }) });
    const answers = await Promise.all([...Array.from({ length: 5 }, () => api.start(sourceId, at(0))), api.work()]);
    expect(answers.filter((answer) => typeof answer === 'object' && answer.status === 202).length).toBeLessThan(2);
    expect((await api.list(sourceId)).filter(({ state }) => state === 'running')).toHaveLength(1);
    await api.workAll();
  }
});

test('one that nobody went on with ends when the next is begun', async () => {
  const sourceId = await api.aSource('shopify');
  const { id } = (await api.start(sourceId, at(0))).body;
  api.queue.waiting = [];
  expect((await api.start(sourceId, at(0))).body.code).toBe('reconciliation_under_way');
  const now = new Date(Date.now() + 7 * 3_600_000).toISOString();
  await api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item: { ...clockKey, now } }));
  expect((await api.start(sourceId, at(0))).status).toBe(202);
  await api.client.send(new DeleteCommand({ TableName: api.embedded.tables.registry, Key: clockKey }));
  expect(await api.show(sourceId, id)).toMatchObject({
    state: 'failed',
    failure: expect.stringContaining('abandoned: '),
  });
});

test('where the queue is away nothing is left under way', async () => {
  const sourceId = await api.aSource('shopify');
  api.queue.isAway = true;
  const { status, body } = await api.start(sourceId, at(0));
  expect([status, body.code]).toEqual([503, 'store_unavailable']);
  api.queue.isAway = false;
  expect((await api.start(sourceId, at(0))).status).toBe(202);
});

test('each day every source that can be listed is, once, from where the last one ended', async () => {
  const { body: clock } = await api.call('GET /v1/test-clock');
  expect(clock.frozen ?? false).toBe(false);
  const sourceId = await api.aSource('shopify');
  for (const other of ['woocommerce', 'stripe'] as const) await api.aSource(other);
  const scheduled = { MessageBody: JSON.stringify({ scheduledTime: '2026-11-20T04:00:00Z' }) };
  api.queue.waiting.push(scheduled, scheduled);
  await api.workAll();
  const [first, ...others] = await api.list(sourceId);
  expect([others, first?.id, first?.by, first?.state]).toEqual([
    [],
    'rec_20261120040000000_daily',
    'schedule',
    'succeeded',
  ]);
  api.queue.waiting.push({ MessageBody: JSON.stringify({ scheduledTime: '2026-11-21T04:00:00Z' }) });
  await api.workAll();
  const [second] = await api.list(sourceId);
  const earlier = Date.parse(String(first?.until)) - 3_600_000;
  expect(second?.since).toBe(new Date(earlier).toISOString());
});

test('what daily ones that failed from the first on did not come to is left for the one that succeeds', async () => {
  const sourceId = await api.aSource('shopify', { credentials: { accessToken: 'shpat_revoked' } });
  for (const day of ['20', '21', '22']) {
    if (day === '22')
      await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: api.sourceBody('shopify') });
    api.queue.waiting.push({ MessageBody: JSON.stringify({ scheduledTime: `2026-11-${day}T04:00:00Z` }) });
    await api.workAll();
  }
  const [last, second, first] = await api.list(sourceId);
  expect([last, second, first].map((one) => one?.state)).toEqual(['succeeded', 'failed', 'failed']);
  for (const one of [last, second]) expect(String(one?.since) < String(first?.since)).toBe(true);
});

test('a later one that was asked for leaves no gap behind the daily ones', async () => {
  const sourceId = await api.aSource('shopify');
  await api.start(sourceId, new Date().toISOString().replace(/\.\d+Z/, '.000Z'));
  await api.workAll();
  api.queue.waiting.push({ MessageBody: JSON.stringify({ scheduledTime: '2026-11-22T04:00:00Z' }) });
  await api.workAll();
  const daily = (await api.list(sourceId)).find(({ by }) => by === 'schedule');
  expect(Date.parse(String(daily?.until)) - Date.parse(String(daily?.since))).toBe(72 * 3_600_000);
});

test('Stripe: more than it still lists is refused by name, and a daily one begins where its list does', async () => {
  const sourceId = await api.aSource('stripe');
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
  const { status, body } = await api.start(sourceId, daysAgo(29.01));
  expect([status, body.code, body.errors[0]?.pointer]).toEqual([422, 'since_out_of_reach', '/since']);
  expect(body.detail).toContain('POST /v1/imports');
  expect(api.queue.waiting).toEqual([]);
  expect((await api.start(sourceId, daysAgo(28.99))).status).toBe(202);
  expect((await api.start(await api.aSource('shopify'), daysAgo(400))).status).toBe(202);

  await api.workAll();

  const daily = async (day: number) => {
    api.queue.waiting.push({ MessageBody: JSON.stringify({ scheduledTime: `2026-11-${day}T04:00:00Z` }) });
    await api.workAll();
    return (await api.list(sourceId)).find(({ by }) => by === 'schedule');
  };
  const { id } = (await daily(25)) ?? {};
  await api.client.send(
    new UpdateCommand({
      TableName: api.embedded.tables.registry,
      Key: reconciliationKey(sourceId, String(id)),
      UpdateExpression: 'SET #until = :longAgo',
      ExpressionAttributeNames: { '#until': 'until' },
      ExpressionAttributeValues: { ':longAgo': daysAgo(50) },
    }),
  );
  const next = await daily(26);
  const span = Date.parse(String(next?.until)) - Date.parse(String(next?.since));
  expect([next?.id === id, next?.state, span]).toEqual([false, 'succeeded', 29 * 86_400_000]);
});

test('what is refused', async () => {
  const sourceId = await api.aSource('shopify');
  expect((await api.start('nowhere', at(0))).body.code).toBe('source_not_found');
  expect((await api.start(sourceId, '2100-01-01T00:00:00Z')).body.errors[0]?.pointer).toBe('/since');
  expect((await api.show(sourceId, 'rec_none')).code).toBe('reconciliation_not_found');
  const body = { ...settings, platform: 'standard', secrets: [`whsec_${btoa('a secret of thirty-two characters')}`] };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body });
  expect((await api.start('till', at(0))).body.code).toBe('source_not_listable');
});
