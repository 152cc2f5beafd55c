import { randomBytes } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { type Queues, startQueues } from '../queues.ts';
import { type Signed, shopifySecret, signShopify, signStandard, standardSecret } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { order } from './shopify-order.ts';

let door: Door;
let queues: Queues;
beforeAll(async () => {
  queues = await startQueues();
  queues.plan = (name) => (name === 'retry' ? 'refused' : 'taken');
  door = await openDoor(queues.endpoint);
});
afterAll(async () => {
  queues.stop();
  await door.stop();
});
afterEach(() => {
  door.proxy.plan = () => 'none';
});

const send = (content: unknown, topic = 'orders/create') => door.deliver('shop', signShopify(topic, content));
const keptOf = (deliveryId: string) =>
  deliveryStore(door.store, door.embedded.tables.deliveries, 30).get(deliveryId, new Date().toISOString());

describe('at the door', () => {
  test('an unknown source is 404, a wrong or missing signature 401', async () => {
    expect(await door.deliver('nowhere', signShopify('orders/create', order()))).toMatchObject({
      status: 404,
      body: { code: 'source_not_found' },
    });
    const forged = signShopify('orders/create', order(), { secret: 'somebody else' });
    expect(await door.deliver('shop', forged)).toMatchObject({ status: 401, body: { code: 'signature_refused' } });
    const { 'x-shopify-hmac-sha256': _, ...unsigned } = forged.headers;
    expect((await door.deliver('shop', { ...forged, headers: unsigned })).status).toBe(401);
    const good = signShopify('orders/create', order());
    const twice = `${good.headers['x-shopify-hmac-sha256']}, ${good.headers['x-shopify-hmac-sha256']}`;
    expect(
      (await door.deliver('shop', { ...good, headers: { ...good.headers, 'x-shopify-hmac-sha256': twice } })).status,
    ).toBe(401);
    expect(await door.customers()).toEqual([]);
  });

  test('a secret that was taken out opens the door no longer', async () => {
    const put = (secrets: string[]) =>
      door.client.send(
        new UpdateCommand({
          TableName: door.embedded.tables.registry,
          Key: sourceKey('shop'),
          UpdateExpression: 'SET secrets = :secrets',
          ExpressionAttributeValues: { ':secrets': secrets },
        }),
      );
    const signed = (secret: string) => signShopify('themes/publish', {}, { secret });
    await put([shopifySecret, 'the next secret']);
    for (const secret of [shopifySecret, 'the next secret'])
      expect((await door.deliver('shop', signed(secret))).body.status).toBe('ignored');
    await put(['the next secret']);
    expect((await door.deliver('shop', signed(shopifySecret))).status).toBe(401);
    await put([shopifySecret]);
  });

  test('a compressed body is refused before it is read', async () => {
    const { headers, body } = signShopify('orders/create', order());
    const answer = await door.deliver('shop', { body, headers: { ...headers, 'content-encoding': 'gzip' } });
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_content_encoding' } });
  });

  test('Standard Webhooks: five minutes either way, any of several signatures', async () => {
    const event = { type: 'customer.updated', timestamp: '2026-03-01T09:00:00Z', data: { email: 'bob@example.com' } };
    const good = signStandard(event, { id: 'msg_1', at: Date.now() });
    for (const minutes of [-6, 6]) {
      const signed = signStandard(event, { id: 'msg_1', at: Date.now() + minutes * 60_000 });
      expect((await door.deliver('till', signed)).status).toBe(401);
    }
    expect((await door.deliver('till', { ...good, headers: { ...good.headers, 'webhook-id': 'msg_2' } })).status).toBe(
      401,
    );
    const several = { ...good.headers, 'webhook-signature': `v1a,AAAA v1,AAAA ${good.headers['webhook-signature']}` };
    expect((await door.deliver('till', { ...good, headers: several })).body.status).toBe('recorded');
    expect((await door.deliver('till', good)).body.status).toBe('duplicate');
    expect(standardSecret).toMatch(/^whsec_/);
  });
});

describe('authentic, but not to be understood', () => {
  const strange: Record<string, Signed> = {
    'no JSON': signShopify('orders/create', '{"id": 1,'),
    'no UTF-8': signShopify('orders/create', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    'a million brackets': signShopify('orders/create', '['.repeat(1_000_000)),
    'a key __proto__': signShopify('orders/create', '{"__proto__": {"admin": true}}'),
    'a key twice': signShopify('orders/create', JSON.stringify(order()).replace('{', '{"id": 2,')),
    'the year 50000': signShopify('orders/create', order({ created_at: '50000-01-01T00:00:00Z' })),
    'a negative amount': signShopify('orders/create', order({ total_price: '-1.00' })),
    'an absurd amount': signShopify('orders/create', order({ total_price: '1e30' })),
    'a fraction of a cent': signShopify('orders/create', order({ total_price: '1.001' })),
    'an unknown currency': signShopify('orders/create', order({ currency: 'XQQ' })),
    'a control character in an id': signShopify('orders/create', order({ id: 'a\u0000b' })),
    'an id that is __proto__': signShopify('orders/create', order({ id: '__proto__' })),
    'no topic': {
      ...signShopify('orders/create', order()),
      headers: { 'x-shopify-hmac-sha256': signShopify('', order()).headers['x-shopify-hmac-sha256'] ?? '' },
    },
    'an empty body': signShopify('orders/create', ''),
    null: signShopify('orders/create', 'null'),
  };

  test.each(Object.keys(strange))('%s is kept with its body and a reason', async (name) => {
    const signed = strange[name] as Signed;
    const { status, body } = await door.deliver('shop', signed);
    expect({ status, of: body.status }).toEqual({ status: 202, of: 'quarantined' });
    const kept = await keptOf(String(body.deliveryId));
    expect(kept?.delivery.reason).toMatch(/\w/);
    expect(Buffer.compare(kept?.body ?? Buffer.alloc(0), signed.body)).toBe(0);
  });

  test('the reason names the place and never the value', async () => {
    const { body } = await send(order({ id: 2, created_at: 'ada@example.com' }));
    const kept = await keptOf(String(body.deliveryId));
    expect(kept?.delivery.reason).toBe('/created_at: is no time with an offset between 1970 and 2199');
  });

  test('a body of several pieces comes back whole', async () => {
    const noise = randomBytes(900_000);
    const { body } = await door.deliver('shop', signShopify('orders/create', noise));
    const kept = await keptOf(String(body.deliveryId));
    expect(Buffer.compare(kept?.body ?? Buffer.alloc(0), noise)).toBe(0);
  });
});

test('a topic in capitals is the topic; two in one header are kept for a person', async () => {
  const said = order({ id: 2110, email: 'topic@example.com' });
  expect((await door.deliver('shop', signShopify('ORDERS/CREATE', said))).body.status).toBe('recorded');
  const twice = await door.deliver('shop', signShopify('orders/create, orders/create', said));
  expect(twice.body.status).toBe('quarantined');
});

test('copies of a delivery that is not understood are quarantined once', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => send('{"id": 7,')));
  expect(answers.map(({ status, body }) => `${status} ${body.status}`)).toEqual(Array(8).fill('202 quarantined'));
});

test('what is quarantined leaves one line in the log, without a word of the body', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  await send(order({ id: 70, email: 'told@example.com' }));
  expect(warn.mock.calls).toEqual([]);
  const { body } = await send(order({ id: 71, email: 'told@example.com', created_at: 'told@example.com' }));
  const line = { level: 'warn', message: 'delivery quarantined', deliveryId: body.deliveryId, sourceId: 'shop' };
  expect(warn.mock.calls.map(([text]) => JSON.parse(String(text)))).toEqual([line]);
  warn.mockRestore();
});

describe('when the store is away', () => {
  test('nothing is acknowledged that neither the store nor the retry queue has', async () => {
    await send(order({ id: 100 }));
    door.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'server-error' : 'none');
    expect(await send(order({ id: 101 }))).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  });
});

test('a checkout of a known customer takes one round trip of reads and one transaction', async () => {
  const email = 'known@example.com';
  const known = { customer: { id: 900, email }, email, buyer_accepts_marketing: true };
  await send(order({ id: 901, ...known }));
  const before = new Map(door.proxy.calls);
  const now = new Date().toISOString();
  await send(order({ id: 902, ...known, created_at: now, updated_at: now }));
  const made = [...door.proxy.calls].map(([name, n]) => [name, n - (before.get(name) ?? 0)]).filter(([, n]) => n !== 0);
  // One BatchGetItem is the test stage's: its clock, and the source, which production trusts for ten seconds.
  expect(Object.fromEntries(made)).toEqual({ BatchGetItem: 2, TransactWriteItems: 1 });
});
