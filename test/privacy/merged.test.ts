import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
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

/** The shop's own merge of two of its customers. */
async function shopMerges(kept: number, gone: number) {
  const { status } = await shop.deliver('customers/merge', {
    admin_graphql_api_customer_kept_id: `gid://shopify/Customer/${idOf(kept)}`,
    admin_graphql_api_customer_deleted_id: `gid://shopify/Customer/${idOf(gone)}`,
    status: 'completed',
  });
  expect(status).toBe('recorded');
}

async function unmerge(customerId: string) {
  const call = { params: { customerId }, body: {} };
  expect((await shop.api.call('POST /v1/customers/{customerId}/unmerge', call)).status).toBe(200);
}

/** What the shop says of a person beside its orders. */
async function tells(who: number, said = day(20)) {
  const body = { id: idOf(who), email: addressOf(who), first_name: `Name${count}x${who}`, updated_at: said };
  return (await shop.deliver('customers/update', body)).deliveryId;
}

const held = async (deliveryId: string) =>
  (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId }, query: { body: 'true' } })).body;

/** The bodies of deliveries that an export of a customer has, as one text each. */
async function exportedBodies(customerId: string) {
  const asked = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  return bodiesIn(String(asked.body.id));
}

async function bodiesIn(requestId: string) {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', {
      params: { requestId },
      ...(cursor && { query: { cursor } }),
    });
    const data = body.data as unknown as { section: string; content: Record<string, unknown> }[];
    found.push(...data.filter(({ section }) => section === 'delivery').map(({ content }) => String(content.body)));
    cursor = (body.nextCursor as string | null) ?? undefined;
  } while (cursor);
  return found;
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
  await unmerge(third);
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
  expect(await held(own)).toMatchObject({ withheld: true, body: null });
  const { body: rest } = await show(third);
  expect(await held(others)).toMatchObject({
    customerId: rest.id,
    body: { content: expect.stringContaining('unhappy') },
  });
  expect((await show(head)).status).toBe(410);
  expect(rest.facts).toMatchObject({ purchaseCount: 5 });
});

/** Two persons who were one customer while the shop spoke of both, and are two again. */
async function parted() {
  await buys(0, 1);
  await buys(1, 2);
  const ids = [await customerOf(0), await customerOf(1)] as [string, string];
  await merge(ids[1], ids[0]);
  await buys(1, 3);
  const told = [await tells(0), await tells(1)] as [string, string];
  await shop.keep();
  for (const deliveryId of told) expect((await held(deliveryId)).customerId).toBe(ids[0]);
  await unmerge(ids[1]);
  return { ids, told };
}

test('what came while two were merged is shown to the one whom it was about once they are parted', async () => {
  const { ids, told } = await parted();
  const { body } = await shop.api.call('GET /v1/deliveries', { query: { sourceId: 'shop', limit: '100' } });
  expect(body.data.map(({ id, customerId }) => [id, customerId])).toEqual(
    expect.arrayContaining(told.map((deliveryId, who) => [deliveryId, ids[who]])),
  );
  for (const [who, expected] of [2, 3].entries()) {
    const bodies = await exportedBodies(ids[who] as string);
    expect(bodies).toHaveLength(expected);
    for (const text of bodies) expect(text).toContain(addressOf(who));
    expect(bodies.join()).not.toContain(addressOf(1 - who));
  }
});

test.each([0, 1])('and goes with that one: erasing the one with number %i', async (who) => {
  const { ids, told } = await parted();
  await shop.erase(ids[who] as string);
  await shop.workAll();
  expect(await shop.traces(valuesOf(who))).toEqual([]);
  expect(await held(told[1 - who] as string)).toMatchObject({
    customerId: ids[1 - who],
    body: { content: expect.stringContaining(addressOf(1 - who)) },
  });
});

test('what came for one of several goes with that one, under whose id they ever were', async () => {
  await three();
  const told = await tells(2);
  await shop.keep();
  await redact(0);
  expect(await held(told)).toMatchObject({ body: { content: expect.stringContaining(addressOf(2)) } });
  await redact(2);
  expect(await shop.traces(valuesOf(2))).toEqual([]);
  expect((await find(1))?.facts).toMatchObject({ purchaseCount: 2 });
});

test('whom the shop itself had merged, its requests are about as well', async () => {
  for (const who of [0, 1, 2, 3]) await buys(who, who);
  const [kept, gone, other, third] = [
    await customerOf(0),
    await customerOf(1),
    await customerOf(2),
    await customerOf(3),
  ];
  // Who came along by the API stays, though the shop's merge was then one of customers of several persons.
  await merge(gone, other);
  await shopMerges(0, 1);
  await merge(third, kept);
  for (const who of [0, 1, 2, 3]) await tells(who);
  await shop.keep();
  expect((await find(1))?.mergedIds).toHaveLength(3);

  const asked = await shop.deliver('customers/data_request', { customer: { id: idOf(0) } });
  await shop.keep();
  const bodies = await bodiesIn(String((await held(asked.deliveryId)).privacyRequestId));
  for (const who of [0, 1]) expect(bodies.filter((text) => text.includes(addressOf(who)))).toHaveLength(2);
  for (const who of [2, 3]) expect(bodies.join()).not.toContain(addressOf(who));

  await redact(0);
  for (const who of [0, 1]) expect(await shop.traces(valuesOf(who))).toEqual([]);
  expect(await find(2)).toMatchObject({ facts: { purchaseCount: 2 } });
  expect((await find(3))?.id).toBe((await find(2))?.id);
});

const journalOf = async (customerId: string) =>
  (await shop.api.call('GET /v1/customers/{customerId}/merges', { params: { customerId } })).body.data;

test("the word of a shop counts also where they were one already by the API's, or by another shop's", async () => {
  const theirs = (who: number) => ({ id: idOf(who), email: addressOf(who), first_name: `Name${count}x${who}` });
  const order = { created_at: day(10), updated_at: day(10), currency: 'EUR', total_price: '10.00' };
  const merges = (sourceId: string, kept: number, gone: number) =>
    shop.deliver(
      'customers/merge',
      {
        admin_graphql_api_customer_kept_id: `gid://shopify/Customer/${idOf(kept)}`,
        admin_graphql_api_customer_deleted_id: `gid://shopify/Customer/${idOf(gone)}`,
        status: 'completed',
      },
      { sourceId },
    );
  for (const who of [0, 1, 2]) {
    await buys(who, who);
    const content = { ...order, id: count * 100 + 50 + who, email: addressOf(who), customer: theirs(who) };
    await shop.deliver('orders/create', content, { sourceId: 'other' });
  }
  const [kept, gone] = [await customerOf(0), await customerOf(1)];
  await merge(gone, kept);
  const sent: string[] = [];
  for (const sourceId of ['shop', 'other', 'shop', 'other']) sent.push((await merges(sourceId, 0, 1)).status);
  expect(sent).toEqual(['recorded', 'recorded', 'duplicate', 'duplicate']);
  // The one shop's merge is confirmed by the other's.
  for (const sourceId of ['other', 'shop']) expect((await merges(sourceId, 0, 2)).status).toBe('recorded');
  expect((await journalOf(kept)).map(({ kind, by }) => [kind, by])).toEqual(
    expect.arrayContaining([
      ['confirmed', 'shop'],
      ['merge', 'shop'],
      ['merge', expect.stringMatching(/^api:/)],
    ]),
  );
  expect((await find(2))?.facts).toMatchObject({ purchaseCount: 6 });
  const asked = await shop.deliver('customers/data_request', { customer: { id: idOf(0) } });
  await shop.keep();
  const bodies = (await bodiesIn(String((await held(asked.deliveryId)).privacyRequestId))).join();
  for (const who of [0, 1, 2]) expect(bodies).toContain(addressOf(who));
  await redact(0);
  for (const who of [0, 1, 2]) expect(await shop.traces(valuesOf(who))).toEqual([]);
});

test('so does an address that the shop verifies of who was merged with its customer before', async () => {
  const guest = { created_at: day(10), updated_at: day(10), currency: 'EUR', total_price: '10.00' };
  await buys(0, 1);
  await shop.deliver('orders/create', { ...guest, id: count * 100 + 2, email: addressOf(5) });
  await merge(await customerOf(5), await customerOf(0));
  await shop.setClock(day(101));
  const content = { id: idOf(0), email: addressOf(5), verified_email: true, updated_at: day(20) };
  expect((await shop.deliver('customers/update', content)).status).toBe('recorded');
  const written = await journalOf(await customerOf(0));
  expect(written).toMatchObject([{ kind: 'confirmed', by: 'verified_email', movedIds: [] }, { kind: 'merge' }]);
  expect((await shop.deliver('customers/update', content)).status).toBe('duplicate');
  expect(await journalOf(await customerOf(0))).toEqual(written);
  await redact(0);
  for (const who of [0, 5]) expect(await shop.traces(valuesOf(who))).toEqual([]);
});

test('what the shop confirmed counts no more once it was taken apart', async () => {
  for (const who of [0, 1]) await buys(who, who);
  const [kept, gone] = [await customerOf(0), await customerOf(1)];
  await merge(gone, kept);
  await shopMerges(0, 1);
  await unmerge(gone);
  await merge(gone, kept);
  // Nor is it heard again: somebody else joined them.
  const said = (await journalOf(kept)).length;
  await shop.deliver('customers/merge', {
    admin_graphql_api_customer_kept_id: `gid://shopify/Customer/${idOf(0)}`,
    admin_graphql_api_customer_deleted_id: `gid://shopify/Customer/${idOf(1)}`,
    status: 'completed',
  });
  expect(await journalOf(kept)).toHaveLength(said);
  await redact(0);
  expect(await shop.traces(valuesOf(0))).toEqual([]);
  expect((await find(1))?.facts).toMatchObject({ purchaseCount: 1 });
});

test('what was taken apart again, or was merged by the API alone, is asked for one by one', async () => {
  for (const who of [0, 1, 2]) await buys(who, who);
  const [kept, gone, other] = [await customerOf(0), await customerOf(1), await customerOf(2)];
  await shopMerges(0, 1);
  await unmerge(gone);
  await merge(gone, kept);
  await merge(other, kept);
  await redact(0);
  expect(await shop.traces(valuesOf(0))).toEqual([]);
  expect((await find(1))?.facts).toMatchObject({ purchaseCount: 2 });
});

test('a guest whose address the shop verified goes with its customer, and nobody whom another shop knows', async () => {
  const verified = (who: number, email: string) =>
    shop.deliver('customers/update', { id: idOf(who), email, verified_email: true, updated_at: day(20) });
  const order = { created_at: day(10), updated_at: day(10), currency: 'EUR', total_price: '10.00' };
  const guest = { ...order, email: addressOf(5), billing_address: { first_name: `Name${count}x5` } };
  await buys(0, 1);
  await shop.deliver('orders/create', { ...guest, id: count * 100 + 2 });
  const theirs = { id: idOf(6), email: addressOf(6), first_name: `Name${count}x6` };
  await shop.deliver(
    'orders/create',
    { ...order, id: count * 100 + 3, email: theirs.email, customer: theirs },
    { sourceId: 'other' },
  );
  await verified(0, addressOf(5));
  await verified(0, addressOf(6));
  await shop.keep();
  expect((await find(0))?.facts).toMatchObject({ purchaseCount: 3 });
  await redact(0);
  for (const who of [0, 5]) expect(await shop.traces(valuesOf(who))).toEqual([]);
  expect(await find(6)).toMatchObject({ firstName: `Name${count}x6`, facts: { purchaseCount: 1 } });
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
