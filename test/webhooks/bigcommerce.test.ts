import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Signed, signStandard } from '../signed.ts';
import { expectSameWhatever, type FetchedPlatform, type ShopOrder } from './fetched-histories.ts';
import { type FetchingDoor, openFetchingDoor } from './fetching-door.ts';
import { untilTaken } from './sending.ts';

const secret = 'a client secret, 0123456789abcdef'.replaceAll(' ', '_');
let door: FetchingDoor;
beforeAll(async () => {
  door = await openFetchingDoor('/stores/abc');
  await door.putSource({
    id: 'bc',
    platform: 'bigcommerce',
    secrets: ['the_next_secret', secret],
    credentials: { accessToken: 'token-1' },
    country: 'US',
  });
});
afterAll(() => door.stop());
afterEach(() => {
  door.queue.waiting.splice(0);
});

let sent = 0;
function sign(content: unknown, key = secret): Signed {
  const base64 = `whsec_${Buffer.from(key).toString('base64')}`;
  return signStandard(content, { id: `bc_${sent++}`, at: Date.now(), secret: base64 });
}

const event = (scope: string, data: Record<string, unknown>) => ({
  store_id: '1025646',
  producer: 'stores/abc',
  scope,
  data,
  hash: '3f9ea420af83450d7ef9f78b08c8af25b2213637',
  // Before all that it names.
  created_at: 1_600_000_000,
});
const orderEvent = (id: number | string) => event('store/order/created', { type: 'order', id });

/** After the example of "Get an order" in the reference. */
const order = (over: Record<string, unknown> = {}) => ({
  id: 218,
  customer_id: 11,
  date_created: 'Sun, 01 Mar 2026 10:30:00 +0100',
  date_modified: 'Sun, 01 Mar 2026 09:45:10 +0000',
  date_shipped: '',
  status_id: 11,
  payment_status: 'captured',
  currency_code: 'USD',
  default_currency_code: 'EUR',
  total_ex_tax: '101.7600',
  total_inc_tax: '121.0900',
  total_tax: '19.3300',
  shipping_cost_inc_tax: '5.9500',
  discount_amount: '10.0000',
  coupon_discount: '2.5000',
  refunded_amount: '0.0000',
  is_email_opt_in: true,
  customer_locale: 'en',
  is_deleted: false,
  billing_address: { first_name: 'Ada', last_name: 'Byron', email: 'Ada@Example.com', phone: '(512) 555-0100' },
  ...over,
});
const products = [
  {
    id: 1,
    name: 'Tea',
    sku: 'TEA-1',
    quantity: 2,
    price_inc_tax: '57.5700',
    price_ex_tax: '48.3782',
    cost_price_ex_tax: '20.1250',
  },
  { id: 2, name: 'Cup', sku: '', quantity: 1, price_inc_tax: '5.9501', cost_price_ex_tax: '0.0000' },
];

function knows(id: number | string, found: unknown, more: { products?: unknown; refunds?: unknown[] } = {}): void {
  door.api.knows.set(`/v2/orders/${id}`, found);
  door.api.knows.set(`/v2/orders/${id}/products?limit=100`, more.products ?? []);
  door.api.knows.set(`/v3/orders/${id}/payment_actions/refunds`, { data: more.refunds ?? [], meta: {} });
}

async function deliver(content: unknown): Promise<string> {
  const { status, body } = await door.deliver('bc', sign(content));
  expect(status).toBe(202);
  await door.queue.work();
  return String(body.deliveryId);
}

describe('the signature', () => {
  const check = { now: '2026-03-01T09:00:00.000Z', fetchKey: () => Promise.reject(new Error('none')) };
  test('is that of Standard Webhooks by the bytes of the client secret, as its authors make it', () => {
    const key = randomBytes(20).toString('hex');
    const content = JSON.stringify(orderEvent(1));
    const signature = new Webhook(Buffer.from(key), { format: 'raw' }).sign('msg_1', new Date(check.now), content);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Date.parse(check.now) / 1000),
      'webhook-signature': signature,
    };
    const body = Buffer.from(content);
    const { verify } = storefronts.bigcommerce;
    expect(verify({ headers, body }, { secrets: ['other', key] }, check)).toEqual({ authentic: true });
    expect(verify({ headers, body }, { secrets: ['other'] }, check)).toHaveProperty('refused');
    for (let bit = 0; bit < body.length * 8; bit += 7) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify({ headers, body: changed }, { secrets: [key] }, check)).toHaveProperty('refused');
    }
  });

  test('is asked for at the door, by any active secret', async () => {
    expect((await door.deliver('bc', sign(orderEvent(1), 'somebody_else'))).status).toBe(401);
    expect((await door.deliver('bc', sign(event('store/cart/created', {}), 'the_next_secret'))).body.status).toBe(
      'ignored',
    );
  });
});

test('an order is fetched with everything that belongs to it', async () => {
  knows(218, order(), { products });
  await deliver(orderEvent(218));
  expect(door.queue.waiting).toEqual([]);
  expect(door.api.calls[0]?.headers['x-auth-token']).toBe('token-1');
  const kept = await door.order('ada@example.com');
  expect(kept).toMatchObject({
    externalId: '218',
    occurredAt: '2026-03-01T09:30:00.000Z',
    order: {
      snapshot: {
        updatedAt: '2026-03-01T09:45:10.000Z',
        total: { minor: 12109, currency: 'EUR' },
        tax: 1933,
        shipping: 595,
        discount: 1250,
        test: false,
        items: [
          { title: 'Tea', sku: 'TEA-1', quantity: 2, unitPrice: 5757, cost: 4025 },
          { title: 'Cup', quantity: 1, unitPrice: 595 },
        ],
      },
      paidAt: '2026-03-01T09:45:10.000Z',
    },
  });
  expect(await door.customer('ada@example.com')).toMatchObject({
    sourceIds: { bc: '11' },
    purchaseCount: 1,
    totalSpent: 12109,
    profile: { firstName: { value: 'Ada' }, lastName: { value: 'Byron' }, phone: { value: '+15125550100' } },
    consents: { 'email:marketing': { state: 'granted', occurredAt: '2026-03-01T09:30:00.000Z' } },
  });
});

test('an answer that lags behind its message is asked for again, and believed at the third try', async () => {
  const created_at = Date.parse('2026-03-01T10:00:00Z') / 1000;
  const changed = (id: number, scope = 'store/order/statusUpdated') => ({
    ...event(scope, { type: 'order', id }),
    created_at,
  });
  const email = (id: number) => `lags${id}@example.com`;
  const stands = (id: number, change: object) =>
    knows(id, order({ id, customer_id: 0, billing_address: { email: email(id) }, ...change }));
  const totalOf = async (id: number) => (await door.customer(email(id)))?.totalSpent;

  stands(601, {});
  await door.deliver('bc', sign(changed(601)));
  await door.queue.work();
  expect([door.queue.waiting.length, await totalOf(601)]).toEqual([1, undefined]);
  stands(601, { date_modified: 'Sun, 01 Mar 2026 09:59:57 +0000', total_inc_tax: '130.0000' });
  await door.queue.work();
  expect([door.queue.waiting.length, await totalOf(601)]).toEqual([0, 13_000]);

  stands(602, {});
  await door.deliver('bc', sign(changed(602)));
  for (let tries = 1; tries <= 3; tries++) await door.queue.work();
  expect([door.queue.waiting.length, await totalOf(602)]).toEqual([0, 12_109]);

  stands(603, {});
  await door.deliver('bc', sign(changed(603, 'store/order/refund/created')));
  await door.queue.work();
  expect([door.queue.waiting.length, await totalOf(603)]).toEqual([0, 12_109]);
});

test('a guest has no id; yen have no decimals', async () => {
  const buyer = { email: 'gus@example.com', phone: '03-1234-5678', country_iso2: 'JP' };
  const yen = { default_currency_code: 'JPY', total_inc_tax: '25000.0000', is_email_opt_in: false };
  knows(219, order({ id: 219, customer_id: 0, billing_address: buyer, ...yen }));
  await deliver(orderEvent(219));
  const guest = await door.customer('gus@example.com');
  expect(guest?.profile.phone?.value).toBe('+81312345678');
  expect(guest).toMatchObject({ sourceIds: {}, consents: {}, waiting: { JPY: { totalSpent: 25_000 } } });
});

test.each([
  ['incomplete: no order at all', { status_id: 0 }, undefined],
  ['pending: begun at the till, not finished', { status_id: 1, payment_status: '' }, { purchaseCount: 0 }],
  ['awaiting payment: placed', { status_id: 7, payment_status: '' }, { purchaseCount: 1, totalSpent: 12109 }],
  ['declined by the bank', { status_id: 6, payment_status: 'declined' }, { purchaseCount: 0 }],
  ['cancelled', { status_id: 5, payment_status: 'void' }, { purchaseCount: 0, totalSpent: 0 }],
  ['set to refunded by hand', { status_id: 4 }, { purchaseCount: 0, totalRefunded: 12109 }],
  ['refunded in part', { status_id: 14, refunded_amount: '21.0900' }, { totalSpent: 10_000, totalRefunded: 2109 }],
])('an order that is %s', async (name, over, expected) => {
  const id = 300 + name.length;
  const email = `status${id}@example.com`;
  knows(id, order({ id, customer_id: 0, billing_address: { email }, ...over }));
  await deliver(orderEvent(id));
  expect(door.queue.waiting).toEqual([]);
  const customer = await door.customer(email);
  if (expected) expect(customer).toMatchObject(expected);
  else expect(customer).toBeUndefined();
});

test('refunds have their own identity; what the bank declined was not paid back', async () => {
  const refund = (id: number, payments: { amount: number; is_declined: boolean }[], total_amount: number) => ({
    id,
    order_id: 400,
    created: '2026-03-02T10:00:00Z',
    total_amount,
    payments,
  });
  const refunds = [
    refund(1, [{ amount: 10.5, is_declined: false }], 10.5),
    refund(2, [{ amount: 20, is_declined: true }], 20),
    refund(
      3,
      [
        { amount: 5, is_declined: false },
        { amount: 7, is_declined: true },
      ],
      12,
    ),
  ];
  const email = 'refunds@example.com';
  knows(400, order({ id: 400, customer_id: 0, billing_address: { email }, refunded_amount: '15.5000' }), { refunds });
  await deliver(event('store/order/refund/created', { type: 'order', id: 400, refund: { refund_id: 1 } }));
  expect(await door.customer(email)).toMatchObject({ totalRefunded: 1550, totalSpent: 10_559, purchaseCount: 1 });
  const lines = await door.lines((await door.customer(email))?.customerId ?? '');
  expect(
    lines
      .filter(({ type }) => type === 'refund')
      .map(({ externalId }) => externalId)
      .sort(),
  ).toEqual(['1', '3']);
});

test('a customer is fetched by itself', async () => {
  const customer = { id: 12, email: 'bob@example.com', first_name: 'Bob', date_created: '2026-03-01T09:00:00Z' };
  door.api.knows.set('/v3/customers?id:in=12', { data: [customer], meta: {} });
  door.api.knows.set('/v3/customers?id:in=13', { data: [], meta: {} });
  for (const id of [12, 13]) await deliver(event('store/customer/created', { type: 'customer', id }));
  expect(door.queue.waiting).toEqual([]);
  expect(await door.customer('bob@example.com')).toMatchObject({ sourceIds: { bc: '12' }, purchaseCount: 0 });
});

describe('what cannot be understood says what to do', () => {
  test.each([
    [
      'another store',
      { ...orderEvent(1), producer: 'stores/xyz' },
      "/producer: is another store than that of the source's address",
    ],
    ['an id that leads elsewhere', orderEvent('../1'), '/data/id: is no number'],
    ['no scope', { data: {} }, '/scope: is missing'],
  ])('%s', async (_, content, reason) => {
    const { body } = await door.deliver('bc', sign(content));
    expect(body.status).toBe('quarantined');
    expect(await door.reason(String(body.deliveryId))).toBe(reason);
  });

  test.each([
    ['a total that is none', { total_inc_tax: '-1.0000' }, '/order/total_inc_tax: is negative'],
    [
      'a date that is none',
      { date_created: '01/03/2026' },
      '/order/date_created: is no date with an offset between 1970 and 2199',
    ],
  ])('%s', async (_, over, reason) => {
    knows(500, order(over));
    expect(await door.reason(await deliver(orderEvent(500)))).toBe(reason);
  });

  test('no credentials, no address', async () => {
    await door.putSource({ id: 'bare', platform: 'bigcommerce', secrets: [secret] });
    const { body } = await door.deliver('bare', sign(orderEvent(1)));
    await door.queue.work();
    expect(await door.reason(String(body.deliveryId))).toBe(
      'the source has no credentials.accessToken: set it, then replay',
    );
  });
});

/** A shop of BigCommerce that goes through the same history as its model. */
const platform: FetchedPlatform = {
  sourceId: 'bc',
  show({ id, person, guest, cents, placedAt, updatedAt, cancelled, refunds }: ShopOrder) {
    knows(
      id,
      order({
        id,
        customer_id: guest ? 0 : 70 + person,
        date_created: rfc2822(placedAt),
        date_modified: rfc2822(updatedAt),
        status_id: cancelled ? 5 : 11,
        total_inc_tax: `${cents / 100}`,
        refunded_amount: `${refunds.reduce((sum, refund) => sum + refund.cents, 0) / 100}`,
        billing_address: { email: `Person${person}@Example.com` },
      }),
      {
        refunds: refunds.map((refund) => ({
          id: refund.id,
          created: refund.at,
          total_amount: refund.cents / 100,
          payments: [{ amount: refund.cents / 100, is_declined: false }],
        })),
      },
    );
  },
  announce: ({ id }) => untilTaken(() => door.deliver('bc', sign(orderEvent(id)))),
};

const rfc2822 = (at: string) => new Date(at).toUTCString().replace('GMT', '+0000');

test('whatever comes when, facts are those of the history', async () => {
  await expectSameWhatever(door, platform);
}, 60_000);
