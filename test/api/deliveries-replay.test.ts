import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Unintelligible } from '../../shared/engine/fact.ts';
import { saleor } from '../../shared/storefronts/saleor.ts';
import { shopify } from '../../shared/storefronts/shopify.ts';
import { shopifySecret } from '../signed.ts';
import { type KeptShop, openKeptShop, type Sent } from './kept.ts';

let shop: KeptShop;
beforeAll(async () => {
  shop = await openKeptShop({ shop: 'shopify', other: 'shopify' });
});
afterAll(() => shop.stop());
afterEach(() => {
  vi.restoreAllMocks();
  delete shopify.reading;
  shop.api.proxy.plan = () => 'none';
});

const order = (id: number) => ({
  id,
  created_at: '2026-06-01T08:00:00Z',
  updated_at: '2026-06-01T08:00:00Z',
  currency: 'EUR',
  total_price: '10.00',
  email: `buyer-${id}@example.com`,
});
const replay = (deliveryId: string) =>
  shop.api.call('POST /v1/deliveries/{deliveryId}/replay', { params: { deliveryId } });
const replayRange = (body: Record<string, unknown>, key?: string) =>
  shop.api.call('POST /v1/deliveries/replay', { body, ...(key !== undefined && { key }) });
const show = async (deliveryId: string) =>
  (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } })).body;
const listed = async (query: Record<string, string>) =>
  (await shop.api.call('GET /v1/deliveries', { query: { limit: '100', ...query } })).body.data.map(({ id }) => id);

const spentBy = async (id: number) => {
  const query = { email: `buyer-${id}@example.com` };
  const { facts } = (await shop.api.call('GET /v1/customers', { query })).body.data[0] ?? {};
  return [facts?.purchaseCount, facts?.totalSpent.amount];
};

/** A mapping that cannot read what it is given, until the test ends. */
function broken(only: (id: unknown) => boolean = () => true) {
  const translate = shopify.translate.bind(shopify);
  vi.spyOn(shopify, 'translate').mockImplementation((body, delivery, source) => {
    if (only((body as Record<string, unknown>).id)) throw new Unintelligible('/new_field: is not understood');
    return translate(body, delivery, source);
  });
}

test('a quarantined delivery is recorded once the mapping is mended, and leaves the list', async () => {
  broken();
  const { deliveryId, status } = await shop.deliver('orders/create', order(1), { now: '2026-06-01T09:00:00.000Z' });
  expect(status).toBe('quarantined');
  await shop.setClock('2026-06-02T09:00:00.000Z');
  expect((await replay(deliveryId)).body).toEqual({ deliveryId, status: 'quarantined' });
  expect(await listed({})).toContain(deliveryId);
  vi.restoreAllMocks();
  expect((await replay(deliveryId)).body).toEqual({ deliveryId, status: 'recorded' });
  expect(await listed({})).not.toContain(deliveryId);
  expect(await listed({ sourceId: 'shop', status: 'recorded' })).toContain(deliveryId);
  const found = await show(deliveryId);
  expect(found).toMatchObject({
    status: 'recorded',
    receivedAt: '2026-06-01T09:00:00.000Z',
    replayedAt: '2026-06-02T09:00:00.000Z',
    customerId: expect.stringMatching(/^cus_/),
  });
  expect(found).not.toHaveProperty('reason');
});

test('what was recorded can be played again: nothing is applied twice, and it stays recorded', async () => {
  const { deliveryId } = await shop.deliver('orders/create', order(2));
  await shop.keep();
  const { customerId } = await show(deliveryId);
  for (let i = 0; i < 3; i++) expect((await replay(deliveryId)).body.status).toBe('duplicate');
  expect(await show(deliveryId)).toMatchObject({ status: 'recorded', replayedAt: expect.any(String) });
  const params = { customerId: String(customerId) };
  const { body } = await shop.api.call('GET /v1/customers/{customerId}', { params });
  expect(body.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '10.00', currency: 'EUR' } });
});

test.each([
  ['less', 10, '100.00', 9000n],
  ['more', 11, '90.00', 10_000n],
])('where a mapping took %s, what was recorded is corrected once it is mended', async (_, id, right, wrong) => {
  const translate = shopify.translate.bind(shopify);
  vi.spyOn(shopify, 'translate').mockImplementation((body, delivery, source) => {
    const said = translate(body, delivery, source);
    if (said.kind === 'fact' && said.fact.kind === 'order' && said.fact.order.snapshot)
      said.fact.order.snapshot.total.minor = wrong;
    return said;
  });
  const now = `2026-06-01T${id}:00:00.000Z`;
  const { deliveryId } = await shop.deliver('orders/create', { ...order(id), total_price: right }, { now });
  await shop.keep();
  expect(await spentBy(id)).toEqual([1, wrong === 9000n ? '90.00' : '100.00']);

  vi.restoreAllMocks();
  shopify.reading = 1;
  const range = { sourceId: 'shop', from: now, to: `2026-06-01T${id}:00:01Z` };
  expect((await replayRange(range)).body).toMatchObject({ replayed: 1, statuses: { recorded: 1 } });
  expect(await spentBy(id)).toEqual([1, right]);
  const written = shop.api.proxy.calls.get('TransactWriteItems');
  expect((await replay(deliveryId)).body.status).toBe('duplicate');
  expect(shop.api.proxy.calls.get('TransactWriteItems')).toBe(written);
});

test('what counts as a purchase can be changed for what was recorded, by a replay', async () => {
  const { deliveryId } = await shop.deliver('orders/create', order(12), { sourceId: 'other' });
  await shop.keep();
  const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  const put = (body: Record<string, unknown>) =>
    shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'other' }, body: { ...given, ...body } });
  const replayed = async () => [(await replay(deliveryId)).body.status, ...(await spentBy(12))];
  expect(await replayed()).toEqual(['duplicate', 1, '10.00']);
  await put({ secrets: [shopifySecret, 'another-secret'] });
  expect(await replayed()).toEqual(['duplicate', 1, '10.00']);
  await put({ countsWhen: 'paid' });
  expect(await replayed()).toEqual(['recorded', 0, '0.00']);
  expect(await replayed()).toEqual(['duplicate', 0, '0.00']);
  await put({ countsWhen: 'placed' });
  const now = '2026-06-03T12:00:00.000Z';
  await shop.setClock(now);
  expect(await replayed()).toEqual(['recorded', 1, '10.00']);
  // No night before the replay knew of it, though the message came before.
  const { customerId } = await show(deliveryId);
  expect(await orderLine(String(customerId))).toMatchObject({ countsSince: now, changedAt: now });
});

test.each([
  ['address', 13],
  ['platform', 14],
])('so can what it is read by: the %s', async (setting, id) => {
  const { deliveryId } = await shop.deliver('orders/create', order(id), { sourceId: 'other' });
  await shop.keep();
  const translate = shopify.translate.bind(shopify);
  const isTest = ({ platform, address }: { platform: string; address?: string }) =>
    platform === 'saleor' || address?.includes('sandbox') === true;
  for (const platform of [shopify, saleor])
    vi.spyOn(platform, 'translate').mockImplementation((body, delivery, source) => {
      const said = translate(body, delivery, source);
      if (said.kind === 'fact' && said.fact.kind === 'order' && said.fact.order.snapshot)
        said.fact.order.snapshot.test = isTest(source);
      return said;
    });
  const put = (change: Record<string, unknown>) => {
    const address = 'https://shop.example';
    const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin', address };
    return shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'other' }, body: { ...body, ...change } });
  };
  const replayed = async () => [(await replay(deliveryId)).body.status, ...(await spentBy(id))];
  await put({});
  shopify.reading = 5;
  expect(await replayed()).toEqual(['recorded', 1, '10.00']);
  expect((await put({ [setting]: setting === 'platform' ? 'saleor' : 'https://sandbox.example' })).status).toBe(200);
  expect(await replayed()).toEqual(['recorded', 0, '0.00']);
  expect(await replayed()).toEqual(['duplicate', 0, '0.00']);
  await put({});
  expect(await replayed()).toEqual(['recorded', 1, '10.00']);
});

/** The customer's only one, as the ledger has it. */
async function orderLine(customerId: string): Promise<Record<string, unknown> | undefined> {
  const { Items = [] } = await shop.api.client.send(
    new QueryCommand({
      TableName: shop.api.embedded.tables.ledger,
      KeyConditionExpression: 'pk = :customer',
      ExpressionAttributeValues: { ':customer': customerId },
    }),
  );
  return Items.find(({ type }) => type === 'order');
}

test('what was ignored is recorded once its topic is understood', async () => {
  vi.spyOn(shopify, 'translate').mockReturnValue({ kind: 'ignored', reason: 'not a topic of ours' });
  const { deliveryId, status } = await shop.deliver('orders/create', order(3));
  expect(status).toBe('ignored');
  await shop.keep();
  vi.restoreAllMocks();
  expect((await replay(deliveryId)).body.status).toBe('recorded');
  expect((await show(deliveryId)).status).toBe('recorded');
});

test('what a mapping cannot read any more stays what it was', async () => {
  const { deliveryId } = await shop.deliver('orders/create', order(4));
  await shop.keep();
  broken();
  expect((await replay(deliveryId)).body.status).toBe('quarantined');
  expect(await show(deliveryId)).toMatchObject({ status: 'recorded', replayedAt: expect.any(String) });
});

test.each([
  ['in one item', 10],
  ['in pieces', 900_000],
])('what is quarantined outlasts all others, and thirty days begin once it is settled: a body %s', async (_, bytes) => {
  broken();
  const note = randomBytes(bytes).toString('base64');
  const { deliveryId } = await shop.deliver(
    'orders/create',
    { ...order(5), note },
    { now: '2026-01-01T00:00:00.000Z' },
  );
  await shop.keep();
  await shop.setClock('2027-02-01T00:00:00.000Z');
  expect(await endsOf(deliveryId)).toEqual([undefined]);
  expect(await listed({ status: 'quarantined' })).toContain(deliveryId);
  expect(await listed({ sourceId: 'shop', to: '2026-01-02T00:00:00Z' })).toContain(deliveryId);
  const { body } = await shop.api.call('GET /v1/sources/{sourceId}/health', { params: { sourceId: 'shop' } });
  expect(body.quarantined).toBeGreaterThanOrEqual(1);
  // Ignored it would be known, and gone after its days; and it may turn out not to be understood after all.
  vi.restoreAllMocks();
  vi.spyOn(shopify, 'translate').mockReturnValue({ kind: 'ignored', reason: 'not a topic of ours' });
  expect((await replay(deliveryId)).body.status).toBe('ignored');
  expect(await endsOf(deliveryId)).toEqual(['2027-03-03T00:00:00.000Z']);
  broken();
  await shop.setClock('2027-02-02T00:00:00.000Z');
  expect((await replay(deliveryId)).body.status).toBe('quarantined');
  expect(await endsOf(deliveryId)).toEqual([undefined]);

  vi.restoreAllMocks();
  await shop.setClock('2027-05-01T00:00:00.000Z');
  expect((await replay(deliveryId)).body.status).not.toBe('quarantined');
  expect(await endsOf(deliveryId)).toEqual(['2027-05-31T00:00:00.000Z']);
  await shop.setClock('2027-05-30T23:59:59.000Z');
  expect((await replay(deliveryId)).body.status).toBe('duplicate');
  expect(await endsOf(deliveryId)).toEqual(['2027-05-31T00:00:00.000Z']);
  await shop.setClock('2027-05-31T00:00:00.000Z');
  expect((await show(deliveryId)).code).toBe('delivery_not_found');
  expect(await listed({ sourceId: 'shop', to: '2026-01-02T00:00:00Z' })).not.toContain(deliveryId);
  await shop.setClock('2026-06-03T00:00:00.000Z');
});

test('a shop that sends a quarantined delivery again, now that it is understood, settles it with all its pieces', async () => {
  broken();
  const large = { ...order(6), note: randomBytes(600_000).toString('base64') };
  const { deliveryId } = await shop.deliver('orders/create', large, { id: 'w-6', now: '2026-06-03T00:00:00.000Z' });
  expect(await endsOf(deliveryId)).toEqual([undefined]);
  vi.restoreAllMocks();
  await shop.deliver('orders/create', large, { id: 'w-6', now: '2026-06-04T00:00:00.000Z' });
  expect(await endsOf(deliveryId)).toEqual(['2026-07-04T00:00:00.000Z']);
  // Once recorded it goes in its time, also where the same bytes are not understood any more.
  broken();
  const again = await shop.deliver('orders/create', large, { id: 'w-6', now: '2026-06-05T00:00:00.000Z' });
  expect([again.deliveryId, again.status]).toEqual([deliveryId, 'quarantined']);
  expect(await endsOf(deliveryId)).not.toContain(undefined);
  expect(await show(deliveryId)).toMatchObject({ status: 'recorded' });
});

/** When a delivery and the pieces of its body are removed: one time where they go together. */
async function endsOf(deliveryId: string): Promise<(string | undefined)[]> {
  const { Items = [] } = await shop.api.client.send(
    new QueryCommand({
      TableName: shop.api.embedded.tables.deliveries,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': `delivery#${deliveryId}` },
      ProjectionExpression: 'expiresAt',
    }),
  );
  const ends = Items.map(({ expiresAt }) => expiresAt && new Date(Number(expiresAt) * 1000).toISOString());
  return [...new Set(ends)];
}

test('what has expired, or has no source any more, cannot be played', async () => {
  const { deliveryId } = await shop.deliver('themes/publish', {}, { now: '2026-06-03T00:00:00.000Z' });
  await shop.keep();
  await shop.setClock('2026-07-03T00:00:01.000Z');
  expect((await replay(deliveryId)).body.code).toBe('delivery_not_found');
  await shop.setClock('2026-06-03T00:00:00.000Z');
});

test("what Adobe signed for another project is not this shop's, also where it was kept", async () => {
  const put = (webhookId: string) => {
    const body = { platform: 'adobe-commerce', currency: 'EUR', timeZone: 'Europe/Berlin', webhookId };
    return shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'adobe' }, body });
  };
  expect((await put('ours')).status).toBe(201);
  const keptFor = async (recipient: string, number: number) => {
    const id = `dlv_adobe_${number}`;
    const value = {
      entity_id: number,
      base_grand_total: '10.00',
      base_currency_code: 'EUR',
      customer_email: `a${number}@example.com`,
    };
    const type = 'com.adobe.commerce.observer.sales_order_save_commit_after';
    const event = { type, time: '2026-06-04T08:00:00Z', recipient_client_id: recipient, data: { value } };
    const packed = gzipSync(JSON.stringify(event));
    const at = '2026-06-04T08:00:01.000Z';
    const decided = { status: 'quarantined', reason: 'not understood', decidedAt: at } as const;
    await shop.told({
      delivery: { id, sourceId: 'adobe', headers: {}, receivedAt: at, bytes: 10, ...decided },
      packed,
    });
    return id;
  };
  await shop.setClock('2026-06-04T09:00:00.000Z');
  const [ours, theirs] = [await keptFor('ours', 71), await keptFor('theirs', 72)];
  expect((await replay(theirs)).body.status).toBe('quarantined');
  expect((await show(theirs)).reason).toBe('it is meant for another recipient than this source');
  expect((await replay(ours)).body.status).toBe('recorded');
  expect((await put('theirs')).status).toBe(200);
  expect((await replay(ours)).body.status).toBe('quarantined');
  expect((await replay(theirs)).body.status).toBe('recorded');
});

test('a range is played in the order of time, a hundred a call, and goes on where it ended', async () => {
  const sent: Sent[] = [];
  broken((id) => Number(id) >= 1000);
  for (let i = 0; i < 130; i++) {
    const now = `2026-06-05T${String(Math.floor(i / 60)).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}:00.000Z`;
    sent.push(await shop.deliver('orders/create', i < 5 ? order(500 + i) : order(1000 + i), { now }));
  }
  await shop.deliver('orders/create', order(2000), { now: '2026-06-05T00:30:00.000Z', sourceId: 'other' });
  await shop.keep();
  vi.restoreAllMocks();
  await shop.setClock('2026-06-05T12:00:00.000Z');
  const range = { sourceId: 'shop', from: '2026-06-05T00:00:00Z', to: '2026-06-05T02:05:00Z', status: 'quarantined' };

  // Minutes 5 to 124 lie within, all of them quarantined.
  const first = await replayRange(range);
  expect(first.body).toMatchObject({ replayed: 100, statuses: { recorded: 100 }, failed: [] });
  const cursor = first.body.nextCursor;
  const second = await replayRange({ ...range, cursor });
  expect(second.body).toEqual({ replayed: 20, statuses: { recorded: 20 }, failed: [], nextCursor: null });
  // A call whose answer was lost is made again: there is nothing left to do.
  expect((await replayRange({ ...range, cursor })).body).toMatchObject({ replayed: 0, nextCursor: null });
  expect((await listed({ sourceId: 'shop', status: 'quarantined', from: range.from })).sort()).toEqual(
    sent
      .slice(125)
      .map(({ deliveryId }) => deliveryId)
      .sort(),
  );
  expect(await listed({ sourceId: 'other', status: 'quarantined' })).toHaveLength(1);

  // Without a status all of the range: everything is known by now.
  const all = { sourceId: 'shop', from: range.from, to: '2026-06-05T00:08:00Z' };
  expect((await replayRange(all)).body).toEqual({
    replayed: 8,
    statuses: { duplicate: 8 },
    failed: [],
    nextCursor: null,
  });
  expect(await listed({ sourceId: 'shop', status: 'recorded', from: range.from })).toHaveLength(100);
}, 60_000);

test('a cursor belongs to its range; a source that is not there is 404; writing is a scope', async () => {
  const range = { sourceId: 'shop', from: '2026-06-05T00:00:00Z', to: '2026-06-06T00:00:00Z' };
  const { body } = await replayRange(range);
  expect(typeof body.nextCursor).toBe('string');
  const other = await replayRange({ ...range, to: '2026-06-07T00:00:00Z', cursor: body.nextCursor });
  expect([other.status, other.body.errors[0]?.pointer]).toEqual([400, '/cursor']);
  expect((await replayRange({ ...range, sourceId: 'nowhere' })).body.code).toBe('source_not_found');
  expect((await replayRange({ sourceId: 'shop' })).status).toBe(400);
  expect((await replayRange({ ...range, to: range.from })).body.errors[0]?.pointer).toBe('/to');
  const reader = await shop.api.keyFor('reader', ['deliveries:read']);
  expect((await replayRange(range, reader)).body.code).toBe('insufficient_scope');
});

test('a call that takes too long ends early and says where it goes on', async () => {
  const range = { sourceId: 'shop', from: '2026-06-05T00:00:00Z', to: '2026-06-05T00:12:00Z' };
  let calls = 0;
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + (calls++ > 0 ? 16_000 * calls : 0));
  const first = await replayRange(range);
  vi.restoreAllMocks();
  expect(first.body).toMatchObject({ replayed: 5, nextCursor: expect.any(String) });
  const rest = await replayRange({ ...range, cursor: first.body.nextCursor });
  expect(rest.body).toMatchObject({ replayed: 7, nextCursor: null });
});

test('a store that goes away in the middle: what was done stays, and the rest is for the next call', async () => {
  const range = { sourceId: 'shop', from: '2026-06-05T00:00:00Z', to: '2026-06-05T00:12:00Z' };
  let updates = 0;
  shop.api.proxy.plan = (operation) => (operation === 'UpdateItem' && ++updates > 12 ? 'server-error' : 'none');
  const first = await replayRange(range);
  expect(first.status).toBe(200);
  expect(typeof first.body.nextCursor).toBe('string');
  shop.api.proxy.plan = (operation) => (operation === 'UpdateItem' ? 'server-error' : 'none');
  const away = await replayRange(range);
  expect([away.status, away.body.code]).toEqual([503, 'store_unavailable']);
  shop.api.proxy.plan = () => 'none';
  const rest = await replayRange({ ...range, cursor: first.body.nextCursor });
  expect(Number(first.body.replayed) + Number(rest.body.replayed)).toBe(12);
}, 30_000);
