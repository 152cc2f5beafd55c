import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signStandard } from '../signed.ts';
import { expectSameWhatever, type FetchedPlatform } from './fetched-histories.ts';
import { type FetchingDoor, openFetchingDoor } from './fetching-door.ts';
import { aSource } from './shop.ts';
import type { ShopCall } from './shop-api.ts';

const expand = 'expand=paymentInfo.payments[*]';
let door: FetchingDoor;
let tokensGiven = 0;
beforeAll(async () => {
  door = await openFetchingDoor('/example-project');
  await putSource();
  door.api.knows.set('/oauth/token', () => ({ access_token: `token-${++tokensGiven}`, expires_in: 172_800 }));
});
afterAll(() => door.stop());
afterEach(() => {
  door.queue.waiting.splice(0);
  door.api.plan = () => undefined;
});

const putSource = (over: { credentials?: Record<string, string>; address?: string } = {}) =>
  door.putSource({
    id: 'ct',
    platform: 'commercetools',
    country: 'DE',
    credentials: {
      clientId: 'client',
      clientSecret: 'secret',
      authAddress: door.api.address.replace('/example-project', ''),
    },
    ...over,
  });

const work = async () => door.queue.work((await import('../../functions/webhooks/subscription.ts')).handler);
async function bring(content: unknown): Promise<void> {
  door.queue.put(Buffer.isBuffer(content) ? content.toString() : JSON.stringify(content));
  await work();
}

let messages = 0;
const message = (type: string, typeId: string, id: string, more: Record<string, unknown> = {}) => ({
  notificationType: 'Message',
  projectKey: 'example-project',
  id: `message-${messages++}`,
  version: 1,
  sequenceNumber: 1,
  resource: { typeId, id },
  resourceVersion: 1,
  type,
  ...more,
});
const cents = (centAmount: number, currencyCode = 'EUR', fractionDigits = 2) => ({
  type: 'centPrecision',
  currencyCode,
  centAmount,
  fractionDigits,
});
const order = (id: string, over: Record<string, unknown> = {}) => ({
  type: 'Order',
  id,
  version: 1,
  createdAt: '2026-03-01T09:00:00.000Z',
  lastModifiedAt: '2026-03-01T09:00:00.000Z',
  customerEmail: `${id}@example.com`,
  totalPrice: cents(10_000),
  orderState: 'Open',
  lineItems: [],
  ...over,
});
const transaction = (id: string, type: string, centAmount: number, state = 'Success', day = 2) => ({
  id,
  type,
  state,
  amount: cents(centAmount),
  timestamp: `2026-03-0${day}T09:00:00.000Z`,
});
const payments = (...transactions: object[]) => ({ payments: [{ typeId: 'payment', id: 'p', obj: { transactions } }] });
const knows = (found: { id: string }) => door.api.knows.set(`/orders/${found.id}?${expand}`, found);

test('it does not come over HTTP', async () => {
  const { status, body } = await door.deliver('ct', signStandard({}, { id: 'a', at: Date.now() }));
  expect(status).toBe(401);
  expect(body.detail).toContain('commercetools delivers to the queue of its subscription, not over HTTP');
});

test.skipIf(!hasSharedMaterial)(`the real message, alone and in envelopes${absent}`, async () => {
  const said = readShared('fixtures/webhooks/commercetools/OrderCreated--1.json');
  await bring(said);
  const parsed = JSON.parse(said.toString());
  await bring({ 'detail-type': 'OrderCreated', source: 'aws.partner/commercetools.com/x/y', detail: parsed });
  await bring({ specversion: '1.0', type: 'com.commercetools.order.message.OrderCreated', data: parsed });
  expect(door.queue.waiting).toEqual([]);
  expect(door.api.calls).toEqual([]);
  const line = await door.order('asha.rao@example.com');
  expect(line).toMatchObject({
    externalId: '3d64a514-1fb3-4345-b817-f683628f17e5',
    occurredAt: '2023-06-01T15:05:43.240Z',
    order: {
      snapshot: {
        updatedAt: '2023-06-01T15:06:06.118Z',
        total: { minor: 12_800, currency: 'EUR' },
        tax: 2044,
        shipping: 300,
        items: [
          {
            title: 'Slip-On Shoes “Olivia” Michael Kors black',
            sku: 'M0E20000000ELIV',
            quantity: 1,
            unitPrice: 12_500,
          },
        ],
        test: false,
      },
      placedAt: '2023-06-01T15:05:43.240Z',
      paidAt: '2023-06-01T15:06:06.118Z',
      refunds: {},
    },
  });
  expect(await door.customer('asha.rao@example.com')).toMatchObject({
    sourceIds: {},
    purchaseCount: 1,
    totalSpent: 12_800,
    profile: { firstName: { value: 'Piotr' }, lastName: { value: 'Zieliński' }, phone: { value: '+15550100' } },
  });
  expect(await door.customers()).toHaveLength(1);
});

describe('what a message does not hold is fetched', () => {
  test('with a token that is kept, and taken anew when it was revoked', async () => {
    for (const id of ['thin-1', 'thin-2']) {
      knows(order(id, { taxedPrice: { totalGross: cents(11_900), totalTax: cents(1900) } }));
      const payloadNotIncluded = { reason: 'too large', payloadType: 'OrderCreated' };
      const { type: _, ...thin } = message('', 'order', id, { payloadNotIncluded });
      await bring(thin);
    }
    expect(tokensGiven).toBe(1);
    expect(door.api.calls.find(({ path }) => path === '/oauth/token')).toMatchObject({
      method: 'POST',
      body: 'grant_type=client_credentials',
      headers: {
        authorization: `Basic ${Buffer.from('client:secret').toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
    });
    expect(await door.customer('thin-2@example.com')).toMatchObject({ totalSpent: 11_900 });

    door.api.plan = ({ headers }: ShopCall) =>
      headers.authorization === 'Bearer token-1' ? { status: 401 } : undefined;
    await bring(message('OrderStateChanged', 'order', 'thin-1', { orderState: 'Cancelled' }));
    expect(door.queue.waiting).toMatchObject([{ tries: 1 }]);
    knows(order('thin-1', { orderState: 'Cancelled', lastModifiedAt: '2026-03-02T09:00:00.000Z' }));
    await work();
    expect(door.queue.waiting).toEqual([]);
    expect(tokensGiven).toBe(2);
    expect(await door.customer('thin-1@example.com')).toMatchObject({ purchaseCount: 0 });
  });

  test('refunds are transactions of payments; goods that come back pay nothing back', async () => {
    const paidBack = payments(
      transaction('c1', 'Charge', 10_000, 'Success', 1),
      transaction('r1', 'Refund', 2500),
      transaction('r2', 'Refund', 3000, 'Failure'),
      transaction('r3', 'Refund', 4000, 'Pending'),
    );
    knows(order('back', { returnInfo: [{ items: [{ quantity: 1 }] }] }));
    await bring(message('ReturnInfoSet', 'order', 'back'));
    expect(await door.customer('back@example.com')).toMatchObject({ totalSpent: 10_000, totalRefunded: 0 });

    const where = 'where=paymentInfo(payments(id="pay-1"))';
    door.api.knows.set(`/orders?${where}&limit=1&${expand}`, { results: [order('back', { paymentInfo: paidBack })] });
    await bring(
      message('PaymentTransactionAdded', 'payment', 'pay-1', { transaction: transaction('r1', 'Refund', 2500) }),
    );
    expect(await door.customer('back@example.com')).toMatchObject({ totalSpent: 7500, totalRefunded: 2500 });
    expect((await door.order('back@example.com'))?.order).toMatchObject({ paidAt: '2026-03-01T09:00:00.000Z' });
  });

  test('an order whose payments stand elsewhere, unless nothing may be asked', async () => {
    const said = order('refs', {
      paymentInfo: { payments: [{ typeId: 'payment', id: 'p' }] },
      totalPrice: cents(5000),
    });
    knows({ ...said, paymentInfo: payments(transaction('c9', 'Charge', 5000)) } as typeof said);
    await bring(message('OrderCreated', 'order', 'refs', { order: said }));
    expect((await door.order('refs@example.com'))?.order).toMatchObject({ paidAt: '2026-03-02T09:00:00.000Z' });

    await putSource({ credentials: {} });
    await bring(
      message('OrderCreated', 'order', 'refs-2', {
        order: { ...said, id: 'refs-2', customerEmail: 'two@example.com' },
      }),
    );
    expect(await door.customer('two@example.com')).toMatchObject({ purchaseCount: 1 });
    await putSource();
  });

  test('customers; what is gone is ignored once it is certain', async () => {
    const customer = {
      id: 'cus-1',
      email: 'Carla@Example.com',
      firstName: 'Carla',
      lastModifiedAt: '2026-03-01T09:00:00.000Z',
      addresses: [{ id: 'a' }, { id: 'b', mobile: '0151 23456789' }],
    };
    await bring(message('CustomerCreated', 'customer', 'cus-1', { customer }));
    expect(await door.customer('carla@example.com')).toMatchObject({
      sourceIds: { ct: 'cus-1' },
      profile: { phone: { value: '+4915123456789' } },
    });
    await bring(message('CustomerDeleted', 'customer', 'cus-1', { createdAt: '2026-03-02T09:00:00.000Z' }));
    expect(door.queue.waiting).toEqual([]);
    expect(await door.customer('carla@example.com')).toMatchObject({ left: { ct: '2026-03-02T09:00:00.000Z' } });
  });
});

test('an order that was deleted counts no more, also where that is heard before it', async () => {
  const deletedAt = '2026-03-03T09:00:00.000Z';
  const deleted = (id: string) => message('OrderDeleted', 'order', id, { createdAt: deletedAt });
  const made = (id: string) => message('OrderCreated', 'order', id, { order: order(id) });
  await bring(made('gone-1'));
  expect(await door.customer('gone-1@example.com')).toMatchObject({ purchaseCount: 1 });
  await bring(deleted('gone-1'));
  await bring(deleted('gone-2'));
  await bring(made('gone-2'));
  expect(door.queue.waiting).toEqual([]);
  for (const id of ['gone-1', 'gone-2']) {
    expect(await door.customer(`${id}@example.com`)).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
    expect((await door.order(`${id}@example.com`))?.order).toMatchObject({ cancelledAt: deletedAt });
  }
});

test('a message of an order says how new it is, one of a payment does not', () => {
  const { commercetools } = storefronts;
  const createdAt = '2026-03-01T09:00:05.000Z';
  const asked = (typeId: string) =>
    commercetools.translate(
      message('Any', typeId, 'x1', { createdAt }),
      { headers: {} },
      aSource({ id: 'ct', platform: 'commercetools', secrets: [] }),
    );
  for (const type of ['order', 'customer'])
    expect(asked(type)).toEqual({ kind: 'fetch', resource: { type, id: 'x1', asOf: '2026-03-01T09:00:00.000Z' } });
  expect(asked('payment')).toEqual({ kind: 'fetch', resource: { type: 'payment', id: 'x1' } });
});

test('money has as many decimals as it says, discounts are added up', async () => {
  const lineItems = [
    {
      name: { 'de-DE': 'Tee', en: 'Tea' },
      quantity: 2,
      variant: { sku: 'T' },
      price: { value: cents(600, 'JPY', 0), discounted: { value: cents(500, 'JPY', 0) } },
      discountedPricePerQuantity: [
        { quantity: 2, discountedPrice: { includedDiscounts: [{ discountedAmount: cents(50, 'JPY', 0) }] } },
      ],
    },
  ];
  const discountOnTotalPrice = { discountedAmount: cents(100, 'JPY', 0) };
  const totalPrice = cents(800, 'JPY', 0);
  knows(order('yen', { totalPrice, lineItems, discountOnTotalPrice, locale: 'de' }));
  await bring(message('OrderStateChanged', 'order', 'yen'));
  expect((await door.order('yen@example.com'))?.order).toMatchObject({
    snapshot: {
      total: { minor: 800, currency: 'JPY' },
      discount: 200,
      items: [{ title: 'Tee', sku: 'T', quantity: 2, unitPrice: 500 }],
    },
  });
});

test('a price finer than its currency counts as the project rounded it, whatever the digits of the finer one', async () => {
  const fine = (centAmount: number, preciseAmount: number, fractionDigits: number) => ({
    type: 'highPrecision',
    currencyCode: 'EUR',
    centAmount,
    preciseAmount,
    fractionDigits,
  });
  const line = (title: string, value: object) => ({ name: { en: title }, quantity: 100, price: { value } });
  const lineItems = [
    line('Tea', fine(1230, 12_300, 3)),
    line('Wire', fine(1, 12_345, 6)),
    line('Dust', fine(0, 1, 20)),
  ];
  knows(order('fine', { totalPrice: fine(1230, 12_300, 3), lineItems }));
  await bring(message('OrderStateChanged', 'order', 'fine'));
  expect((await door.order('fine@example.com'))?.order).toMatchObject({
    snapshot: {
      total: { minor: 1230, currency: 'EUR' },
      items: [
        { title: 'Tea', unitPrice: 1230 },
        { title: 'Wire', unitPrice: 1 },
        { title: 'Dust', unitPrice: 0 },
      ],
    },
  });
});

test('other resources are ignored, other projects and the unreadable set aside, a source that is not there waited for', async () => {
  await bring(message('ResourceCreated', 'subscription', 's'));
  await bring({ ...message('OrderCreated', 'order', 'x'), projectKey: 'another' });
  door.queue.put('no JSON');
  await work();
  expect(door.queue.waiting).toEqual([]);
  expect((await door.customers()).some(({ profile }) => profile.email?.value === 'x@example.com')).toBe(false);
});

const platform: FetchedPlatform = {
  sourceId: 'ct',
  worker: async (event) => (await import('../../functions/webhooks/subscription.ts')).handler(event),
  show(model) {
    const found = shown(model);
    knows(found);
    const where = `where=paymentInfo(payments(id="pay-${model.id}"))`;
    door.api.knows.set(`/orders?${where}&limit=1&${expand}`, { results: [found] });
  },
  announce(model, changes) {
    const { id } = model;
    const whole = { order: { ...shown(model), paymentInfo: undefined } };
    if (changes === 0) door.queue.put(JSON.stringify(message('OrderCreated', 'order', `order-${id}`, whole)));
    else if (changes % 2) door.queue.put(JSON.stringify(message('OrderStateChanged', 'order', `order-${id}`)));
    else door.queue.put(JSON.stringify(message('PaymentTransactionAdded', 'payment', `pay-${id}`)));
  },
};

function shown({
  id,
  person,
  guest,
  cents: total,
  placedAt,
  updatedAt,
  cancelled,
  refunds,
}: Parameters<FetchedPlatform['show']>[0]) {
  const back = refunds.map((one) => ({
    id: `r${one.id}`,
    type: 'Refund',
    state: 'Success',
    amount: cents(one.cents),
    timestamp: one.at,
  }));
  return order(`order-${id}`, {
    createdAt: placedAt,
    lastModifiedAt: updatedAt,
    customerEmail: `Person${person}@Example.com`,
    ...(guest ? { anonymousId: 'anonymous' } : { customerId: `cus-${person}` }),
    totalPrice: cents(total),
    orderState: cancelled ? 'Cancelled' : 'Open',
    paymentInfo: payments(...back),
  });
}

test('whatever comes when, facts are those of the history', async () => {
  await expectSameWhatever(door, platform);
}, 60_000);
