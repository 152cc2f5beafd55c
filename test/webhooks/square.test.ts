import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { startRetryQueue } from './retry-queue.ts';
import { sendAll, sendings } from './sending.ts';
import { addSource, aSource, customersBy, startShopApi, sumOf } from './shop.ts';

const { square } = storefronts;
const secret = 'signature-key-of-square';
const notificationUrl = 'https://rapport.example.com/v1/webhooks/square';
const source = aSource({ id: 'square', platform: 'square', secrets: [secret], notificationUrl });

let door: Door;
let queue: Awaited<ReturnType<typeof startRetryQueue>>;
let api: Awaited<ReturnType<typeof startShopApi>>;
beforeAll(async () => {
  queue = await startRetryQueue();
  api = await startShopApi();
  door = await openDoor(queue.endpoint);
  await addSource(door, { ...source, address: api.address, credentials: { accessToken: 'EAAA-1' } });
});
afterAll(async () => {
  queue.stop();
  api.stop();
  await door.stop();
});
beforeEach(() => {
  api.statuses.length = 0;
});

function sign(content: unknown, key = secret, url = notificationUrl): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const signature = createHmac('sha256', key).update(url).update(body).digest('base64');
  return { body, headers: { 'x-square-hmacsha256-signature': signature } };
}

const check = { now: '2026-03-01T09:00:00.000Z', fetchKey: () => Promise.reject(new Error('no key is fetched')) };

test('signatures: over the configured URL and the body, with any active key; no changed bit', () => {
  const signed = sign({ type: 'x' });
  expect(square.verify(signed, { ...source, secrets: ['another-key', secret] }, check)).toEqual({ authentic: true });
  expect(square.verify(signed, { ...source, secrets: ['another-key'] }, check)).toHaveProperty('refused');
  expect(square.verify({ ...signed, headers: {} }, source, check)).toHaveProperty('refused');
  const elsewhere = { ...source, notificationUrl: `${notificationUrl}/` };
  expect(square.verify(signed, elsewhere, check)).toHaveProperty('refused');
  expect(square.verify(signed, { secrets: [secret] }, check)).toMatchObject({
    refused: expect.stringContaining('notificationUrl'),
  });
  fc.assert(
    fc.property(fc.nat(signed.body.length * 8 - 1), (bit) => {
      const body = Buffer.from(signed.body);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(square.verify({ ...signed, body }, source, check)).toHaveProperty('refused');
    }),
  );
});

const body = (name: string) => readShared(`fixtures/webhooks/square/${name}.json`);
const translated = (content: unknown) => square.translate(content, { headers: {} }, source);
const parsed = (name: string): unknown => JSON.parse(body(name).toString());
const eventOf = (type: string, object: Record<string, unknown>) => ({ type, data: { object } });
const thin = (id: string) => eventOf('order.updated', { order_updated: { order_id: id, state: 'OPEN', version: 2 } });

describe.skipIf(!hasSharedMaterial)(`real bodies and published vectors of Square${absent}`, () => {
  test('the vectors of its own libraries, and the signatures over the exact bytes of the bodies', () => {
    const vectors: {
      scheme: string;
      secret: string;
      notificationUrl: string;
      headers: Record<string, string>;
      body: string;
    }[] = JSON.parse(readShared('fixtures/webhooks/_vectors.json').toString());
    const ours = vectors.filter(({ scheme }) => scheme === 'square');
    expect(ours.length).toBe(2);
    for (const { secret: key, headers, body: text, notificationUrl: url } of ours) {
      const signedBy = { secrets: [key], notificationUrl: url };
      expect(square.verify({ headers, body: Buffer.from(text) }, signedBy, check)).toEqual({ authentic: true });
    }
    const signed: {
      file: string;
      platform: string;
      secret: string;
      notificationUrl?: string;
      headers: Record<string, string>;
    }[] = JSON.parse(readShared('fixtures/webhooks/_signed.json').toString());
    for (const one of signed.filter(({ platform }) => platform === 'square')) {
      const delivery = { headers: one.headers, body: readShared(`fixtures/webhooks/${one.file}`) };
      const signedBy = { secrets: [one.secret], notificationUrl: one.notificationUrl ?? '' };
      expect(square.verify(delivery, signedBy, check)).toEqual({ authentic: true });
    }
  });

  test('an order that is only named, and a payment that was authorised and is not paid yet', async () => {
    expect(translated(parsed('order.updated--1'))).toEqual({
      kind: 'fetch',
      resource: { type: 'order', id: 'eA3vssLHKJrv9H0IdJCM3gNqfdcZY', asOf: '2020-04-16T23:14:26.359Z' },
    });
    expect(translated(parsed('payment.created--1'))).toHaveProperty('kind', 'ignored');
    expect(await door.deliver('square', sign(body('payment.created--1')))).toMatchObject({
      status: 202,
      body: { status: 'ignored' },
    });
  });

  test('the same payment without an order counts by itself, once it is captured', () => {
    const { data } = parsed('payment.created--1') as { data: { object: { payment: Record<string, unknown> } } };
    const { order_id: _, ...payment } = data.object.payment;
    const snapshot = {
      updatedAt: '2020-11-22T21:16:51.198Z',
      total: { minor: 100n, currency: 'USD' },
      test: false,
    };
    const fact = {
      kind: 'order',
      externalId: 'hYy9pRFVxpDsO1FB05SunFWUe9JZY',
      who: {},
      at: '2020-11-22T21:16:51.198Z',
    };
    const placedAt = '2020-11-22T21:16:51.086Z';
    expect(translated(eventOf('payment.created', { payment }))).toEqual({
      kind: 'fact',
      fact: {
        ...fact,
        order: { snapshot: { ...snapshot, awaitsPayment: true }, placedAt, refunds: {}, consents: {} },
      },
    });
    expect(translated(eventOf('payment.updated', { payment: { ...payment, status: 'COMPLETED' } }))).toEqual({
      kind: 'fact',
      fact: { ...fact, order: { snapshot, placedAt, paidAt: placedAt, refunds: {}, consents: {} } },
    });
  });

  test('a customer: not to have unsubscribed is no consent, to have done so is a refusal', () => {
    const customer = parsed('_customer--1') as Record<string, unknown>;
    const at = '2016-03-23T20:21:54.859Z';
    const person = {
      externalId: 'JDKYHBWT1D4F8MFH63DBMEN8Y4',
      email: 'amelia.earhart@example.com',
      phone: '+12125554240',
      firstName: 'Amelia',
      lastName: 'Earhart',
    };
    expect(translated(eventOf('customer.created', { customer }))).toEqual({
      kind: 'fact',
      fact: { kind: 'customer', at, test: false, person, consents: [] },
    });
    const gone = { ...customer, preferences: { email_unsubscribed: true } };
    expect(translated(eventOf('customer.updated', { customer: gone }))).toMatchObject({
      fact: { consents: [{ channel: 'email', state: 'refused', occurredAt: at, sourceId: 'square' }] },
    });
  });
});

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const at = (minute: number) => new Date(Date.UTC(2024, 1, 1) + minute * 60_000).toISOString();
const orderPath = (id: string) => `/v2/orders/${id}`;

/** Puts the state of a sale where Square's API shows it. */
function shows(id: string, order: Record<string, unknown>, payments: Record<string, unknown>[] = []) {
  const tenders = payments.map(({ id: payment_id, created_at }) => ({ id: `t-${payment_id}`, payment_id, created_at }));
  api.resources.set(orderPath(id), {
    order: { id, state: 'COMPLETED', created_at: at(0), updated_at: at(5), tenders, ...order },
  });
  for (const payment of payments) api.resources.set(`/v2/payments/${payment.id}`, { payment });
}

const payment = (id: string, given: Record<string, unknown> = {}) => ({
  id,
  status: 'COMPLETED',
  created_at: at(1),
  updated_at: at(2),
  amount_money: eur(1000),
  total_money: eur(1000),
  ...given,
});

test('an order is fetched with its payments and its customer, by the token of the source', async () => {
  shows(
    'o1',
    {
      customer_id: 'c1',
      total_money: eur(3000),
      total_tax_money: eur(479),
      total_discount_money: eur(100),
      net_amount_due_money: eur(0),
      line_items: [{ name: 'Tea', variation_name: 'Green', quantity: '2', base_price_money: eur(1500) }],
    },
    [payment('p1'), payment('p2', { created_at: at(3), amount_money: eur(2000), total_money: eur(2000) })],
  );
  const customer = { id: 'c1', email_address: 'Sq1@Example.com', given_name: 'Ada', updated_at: at(0) };
  api.resources.set('/v2/customers/c1', { customer });
  expect(await door.deliver('square', sign(thin('o1')))).toMatchObject({ status: 202, body: { status: 'recorded' } });
  api.statuses.push(503);
  await queue.work();
  expect(queue.waiting.length).toBe(1);
  api.statuses.push(200, 500);
  await queue.work();
  expect(queue.waiting.length).toBe(1);
  await queue.workAll();
  expect(api.asked.at(-1)).toMatchObject({
    headers: { authorization: 'Bearer EAAA-1', 'square-version': expect.stringMatching(/^\d{4}-\d\d-\d\d$/) },
  });
  const [ada] = await customersBy(door, 'sq1@example.com');
  expect(ada).toMatchObject({ purchaseCount: 1, totalSpent: 3000, sourceIds: { square: 'c1' } });
  const [line] = await door.lines(ada?.customerId ?? '');
  expect(line).toMatchObject({
    type: 'order',
    order: {
      paidAt: at(3),
      snapshot: {
        tax: 479,
        discount: 100,
        items: [{ title: 'Tea', quantity: 2, unitPrice: 1500 }],
      },
    },
  });
});

test('a message says how new its order is: an older answer is asked for again', async () => {
  shows('o20', { total_money: eur(900) }, [
    payment('p20', { order_id: 'o20', buyer_email_address: 'sq20@example.com' }),
  ]);
  const told = eventOf('order.updated', { order_updated: { order_id: 'o20', state: 'OPEN', updated_at: at(30) } });
  expect(translated(told)).toEqual({ kind: 'fetch', resource: { type: 'order', id: 'o20', asOf: at(30) } });
  await door.deliver('square', sign(told));
  await queue.work();
  expect(queue.waiting.length).toBe(1);
  expect(await customersBy(door, 'sq20@example.com')).toEqual([]);
  await queue.work();
  await queue.work();
  expect(queue.waiting.length).toBe(0);
  expect(await customersBy(door, 'sq20@example.com')).toHaveLength(1);
});

test('a deposit pays no order; a payment of an order is a reason to look at it; a guest is known by the payment', async () => {
  const total = { total_money: eur(5000) };
  const deposit = payment('p3', { order_id: 'o3', buyer_email_address: 'sq3@example.com' });
  shows('o3', { ...total, state: 'OPEN', net_amount_due_money: eur(4000) }, [deposit]);
  await door.deliver('square', sign(eventOf('payment.updated', { payment: deposit })));
  await queue.workAll();
  expect((await customersBy(door, 'sq3@example.com'))[0]).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
  const rest = payment('p4', { order_id: 'o3', total_money: eur(4000) });
  shows('o3', { ...total, updated_at: at(9), state: 'OPEN', net_amount_due_money: eur(0) }, [deposit, rest]);
  await door.deliver('square', sign(eventOf('payment.updated', { payment: rest })));
  await queue.workAll();
  expect((await customersBy(door, 'sq3@example.com'))[0]).toMatchObject({ purchaseCount: 1, totalSpent: 5000 });
});

test('what a bank took back for good is off the sale, also where a part was refunded before', async () => {
  const own = payment('p10', { buyer_email_address: 'sq10@example.com', refunded_money: eur(400) });
  await door.deliver('square', sign(eventOf('payment.updated', { payment: own })));
  const total = Number((own.total_money as { amount: number }).amount);
  const known = async () => (await customersBy(door, 'sq10@example.com'))[0];
  expect(await known()).toMatchObject({ purchaseCount: 1, totalSpent: total - 400, totalRefunded: 400 });
  const dispute = (state: string) =>
    sign(
      eventOf('dispute.state.updated', {
        dispute: {
          id: 'd10',
          state,
          amount_money: eur(total),
          disputed_payment: { payment_id: 'p10' },
          created_at: at(60),
          updated_at: at(70),
        },
      }),
    );
  for (const state of ['EVIDENCE_REQUIRED', 'PROCESSING', 'INQUIRY_CLOSED', 'WON'])
    expect(await door.deliver('square', dispute(state))).toMatchObject({ body: { status: 'ignored' } });
  for (const state of ['LOST', 'ACCEPTED']) await door.deliver('square', dispute(state));
  expect(await known()).toMatchObject({ purchaseCount: 0, totalSpent: 0, totalRefunded: total });
});

test('a draft and the order of a return are ignored, what Square does not know is set aside', async () => {
  const fetched = (id: string, order?: Record<string, unknown>) =>
    square.fetch?.(
      { type: 'order', id },
      { ...source, credentials: { accessToken: 'x' } },
      async () =>
        order ? { order: { id, created_at: at(0), updated_at: at(0), total_money: eur(0), ...order } } : undefined,
      at(9),
    );
  await expect(fetched('gone')).rejects.toThrow('no such order');
  expect(await fetched('o5', { state: 'DRAFT' })).toHaveProperty('kind', 'ignored');
  expect(await fetched('o6', { state: 'COMPLETED', returns: [{ source_order_id: 'o1' }] })).toHaveProperty(
    'kind',
    'ignored',
  );
  expect(await fetched('o7', { state: 'CANCELED', closed_at: at(4) })).toMatchObject({
    fact: { order: { cancelledAt: at(4) } },
  });
  for (const type of ['webhooks.test_notification', 'inventory.count.updated'])
    expect(translated(eventOf(type, {}))).toHaveProperty('kind', 'ignored');
});

test('the order of a return has no total of its own: it is ignored, and nothing is set aside', async () => {
  const returns = [{ source_order_id: 'o1', return_line_items: [{ uid: 'l1', quantity: '1' }] }];
  const order = {
    id: 'o21',
    state: 'COMPLETED',
    created_at: at(0),
    updated_at: at(5),
    returns,
    refunds: [{ id: 'r' }],
  };
  api.resources.set(orderPath('o21'), { order });
  const { body } = await door.deliver('square', sign(thin('o21')));
  await queue.workAll();
  const kept = await deliveryStore(door.store, door.embedded.tables.deliveries, 30).get(
    String(body.deliveryId),
    new Date().toISOString(),
  );
  expect(kept).toBeUndefined();
});

test("without a token the delivery is set aside and says so; Square's own address is asked; its sandbox is a test", async () => {
  const resource = { type: 'order', id: 'o1' } as const;
  const asked: string[] = [];
  const ask = async (address: string) => {
    asked.push(address);
    return { order: { id: 'o1', state: 'OPEN', created_at: at(0), updated_at: at(0), total_money: eur(1) } };
  };
  await expect(square.fetch?.(resource, source, ask, at(9))).rejects.toThrow('accessToken');
  const credentials = { accessToken: 'x' };
  await square.fetch?.(resource, { ...source, credentials }, ask, at(9));
  const address = 'https://connect.squareupsandbox.com';
  expect(await square.fetch?.(resource, { ...source, credentials, address }, ask, at(9))).toMatchObject({
    fact: { order: { snapshot: { test: true } } },
  });
  expect(asked).toEqual(['https://connect.squareup.com', address]);
});

test('dinars have three decimals and yen none; a negative or broken amount is refused with its place', () => {
  const total = (amount: unknown, currency: string) =>
    translated(eventOf('payment.updated', { payment: payment('p9', { total_money: { amount, currency } }) }));
  for (const currency of ['JPY', 'KWD', 'EUR'])
    expect(total(1250, currency)).toMatchObject({
      fact: { order: { snapshot: { total: { minor: 1250n, currency } } } },
    });
  for (const [amount, currency] of [
    [-1, 'EUR'],
    [1.5, 'EUR'],
    [1, 'XYZ'],
  ] as const)
    expect(() => total(amount, currency)).toThrow('/data/object/payment/total_money');
});

const histories = fc.array(
  fc.record({
    person: fc.nat(1),
    hasOrder: fc.boolean(),
    isGuest: fc.boolean(),
    minute: fc.nat(20_000),
    cents: fc.integer({ min: 2, max: 90_000 }),
    ends: fc.constantFrom('paid', 'paid', 'paid', 'open', 'cancelled'),
    refunds: fc.array(fc.record({ share: fc.integer({ min: 1, max: 50 }), fails: fc.boolean() }), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
);
type Sale = typeof histories extends fc.Arbitrary<(infer One)[]> ? One : never;

const refundsOf = ({ ends, refunds, cents }: Sale) =>
  ends === 'paid'
    ? refunds
        .map(({ share, fails }) => ({ cents: Math.floor((cents * share) / 100), fails }))
        .filter((refund) => refund.cents > 0)
    : [];

let round = 0;

test('random sales, told in any order and some of it twice, fetched or not, count once to the cent', async () => {
  await fc.assert(
    fc.asyncProperty(histories, sendings, async (history, way) => {
      const run = `r${++round}`;
      const events = history.flatMap((sale, index) => messagesOf(sale, `${run}x${index}`, run));
      await sendAll(
        door,
        'square',
        events.map((one) => sign(one)),
        way,
        queue,
      );
      for (const person of [0, 1]) {
        const theirs = history.filter((sale) => sale.person === person);
        const known = await customersBy(door, `${run}-${person}@example.com`);
        expect(known.length).toBe(theirs.length > 0 ? 1 : 0);
        const sums = theirs.map((sale) => ({
          counts: sale.ends === 'paid',
          cents: sale.cents,
          refunded: refundsOf(sale).reduce((sum, { cents, fails }) => sum + (fails ? 0 : cents), 0),
        }));
        if (known[0]) expect(known[0]).toMatchObject(sumOf(sums));
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 8) },
  );
}, 60_000);

/** Every message of a sale; the API shows how it ended. */
function messagesOf(sale: Sale, name: string, run: string) {
  const { cents, hasOrder, isGuest, ends, minute } = sale;
  const email = `${run}-${sale.person}@example.com`;
  const customer_id = isGuest ? null : `${run}c${sale.person}`;
  const id = `p${name}`;
  const refunds = refundsOf(sale);
  const back = refunds.reduce((sum, { cents: part, fails }) => sum + (fails ? 0 : part), 0);
  const state = (step: number, status: string, refunded = 0) =>
    payment(id, {
      status,
      customer_id,
      buyer_email_address: email,
      ...(hasOrder && { order_id: `o${name}` }),
      created_at: at(minute),
      updated_at: at(minute + step),
      total_money: eur(cents),
      refunded_money: eur(refunded),
    });
  if (customer_id) {
    api.resources.set(`/v2/customers/${customer_id}`, {
      customer: { id: customer_id, email_address: email, updated_at: at(0) },
    });
  }
  const last = { paid: 'COMPLETED', open: 'APPROVED', cancelled: 'CANCELED' }[ends] as string;
  shows(
    `o${name}`,
    {
      state: { paid: 'COMPLETED', open: 'OPEN', cancelled: 'CANCELED' }[ends],
      created_at: at(minute),
      updated_at: at(minute + 3),
      customer_id,
      total_money: eur(cents),
      net_amount_due_money: eur(ends === 'paid' ? 0 : cents),
    },
    [state(9, last, back)],
  );
  const refund = (index: number, part: number, status: string) =>
    eventOf('refund.updated', {
      refund: {
        id: `re${name}-${index}`,
        payment_id: id,
        order_id: `return-${name}-${index}`,
        status,
        amount_money: eur(part),
        created_at: at(minute + 4),
      },
    });
  return [
    ...(hasOrder ? [thin(`o${name}`)] : []),
    eventOf('payment.created', { payment: state(0, 'APPROVED') }),
    eventOf('payment.updated', { payment: state(1, last) }),
    ...refunds.flatMap(({ cents: part, fails }, index) => [
      refund(index, part, 'PENDING'),
      refund(index, part, fails ? 'FAILED' : 'COMPLETED'),
    ]),
    ...(back > 0 ? [eventOf('payment.updated', { payment: state(9, last, back) })] : []),
  ];
}
