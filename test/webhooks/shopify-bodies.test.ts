import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

const body = (name: string) => readShared(`fixtures/webhooks/shopify/${name}.json`);
const send = (topic: string, name: string, sourceId = 'shop') => door.deliver(sourceId, signShopify(topic, body(name)));
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
    expect(await withId('207119551')).toMatchObject({
      consents: { 'email:marketing': { state: 'refused' }, 'sms:marketing': { state: 'granted' } },
    });
  });
});
