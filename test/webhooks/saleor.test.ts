import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { anyHistory, emailOf, euros, openPlatform, type PlatformDoor, type Sale, timeOf } from './platform-door.ts';

interface Key {
  kid: string;
  secret: KeyObject;
  jwk: object;
}

function aKey(kid: string): Key {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid, secret: privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}

const [first, second, third] = [aKey('first'), aKey('second'), aKey('third')] as [Key, Key, Key];

interface Signing {
  key?: Key;
  head?: object;
  event?: string;
}

/** A detached JWS, as PyJWT makes it for Saleor. */
function signSaleor(content: unknown, { key = first, head = {}, event = 'order_created' }: Signing = {}): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const said: Record<string, unknown> = { typ: 'JWT', alg: 'RS256', kid: key.kid, b64: false, crit: ['b64'], ...head };
  const encoded = Buffer.from(JSON.stringify(said)).toString('base64url');
  const payload = said.b64 === false ? body : Buffer.from(body.toString('base64url'));
  const mac = sign('sha256', Buffer.concat([Buffer.from(`${encoded}.`), payload]), key.secret).toString('base64url');
  return { body, headers: { 'saleor-signature': `${encoded}..${mac}`, 'saleor-event': event } };
}

let door: PlatformDoor;
let shop: Server;
let address: string;
let asked = 0;
let published: { status: number; body: string };
const publish = (...keys: Key[]) => ({ status: 200, body: JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }) });

async function listen(): Promise<{ shop: Server; address: string }> {
  const listening = createServer((incoming, answer) => {
    asked += 1;
    const found = incoming.url === '/.well-known/jwks.json' ? published : { status: 404, body: '' };
    answer.writeHead(found.status, { 'content-type': 'application/json' }).end(found.body);
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return { shop: listening, address: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/graphql/` };
}

beforeAll(async () => {
  published = publish(first);
  ({ shop, address } = await listen());
  door = await openPlatform('saleor', { address });
});
afterAll(async () => {
  shop.close();
  await door.stop();
});

const unused = { __typename: 'ProductUpdated' };

test('keys that cannot be had, or are none: 503, and never 401', async () => {
  for (const answer of [
    { status: 500, body: '' },
    { status: 302, body: '' },
    { status: 200, body: publish(first).body.padEnd(100_001) },
  ]) {
    published = answer;
    const failing = await listen();
    await door.configure({ address: failing.address });
    expect(await door.send(signSaleor(unused))).toMatchObject({ status: 503, body: { code: 'keys_unavailable' } });
    failing.shop.close();
  }
  await door.configure({ address: 'http://127.0.0.1:1' });
  expect((await door.send(signSaleor(unused))).status).toBe(503);
  await door.configure({ address: '' });
  expect(await door.send(signSaleor(unused))).toMatchObject({ status: 503, body: { code: 'source_incomplete' } });
  await door.configure({ address });
  published = publish(first);
});

test('what the shop signed is taken, with the payload encoded or not; the keys are fetched once', async () => {
  asked = 0;
  expect(await door.send(signSaleor(unused))).toMatchObject({ status: 202, body: { status: 'ignored' } });
  expect((await door.send(signSaleor(unused, { head: { b64: undefined, crit: undefined } }))).status).toBe(202);
  expect((await door.send(signSaleor(unused, { head: { crit: undefined } }))).status).toBe(202);
  expect(asked).toBe(1);
});

test('a key that was published since is found at once; what is forged asks no more often than once in ten seconds', async () => {
  asked = 0;
  published = publish(first, second);
  expect((await door.send(signSaleor(unused, { key: second }))).status).toBe(202);
  expect(asked).toBe(1);
  expect((await door.send(signSaleor(unused))).status).toBe(202);
  for (let i = 0; i < 5; i++) expect((await door.send(signSaleor(unused, { key: third }))).status).toBe(401);
  expect(asked).toBe(1);
});

test('one changed bit, another algorithm, or anything but a detached signature is refused', async () => {
  const signed = signSaleor(unused);
  for (let bit = 0; bit < signed.body.length * 8; bit += 5) {
    const body = Buffer.from(signed.body);
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect((await door.send({ ...signed, body })).status).toBe(401);
  }
  const [head, , mac] = (signed.headers['saleor-signature'] ?? '').split('.');
  const encoded = (said: object) => Buffer.from(JSON.stringify(said)).toString('base64url');
  for (const signature of [
    '',
    'x',
    `${head}.${signed.body.toString('base64url')}.${mac}`,
    `${head}..${mac}.`,
    `${head}..`,
    `${encoded({ alg: 'none' })}..`,
    `${encoded({ alg: 'HS256', kid: 'first', b64: false })}..${mac}`,
    `${Buffer.from('{').toString('base64url')}..${mac}`,
  ])
    expect((await door.send({ ...signed, headers: { 'saleor-signature': signature } })).status).toBe(401);
  expect((await door.send(signSaleor(unused, { head: { crit: ['exp'] } }))).status).toBe(401);
  expect((await door.send(signSaleor(unused, { key: { ...third, kid: 'first' } }))).status).toBe(401);
});

describe.skipIf(!hasSharedMaterial)(`real bodies of Saleor${absent}`, () => {
  test('an order that card and gift card paid', async () => {
    const body = readShared('fixtures/webhooks/saleor/ORDER_CREATED--1.json');
    const createdAt = '2024-01-15T14:32:00.000Z';
    expect(storefronts.saleor.translate(JSON.parse(body.toString()), { headers: {} }, door.source)).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'T3JkZXI6NTdiNTBhNDAtYzRmYi00YjQzLWIxODgtM2JhZmRlMTc3MGQ5',
        who: {
          email: 'adrian.king@example.com',
          phone: '+12125550198',
          firstName: 'Adrian',
          lastName: 'King',
          locale: 'en',
        },
        at: createdAt,
        order: {
          snapshot: {
            updatedAt: createdAt,
            total: { minor: 21_300n, currency: 'USD' },
            tax: 1936n,
            shipping: 1200n,
            discount: 2400n,
            items: [
              { title: 'Organic Cotton T-Shirt, Navy / Large', quantity: 2, unitPrice: 4000n, sku: 'OCT-NVY-L' },
              {
                title: 'Limited Edition Anniversary Collection Ceramic Mug with Gold Trim',
                quantity: 1,
                unitPrice: 2500n,
                sku: 'MUG-ANNIVERSARY-GOLD',
              },
              { title: 'Wireless Earbuds Pro, Matte Black', quantity: 1, unitPrice: 9600n, sku: 'WEP-BLK-001' },
            ],
            test: false,
          },
          placedAt: createdAt,
          paidAt: createdAt,
          refunds: {},
          consents: {},
        },
      },
    });
    expect((await door.send(signSaleor(body))).body.status).toBe('recorded');
    expect((await door.send(signSaleor(body))).body.status).toBe('duplicate');
    expect(await door.customer('adrian.king@example.com')).toMatchObject({ waiting: { USD: { purchaseCount: 1 } } });
  });
});

const price = (cents: number, code = 'EUR') => ({ gross: { amount: Number(euros(cents)), currency: code } });

function order(sale: Sale, state: object, updatedAfter: number) {
  return {
    id: `T3JkZXI6${sale.n}`,
    status: 'UNFULFILLED',
    created: timeOf(sale.minute),
    updatedAt: timeOf(sale.minute + updatedAfter),
    userEmail: emailOf(sale.person),
    user: sale.guest ? null : { id: `VXNlcjo${sale.person}`, email: emailOf(sale.person) },
    total: price(sale.cents),
    ...state,
  };
}

const sale: Sale = { n: 1, person: 0, guest: true, cents: 1000, minute: 0, paid: true, cancelled: false, refunds: [] };
const translate = (content: unknown, event?: string) =>
  storefronts.saleor.translate(content, { headers: event ? { 'saleor-event': event } : {} }, door.source);

test('drafts are no orders; a refund whose amount the subscription does not ask for is set aside', () => {
  const created = { __typename: 'OrderCreated', order: order(sale, { status: 'DRAFT' }, 0) };
  expect(translate(created)).toMatchObject({ kind: 'ignored' });
  const refunded = { order: order(sale, {}, 5) };
  expect(() => translate(refunded, 'order_refunded')).toThrow('/order/totalRefunded');
  const transactions = [
    { refundedAmount: { amount: 1.5, currency: 'EUR' } },
    { refundedAmount: { amount: '0.50', currency: 'EUR' } },
  ];
  expect(translate({ order: order(sale, { transactions }, 5) }, 'order_refunded')).toMatchObject({
    fact: { order: { refundedInAll: { amount: { minor: 200n } } } },
  });
  expect(() => translate(created.order)).toThrow('/__typename');
});

test('numbers keep what they say: noise of floating point is taken out, what is truly too fine is refused', () => {
  const total = (amount: number | string, currency: string) =>
    translate({ order: order(sale, { total: { gross: { amount, currency } } }, 0) }, 'order_created');
  const minor = (amount: bigint) => ({ fact: { order: { snapshot: { total: { minor: amount } } } } });
  expect(total(92.43999999999998, 'EUR')).toMatchObject(minor(9244n));
  expect(total('92.440000000000012', 'EUR')).toMatchObject(minor(9244n));
  expect(total(1500, 'JPY')).toMatchObject(minor(1500n));
  expect(total(1.505, 'KWD')).toMatchObject(minor(1505n));
  expect(() => total(1.505, 'EUR')).toThrow('/order/total/gross');
  expect(() => total(92.4349999999, 'EUR')).toThrow('/order/total/gross');
});

test('a customer comes with id and name, at the time that the shop says', async () => {
  const user = {
    id: 'VXNlcjo5',
    email: 'Grace@Example.com',
    firstName: 'Grace',
    languageCode: 'PT_BR',
    updatedAt: timeOf(1),
  };
  expect((await door.send(signSaleor({ user }, { event: 'customer_updated' }))).body.status).toBe('recorded');
  expect(await door.customer('grace@example.com')).toMatchObject({
    sourceIds: { shop: 'VXNlcjo5' },
    profile: { firstName: { value: 'Grace', at: timeOf(1) }, locale: { value: 'pt-br' } },
    consents: {},
  });
});

test('any history, in any order', async () => {
  await anyHistory(door, (one) => {
    const states = [
      { event: 'order_created', after: 0, state: {} },
      ...(one.paid ? [{ event: 'order_fully_paid', after: 1, state: { isPaid: true } }] : []),
      ...one.refunds.map((_, part) => ({
        event: 'order_refunded',
        after: 10 + part,
        state: {
          totalRefunded: price(one.refunds.slice(0, part + 1).reduce((sum, cents) => sum + cents, 0)).gross,
        },
      })),
      ...(one.cancelled ? [{ event: 'order_cancelled', after: 20, state: { status: 'CANCELED' } }] : []),
    ];
    return states.map(({ event, after, state }) => signSaleor({ order: order(one, state, after) }, { event }));
  });
}, 60_000);

test('what is no list of keys proves nothing: 503', async () => {
  for (const body of ['<html>', '{}']) {
    published = { status: 200, body };
    const another = await listen();
    await door.configure({ address: another.address });
    expect(await door.send(signSaleor(unused))).toMatchObject({ status: 503, body: { code: 'keys_unavailable' } });
    another.shop.close();
  }
});
