import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signStandard, standardSecret } from '../signed.ts';
import { expectSameWhatever, type FetchedPlatform } from './fetched-histories.ts';
import { type FetchingDoor, openFetchingDoor } from './fetching-door.ts';
import { untilTaken } from './sending.ts';

const fields = [
  'id,status,is_draft_order,currency_code,email,customer_id,locale,created_at,updated_at,canceled_at,payment_status',
  'total,credit_line_total,tax_total,shipping_total,discount_total,*items,*customer,*billing_address,*shipping_address',
  '*payment_collections,*payment_collections.payments,*payment_collections.payments.refunds',
].join(',');

let door: FetchingDoor;
beforeAll(async () => {
  door = await openFetchingDoor('');
  const credentials = { apiKey: 'sk_test_1' };
  await door.putSource({ id: 'med', platform: 'medusa', secrets: [standardSecret], credentials, country: 'US' });
});
afterAll(() => door.stop());
afterEach(() => {
  door.queue.waiting.splice(0);
});

let sent = 0;
const post = (content: unknown) => door.deliver('med', signStandard(content, { id: `med_${sent++}`, at: Date.now() }));
async function deliver(content: unknown): Promise<string> {
  const { status, body } = await post(content);
  expect(status).toBe(202);
  await door.queue.work();
  return String(body.deliveryId);
}
const knows = (order: { id: string }) => door.api.knows.set(`/admin/orders/${order.id}?fields=${fields}`, { order });

const order = (id: string, over: Record<string, unknown> = {}) => ({
  id,
  status: 'pending',
  currency_code: 'eur',
  email: `${id}@example.com`,
  customer_id: null,
  created_at: '2026-03-01T09:00:00.000Z',
  updated_at: '2026-03-01T09:00:00.000Z',
  payment_status: 'not_paid',
  total: 59.9,
  items: [],
  payment_collections: [],
  ...over,
});

test.skipIf(!hasSharedMaterial)(`the published vector of Standard Webhooks${absent}`, () => {
  const [vector] = JSON.parse(readShared('fixtures/webhooks/_vectors.json').toString());
  const now = new Date(Number(vector.headers['webhook-timestamp']) * 1000).toISOString();
  const check = { now, fetchKey: () => Promise.reject(new Error('none')) };
  const body = Buffer.from(vector.body);
  const { verify } = storefronts.medusa;
  expect(verify({ headers: vector.headers, body }, { secrets: [vector.secret] }, check)).toEqual({ authentic: true });
  body[3] = (body[3] ?? 0) ^ 1;
  expect(verify({ headers: vector.headers, body }, { secrets: [vector.secret] }, check)).toHaveProperty('refused');
});

test.skipIf(!hasSharedMaterial)(`the real event and its order${absent}`, async () => {
  const found = JSON.parse(readShared('fixtures/webhooks/medusa/_order--1.json').toString());
  knows(found);
  await deliver(readShared('fixtures/webhooks/medusa/order.placed--1.json'));
  expect(door.queue.waiting).toEqual([]);
  const key = Buffer.from('sk_test_1:').toString('base64');
  expect(door.api.calls[0]?.headers.authorization).toBe(`Basic ${key}`);
  expect(await door.order('jane.roe@example.com')).toMatchObject({
    externalId: 'order_01JTEST0000000000000000001',
    occurredAt: '2026-03-02T09:15:30.123Z',
    order: {
      snapshot: {
        updatedAt: '2026-03-02T09:15:30.123Z',
        total: { minor: 5990, currency: 'USD' },
        tax: 90,
        shipping: 990,
        discount: 110,
        items: [{ title: 'Custom Item 2', quantity: 1, unitPrice: 5000 }],
        test: false,
      },
      placedAt: '2026-03-02T09:15:30.123Z',
      refunds: {},
    },
  });
  expect((await door.order('jane.roe@example.com'))?.order).not.toHaveProperty('paidAt');
  expect(await door.customer('jane.roe@example.com')).toMatchObject({
    sourceIds: { med: 'cus_01JTEST0000000000000000001' },
    profile: { firstName: { value: 'Test' }, lastName: { value: 'Test' } },
    consents: {},
  });
});

test('what was paid back stands in a credit line too, and counts once', async () => {
  const payment = {
    captured_at: '2026-03-01T10:00:00.000Z',
    refunds: [
      { id: 'ref_1', amount: 10, raw_amount: { value: '10', precision: 20 }, created_at: '2026-03-02T09:00:00.000Z' },
      { id: 'ref_2', amount: 4.9, created_at: '2026-03-03T09:00:00.000Z' },
    ],
  };
  knows(
    order('back', {
      updated_at: '2026-03-03T09:00:00.000Z',
      payment_status: 'partially_refunded',
      total: 45,
      raw_total: { value: '45.000000000000000001', precision: 20 },
      credit_line_total: 14.9,
      payment_collections: [{ payments: [payment] }],
    }),
  );
  await deliver({ type: 'payment.refunded', data: { id: 'pay_1', order_id: 'back' } });
  expect(await door.customer('back@example.com')).toMatchObject({ totalSpent: 4500, totalRefunded: 1490 });
  const kept = (await door.order('back@example.com'))?.order;
  expect(kept).toMatchObject({ paidAt: '2026-03-01T10:00:00.000Z', snapshot: { total: { minor: 5990 } } });
});

test('drafts are no orders, cancelled ones no purchases; dinars have three decimals', async () => {
  knows(order('draft', { is_draft_order: true }));
  knows(order('gone', { status: 'canceled', canceled_at: '2026-03-02T00:00:00.000Z' }));
  knows(order('dinar', { currency_code: 'kwd', total: 1.2345, raw_total: { value: '1.2345', precision: 20 } }));
  for (const id of ['draft', 'gone', 'dinar']) await deliver({ name: 'order.placed', data: { id } });
  expect(await door.customer('draft@example.com')).toBeUndefined();
  expect(await door.customer('gone@example.com')).toMatchObject({ purchaseCount: 0 });
  expect(await door.order('dinar@example.com')).toMatchObject({
    order: { snapshot: { total: { minor: 1234, currency: 'KWD' } } },
  });
});

test('the record of a guest and the account with the same address are one customer', async () => {
  const email = 'twice@example.com';
  knows(order('as-guest', { email, customer: { id: 'cus_guest', has_account: false, email } }));
  knows(order('with-account', { email, customer: { id: 'cus_own', has_account: true, email } }));
  for (const id of ['as-guest', 'with-account']) await deliver({ name: 'order.placed', data: { id } });
  expect(await door.customer(email)).toMatchObject({ purchaseCount: 2, sourceIds: { med: 'cus_own' } });
});

test('customers, edits and what is not used', async () => {
  const created_at = '2026-03-01T09:00:00.000Z';
  const customer = { id: 'cus_9', has_account: true, email: 'nine@example.com', first_name: 'Nina', created_at };
  door.api.knows.set('/admin/customers/cus_9', { customer });
  knows(order('edited', { total: 70 }));
  await deliver({ name: 'customer.created', data: { id: 'cus_9' } });
  await deliver({ name: 'order-edit.confirmed', data: { order_id: 'edited', actions: [] } });
  expect(await door.customer('nine@example.com')).toMatchObject({ sourceIds: { med: 'cus_9' } });
  expect(await door.customer('edited@example.com')).toMatchObject({ totalSpent: 7000 });
  expect((await post({ name: 'product.updated', data: { id: 'prod_1' } })).body.status).toBe('ignored');
});

describe('what cannot be understood', () => {
  test.each([
    ['a payment without its order', { type: 'payment.captured', data: { id: 'pay_1' } }, '/data/order_id: is missing'],
    [
      'an id that leads elsewhere',
      { type: 'order.placed', data: { id: '../users' } },
      '/data/order_id: is no id that can be asked for',
    ],
    ['no type', { data: { id: 'a' } }, '/type: is missing'],
  ])('%s', async (_, content, reason) => {
    const { body } = await post(content);
    expect(await door.reason(String(body.deliveryId))).toBe(reason);
  });
});

const platform: FetchedPlatform = {
  sourceId: 'med',
  show({ id, person, guest, cents, placedAt, updatedAt, cancelled, refunds }) {
    const email = `Person${person}@Example.com`;
    const back = refunds.reduce((sum, refund) => sum + refund.cents, 0);
    knows(
      order(`order_${id}`, {
        email,
        created_at: placedAt,
        updated_at: updatedAt,
        status: cancelled ? 'canceled' : 'pending',
        total: (cents - back) / 100,
        credit_line_total: back / 100,
        customer: { id: guest ? `cus_g${person}` : `cus_${person}`, has_account: !guest, email },
        payment_collections: [
          {
            payments: [
              { refunds: refunds.map((one) => ({ id: `ref_${one.id}`, amount: one.cents / 100, created_at: one.at })) },
            ],
          },
        ],
      }),
    );
  },
  announce({ id }, changes) {
    const data = { id: `order_${id}` };
    return untilTaken(() => post({ name: changes === 0 ? 'order.placed' : 'order.updated', data }));
  },
};

test('whatever comes when, facts are those of the history', async () => {
  await expectSameWhatever(door, platform);
}, 60_000);
