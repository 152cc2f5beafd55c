import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Problem } from '../../shared/engine/problem.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { anyHistory, emailOf, euros, openPlatform, type PlatformDoor, type Sale, timeOf } from './platform-door.ts';

const clientId = 'example-client-id';
const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const [one, two, forger] = [pair(), pair(), pair()] as const;
const pem = (key: KeyObject) => String(key.export({ type: 'spki', format: 'pem' }));
const paths = ['/prod/keys/pub-key-1f0e.pem', '/prod/keys/pub-key-2f0e.pem'] as const;

function signAdobe(content: unknown, by: [KeyObject?, KeyObject?] = [one.privateKey, two.privateKey]): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const headers: Record<string, string> = {};
  by.forEach((key, index) => {
    if (!key) return;
    headers[`x-adobe-digital-signature-${index + 1}`] = sign('sha256', body, key).toString('base64');
    headers[`x-adobe-public-key${index + 1}-path`] = paths[index] ?? '';
  });
  return { body, headers };
}

let door: PlatformDoor;
let published: Record<string, string>;
const everything = {
  [`https://static.adobeioevents.com${paths[0]}`]: pem(one.publicKey),
  [`https://static.adobeioevents.com${paths[1]}`]: pem(two.publicKey),
};

beforeAll(async () => {
  door = await openPlatform('adobe-commerce', { webhookId: clientId, country: 'US' });
  published = everything;
  const { shops } = await import('../../functions/webhooks/door.ts');
  vi.spyOn(shops, 'fetchKey').mockImplementation(async ({ href }) => {
    const key = published[href];
    if (key === undefined) throw new Problem(503, 'keys_unavailable', 'Not now.');
    return key;
  });
});
afterEach(() => {
  published = everything;
});
afterAll(() => door.stop());

const event = (name: string, value: unknown, minute = 0, recipient = clientId) => ({
  specversion: '1.0',
  type: `com.adobe.commerce.${name}`,
  time: timeOf(minute),
  event_id: 'e',
  recipient_client_id: recipient,
  data: { value },
});

const unused = event('observer.catalog_product_save_commit_after', {});

test('either of two signatures will do; one changed bit, a forger or no signature is refused', async () => {
  const signed = signAdobe(unused);
  expect(await door.send(signed)).toMatchObject({ status: 202, body: { status: 'ignored' } });
  expect((await door.send(signAdobe(unused, [one.privateKey]))).status).toBe(202);
  expect((await door.send(signAdobe(unused, [forger.privateKey, two.privateKey]))).status).toBe(202);
  expect((await door.send(signAdobe(unused, [forger.privateKey, forger.privateKey]))).status).toBe(401);
  expect((await door.send(signAdobe(unused, []))).status).toBe(401);
  for (let bit = 0; bit < signed.body.length * 8; bit += 17) {
    const body = Buffer.from(signed.body);
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect((await door.send({ ...signed, body })).status).toBe(401);
  }
});

test.each([
  '//example.org/key.pem',
  '/prod/../key.pem',
  '/prod/keys/../../x.pem',
  '/@example.org/keys/a.pem',
  'https://example.org/a.pem',
])('a key at %s is refused', async (path) => {
  const signed = signAdobe(unused, [forger.privateKey]);
  expect(
    (await door.send({ ...signed, headers: { ...signed.headers, 'x-adobe-public-key1-path': path } })).status,
  ).toBe(401);
});

test('a key that cannot be had, or is none: 503 unless the other one proves it', async () => {
  published = { [`https://static.adobeioevents.com${paths[1]}`]: pem(two.publicKey) };
  expect((await door.send(signAdobe(unused))).status).toBe(202);
  expect((await door.send(signAdobe(unused, [one.privateKey, forger.privateKey]))).status).toBe(503);
  published = { ...everything, [`https://static.adobeioevents.com${paths[0]}`]: 'no key' };
  expect(await door.send(signAdobe(unused, [one.privateKey]))).toMatchObject({
    status: 503,
    body: { code: 'keys_unavailable' },
  });
});

test("an event that Adobe signed for somebody else's project is refused: nothing is kept, and the log says so", async () => {
  const kept = async () =>
    (await door.client.send(new ScanCommand({ TableName: door.embedded.tables.deliveries, Limit: 1000 }))).Items;
  const before = await kept();
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const saved = event('observer.sales_order_save_commit_after', order(sale, 0));
  const strangers = [
    { ...saved, recipient_client_id: 'another-client' },
    { ...saved, recipient_client_id: null },
    [saved],
  ];
  for (const content of strangers)
    expect(await door.send(signAdobe(content))).toMatchObject({ status: 401, body: { code: 'signature_refused' } });
  const message = 'what it signs is meant for another recipient than this source';
  const line = { level: 'warn', message, sourceId: 'shop' };
  expect(warn.mock.calls.map(([text]) => JSON.parse(String(text)))).toEqual(strangers.map(() => line));
  warn.mockRestore();
  expect(await door.customers()).toEqual([]);
  expect(await kept()).toEqual(before);
});

test('a source without its client id takes nothing, and never says 401', async () => {
  await door.configure({ webhookId: '' });
  expect(await door.send(signAdobe(unused))).toMatchObject({ status: 503, body: { code: 'source_incomplete' } });
  await door.configure({});
});

test('the challenge comes back to Adobe, and nothing else', async () => {
  expect(await door.get({ challenge: '8ec8d794-e0ab-42df-9017-e3dada8e84f7' })).toEqual({
    status: 200,
    body: { challenge: '8ec8d794-e0ab-42df-9017-e3dada8e84f7' },
  });
  expect((await door.get({ challenge: '<script>' })).status).toBe(404);
  expect((await door.get({})).status).toBe(404);
  await door.configure({ platform: 'shopify' });
  expect((await door.get({ challenge: 'abcdefgh' })).status).toBe(404);
  await door.configure({});
});

const translate = (content: unknown) => storefronts['adobe-commerce'].translate(content, { headers: {} }, door.source);

describe.skipIf(!hasSharedMaterial)(`real bodies of Adobe Commerce${absent}`, () => {
  test('an order that waits for a bank transfer', async () => {
    const body = readShared('fixtures/webhooks/magento/observer.sales_order_save_commit_after--1.json');
    expect(translate(JSON.parse(body.toString()))).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: '3',
        who: {
          externalId: '3',
          email: 'jdoe@example.com',
          phone: '+15125551111',
          firstName: 'Jane',
          lastName: 'Doe',
        },
        at: '2017-08-21T22:22:20.000Z',
        order: {
          snapshot: {
            updatedAt: '2017-08-21T22:22:20.000Z',
            total: { minor: 16_500n, currency: 'USD' },
            tax: 0n,
            shipping: 500n,
            discount: 0n,
            items: [{ title: 'Radiant Tee-M-Orange', quantity: 1, unitPrice: 2200n, sku: 'WS12-M-Orange' }],
            test: false,
          },
          placedAt: '2017-08-21T22:22:19.000Z',
          refunds: {},
          consents: {},
        },
      },
    });
    expect((await door.send(signAdobe(body))).body.status).toBe('recorded');
    expect((await door.send(signAdobe(body))).body.status).toBe('duplicate');
    expect(await door.customer('jdoe@example.com')).toMatchObject({ waiting: { USD: { totalSpent: 16_500n } } });
  });

  test('the resource that the event carries is that of the REST API', () => {
    const value = JSON.parse(readShared('fixtures/webhooks/magento/_order--1.json').toString());
    expect(translate(event('observer.sales_order_save_commit_after', value))).toMatchObject({
      fact: { externalId: '3', order: { snapshot: { total: { minor: 16_500n, currency: 'USD' } } } },
    });
  });
});

/** As the database writes it: amounts with four decimals, times without a zone. */
const utc = (minute: number) => timeOf(minute).slice(0, 19).replace('T', ' ');
const four = (cents: number) => `${euros(cents)}00`;

function order(sale: Sale, updatedAfter: number, state: object = {}) {
  return {
    entity_id: String(sale.n),
    created_at: utc(sale.minute),
    updated_at: utc(sale.minute + updatedAfter),
    state: 'new',
    base_currency_code: 'EUR',
    order_currency_code: 'EUR',
    base_grand_total: four(sale.cents),
    grand_total: four(sale.cents),
    customer_is_guest: sale.guest ? '1' : '0',
    customer_id: sale.guest ? null : String(10 + sale.person),
    customer_email: emailOf(sale.person),
    ...state,
  };
}

const creditMemo = (sale: Sale, part: number, state = '2') => ({
  entity_id: `${sale.n}${part}`,
  order_id: sale.n,
  state,
  base_currency_code: 'EUR',
  base_grand_total: four(sale.refunds[part] ?? 0),
  created_at: utc(sale.minute + 10 + part),
});

const sale: Sale = {
  n: 1,
  person: 0,
  guest: true,
  cents: 1000,
  minute: 0,
  paid: true,
  cancelled: false,
  refunds: [300],
};

test('the shop counts in its own currency, the customer saw another; discounts are negative; variants are no items', () => {
  const seen = {
    order_currency_code: 'JPY',
    grand_total: '1630.0000',
    base_discount_amount: '-2.5000',
    base_total_paid: '10.0000',
    items: [
      {
        item_id: 1,
        name: 'Tee',
        sku: 'T',
        qty_ordered: '2.0000',
        base_price: '5.0000',
        base_price_incl_tax: '5.9500',
        base_cost: '2.2045',
      },
      { item_id: 2, name: 'Tee M', sku: 'T-M', qty_ordered: '2.0000', base_price: '0.0000', parent_item_id: 1 },
    ],
  };
  expect(translate(event('observer.sales_order_save_commit_after', order(sale, 4, seen)))).toMatchObject({
    fact: {
      who: { email: 'person0@example.com' },
      order: {
        snapshot: {
          total: { minor: 1000n, currency: 'EUR' },
          presentment: { minor: 1630n, currency: 'JPY' },
          discount: 250n,
          items: [{ title: 'Tee', sku: 'T', quantity: 2, unitPrice: 595n, cost: 441n }],
        },
        paidAt: timeOf(4),
      },
    },
  });
});

test('either of the two events of each thing is taken, and both of them once', async () => {
  const own = { ...sale, n: 701, person: 1 };
  const things = (after: string) =>
    [
      event(`observer.sales_order_${after}`, order(own, 0)),
      event(`observer.sales_order_creditmemo_${after}`, creditMemo(own, 0)),
      event(`observer.customer_${after}`, { entity_id: 701, email: emailOf(1), updated_at: utc(1) }),
      event(`observer.newsletter_subscriber_${after}`, {
        subscriber_email: emailOf(1),
        subscriber_status: 3,
        change_status_at: utc(2),
      }),
    ].map((content) => signAdobe(content));
  const told = async (after: string) => {
    const answers = [];
    for (const signed of things(after)) answers.push((await door.send(signed)).body.status);
    return answers;
  };
  await door.clear();
  expect(await told('save_after')).toEqual(['recorded', 'recorded', 'recorded', 'recorded']);
  expect(await told('save_commit_after')).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate']);
  expect(await door.customer(emailOf(1))).toMatchObject({
    facts: { purchaseCount: 1, totalSpent: 700n, totalRefunded: 300n },
    consents: { 'email:marketing': { state: 'refused' } },
  });
  expect((await door.send(signAdobe(event('observer.sales_order_save_before', order(own, 0))))).body.status).toBe(
    'ignored',
  );
});

test('what waits for its payment is no purchase yet; an order by bank transfer is one', async () => {
  const send = async (n: number, after: number, state: object) => {
    const own = { ...sale, n, person: 1 };
    await door.send(signAdobe(event('observer.sales_order_save_commit_after', order(own, after, state))));
    return (await door.customer(emailOf(1)))?.facts.purchaseCount;
  };
  await door.clear();
  expect(await send(801, 0, { state: 'pending_payment' })).toBe(0);
  expect(await send(801, 3, { state: 'processing' })).toBe(1);
  expect(await send(802, 0, { state: 'pending_payment' })).toBe(1);
  expect(await send(802, 4, { state: 'canceled' })).toBe(1);
  expect(await send(803, 0, { state: 'new' })).toBe(2);
});

test('a phone number is one of the country of the invoice, where it says one', async () => {
  const phoneOf = async (n: number, address: object) => {
    const state = { entity_id: n, customer_email: `phone${n}@example.com`, billing_address: address };
    await door.send(signAdobe(event('observer.sales_order_save_commit_after', order(sale, 0, state))));
    return (await door.customer(`phone${n}@example.com`))?.profile.phone?.value;
  };
  expect(await phoneOf(901, { telephone: '030 901820', country_id: 'DE' })).toBe('+4930901820');
  expect(await phoneOf(902, { telephone: '(512) 555-1112' })).toBe('+15125551112');
});

test('a credit memo is a refund of its own, unless it is open; one that was taken back failed', () => {
  const memo = (state: string) =>
    translate(event('observer.sales_order_creditmemo_save_commit_after', creditMemo(sale, 0, state)));
  const refund = { amount: { minor: 300n, currency: 'EUR' }, refundedAt: timeOf(10) };
  expect(memo('2')).toMatchObject({ fact: { externalId: '1', who: {}, order: { refunds: { 10: refund } } } });
  expect(memo('3')).toMatchObject({ fact: { order: { refunds: { 10: { ...refund, failed: true } } } } });
  expect(memo('1')).toMatchObject({ kind: 'ignored' });
});

test('consent: being subscribed is as old as the customer; the newsletter says what changed, and when', async () => {
  const customer = { entity_id: 77, email: 'ada@example.com', created_at: utc(0), updated_at: utc(50) };
  const saved = (is_subscribed: unknown) =>
    event('observer.customer_save_commit_after', { ...customer, extension_attributes: { is_subscribed } });
  const subscriber = (subscriber_status: number, minute: number) =>
    event('observer.newsletter_subscriber_save_commit_after', {
      subscriber_email: 'ada@example.com',
      subscriber_status,
      customer_id: '77',
      change_status_at: utc(minute),
    });
  const state = async (content: unknown) => {
    expect((await door.send(signAdobe(content))).status).toBe(202);
    return (await door.customer('ada@example.com'))?.consents['email:marketing'];
  };
  expect(await state(saved(false))).toBeUndefined();
  expect(await state(saved(true))).toMatchObject({ state: 'granted', occurredAt: timeOf(0) });
  expect(await state(subscriber(3, 20))).toMatchObject({ state: 'refused', occurredAt: timeOf(20) });
  expect(await state(saved(true))).toMatchObject({ state: 'refused', occurredAt: timeOf(20) });
  expect(await state(subscriber(4, 30))).toMatchObject({ state: 'refused' });
  expect(await state(subscriber(1, 40))).toMatchObject({ state: 'granted', occurredAt: timeOf(40) });
});

test('any history, in any order', async () => {
  await anyHistory(door, (one) => {
    const saved = (after: number, state: object) =>
      event('observer.sales_order_save_commit_after', order(one, after, state), one.minute + after);
    return [
      saved(0, {}),
      ...(one.paid ? [saved(1, { state: 'processing', base_total_paid: four(one.cents) })] : []),
      ...one.refunds.flatMap((_, part) => [
        event('observer.sales_order_creditmemo_save_commit_after', creditMemo(one, part)),
        saved(10 + part, {
          base_total_refunded: four(one.refunds.slice(0, part + 1).reduce((sum, cents) => sum + cents, 0)),
        }),
      ]),
      ...(one.cancelled ? [saved(20, { state: 'canceled' })] : []),
    ].map((content) => signAdobe(content));
  });
}, 60_000);
