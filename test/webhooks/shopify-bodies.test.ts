import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import { shopify } from '../../shared/storefronts/shopify.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { aSource } from './shop.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

const body = (name: string) => readShared(`fixtures/webhooks/shopify/${name}.json`);
const send = (topic: string, name: string, sourceId = 'shop') => door.deliver(sourceId, signShopify(topic, body(name)));
const source = aSource({ id: 'shop', platform: 'shopify', secrets: [], country: 'US' });
const translated = (topic: string, name: string) =>
  shopify.translate(JSON.parse(body(name).toString()), { headers: { 'x-shopify-topic': topic } }, source);
const withId = async (id: string): Promise<CustomerItem | undefined> =>
  (await door.customers()).find(({ sourceIds }) => sourceIds.shop === id);

describe.skipIf(!hasSharedMaterial)(`real bodies of Shopify${absent}`, () => {
  test('an order with nobody behind it is kept and makes no customer', async () => {
    expect((await send('orders/create', 'orders-create--1')).body.status).toBe('recorded');
    expect(await door.customers()).toEqual([]);
    expect((await send('orders/create', 'orders-create--1')).body.status).toBe('duplicate');
  });

  test('a new customer comes with profile and phone', async () => {
    expect((await send('customers/create', 'customers-create--1')).body.status).toBe('recorded');
    expect(await withId('1073339462')).toMatchObject({
      profile: {
        email: { value: 'steve.lastnameson@example.com' },
        phone: { value: '+15142546011' },
        firstName: { value: 'Steve' },
        lastName: { value: 'Lastnameson' },
      },
      consents: {},
      purchaseCount: 0,
    });
  });

  test('the address of the order leads to its customer, too', async () => {
    expect((await send('orders/create', 'orders-create--2')).body.status).toBe('recorded');
    const customer = await withId('1073339474');
    expect(customer).toMatchObject({
      profile: { email: { value: 'paul.norman@example.com' }, firstName: { value: 'John' } },
    });
    const guest = {
      id: 5,
      created_at: '2025-05-01T00:00:00Z',
      currency: 'USD',
      total_price: '1.00',
      email: 'jane@example.com',
    };
    await door.deliver('shop', signShopify('orders/create', guest));
    expect((await door.lines(customer?.customerId ?? '')).length).toBe(2);
  });

  test('dollars wait in a shop whose base currency is the euro: kept, not counted', async () => {
    expect(await withId('1073339474')).toMatchObject({
      purchaseCount: 0,
      totalSpent: 0,
      waiting: { USD: { purchaseCount: 2, totalSpent: 20_000 } },
    });
  });

  test('an order that was seen in euros is one in the dollars of its shop', async () => {
    const at = '2025-04-02T16:31:05.000Z';
    const order = {
      snapshot: {
        updatedAt: at,
        total: { minor: 19_900n, currency: 'USD' },
        presentment: { minor: 18_308n, currency: 'EUR' },
        tax: 0n,
        shipping: 0n,
        discount: 0n,
        items: [{ title: 'IPod Touch 8GB', quantity: 1, unitPrice: 19_900n, sku: 'IPOD2009BLACK' }],
        test: false,
      },
      placedAt: at,
      paidAt: at,
      refunds: {},
      consents: {},
    };
    const who = { externalId: '1073339470', email: 'foo@example.com' };
    expect(translated('orders/create', 'orders-create--3')).toEqual({
      kind: 'fact',
      fact: { kind: 'order', externalId: '1073459972', who, at, order },
    });
    expect((await send('orders/create', 'orders-create--3')).body.status).toBe('recorded');
    expect(await withId('1073339470')).toMatchObject({
      purchaseCount: 0,
      waiting: { USD: { purchaseCount: 1, totalSpent: 19_900 } },
    });
    // Half of it is paid back, in the currency that the customer saw.
    const back = { kind: 'refund', status: 'success', amount: '91.54', currency: 'EUR' };
    const refund = { id: 7, order_id: 1_073_459_972, created_at: '2025-04-03T10:00:00Z', transactions: [back] };
    await door.deliver('shop', signShopify('refunds/create', refund));
    expect(await withId('1073339470')).toMatchObject({
      waiting: { USD: { purchaseCount: 1, totalSpent: 9_950, totalRefunded: 9_950 } },
    });
  });

  test('an updated order, its refunds and its cancellation, in the wrong order', async () => {
    await send('refunds/create', 'refunds-create--2');
    await send('orders/updated', 'orders-updated--1');
    await send('refunds/create', 'refunds-create--1');
    const customer = await withId('207119551');
    const lines = await door.lines(customer?.customerId ?? '');
    expect(lines.map(({ type, externalId, occurredAt, amount }) => ({ type, externalId, occurredAt, amount }))).toEqual(
      [
        { type: 'order', externalId: '450789469', occurredAt: '2008-01-10T16:00:00.000Z', amount: undefined },
        {
          type: 'refund',
          externalId: '509562969',
          occurredAt: '2025-04-02T16:29:59.000Z',
          amount: { minor: 20900, currency: 'USD' },
        },
        {
          type: 'refund',
          externalId: '929361472',
          occurredAt: '2025-04-02T16:38:34.000Z',
          amount: { minor: 4194, currency: 'USD' },
        },
      ],
    );
    await send('orders/cancelled', 'orders-cancelled--1');
    expect((await door.lines(customer?.customerId ?? '')).map(({ type }) => type)).toContain('cancellation');
  });

  test('consent: what the shop says later counts, and "not subscribed" says nothing', async () => {
    await send('customers/update', 'customers-update--1');
    expect(await withId('207119551')).toMatchObject({ consents: {}, profile: { phone: { value: '+16136120707' } } });
  });

  test('consents come by topics of their own, in the words of each', async () => {
    expect(
      (await send('customers_email_marketing_consent/update', 'customers_email_marketing_consent-update--1')).body
        .status,
    ).toBe('recorded');
    expect(
      (await send('customers_marketing_consent/update', 'customers_marketing_consent-update--1')).body.status,
    ).toBe('recorded');
    const at = '2026-03-02T16:15:30.000Z';
    const granted = { purpose: 'marketing', state: 'granted', occurredAt: at, sourceId: 'shop' };
    expect(await withId('207119551')).toMatchObject({
      profile: { email: { value: 'bob.norman@mail.example.com', at }, phone: { value: '+16136120707', at } },
      consents: {
        'email:marketing': { channel: 'email', ...granted },
        'sms:marketing': { channel: 'sms', ...granted },
      },
    });
    const later = {
      customer_id: 207119551,
      email_marketing_consent: { state: 'unsubscribed', consent_updated_at: '2026-03-03T10:00:00Z' },
    };
    await door.deliver('shop', signShopify('customers_email_marketing_consent/update', later));
    const consents = { 'email:marketing': { state: 'refused' }, 'sms:marketing': { state: 'granted' } };
    expect(await withId('207119551')).toMatchObject({ consents });

    // Since 2025-01 the customer's own topic is silent about them.
    expect(translated('customers/update', 'customers-update--2')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'customer',
        at: '2025-04-02T16:26:48.000Z',
        test: false,
        person: {
          externalId: '207119551',
          email: 'bob.norman@mail.example.com',
          phone: '+16136120707',
          firstName: 'Bob',
          lastName: 'Norman',
        },
        emailVerified: true,
        consents: [],
      },
    });
    expect((await send('customers/update', 'customers-update--2')).status).toBe(202);
    expect(await withId('207119551')).toMatchObject({ consents, profile: { firstName: { value: 'Bob' } } });
  });

  test('the three topics that the law asks for name a person, the orders to be redacted, or nobody at all', () => {
    const john = { externalId: '191167', email: 'john@example.com', phone: '+15556251199' };
    expect(translated('customers/data_request', 'customers-data_request--1')).toEqual({
      kind: 'privacy',
      word: { type: 'export', person: john },
    });
    expect(translated('customers/redact', 'customers-redact--1')).toEqual({
      kind: 'privacy',
      word: { type: 'erasure', person: john, orders: ['299938', '280263', '220458'] },
    });
    expect(translated('shop/redact', 'shop-redact--1')).toEqual({ kind: 'privacy', word: { type: 'source_erasure' } });
  });
});
