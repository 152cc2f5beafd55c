import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop();
});
afterAll(() => shop.stop());

const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();

let count = 0;
beforeEach(async () => {
  count += 1;
  await shop.setClock(day(100));
});

const idOf = (who: number) => 800_000_000 + count * 10 + who;
const addressOf = (who: number) => `merged${count}x${who}@mail.example`;

async function buys(who: number, id: number, placed = day(10)) {
  const customer = { id: idOf(who), email: addressOf(who), first_name: `Name${count}x${who}` };
  const body = { id: count * 100 + id, created_at: placed, updated_at: placed, currency: 'EUR', total_price: '10.00' };
  return (await shop.deliver('orders/create', { ...body, email: customer.email, customer })).status;
}

const find = (who: number) => shop.find({ email: addressOf(who) });
const customerOf = async (who: number) => (await find(who))?.id as string;
const show = (customerId: string) => shop.api.call('GET /v1/customers/{customerId}', { params: { customerId } });
const valuesOf = (who: number) => [addressOf(who), `name${count}x${who}`, String(idOf(who))];

async function merge(from: string, into: string) {
  const call = { params: { customerId: from }, body: { into } };
  expect((await shop.api.call('POST /v1/customers/{customerId}/merge', call)).status).toBe(200);
}

async function redact(who: number) {
  const { status } = await shop.deliver('customers/redact', { customer: { id: idOf(who) }, orders_to_redact: [] });
  expect(status).toBe('recorded');
  await shop.workAll();
}

/** Three persons with one, two and three orders, of whom 0 gives the customer its id; 1 has a merge of its own. */
async function three() {
  for (const [who, id] of [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 4],
    [2, 5],
    [2, 6],
  ] as const)
    await buys(who, id);
  const ids = [await customerOf(0), await customerOf(1), await customerOf(2)] as [string, string, string];
  await merge(ids[2], ids[1]);
  await merge(ids[1], ids[0]);
  await shop.keep();
  expect((await find(0))?.facts).toMatchObject({ purchaseCount: 6 });
  return ids;
}

test("a shop's redaction takes the one person, and the others go on under their id", async () => {
  const [head, gone, third] = await three();
  await buys(1, 7, day(50));
  await buys(2, 8, day(51));
  await shop.keep();
  await redact(1);
  expect(await shop.traces(valuesOf(1))).toEqual([]);
  expect((await show(gone)).status).toBe(410);
  expect((await show(head)).body).toMatchObject({ id: head, mergedIds: [third], facts: { purchaseCount: 5 } });
  expect(JSON.stringify((await shop.traces([gone])).filter((place) => !place.includes('in ledger cus_')))).not.toMatch(
    /merges#|merge-suggestion/,
  );
  // The rest can be taken apart still.
  const call = { params: { customerId: third }, body: {} };
  expect((await shop.api.call('POST /v1/customers/{customerId}/unmerge', call)).status).toBe(200);
  expect((await show(third)).body).toMatchObject({ id: third, facts: { purchaseCount: 4 } });
  expect((await show(head)).body).toMatchObject({ id: head, mergedIds: [], facts: { purchaseCount: 1 } });
});

test('where the one is erased who gave the customer its id, the others go on under another', async () => {
  const [head, one, other] = await three();
  await redact(0);
  expect(await shop.traces(valuesOf(0))).toEqual([]);
  expect((await show(head)).status).toBe(410);
  const { body } = await show(one);
  expect(body).toMatchObject({ facts: { purchaseCount: 5 } });
  expect([body.id as string, ...(body.mergedIds as unknown as string[])].sort()).toEqual([one, other].sort());
  expect((await show(other)).body.id).toBe(body.id);
  expect(await buys(1, 9, day(60))).toBe('recorded');
  expect((await show(other)).body.facts).toMatchObject({ purchaseCount: 6 });
  expect(await buys(0, 10, day(60))).toBe('recorded');
  expect(await find(0)).toBeUndefined();
});

test('whose a delivery of a merged customer is, its order tells', async () => {
  const [head, , third] = await three();
  const refund = async (id: number) => {
    const transactions = [{ kind: 'refund', status: 'success', amount: '1.00', currency: 'EUR' }];
    const body = { id: count * 100 + 50 + id, order_id: count * 100 + id, created_at: day(20), note: 'unhappy' };
    return (await shop.deliver('refunds/create', { ...body, transactions })).deliveryId;
  };
  // Of the one who gives the customer its id, and of another; neither names anybody.
  const [own, others] = [await refund(1), await refund(4)];
  await shop.keep();
  await redact(0);
  const held = async (deliveryId: string) =>
    (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId }, query: { body: 'true' } })).body;
  expect(await held(own)).toMatchObject({ withheld: true, body: null });
  expect(await held(others)).toMatchObject({ customerId: head, body: { content: expect.stringContaining('unhappy') } });
  expect((await show(head)).status).toBe(410);
  expect((await show(third)).body.facts).toMatchObject({ purchaseCount: 5 });
});

test('by the API the whole customer is erased', async () => {
  const [, one] = await three();
  const orders = (await shop.orders()).length;
  const requestId = await shop.erase(one);
  await shop.workAll();
  expect(await shop.request(requestId)).toMatchObject({ status: 'done', counts: { persons: 3, orders: 6 } });
  for (const who of [0, 1, 2]) expect(await shop.traces(valuesOf(who))).toEqual([]);
  expect((await shop.orders()).length).toBe(orders);
});

test('an address that others share goes on with them', async () => {
  const shared = {
    email: addressOf(0),
    created_at: day(10),
    updated_at: day(10),
    currency: 'EUR',
    total_price: '10.00',
  };
  await buys(0, 1);
  const wife = { id: idOf(3), email: addressOf(0), first_name: 'Wife' };
  await shop.deliver('orders/create', { ...shared, id: count * 100 + 2, customer: wife });
  const { body } = await shop.api.call('GET /v1/merge-suggestions');
  expect(body.data).toHaveLength(1);
  await redact(0);
  expect((await find(0))?.firstName).toBe('Wife');
  expect(await shop.traces([`name${count}x0`, String(idOf(0))])).toEqual([]);
  expect((await shop.api.call('GET /v1/merge-suggestions')).body.data).toEqual([]);
  // A guest of that address from before the erasure may have been the one who was erased.
  await shop.deliver('orders/create', { ...shared, id: count * 100 + 3, created_at: day(20) });
  expect((await find(0))?.facts).toMatchObject({ purchaseCount: 1 });
  await shop.setClock(day(120));
  await shop.deliver('orders/create', { ...shared, id: count * 100 + 4, created_at: day(110) });
  expect((await find(0))?.facts).toMatchObject({ purchaseCount: 2 });
});
