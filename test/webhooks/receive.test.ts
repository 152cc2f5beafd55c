import { randomBytes } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Client } from '../../shared/dynamodb/client.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { type Queues, startQueues } from '../queues.ts';
import { type Signed, shopifySecret, signShopify, signStandard, standardSecret } from '../signed.ts';
import { betweenCalls } from '../store-calls.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
let queues: Queues;
beforeAll(async () => {
  queues = await startQueues();
  queues.plan = (name) => (name === 'retry' ? 'refused' : 'taken');
  door = await openDoor(queues.endpoint);
});
afterAll(async () => {
  queues.stop();
  await door.stop();
});
afterEach(() => {
  door.proxy.plan = () => 'none';
});

const order = (over: Record<string, unknown> = {}) => ({
  id: 1,
  created_at: '2026-03-01T10:00:00+01:00',
  updated_at: '2026-03-01T10:00:00+01:00',
  currency: 'EUR',
  total_price: '19.90',
  email: 'ada@example.com',
  ...over,
});
const send = (content: unknown, topic = 'orders/create') => door.deliver('shop', signShopify(topic, content));
const keptOf = (deliveryId: string) =>
  deliveryStore(door.store, door.embedded.tables.deliveries, 30).get(deliveryId, new Date().toISOString());

describe('at the door', () => {
  test('an unknown source is 404, a wrong or missing signature 401', async () => {
    expect(await door.deliver('nowhere', signShopify('orders/create', order()))).toMatchObject({
      status: 404,
      body: { code: 'source_not_found' },
    });
    const forged = signShopify('orders/create', order(), { secret: 'somebody else' });
    expect(await door.deliver('shop', forged)).toMatchObject({ status: 401, body: { code: 'signature_refused' } });
    const { 'x-shopify-hmac-sha256': _, ...unsigned } = forged.headers;
    expect((await door.deliver('shop', { ...forged, headers: unsigned })).status).toBe(401);
    const good = signShopify('orders/create', order());
    const twice = `${good.headers['x-shopify-hmac-sha256']}, ${good.headers['x-shopify-hmac-sha256']}`;
    expect(
      (await door.deliver('shop', { ...good, headers: { ...good.headers, 'x-shopify-hmac-sha256': twice } })).status,
    ).toBe(401);
    expect(await door.customers()).toEqual([]);
  });

  test('a secret that was taken out opens the door no longer', async () => {
    const put = (secrets: string[]) =>
      door.client.send(
        new UpdateCommand({
          TableName: door.embedded.tables.registry,
          Key: sourceKey('shop'),
          UpdateExpression: 'SET secrets = :secrets',
          ExpressionAttributeValues: { ':secrets': secrets },
        }),
      );
    const signed = (secret: string) => signShopify('themes/publish', {}, { secret });
    await put([shopifySecret, 'the next secret']);
    for (const secret of [shopifySecret, 'the next secret'])
      expect((await door.deliver('shop', signed(secret))).body.status).toBe('ignored');
    await put(['the next secret']);
    expect((await door.deliver('shop', signed(shopifySecret))).status).toBe(401);
    await put([shopifySecret]);
  });

  test('a compressed body is refused before it is read', async () => {
    const { headers, body } = signShopify('orders/create', order());
    const answer = await door.deliver('shop', { body, headers: { ...headers, 'content-encoding': 'gzip' } });
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_content_encoding' } });
  });

  test('Standard Webhooks: five minutes either way, any of several signatures', async () => {
    const event = { type: 'customer.updated', timestamp: '2026-03-01T09:00:00Z', data: { email: 'bob@example.com' } };
    const good = signStandard(event, { id: 'msg_1', at: Date.now() });
    for (const minutes of [-6, 6]) {
      const signed = signStandard(event, { id: 'msg_1', at: Date.now() + minutes * 60_000 });
      expect((await door.deliver('till', signed)).status).toBe(401);
    }
    expect((await door.deliver('till', { ...good, headers: { ...good.headers, 'webhook-id': 'msg_2' } })).status).toBe(
      401,
    );
    const several = { ...good.headers, 'webhook-signature': `v1a,AAAA v1,AAAA ${good.headers['webhook-signature']}` };
    expect((await door.deliver('till', { ...good, headers: several })).body.status).toBe('recorded');
    expect((await door.deliver('till', good)).body.status).toBe('duplicate');
    expect(standardSecret).toMatch(/^whsec_/);
  });
});

describe('authentic, but not to be understood', () => {
  const strange: Record<string, Signed> = {
    'no JSON': signShopify('orders/create', '{"id": 1,'),
    'no UTF-8': signShopify('orders/create', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    'a million brackets': signShopify('orders/create', '['.repeat(1_000_000)),
    'a key __proto__': signShopify('orders/create', '{"__proto__": {"admin": true}}'),
    'a key twice': signShopify('orders/create', JSON.stringify(order()).replace('{', '{"id": 2,')),
    'the year 50000': signShopify('orders/create', order({ created_at: '50000-01-01T00:00:00Z' })),
    'a negative amount': signShopify('orders/create', order({ total_price: '-1.00' })),
    'an absurd amount': signShopify('orders/create', order({ total_price: '1e30' })),
    'a fraction of a cent': signShopify('orders/create', order({ total_price: '1.001' })),
    'an unknown currency': signShopify('orders/create', order({ currency: 'XQQ' })),
    'a control character in an id': signShopify('orders/create', order({ id: 'a\u0000b' })),
    'an id that is __proto__': signShopify('orders/create', order({ id: '__proto__' })),
    'no topic': {
      ...signShopify('orders/create', order()),
      headers: { 'x-shopify-hmac-sha256': signShopify('', order()).headers['x-shopify-hmac-sha256'] ?? '' },
    },
    'an empty body': signShopify('orders/create', ''),
    null: signShopify('orders/create', 'null'),
  };

  test.each(Object.keys(strange))('%s is kept with its body and a reason', async (name) => {
    const signed = strange[name] as Signed;
    const { status, body } = await door.deliver('shop', signed);
    expect({ status, of: body.status }).toEqual({ status: 202, of: 'quarantined' });
    const kept = await keptOf(String(body.deliveryId));
    expect(kept?.delivery.reason).toMatch(/\w/);
    expect(Buffer.compare(kept?.body ?? Buffer.alloc(0), signed.body)).toBe(0);
  });

  test('the reason names the place and never the value', async () => {
    const { body } = await send(order({ id: 2, created_at: 'ada@example.com' }));
    const kept = await keptOf(String(body.deliveryId));
    expect(kept?.delivery.reason).toBe('/created_at: is no time with an offset between 1970 and 2199');
  });

  test('a body of several pieces comes back whole', async () => {
    const noise = randomBytes(900_000);
    const { body } = await door.deliver('shop', signShopify('orders/create', noise));
    const kept = await keptOf(String(body.deliveryId));
    expect(Buffer.compare(kept?.body ?? Buffer.alloc(0), noise)).toBe(0);
  });
});

describe('an order', () => {
  test('forty copies at once are one order', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => send(order({ id: 40, email: 'forty@example.com' }))),
    );
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'forty@example.com');
    expect(customer).toMatchObject({ purchaseCount: 1, totalSpent: 1990 });
  });

  test('says whether it was the first purchase when it came, and keeps saying it', async () => {
    const email = 'first-order@example.com';
    await send(order({ id: 45, email }));
    await send(order({ id: 46, email, created_at: '2026-03-02T10:00:00+01:00' }));
    await send(order({ id: 45, email, updated_at: '2026-03-03T10:00:00+01:00' }), 'orders/paid');
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === email);
    const lines = await door.lines(customer?.customerId ?? '');
    expect(lines.map(({ externalId, first }) => ({ externalId, first }))).toEqual([
      { externalId: '45', first: true },
      { externalId: '46', first: false },
    ]);
  });

  test('with an id beyond 2^53 keeps every digit', async () => {
    const text = JSON.stringify(order({ email: 'large@example.com' })).replace('"id":1', '"id":820982911946154508');
    await send(text);
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'large@example.com');
    expect((await door.lines(customer?.customerId ?? ''))[0]?.externalId).toBe('820982911946154508');
  });

  test('of a test is kept out of the facts, and who only made tests out of value', async () => {
    await send(order({ id: 50, test: true, email: 'tester@example.com' }));
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'tester@example.com');
    expect(customer).toMatchObject({ purchaseCount: 0, totalSpent: 0, live: false });
  });

  test('in yen and dinars has the decimals of its currency', async () => {
    await send(order({ id: 60, currency: 'JPY', total_price: '25000', email: 'yen@example.com' }));
    const [yen] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'yen@example.com');
    const [line] = await door.lines(yen?.customerId ?? '');
    expect(line).toMatchObject({ order: { snapshot: { total: { minor: 25_000, currency: 'JPY' } } } });
  });

  test('refunded in the currency that the customer saw counts by the order’s own rate', async () => {
    const seen = { presentment_money: { amount: '92.00', currency_code: 'USD' } };
    await send(order({ id: 70, total_price: '100.00', total_price_set: seen, email: 'abroad@example.com' }));
    await send(
      {
        id: 71,
        order_id: 70,
        created_at: '2026-03-02T00:00:00Z',
        transactions: [{ kind: 'refund', status: 'success', amount: '46.00', currency: 'USD' }],
      },
      'refunds/create',
    );
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'abroad@example.com');
    expect(customer).toMatchObject({ totalSpent: 5000, totalRefunded: 5000, purchaseCount: 1 });
  });

  test('that belongs to somebody else by a later word moves, with its money', async () => {
    await send(
      order({
        id: 80,
        total_price: '30.00',
        customer: { id: 801, email: 'first@example.com' },
        email: 'first@example.com',
      }),
    );
    await send(
      order({
        id: 81,
        total_price: '5.00',
        customer: { id: 802, email: 'second@example.com' },
        email: 'second@example.com',
      }),
    );
    const later = {
      updated_at: '2026-03-05T00:00:00Z',
      total_price: '30.00',
      customer: { id: 802, email: 'second@example.com' },
    };
    await send(order({ id: 80, ...later, email: 'second@example.com' }), 'orders/updated');
    const by = (id: string) => door.customers().then((list) => list.find(({ sourceIds }) => sourceIds.shop === id));
    const first = await by('801');
    expect(first).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
    expect(first?.firstPurchaseAt).toBeUndefined();
    expect(await door.lines(first?.customerId ?? '')).toEqual([]);
    expect(await by('802')).toMatchObject({ purchaseCount: 2, totalSpent: 3500 });
  });

  test('cancelled at the edge of a history leaves the next one as first or last purchase', async () => {
    const at = (day: number) => ({
      created_at: `2026-03-0${day}T00:00:00Z`,
      updated_at: `2026-03-0${day}T00:00:00Z`,
      email: 'edge@example.com',
    });
    for (const day of [1, 2, 3]) await send(order({ id: 90 + day, ...at(day) }));
    const cancelled = { updated_at: '2026-03-09T00:00:00Z', cancelled_at: '2026-03-08T00:00:00Z' };
    await send(order({ id: 93, ...at(3), ...cancelled }), 'orders/cancelled');
    await send(order({ id: 91, ...at(1), ...cancelled }), 'orders/cancelled');
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === 'edge@example.com');
    expect(customer).toMatchObject({
      purchaseCount: 1,
      firstPurchaseAt: '2026-03-02T00:00:00.000Z',
      lastPurchaseAt: '2026-03-02T00:00:00.000Z',
    });
  });
});

test('an order that moves while it is paid back takes along what was paid back, though it was read in two moments', async () => {
  const of = (id: number, minute: number) =>
    order({
      id: 7_100,
      updated_at: `2026-03-01T10:${minute}:00+01:00`,
      email: `mover${id}@example.com`,
      customer: { id: 8_800 + id, email: `mover${id}@example.com` },
    });
  await send(order({ id: 7_101, email: 'mover2@example.com', customer: { id: 8_802, email: 'mover2@example.com' } }));
  await send(of(1, 10));
  const transactions = [{ kind: 'refund', status: 'success', amount: '5.00', currency: 'EUR' }];
  const refund = { id: 9_000, order_id: 7_100, created_at: '2026-03-01T11:00:00+01:00', transactions };
  const { ledger } = door.embedded.tables;
  let isPaidBack = false;
  const leave = betweenCalls(Client.prototype, async (call) => {
    if (call.operation !== 'BatchGet' || isPaidBack || !JSON.stringify(call.input).includes(ledger)) return call.send();
    const early = (await call.send()) as { Responses: Record<string, unknown[]> };
    if (!early.Responses[ledger]?.some((item) => (item as { type?: string }).type === 'order')) return early;
    isPaidBack = true;
    await send(refund, 'refunds/create');
    const late = (await call.send()) as typeof early;
    return { ...late, Responses: { ...late.Responses, [ledger]: early.Responses[ledger] } };
  });
  try {
    expect((await send(of(2, 20), 'orders/updated')).body.status).toBe('recorded');
  } finally {
    leave();
  }
  expect(isPaidBack).toBe(true);
  const named = (email: string) => (item: { profile: { email?: { value: string } } }) =>
    item.profile.email?.value === email;
  const customers = await door.customers();
  const nothing = { purchaseCount: 0, totalSpent: 0, totalRefunded: 0 };
  expect(customers.find(named('mover1@example.com'))).toMatchObject(nothing);
  const both = { purchaseCount: 2, totalSpent: 3_480, totalRefunded: 500 };
  expect(customers.find(named('mover2@example.com'))).toMatchObject(both);
});

describe('what an edited order is worth', () => {
  const refund = (id: number, options: { goods: string; paid?: string }) => ({
    id,
    created_at: '2026-03-04T00:00:00Z',
    refund_line_items: [{ subtotal: options.goods, total_tax: '0.00' }],
    transactions: options.paid ? [{ kind: 'refund', status: 'success', amount: options.paid, currency: 'EUR' }] : [],
  });
  const cases: Record<string, { said: Record<string, unknown>; spent: number; refunded: number }> = {
    'goods added': { said: { current_total_price: '130.00', refunds: [] }, spent: 13_000, refunded: 0 },
    'goods taken out before they were paid': {
      said: { current_total_price: '70.00', total_outstanding: '0.00', refunds: [refund(1, { goods: '30.00' })] },
      spent: 7000,
      refunded: 0,
    },
    'the same, and goods sent back later': {
      said: {
        current_total_price: '60.00',
        refunds: [refund(1, { goods: '30.00' }), refund(2, { goods: '10.00', paid: '10.00' })],
      },
      spent: 6000,
      refunded: 1000,
    },
    'goods sent back for which the shop still owes': {
      said: { current_total_price: '70.00', total_outstanding: '-30.00', refunds: [refund(1, { goods: '30.00' })] },
      spent: 10_000,
      refunded: 0,
    },
    'goods sent back, less a fee': {
      said: { current_total_price: '80.00', refunds: [refund(1, { goods: '20.00', paid: '15.00' })] },
      spent: 8500,
      refunded: 1500,
    },
    'goods added, and most of it paid back': {
      said: { current_total_price: '30.00', refunds: [refund(1, { goods: '120.00', paid: '120.00' })] },
      spent: 3000,
      refunded: 12_000,
    },
    'goods sent back, with the refund not yet named': {
      said: { current_total_price: '80.00', financial_status: 'paid', refunds: [] },
      spent: 10_000,
      refunded: 0,
    },
    'goods taken out of an order that is not paid': {
      said: { current_total_price: '70.00', financial_status: 'pending', refunds: [] },
      spent: 7000,
      refunded: 0,
    },
    'goods sent back in exchange for cheaper ones': {
      said: {
        total_price: '130.00',
        current_total_price: '80.00',
        total_outstanding: '0.00',
        refunds: [refund(1, { goods: '50.00', paid: '20.00' })],
      },
      spent: 8000,
      refunded: 2000,
    },
    'shipping paid back, without goods': {
      said: {
        current_total_price: '95.00',
        refunds: [{ ...refund(1, { goods: '0.00', paid: '5.00' }), refund_line_items: [] }],
      },
      spent: 9500,
      refunded: 500,
    },
  };
  test.each(Object.entries(cases))('%s', async (name, { said, spent, refunded }) => {
    const id = 2000 + Object.keys(cases).indexOf(name);
    const email = `edit${id}@example.com`;
    await send(order({ id, email, total_price: '100.00', current_total_price: '100.00' }));
    const later = { updated_at: '2026-03-05T00:00:00Z', total_price: '100.00', ...said };
    await send(order({ id, email, ...later }), 'orders/updated');
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === email);
    expect(customer).toMatchObject({ purchaseCount: 1, totalSpent: spent, totalRefunded: refunded });
  });
});

describe('tax, discount and items belong to the total before refunds', () => {
  const placed = {
    total_price: '119.00',
    total_tax: '19.00',
    total_discounts: '10.00',
    line_items: [{ id: 1, title: 'Tea', price: '64.50', quantity: 2, current_quantity: 2 }],
  };
  const back = (amount: string, quantity: number, tax: string) => ({
    id: 9,
    created_at: '2026-03-04T00:00:00Z',
    transactions: [{ kind: 'refund', status: 'success', amount, currency: 'EUR' }],
    refund_line_items: [{ line_item_id: 1, quantity, subtotal: amount, total_tax: tax }],
  });
  const line = (current_quantity: number) => ({ ...placed.line_items[0], current_quantity });
  const cases: Record<string, { said: Record<string, unknown>; is: Record<string, unknown> }> = {
    'nothing came back': {
      said: { current_total_price: '119.00', current_total_tax: '19.00', current_total_discounts: '10.00' },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'half came back': {
      said: {
        current_total_price: '59.50',
        current_total_tax: '9.50',
        current_total_discounts: '5.00',
        total_outstanding: '0.00',
        line_items: [line(1)],
        refunds: [back('59.50', 1, '9.50')],
      },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'all came back': {
      said: {
        current_total_price: '0.00',
        current_total_tax: '0.00',
        current_total_discounts: '0.00',
        total_outstanding: '0.00',
        line_items: [line(0)],
        refunds: [back('119.00', 2, '19.00')],
      },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'a cup was added, and half of the tea came back': {
      said: {
        current_total_price: '71.40',
        current_total_tax: '11.40',
        total_outstanding: '0.00',
        line_items: [line(1), { id: 2, title: 'Cup', price: '11.90', quantity: 1, current_quantity: 1 }],
        refunds: [back('59.50', 1, '9.50')],
      },
      is: {
        tax: 2090,
        items: [
          { title: 'Tea', quantity: 2 },
          { title: 'Cup', quantity: 1 },
        ],
      },
    },
    'one tea was taken out before it was paid': {
      said: {
        current_total_price: '59.50',
        current_total_tax: '9.50',
        current_total_discounts: '5.00',
        total_outstanding: '0.00',
        line_items: [line(1)],
        refunds: [{ ...back('59.50', 1, '9.50'), transactions: [] }],
      },
      is: { tax: 950, discount: 500, items: [{ title: 'Tea', quantity: 1 }] },
    },
  };
  test.each(Object.entries(cases))('%s', async (name, { said, is }) => {
    const id = 2200 + Object.keys(cases).indexOf(name);
    const email = `parts${id}@example.com`;
    await send(order({ id, email, ...placed, updated_at: '2026-03-05T00:00:00Z', ...said }), 'orders/updated');
    const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === email);
    const lines = await door.lines(customer?.customerId ?? '');
    expect(lines.find(({ type }) => type === 'order')).toMatchObject({ order: { snapshot: is } });
  });
});

test.each(['voided', 'expired'])('a payment that ends %s buys nothing', async (financial_status) => {
  const email = `${financial_status}@example.com`;
  const id = financial_status === 'voided' ? 2101 : 2102;
  await send(order({ id, email, financial_status: 'authorized' }));
  const lapsed = { financial_status, updated_at: '2026-03-05T00:00:00Z' };
  await send(order({ id, email, ...lapsed }), 'orders/updated');
  const [customer] = (await door.customers()).filter(({ profile }) => profile.email?.value === email);
  expect(customer).toMatchObject({ purchaseCount: 0, totalSpent: 0, totalRefunded: 0 });
});

test('a topic in capitals is the topic; two in one header are kept for a person', async () => {
  const said = order({ id: 2110, email: 'topic@example.com' });
  expect((await door.deliver('shop', signShopify('ORDERS/CREATE', said))).body.status).toBe('recorded');
  const twice = await door.deliver('shop', signShopify('orders/create, orders/create', said));
  expect(twice.body.status).toBe('quarantined');
});

test('history that comes in takes the reason for outreach away, until there is a live order again', async () => {
  const setBackfill = (before: string) =>
    door.client.send(
      new UpdateCommand({
        TableName: door.embedded.tables.registry,
        Key: sourceKey('shop'),
        UpdateExpression: 'SET backfillBefore = :before',
        ExpressionAttributeValues: { ':before': before },
      }),
    );
  const at = (day: string) => ({
    created_at: `${day}T00:00:00Z`,
    updated_at: `${day}T00:00:00Z`,
    email: 'past@example.com',
  });
  const liveOrder = async () =>
    (await door.customers()).find(({ profile }) => profile.email?.value === 'past@example.com')?.lastLiveOrderAt;
  await setBackfill('2026-01-01T00:00:00.000Z');
  await send(order({ id: 5001, ...at('2026-02-01') }));
  expect(await liveOrder()).toBe('2026-02-01T00:00:00.000Z');
  await send(order({ id: 5002, ...at('2025-02-01') }));
  expect(await liveOrder()).toBeUndefined();
  // An order that was known before is no news.
  await send(order({ id: 5001, ...at('2026-02-01'), updated_at: '2026-02-02T00:00:00Z' }), 'orders/updated');
  expect(await liveOrder()).toBeUndefined();
  await send(order({ id: 5003, ...at('2026-02-02') }));
  await send(order({ id: 5002, ...at('2025-02-01'), updated_at: '2026-02-03T00:00:00Z' }), 'orders/updated');
  expect(await liveOrder()).toBe('2026-02-02T00:00:00.000Z');
  await setBackfill('1970-01-01T00:00:00.000Z');
});

describe('a state of an order from a clock that runs ahead', () => {
  const ahead = (hours: number, minutes = 0) =>
    new Date(Date.now() + hours * 3_600_000 + minutes * 60_000).toISOString();
  const state = (id: number, updated_at: string, total: string) =>
    order({ id, email: `ahead${id}@example.com`, updated_at, total_price: total });
  const spent = async (id: number) =>
    (await door.customers()).find(({ profile }) => profile.email?.value === `ahead${id}@example.com`)?.totalSpent;

  test('gives way to a newer one of the same clock, also when it is sent again', async () => {
    const older = state(5101, ahead(1), '10.00');
    await send(older);
    await send(state(5101, ahead(1, 5), '20.00'), 'orders/updated');
    await send(older, 'orders/updated');
    expect(await spent(5101)).toBe(2000);
  });

  test('stands in the way of later ones for a day at most', async () => {
    await send(state(5102, '2190-01-01T00:00:00Z', '10.00'));
    await send(state(5102, ahead(25), '20.00'), 'orders/updated');
    expect(await spent(5102)).toBe(2000);
  });
});

describe('a consent', () => {
  const customer = (id: number, over: Record<string, unknown>) => ({
    id,
    email: `wish${id}@example.com`,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-03-01T00:00:00Z',
    ...over,
  });
  const consentOf = async (id: number) =>
    (await door.customers()).find(({ sourceIds }) => sourceIds.shop === String(id))?.consents['email:marketing'];
  const said = (state: string, at: string | null) => ({ email_marketing_consent: { state, consent_updated_at: at } });

  test('without a date overrules none that has one', async () => {
    await send(customer(300, said('unsubscribed', '2026-03-05T00:00:00Z')), 'customers/update');
    await send(customer(300, { updated_at: '2026-03-10T00:00:00Z', ...said('subscribed', null) }), 'customers/update');
    expect(await consentOf(300)).toMatchObject({ state: 'refused' });
  });

  test('is not given by the box at the checkout while the shop asks back', async () => {
    const pending = customer(301, said('pending', '2026-03-01T00:00:00Z'));
    await send(order({ id: 3010, email: pending.email, buyer_accepts_marketing: true, customer: pending }));
    expect(await consentOf(301)).toBeUndefined();
  });

  test('from a clock that runs ahead is overruled by the next word', async () => {
    await send(customer(302, said('subscribed', '2190-01-01T00:00:00Z')), 'customers/update');
    expect(await consentOf(302)).toMatchObject({ state: 'granted' });
    const after = new Date(Date.now() + 1000).toISOString();
    await send(customer(302, { updated_at: after, ...said('unsubscribed', after) }), 'customers/update');
    expect(await consentOf(302)).toMatchObject({ state: 'refused' });
  });
});

test('a name that is cut in the middle of a character does not stop its order', async () => {
  const first_name = `${'a'.repeat(254)}😀`;
  const named = order({
    id: 4000,
    email: 'cut@example.com',
    customer: { id: 400, email: 'cut@example.com', first_name },
  });
  expect((await send(named)).body.status).toBe('recorded');
});

test('copies of a delivery that is not understood are quarantined once', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => send('{"id": 7,')));
  expect(answers.map(({ status, body }) => `${status} ${body.status}`)).toEqual(Array(8).fill('202 quarantined'));
});

test('what is quarantined leaves one line in the log, without a word of the body', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  await send(order({ id: 70, email: 'told@example.com' }));
  expect(warn.mock.calls).toEqual([]);
  const { body } = await send(order({ id: 71, email: 'told@example.com', created_at: 'told@example.com' }));
  const line = { level: 'warn', message: 'delivery quarantined', deliveryId: body.deliveryId, sourceId: 'shop' };
  expect(warn.mock.calls.map(([text]) => JSON.parse(String(text)))).toEqual([line]);
  warn.mockRestore();
});

describe('when the store is away', () => {
  test('nothing is acknowledged that neither the store nor the retry queue has', async () => {
    await send(order({ id: 100 }));
    door.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'server-error' : 'none');
    expect(await send(order({ id: 101 }))).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  });
});

test('a checkout of a known customer takes one round trip of reads and one transaction', async () => {
  const known = { customer: { id: 900, email: 'known@example.com' }, email: 'known@example.com' };
  await send(order({ id: 901, ...known }));
  const before = new Map(door.proxy.calls);
  await send(order({ id: 902, ...known }));
  const made = [...door.proxy.calls].map(([name, n]) => [name, n - (before.get(name) ?? 0)]).filter(([, n]) => n !== 0);
  // One BatchGetItem is the test stage's: its clock, and the source, which production trusts for ten seconds.
  expect(Object.fromEntries(made)).toEqual({ BatchGetItem: 2, TransactWriteItems: 1 });
});
