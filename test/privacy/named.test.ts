import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namedIn } from '../../shared/engine/names-person.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signStandard, standardSecret } from '../signed.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop();
  const body = { platform: 'standard', secrets: [standardSecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body });
  await shop.setClock(today);
});
afterAll(() => shop.stop());

const today = '2026-04-10T12:00:00.000Z';
const placedAt = '2026-01-10T12:00:00.000Z';

async function tell(type: string, data: object): Promise<string> {
  const { handler } = await import('../../functions/webhooks/receive.ts');
  const signed = signStandard({ type, timestamp: today, data }, { id: randomUUID(), at: Date.parse(today) });
  const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'till' }, ...signed });
  const { body = '' } = await handler(event, lambdaContext());
  return (JSON.parse(body) as { deliveryId: string }).deliveryId;
}

async function isWithheld(deliveryId: string): Promise<boolean> {
  const call = { params: { deliveryId }, query: { body: 'true' } };
  const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', call);
  return Boolean(body.withheld);
}

test('of what nobody understood, only what names the erased person goes, however short its id is', async () => {
  const total = { amount: '5.00', currency: 'EUR' };
  await tell('order.created', { id: 'o1', placedAt, total, customer: { id: '5', email: 'five@mail.example' } });
  // None of these has a total that can be read.
  const others = [
    { id: '5', placedAt, customer: { id: '77', email: 'other@mail.example' } },
    { id: 'o3', placedAt, items: [{ title: 'Tea', quantity: 5, productId: 5 }], customer: { id: '78', group: 5 } },
    { id: 'o4', placedAt, customer: { id: '79', ordersCount: 5, address: { id: 5 } }, note: '5' },
    { id: 'o9', placedAt, note: 'from mary/five@mail.example' },
  ];
  const own = [
    { id: 'o5', placedAt, customer: { id: '5' } },
    { id: 'o6', placedAt, customer: { id: 5 } },
    { id: 'o7', placedAt, buyerId: '5' },
    { id: 'o8', placedAt, note: 'from <FIVE@mail.example>' },
    { id: 'o10', placedAt, note: '请联系five＠mail.example谢谢' },
  ];
  const kept = await Promise.all(others.map((data) => tell('order.created', data)));
  const goes = await Promise.all(own.map((data) => tell('order.created', data)));
  goes.push(await tell('customer.updated', { id: '5', firstName: 5, consents: 'x' }));
  await shop.keep();
  await shop.erase((await shop.find({ email: 'five@mail.example' }))?.id as string);
  await shop.workAll();
  expect(await Promise.all(kept.map(isWithheld))).toEqual(others.map(() => false));
  expect(await Promise.all(goes.map(isWithheld))).toEqual(goes.map(() => true));
});

const names = (
  body: unknown,
  id: string,
  headers = {},
  phoneOf: (text: string) => string | undefined = () => undefined,
) => {
  const mint = (_: string, ...parts: string[]) => parts.join(' ');
  const { byId, addresses } = namedIn(body, headers, { ids: new Set([id]), sourceId: 's', mint, phoneOf });
  return byId || addresses.length > 0;
};
const ofCustomer = (body: unknown, id: string, headers = {}) => names(body, `s ${id}`, headers);

describe('an id of a customer', () => {
  test.each([
    ['a field of its name', { customer_id: 5 }],
    ['in other letters', { order: { customerId: '5' } }],
    ['a customer', { order: { customer: { id: 5 } } }],
    ['a customer of a list', { customers: [{ id: 4 }, { id: 5 }] }],
    ['a payer', { payer: { payer_id: '5' } }],
    ['a name alone', { data: { object: { customer: '5' } } }],
    ['what is told to be one', { resource: { typeId: 'customer', id: '5' } }],
    ['written by an entity', { data: { payload: [{ entity: 'customer', primaryKey: '5' }] } }],
    ['a link', { _links: { up: [{ href: 'https://shop.example/wp-json/wc/v3/customers/5' }] } }],
    ['a global id', { admin_graphql_api_customer_kept_id: 'gid://shopify/Customer/5' }],
    ['a pair', { meta_data: [{ id: 9, key: '_customer_user', value: '5' }] }],
    ['the subject of a message', { type: 'customer.updated', data: { id: 5 } }],
    [
      'the subject of an event',
      { type: 'com.adobe.commerce.observer.customer_save_commit_after', data: { value: { entity_id: '5' } } },
    ],
  ])('is %s', (_, body) => expect(ofCustomer(body, '5')).toBe(true));

  test('is what the headers say that the body is about', () => {
    const body = { id: 5, default_address: { id: 6 } };
    expect(ofCustomer(body, '5', { 'x-wc-webhook-topic': 'customer.updated' })).toBe(true);
    expect(ofCustomer(body, '6', { 'x-wc-webhook-topic': 'customer.updated' })).toBe(false);
    expect(ofCustomer(body, '5', { 'x-wc-webhook-topic': 'order.updated' })).toBe(false);
  });

  test.each([
    ['a product', { line_items: [{ product_id: 5, variation_id: '5', id: 5 }] }],
    ['a number of pieces', { line_items: [{ quantity: 5 }] }],
    ['a count', { customer: { orders_count: 5 } }],
    ['an address', { customer: { default_address: { id: 5 }, addresses: [{ id: 5 }] } }],
    ['a group', { customer_group_id: 5, customer: { groups: [{ id: 5 }] } }],
    [
      'one of the staff',
      { order: { user_id: 5, user: { id: 5 } }, refund: { user_id: '5' }, by: { type: 'user', id: 5 } },
    ],
    ['an app', { client_id: 5, client: { id: '5' } }],
    ['how many there are', { segment: { customers: 5 } }],
    ['a flag', { customer_is_guest: 5, customer_note_notify: 5 }],
    ['an order', { type: 'order.created', data: { id: 5 } }],
    ['a text of its own', { note: '5', tags: ['5'] }],
  ])('is not %s', (_, body) => expect(ofCustomer(body, '5')).toBe(false));

  test.skipIf(!hasSharedMaterial)(`stands where the platforms have it${absent}`, () => {
    const places: [string, string, object?][] = [
      ['woocommerce/customer.created--1', '25', { 'x-wc-webhook-topic': 'customer.created' }],
      ['shopify/customers-update--1', '207119551', { 'x-shopify-topic': 'customers/update' }],
      ['shopify/customers_email_marketing_consent-update--1', '207119551'],
      ['magento/observer.sales_order_save_commit_after--1', '3'],
      ['shopware/checkout.order.placed--1', 'e1b2c3d4a5f60718293a4b5c6d7e8f90'],
      ['medusa/_order--1', 'cus_01JTEST0000000000000000001'],
    ];
    for (const [file, id, headers] of places) {
      const body = JSON.parse(readShared(`fixtures/webhooks/${file}.json`).toString());
      expect([file, ofCustomer(body, id, headers)]).toEqual([file, true]);
    }
  });
});

describe('a phone number', () => {
  const isPhone = (body: unknown) => names(body, 'phone +15556251199', {}, (text) => `+1${text.replace(/\D/g, '')}`);
  test.each([
    { phone: '555-625-1199' },
    { customer: { mobile: 5_556_251_199 } },
    { contact: '+1 555 625 1199' },
    { contact: '(555) 625-1199' },
  ])('is one in %j', (body) => expect(isPhone(body)).toBe(true));
  test.each([{ product_id: 5_556_251_199 }, { sku: '5556251199' }, { total: '55562511.99' }])('is none in %j', (body) =>
    expect(isPhone(body)).toBe(false),
  );
});
