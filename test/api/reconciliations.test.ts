import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../shared/dynamodb/client.ts';
import { switchOffSource } from '../../shared/dynamodb/source-store.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { signShopify } from '../signed.ts';
import { anOrder, at, eachListed, email, fill, ids } from './listed-orders.ts';
import { openReconciliations, type ReconciliationDoor } from './reconciliation-door.ts';
import type { ListedOrder, ShopLists } from './shop-lists.ts';

let api: ReconciliationDoor;
let shop: ShopLists;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openReconciliations();
  shop = api.shop;
});
afterAll(() => api.stop());
beforeEach(() => api.reset());

describe.each(eachListed)('%s', (platform) => {
  test('what is missing is recorded once; the shop is asked for one page at a time', async () => {
    const sourceId = await api.aSource(platform);
    const all = ids(platform === 'stripe' ? 230 : 120);
    fill(shop, platform, all);
    const started = await api.start(sourceId, at(0));
    expect([started.status, started.body.state, started.body.listed]).toEqual([202, 'running', 0]);
    expect(started.headers.location).toBe(`/v1/sources/${sourceId}/reconciliations/${started.body.id}`);
    expect((await api.start(sourceId, at(0))).body.code).toBe('reconciliation_under_way');
    await api.workAll();
    const report = await api.show(sourceId, started.body.id);
    const found = { listed: all.length, missing: all.length, recorded: all.length, changed: 0, ignored: 0, failed: 0 };
    expect(report).toMatchObject({ state: 'succeeded', by: 'request', since: `${at(0).slice(0, 19)}.000Z`, ...found });
    expect(shop.atOnce).toBe(1);
    expect(shop.asked.length).toBe(3);
    await api.allBought([...all.slice(0, 5), ...all.slice(-5)]);

    const again = await api.start(sourceId, at(60));
    await api.workAll();
    expect(await api.show(sourceId, again.body.id)).toMatchObject({
      listed: all.length - 60,
      missing: 0,
      recorded: 0,
      changed: 0,
    });
    await api.allBought(all.slice(-5));
    expect((await api.list(sourceId)).map(({ id }) => id)).toEqual([again.body.id, started.body.id]);
  });
});

test('an order that came by webhook is known, one that its webhooks told half of is changed', async () => {
  const sourceId = await api.aSource('shopify');
  const [known = 0, stale = 0, bad = 0] = ids(3);
  shop.orders = [anOrder('shopify', known, 0), anOrder('shopify', stale, 1), anOrder('shopify', bad, 2, 'a lot')];
  const { handler } = await import('../../functions/webhooks/receive.ts');
  for (const id of [known, stale]) {
    const told = shop.orders.find((order) => order.id === id);
    const order = { id, updated_at: told?.changedAt, ...told?.fields };
    const signed = signShopify('orders/create', order, { id: `w-${id}` });
    const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, ...signed });
    expect((await handler(event, lambdaContext())).statusCode).toBe(202);
  }
  const before = shop.orders[1];
  if (before) shop.orders[1] = { ...before, changedAt: at(9), fields: { ...before.fields, cancelled_at: at(9) } };
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  expect(await api.show(sourceId, id)).toMatchObject({
    listed: 3,
    missing: 0,
    changed: 1,
    failed: 1,
    faults: [{ externalId: String(bad), code: 'not_understood', detail: '/total_price: is no amount of EUR' }],
  });
  const told = vi.mocked(console.error).mock.calls.map(([line]) => JSON.parse(String(line)));
  expect(told).toContainEqual(
    expect.objectContaining({ message: 'reconciliation failed', reconciliationId: id, failed: 1 }),
  );
  expect([await api.bought(known), await api.bought(stale)]).toEqual([
    [1, '10.00'],
    [0, '0.00'],
  ]);
});

test('what was bought a while ago is history, what is fresh is not', async () => {
  const sourceId = await api.aSource('shopify');
  const [old = 0, fresh = 0] = ids(2);
  const now = Date.now();
  const order = (id: number, hours: number): ListedOrder => {
    const changedAt = new Date(now - hours * 3_600_000).toISOString();
    const one = anOrder('shopify', id, 0);
    return { ...one, changedAt, fields: { ...one.fields, created_at: changedAt } };
  };
  shop.orders = [order(old, 60), order(fresh, 2)];
  await api.start(sourceId, new Date(now - 72 * 3_600_000).toISOString());
  await api.workAll();
  const backfill = async (id: number) => {
    const { body } = await api.call('GET /v1/customers', { query: { email: email(id) } });
    const params = { customerId: body.data[0]?.id as string };
    return (await api.call('GET /v1/customers/{customerId}/interactions', { params })).body.data[0]?.backfill;
  };
  expect([await backfill(old), await backfill(fresh)]).toEqual([true, false]);
});

test('an address that identifies nobody at this source leads to nobody', async () => {
  const [id = 0] = ids(1);
  const sourceId = await api.aSource('shopify', { nobody: [email(id)] });
  fill(shop, 'shopify', [id]);
  const { body } = await api.start(sourceId, at(0));
  await api.workAll();
  expect(await api.show(sourceId, body.id)).toMatchObject({ state: 'succeeded', recorded: 1 });
  expect((await api.call('GET /v1/customers', { query: { email: email(id) } })).body.data).toEqual([]);
});

test('a message that comes twice at once harms nothing', async () => {
  const sourceId = await api.aSource('shopify');
  const all = ids(60);
  fill(shop, 'shopify', all);
  const { id } = (await api.start(sourceId, at(0))).body;
  api.queue.waiting.push(...api.queue.waiting);
  await Promise.all([api.work(), api.work()]);
  await api.workAll();
  expect(await api.show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 60, failed: 0 });
  await api.allBought([...all.slice(0, 3), ...all.slice(-3)]);
});

test('of a source that is switched off while its shop answers nothing more comes in', async () => {
  const sourceId = await api.aSource('woocommerce');
  shop.orders = Array.from({ length: 250 }, (_, index) => anOrder('woocommerce', 90_000 + index, index));
  let pages = 0;
  shop.before = async () => {
    pages += 1;
    if (pages !== 2) return;
    const off = { sourceId, at: new Date().toISOString(), upTo: Number.MAX_SAFE_INTEGER };
    await switchOffSource(connect(), api.embedded.tables.registry, off);
  };
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  const ended = await api.show(sourceId, id);
  expect(ended).toMatchObject({ state: 'failed' });
  expect(ended.failure).toContain('source_erased');
  // What the first page listed was recorded before.
  expect([pages, ended.listed]).toEqual([2, ended.recorded]);
  expect(Number(ended.listed)).toBeLessThan(250);
  expect((await api.start(sourceId, at(0))).body.code).toBe('source_erased');
  const file = { sourceId, format: 'rapport-ndjson' };
  expect((await api.call('POST /v1/imports', { body: file })).body.code).toBe('source_erased');
  const call = { type: 'call', sourceId, externalId: 'c', occurredAt: at(0), customer: { email: 'off@example.com' } };
  expect((await api.call('POST /v1/interactions', { body: call })).body.code).toBe('source_erased');
});
