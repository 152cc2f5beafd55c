import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { anyHistory, emailOf, euros, openPlatform, type PlatformDoor, type Sale, timeOf } from './platform-door.ts';

const secret = 'a-secret-of-shop-and-app';

function signShopware(content: unknown, by = secret): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { body, headers: { 'shopware-shop-signature': createHmac('sha256', by).update(body).digest('hex') } };
}

let door: PlatformDoor;
beforeAll(async () => {
  door = await openPlatform('shopware', { secrets: [secret] });
});
afterAll(() => door.stop());

function message(event: string, payload: unknown, minute: number) {
  return { data: { event, payload }, source: { eventId: 'e' }, timestamp: Date.parse(timeOf(minute)) / 1000 };
}

test('one changed bit, another secret or no signature is refused; an old secret passes while it is active', async () => {
  const unused = message('product.written', [], 0);
  const signed = signShopware(unused);
  expect(await door.send(signed)).toMatchObject({ status: 202, body: { status: 'ignored' } });
  for (let bit = 0; bit < signed.body.length * 8; bit += 9) {
    const body = Buffer.from(signed.body);
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect((await door.send({ ...signed, body })).status).toBe(401);
  }
  expect((await door.send({ ...signed, headers: {} })).status).toBe(401);
  expect((await door.send(signShopware(unused, 'another-secret'))).status).toBe(401);
  await door.configure({ secrets: ['another-secret', secret] });
  expect((await door.send(signShopware(unused, 'another-secret'))).status).toBe(202);
  expect((await door.send(signed)).status).toBe(202);
  await door.configure({});
});

const translate = (content: unknown) => storefronts.shopware.translate(content, { headers: {} }, door.source);

describe.skipIf(!hasSharedMaterial)(`published material of Shopware${absent}`, () => {
  test('the signature that its authors published', () => {
    const vectors: { scheme: string; secret: string; headers: Record<string, string>; body: string }[] = JSON.parse(
      readShared('fixtures/webhooks/_vectors.json').toString(),
    );
    const ours = vectors.filter(({ scheme }) => scheme === 'shopware');
    expect(ours.length).toBe(1);
    const check = { now: timeOf(0), fetchKey: () => Promise.reject(new Error('no key is fetched')) };
    for (const { secret: by, headers, body } of ours)
      expect(storefronts.shopware.verify({ headers, body: Buffer.from(body) }, { secrets: [by] }, check)).toEqual({
        authentic: true,
      });
  });

  test('an order that was placed', async () => {
    const body = readShared('fixtures/webhooks/shopware/checkout.order.placed--1.json');
    expect(translate(JSON.parse(body.toString()))).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: '0f5c9d7f1b2c4a3e8d9e0f1a2b3c4d5e',
        who: {
          externalId: 'e1b2c3d4a5f60718293a4b5c6d7e8f90',
          email: 'jane.roe@example.com',
          firstName: 'Jane',
          lastName: 'Roe',
        },
        at: '2026-08-21T10:15:30.500Z',
        order: {
          snapshot: {
            updatedAt: '2026-08-21T10:15:30.500Z',
            total: { minor: 11_000n, currency: 'EUR' },
            tax: 1756n,
            shipping: 500n,
            items: [{ title: 'T-Shirt', quantity: 2, unitPrice: 5250n, sku: 'SW10001' }],
            test: false,
          },
          placedAt: '2026-08-21T10:15:30.123Z',
          refunds: {},
          consents: {},
        },
      },
    });
    expect((await door.send(signShopware(body))).body.status).toBe('recorded');
    expect((await door.send(signShopware(body))).body.status).toBe('duplicate');
    expect(await door.customer('jane.roe@example.com')).toMatchObject({
      facts: { purchaseCount: 1, totalSpent: 11_000n },
    });
  });
});

function order(
  sale: Pick<Sale, 'n' | 'person' | 'guest' | 'cents' | 'minute'>,
  updatedAfter: number,
  state: object = {},
) {
  return {
    id: `0f5c${sale.n}`,
    orderDateTime: timeOf(sale.minute),
    createdAt: timeOf(sale.minute),
    updatedAt: updatedAfter === 0 ? null : timeOf(sale.minute + updatedAfter),
    amountTotal: Number(euros(sale.cents)),
    currency: { isoCode: 'EUR' },
    orderCustomer: {
      customerId: sale.guest ? `guest${sale.n}` : `customer${sale.person}`,
      email: emailOf(sale.person),
      customer: { guest: sale.guest },
    },
    transactions: null,
    ...state,
  };
}

const sale: Sale = { n: 1, person: 0, guest: true, cents: 1000, minute: 0, paid: true, cancelled: false, refunds: [] };
const entered = (state: string, content: object) =>
  message(`state_enter.order_transaction.state.${state}`, { order: content }, 7);

test('refunds: in full by the state alone, in part by their own list, and else set aside for a person', () => {
  expect(translate(entered('refunded', order(sale, 5)))).toMatchObject({
    fact: { order: { paidAt: timeOf(7), refundedInAll: { amount: { minor: 1000n }, refundedAt: timeOf(7) } } },
  });
  const transactions = [
    { stateMachineState: { technicalName: 'failed' }, amount: { totalPrice: 10 } },
    { stateMachineState: { technicalName: 'chargeback' }, amount: { totalPrice: 4.2 } },
  ];
  expect(translate(entered('chargeback', order(sale, 5, { transactions })))).toMatchObject({
    fact: { order: { refundedInAll: { amount: { minor: 420n } } } },
  });
  expect(() => translate(entered('refunded_partially', order(sale, 5)))).toThrow('how much was paid back');
  const refund = (id: string, technicalName: string) => ({
    id,
    amount: { totalPrice: 2.5 },
    stateMachineState: { technicalName },
    createdAt: timeOf(6),
  });
  const captures = [{ refunds: [refund('r1', 'completed'), refund('r2', 'open')] }];
  expect(translate(entered('refunded_partially', order(sale, 5, { transactions: [{ captures }] })))).toMatchObject({
    fact: { order: { refunds: { r1: { amount: { minor: 250n, currency: 'EUR' }, refundedAt: timeOf(6) } } } },
  });
});

test('a payment that failed or waits is no payment; discounts are lines with negative prices', () => {
  for (const state of ['open', 'failed', 'authorized', 'reminded', 'cancelled', 'paid_partially'])
    expect(translate(entered(state, order(sale, 5)))).not.toHaveProperty('fact.order.paidAt');
  const lineItems = [
    { label: 'Mug', quantity: 1, unitPrice: 12, totalPrice: 12, payload: [] },
    { label: 'Summer', quantity: 1, unitPrice: -2, totalPrice: -2, payload: { discountId: 'd' } },
  ];
  expect(translate(message('checkout.order.placed', { order: order(sale, 0, { lineItems }) }, 0))).toMatchObject({
    fact: { order: { snapshot: { discount: 200n, items: [{ title: 'Mug', quantity: 1, unitPrice: 1200n }] } } },
  });
});

describe('an order whose payment came to nothing', () => {
  const transaction = (technicalName: string, minute: number) => ({
    stateMachineState: { technicalName },
    amount: { totalPrice: 10 },
    createdAt: timeOf(0),
    updatedAt: minute === 0 ? null : timeOf(minute),
  });
  const own = { ...sale, n: 77, person: 1 };
  const told = (event: string, minute: number, transactions: object[] | null) =>
    signShopware(message(event, { order: order(own, 0, { transactions }) }, minute));
  const into = (state: string, minute: number, ...others: object[]) =>
    told(`state_enter.order_transaction.state.${state}`, minute, [...others, transaction(state, minute)]);
  const bought = async () => (await door.customer(emailOf(1)))?.facts.purchaseCount;

  beforeEach(() => door.clear());

  test.each(['failed', 'cancelled'])('%s is no purchase, until it is paid', async (state) => {
    await door.send(told('checkout.order.placed', 0, null));
    expect(await bought()).toBe(1);
    await door.send(into(state, 2));
    expect(await bought()).toBe(0);
    await door.send(into('paid', 5));
    expect(await bought()).toBe(1);
  });

  test.each([
    ['no transactions', null],
    ['transactions without their states', [{ amount: { totalPrice: 10 }, createdAt: timeOf(0) }]],
    ['transactions without the time of their change', [transaction('failed', 0)]],
  ])('is no purchase where the order lists %s, in whatever order that is told', async (_, transactions) => {
    const failed = told('state_enter.order_transaction.state.failed', 2, transactions);
    const steps = [told('checkout.order.placed', 0, null), failed];
    for (const order of [steps, [...steps].reverse()]) {
      await door.clear();
      for (const step of order) await door.send(step);
      expect(await bought()).toBe(0);
    }
    await door.send(told('state_enter.order_transaction.state.paid', 5, transactions));
    expect(await bought()).toBe(1);
  });

  test.each(['cancelled', 'failed'])('is no purchase where another payment bears no date and is %s', async (state) => {
    const steps = [
      told('checkout.order.placed', 0, null),
      into('failed', 2),
      into('open', 4, transaction('failed', 2)),
      told(`state_enter.order_transaction.state.${state}`, 6, [transaction('failed', 2), transaction(state, 0)]),
    ];
    for (const order of [steps, [...steps].reverse()]) {
      await door.clear();
      for (const step of order) await door.send(step);
      expect(await bought()).toBe(0);
    }
  });

  test('is no purchase where it failed in the second in which it was placed', async () => {
    const orderDateTime = timeOf(2).replace('.000', '.700');
    const placed = order(own, 0, { transactions: null, orderDateTime, createdAt: orderDateTime });
    await door.send(signShopware(message('checkout.order.placed', { order: placed }, 2)));
    await door.send(signShopware(message('state_enter.order_transaction.state.failed', { order: placed }, 2)));
    expect(await bought()).toBe(0);
  });

  test('a message that is sent again later is as old as the transaction that it shows', async () => {
    const told = (state: string, changed: number, sent: number) => {
      const transactions = [{ amount: { totalPrice: 10 }, createdAt: timeOf(0), updatedAt: timeOf(changed) }];
      const event = `state_enter.order_transaction.state.${state}`;
      return signShopware(message(event, { order: order(own, 0, { transactions }) }, sent));
    };
    for (const step of [told('failed', 2, 2), told('open', 4, 4), told('failed', 2, 9)]) await door.send(step);
    expect(await bought()).toBe(1);
  });

  test('a message of a payment that is still open is as old as that payment, however late it is sent', async () => {
    for (const step of [
      into('failed', 2),
      told('state_enter.order_transaction.state.open', 9, [transaction('open', 0)]),
    ])
      await door.send(step);
    expect(await bought()).toBe(0);
  });

  test('counts again once its payment is open anew, in whatever order that is told', async () => {
    const steps = [told('checkout.order.placed', 0, null), into('failed', 2), into('open', 4), into('in_progress', 6)];
    for (const order of [steps, [...steps].reverse()]) {
      await door.clear();
      for (const step of order) await door.send(step);
      expect(await bought()).toBe(1);
    }
    await door.send(into('failed', 8));
    expect(await bought()).toBe(0);
  });

  test('counts where another payment is still open, as by invoice', async () => {
    await door.send(told('checkout.order.placed', 0, null));
    await door.send(into('cancelled', 2, transaction('open', 0)));
    expect(await bought()).toBe(1);
  });
});

test('newsletter: to register is only to ask; to confirm is a yes, to unsubscribe a no, each with its date', async () => {
  const recipient = (fields: object) => ({
    newsletterRecipient: { email: 'Ada@Example.com', firstName: 'Ada', ...fields },
  });
  const send = async (event: string, fields: object, minute: number) =>
    (await door.send(signShopware(message(event, recipient(fields), minute)))).body.status;
  const state = async () => (await door.customer('ada@example.com'))?.consents['email:marketing'];
  expect(await send('newsletter.register', { status: 'notSet' }, 1)).toBe('ignored');
  expect(await state()).toBeUndefined();
  expect(await send('newsletter.unsubscribe', { updatedAt: timeOf(9) }, 10)).toBe('recorded');
  expect(await send('newsletter.confirm', { confirmedAt: timeOf(2) }, 11)).toBe('recorded');
  expect(await state()).toMatchObject({ state: 'refused', occurredAt: timeOf(9) });
  expect(await send('newsletter.confirm', { confirmedAt: timeOf(12) }, 13)).toBe('recorded');
  expect(await state()).toMatchObject({ state: 'granted', occurredAt: timeOf(12) });
});

test('any history, in any order: paid before placed, guests with a new id each time', async () => {
  await anyHistory(door, (one) => {
    const listed = (count: number) => ({
      transactions: [
        {
          stateMachineState: { technicalName: 'refunded_partially' },
          captures: [
            {
              refunds: one.refunds.slice(0, count).map((cents, part) => ({
                id: `${one.n}-${part}`,
                amount: { totalPrice: Number(euros(cents)) },
                stateMachineState: { technicalName: 'completed' },
                createdAt: timeOf(one.minute + 10 + part),
              })),
            },
          ],
        },
      ],
    });
    const at = (event: string, after: number, state = {}) =>
      message(event, { order: order(one, after, state) }, one.minute + after);
    return [
      at('checkout.order.placed', 0),
      ...(one.paid ? [at('state_enter.order_transaction.state.paid', 1)] : []),
      ...one.refunds.map((_, part) =>
        at('state_enter.order_transaction.state.refunded_partially', 10 + part, listed(part + 1)),
      ),
      ...(one.cancelled ? [at('state_enter.order.state.cancelled', 20)] : []),
    ].map((content) => signShopware(content));
  });
}, 60_000);
