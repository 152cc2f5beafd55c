import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../shared/dynamodb/client.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { signShopify } from '../signed.ts';
import { betweenCalls } from '../store-calls.ts';
import { type Door, openDoor } from './door.ts';
import { customersBy } from './shop.ts';
import { order } from './shopify-order.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

const send = (content: unknown, topic = 'orders/create') => door.deliver('shop', signShopify(topic, content));

describe('an order', () => {
  test('forty copies at once are one order', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => send(order({ id: 40, email: 'forty@example.com' }))),
    );
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    const [customer] = await customersBy(door, 'forty@example.com');
    expect(customer).toMatchObject({ purchaseCount: 1, totalSpent: 1990 });
  });

  test('says whether it was the first purchase when it came, and keeps saying it', async () => {
    const email = 'first-order@example.com';
    await send(order({ id: 45, email }));
    await send(order({ id: 46, email, created_at: '2026-03-02T10:00:00+01:00' }));
    await send(order({ id: 45, email, updated_at: '2026-03-03T10:00:00+01:00' }), 'orders/paid');
    const [customer] = await customersBy(door, email);
    const lines = await door.lines(customer?.customerId ?? '');
    expect(lines.map(({ externalId, first }) => ({ externalId, first }))).toEqual([
      { externalId: '45', first: true },
      { externalId: '46', first: false },
    ]);
  });

  test('with an id beyond 2^53 keeps every digit', async () => {
    const text = JSON.stringify(order({ email: 'large@example.com' })).replace('"id":1', '"id":820982911946154508');
    await send(text);
    const [customer] = await customersBy(door, 'large@example.com');
    expect((await door.lines(customer?.customerId ?? ''))[0]?.externalId).toBe('820982911946154508');
  });

  test('of a test is kept out of the facts, and who only made tests out of value', async () => {
    await send(order({ id: 50, test: true, email: 'tester@example.com' }));
    const [customer] = await customersBy(door, 'tester@example.com');
    expect(customer).toMatchObject({ purchaseCount: 0, totalSpent: 0, live: false });
  });

  test('in yen and dinars has the decimals of its currency', async () => {
    await send(order({ id: 60, currency: 'JPY', total_price: '25000', email: 'yen@example.com' }));
    const [yen] = await customersBy(door, 'yen@example.com');
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
    const [customer] = await customersBy(door, 'abroad@example.com');
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
    const [customer] = await customersBy(door, 'edge@example.com');
    expect(customer).toMatchObject({
      purchaseCount: 1,
      firstPurchaseAt: '2026-03-02T00:00:00.000Z',
      lastPurchaseAt: '2026-03-02T00:00:00.000Z',
    });
  });
});

describe('an order whose line was read in another moment than its customer', () => {
  const of = (id: number, customer: 1 | 2, minute: number, more: object = {}) => {
    const email = `mover${id}-${customer}@example.com`;
    const updated_at = `2026-03-01T10:${minute}:00+01:00`;
    return order({ id, updated_at, email, customer: { id: id * 10 + customer, email }, ...more });
  };
  const refund = (order_id: number, id: number) => {
    const transactions = [{ kind: 'refund', status: 'success', amount: '5.00', currency: 'EUR' }];
    return { id, order_id, created_at: '2026-03-01T11:00:00+01:00', transactions };
  };

  /** Lets a delivery read the order's line before `meanwhile` and all else after it. */
  async function sentAround(meanwhile: () => Promise<unknown>, content: unknown, topic: string): Promise<void> {
    const { ledger } = door.embedded.tables;
    let isTorn = false;
    const leave = betweenCalls(Client.prototype, async (call) => {
      if (call.operation !== 'BatchGet' || isTorn || !JSON.stringify(call.input).includes(ledger)) return call.send();
      const early = (await call.send()) as { Responses: Record<string, unknown[]> };
      if (!early.Responses[ledger]?.some((item) => (item as { type?: string }).type === 'order')) return early;
      isTorn = true;
      await meanwhile();
      const late = (await call.send()) as typeof early;
      return { ...late, Responses: { ...late.Responses, [ledger]: early.Responses[ledger] } };
    });
    try {
      expect((await send(content, topic)).body.status).toBe('recorded');
    } finally {
      leave();
    }
    expect(isTorn).toBe(true);
  }

  /** Purchases, what was spent and what was paid back, of both customers. */
  async function factsOf(id: number) {
    const both = [1, 2].map(async (customer) => (await customersBy(door, `mover${id}-${customer}@example.com`))[0]);
    return (await Promise.all(both)).map((one) => [one?.purchaseCount, one?.totalSpent, one?.totalRefunded]);
  }

  test('takes along what was paid back while it moved', async () => {
    await send(of(7_100, 1, 10));
    await send(of(7_100, 2, 20, { id: 7_101 }));
    await sentAround(() => send(refund(7_100, 9_000), 'refunds/create'), of(7_100, 2, 20), 'orders/updated');
    expect(await factsOf(7_100)).toEqual([
      [0, 0, 0],
      [2, 3_480, 500],
    ]);
  });

  test('keeps what was paid back elsewhere, where it went there and back meanwhile', async () => {
    await send(of(7_200, 2, 10, { id: 7_201 }));
    await send(of(7_200, 1, 10));
    const thereAndBack = async () => {
      await send(of(7_200, 2, 20, { refunds: [refund(7_200, 9_100)] }), 'orders/updated');
      await send(of(7_200, 1, 30), 'orders/updated');
    };
    await sentAround(thereAndBack, refund(7_200, 9_101), 'refunds/create');
    const paidBack = [
      [1, 990, 1_000],
      [1, 1_990, 0],
    ];
    expect(await factsOf(7_200)).toEqual(paidBack);
    const refunds = [refund(7_200, 9_100), refund(7_200, 9_101)];
    await send(of(7_200, 1, 40, { refunds }), 'orders/updated');
    expect(await factsOf(7_200)).toEqual(paidBack);
  });
});

test.each(['voided', 'expired'])('a payment that ends %s buys nothing', async (financial_status) => {
  const email = `${financial_status}@example.com`;
  const id = financial_status === 'voided' ? 2101 : 2102;
  await send(order({ id, email, financial_status: 'authorized' }));
  const lapsed = { financial_status, updated_at: '2026-03-05T00:00:00Z' };
  await send(order({ id, email, ...lapsed }), 'orders/updated');
  const [customer] = await customersBy(door, email);
  expect(customer).toMatchObject({ purchaseCount: 0, totalSpent: 0, totalRefunded: 0 });
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
