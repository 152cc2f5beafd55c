import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { startRetryQueue } from './retry-queue.ts';
import { sendAll, sendings } from './sending.ts';
import { addSource, aSource, customersBy, startShopApi, sumOf } from './shop.ts';

const { woocommerce } = storefronts;
const secret = 'a&b<c>"d\'e';
const source = aSource({ id: 'woo', platform: 'woocommerce', secrets: [secret], country: 'DE' });

let door: Door;
let queue: Awaited<ReturnType<typeof startRetryQueue>>;
let shop: Awaited<ReturnType<typeof startShopApi>>;
beforeAll(async () => {
  queue = await startRetryQueue();
  shop = await startShopApi();
  door = await openDoor(queue.endpoint);
  const credentials = { consumerKey: 'ck_1', consumerSecret: 'cs_1' };
  await addSource(door, { ...source, address: shop.address, credentials });
  await addSource(door, { ...source, id: 'woo-without' });
});
afterAll(async () => {
  queue.stop();
  shop.stop();
  await door.stop();
});
beforeEach(() => {
  shop.statuses.length = 0;
});

function sign(topic: string, content: unknown, key = secret): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return {
    body,
    headers: {
      'x-wc-webhook-topic': topic,
      'x-wc-webhook-delivery-id': 'one-second',
      'x-wc-webhook-signature': createHmac('sha256', key).update(body).digest('base64'),
    },
  };
}

const check = { now: '2026-03-01T09:00:00.000Z', fetchKey: () => Promise.reject(new Error('no key is fetched')) };

test('signatures: the webhook secret as text; an old one while it is active; no changed bit, no missing header', () => {
  const signed = sign('order.created', { id: 1 });
  expect(woocommerce.verify(signed, { secrets: ['another one', secret] }, check)).toEqual({ authentic: true });
  expect(woocommerce.verify(signed, { secrets: ['another one'] }, check)).toHaveProperty('refused');
  expect(woocommerce.verify({ ...signed, headers: {} }, source, check)).toHaveProperty('refused');
  fc.assert(
    fc.property(fc.nat(signed.body.length * 8 - 1), (bit) => {
      const body = Buffer.from(signed.body);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(woocommerce.verify({ ...signed, body }, source, check)).toHaveProperty('refused');
    }),
  );
});

test('the ping of a webhook that is saved gets 200 and leaves nothing; nothing else goes unsigned', async () => {
  const ping = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from('webhook_id=42') };
  const before = await door.customers();
  expect(await door.deliver('woo', ping)).toMatchObject({ status: 200, body: { status: 'ignored' } });
  for (const body of ['webhook_id=42&x=1', 'webhook_id=', 'webhook_id=x', '{"webhook_id":42}', '']) {
    expect((await door.deliver('woo', { ...ping, body: Buffer.from(body) })).status).toBe(401);
  }
  expect((await door.deliver('till', ping)).status).toBe(401);
  expect(await door.customers()).toEqual(before);
});

test('two deliveries of one second have one id only where they say the same', () => {
  const idOf = (topic: string, content: unknown) => woocommerce.deliveryId(sign(topic, content));
  expect(idOf('order.updated', { id: 1 })).toBe(idOf('order.updated', { id: 1 }));
  expect(new Set([idOf('order.updated', { id: 1 }), idOf('order.updated', { id: 2 })]).size).toBe(2);
  expect(idOf('order.deleted', { id: 1 })).not.toBe(idOf('customer.deleted', { id: 1 }));
});

const body = (name: string) => readShared(`fixtures/webhooks/woocommerce/${name}.json`);
const translated = (topic: string, content: unknown) =>
  woocommerce.translate(content, { headers: { 'x-wc-webhook-topic': topic } }, source);
const said = (topic: string, name: string) => translated(topic, JSON.parse(body(name).toString()));
const jd = { firstName: 'John', lastName: 'Doe', email: 'john.doe@example.com', phone: '+15555555555' };

describe.skipIf(!hasSharedMaterial)(`real bodies of WooCommerce${absent}`, () => {
  test('the signatures over their exact bytes', () => {
    const all: { file: string; platform: string; secret: string; headers: Record<string, string> }[] = JSON.parse(
      readShared('fixtures/webhooks/_signed.json').toString(),
    );
    const ours = all.filter(({ platform }) => platform === 'woocommerce');
    expect(ours.length).toBe(6);
    for (const { file, secret: key, headers } of ours) {
      const delivery = { headers, body: readShared(`fixtures/webhooks/${file}`) };
      expect(woocommerce.verify(delivery, { secrets: [key] }, check)).toEqual({ authentic: true });
    }
  });

  test('the ping', async () => {
    const ping = JSON.parse(body('_ping--1').toString()) as { headers: Record<string, string>; body: string };
    const answer = await door.deliver('woo', { headers: ping.headers, body: Buffer.from(ping.body) });
    expect(answer).toMatchObject({ status: 200, body: { status: 'ignored' } });
  });

  const order727 = (updatedAt: string) => ({
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: '727',
      who: jd,
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total: { minor: 2935n, currency: 'USD' },
          tax: 135n,
          shipping: 1000n,
          discount: 0n,
          items: [
            { title: 'Woo Single #1', quantity: 2, unitPrice: 300n },
            { title: 'Ship Your Idea – Color: Black, Size: M Test', quantity: 1, unitPrice: 1200n, sku: 'Bar3' },
          ],
          test: false,
        },
        placedAt: '2017-03-22T19:28:02.000Z',
        paidAt: '2017-03-22T19:28:08.000Z',
        refunds: {},
        consents: {},
      },
    },
  });

  test('a guest order, and the same order completed', () => {
    expect(said('order.created', 'order.created--1')).toEqual(order727('2017-03-22T19:28:08.000Z'));
    expect(said('order.updated', 'order.updated--2')).toEqual(order727('2017-03-22T19:30:35.000Z'));
  });

  test('a pending order is none before it is paid', () => {
    expect(said('order.created', 'order.created--2')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: '728',
        who: jd,
        at: '2017-03-22T19:33:34.000Z',
        order: {
          snapshot: {
            updatedAt: '2017-03-22T19:33:34.000Z',
            total: { minor: 6225n, currency: 'USD' },
            tax: 225n,
            shipping: 3000n,
            discount: 0n,
            items: [
              { title: 'Woo Logo', quantity: 1, unitPrice: 1500n },
              { title: 'Woo Single #1', quantity: 1, unitPrice: 300n },
              {
                title: 'Ship Your Idea – Color: Black, Size: M Test',
                quantity: 1,
                unitPrice: 1200n,
                sku: 'Bar3',
              },
            ],
            test: false,
            awaitsPayment: true,
          },
          placedAt: '2017-03-22T19:33:34.000Z',
          refunds: {},
          consents: {},
        },
      },
    });
  });

  test('a refund as the REST API shows it is one that its order lists; as a message it says nothing', () => {
    expect(JSON.parse(body('_rest-refund--1').toString())).toMatchObject({ id: 726, amount: '10.00' });
    expect(said('order.updated', 'order.updated--1')).toMatchObject({
      fact: { externalId: '723', order: { refunds: { 726: { amount: { minor: 1000n, currency: 'USD' } } } } },
    });
    expect(said('refund.created', '_rest-refund--1')).toEqual({ kind: 'ignored', reason: 'topic is not used' });
    expect(() => said('order.updated', '_rest-refund--1')).toThrow('/status: is missing');
  });

  test('a completed order with two refunds, which bear no time of their own', () => {
    const refundedAt = '2017-03-21T19:54:51.000Z';
    expect(said('order.updated', 'order.updated--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: '723',
        who: {
          externalId: '26',
          firstName: 'João',
          lastName: 'Silva',
          email: 'joao.silva@example.com',
          phone: '+551111111111',
        },
        at: refundedAt,
        order: {
          snapshot: {
            updatedAt: refundedAt,
            total: { minor: 3900n, currency: 'USD' },
            tax: 0n,
            shipping: 1000n,
            discount: 0n,
            items: [
              { title: 'Woo Album #2', quantity: 1, unitPrice: 900n },
              { title: 'Woo Ninja', quantity: 1, unitPrice: 2000n },
            ],
            test: false,
          },
          placedAt: '2017-03-21T19:16:00.000Z',
          refunds: {
            '726': { amount: { minor: 1000n, currency: 'USD' }, refundedAt },
            '724': { amount: { minor: 900n, currency: 'USD' }, refundedAt },
          },
          consents: {},
        },
      },
    });
  });

  test('a customer; an order that was deleted is asked for', () => {
    expect(said('customer.created', 'customer.created--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'customer',
        at: '2017-03-21T19:09:30.000Z',
        test: false,
        consents: [],
        person: { externalId: '25', ...jd },
      },
    });
    expect(said('order.deleted', 'order.deleted--1')).toEqual({
      kind: 'fetch',
      resource: { type: 'order', id: '727' },
    });
  });

  test('through the door: what is told twice counts once, and dollars wait', async () => {
    for (const [topic, name] of [
      ['order.updated', 'order.updated--2'],
      ['order.created', 'order.created--1'],
      ['order.created', 'order.created--2'],
      ['order.updated', 'order.updated--1'],
      ['customer.created', 'customer.created--1'],
    ] as const) {
      expect(await door.deliver('woo', sign(topic, body(name)))).toMatchObject({ status: 202 });
    }
    const [john] = await customersBy(door, 'john.doe@example.com');
    expect(john).toMatchObject({ waiting: { USD: { purchaseCount: 1, totalSpent: 2935 } } });
    const [joao] = await customersBy(door, 'joao.silva@example.com');
    expect(joao).toMatchObject({ waiting: { USD: { purchaseCount: 1, totalSpent: 2000, totalRefunded: 1900 } } });
  });
});

const plain = (id: number, given: Record<string, unknown> = {}) => ({
  id,
  status: 'processing',
  currency: 'EUR',
  date_created_gmt: '2024-03-01T10:00:00',
  date_modified_gmt: '2024-03-01T10:00:05',
  total: '10.00',
  customer_id: 0,
  billing: { email: `woo${id}@example.com` },
  ...given,
});
const factsBy = async (id: number) => (await customersBy(door, `woo${id}@example.com`))[0];

test('yen have no decimals and dinars three; a price with tax is shown with tax; a measure is divided exactly', () => {
  const order = plain(1, {
    currency: 'KWD',
    total: '1.250',
    prices_include_tax: true,
    line_items: [
      { name: 'Dates', quantity: 1.5, subtotal: '1.000', subtotal_tax: '0.200', cost_of_goods_sold: { value: 0.4501 } },
    ],
  });
  expect(translated('order.created', order)).toMatchObject({
    fact: {
      order: {
        snapshot: {
          total: { minor: 1250n, currency: 'KWD' },
          items: [{ quantity: 1.5, unitPrice: 800n, cost: 450n }],
        },
      },
    },
  });
  expect(translated('order.created', plain(1, { currency: 'JPY', total: '1000' }))).toMatchObject({
    fact: { order: { snapshot: { total: { minor: 1000n, currency: 'JPY' } } } },
  });
  expect(() => translated('order.created', plain(1, { currency: 'JPY', total: '10.50' }))).toThrow('/total');
});

test('titles and names are read as people read them on a page', () => {
  const title = (name: string) => {
    const line_items = [{ name, quantity: 1, subtotal: '1.000', subtotal_tax: '0' }];
    return translated('order.created', plain(1, { line_items, billing: { first_name: name } }));
  };
  for (const [written, shown] of [
    ['Tea &amp; Milk &#8211; 2&#215;', 'Tea & Milk – 2×'],
    ['O&#039;Neill &quot;&lt;b&gt;&quot; &#x201C;x&#x201d;', `O'Neill "<b>" “x”`],
    ['&amp;lt;', '&lt;'],
    [
      'R&D; &constructor; &#0; &#10; &#xD800; &#9999999; &nope;',
      'R&D; &constructor; &#0; &#10; &#xD800; &#9999999; &nope;',
    ],
  ] as const)
    expect(title(written)).toMatchObject({
      fact: { who: { firstName: shown }, order: { snapshot: { items: [{ title: shown }] } } },
    });
});

test('drafts are ignored, payments in test mode never count, other topics and actions are not used', () => {
  for (const status of ['auto-draft', 'checkout-draft']) {
    expect(translated('order.created', plain(1, { status }))).toHaveProperty('kind', 'ignored');
  }
  const meta = [{ id: 1, key: '_wcpay_mode', value: 'test' }];
  expect(translated('order.created', plain(1, { meta_data: meta }))).toMatchObject({
    fact: { order: { snapshot: { test: true } } },
  });
  for (const topic of ['product.updated', 'action.woocommerce_add_to_cart']) {
    expect(translated(topic, { id: 1 })).toHaveProperty('kind', 'ignored');
  }
  expect(() => woocommerce.translate({}, { headers: {} }, source)).toThrow('x-wc-webhook-topic');
  expect(() => translated('order.created', plain(1, { date_created_gmt: undefined }))).toThrow('/date_created_gmt');
});

test('an unpaid order that was cancelled counts once it is paid after all; a paid one that was cancelled does not', async () => {
  const at = (second: number) => ({ date_modified_gmt: `2024-03-01T11:00:0${second}` });
  await door.deliver('woo', sign('order.updated', plain(2, { status: 'cancelled', ...at(1) })));
  expect(await factsBy(2)).toMatchObject({ purchaseCount: 0 });
  const paid = { date_paid_gmt: '2024-03-01T11:00:02', ...at(2) };
  await door.deliver('woo', sign('order.updated', plain(2, paid)));
  expect(await factsBy(2)).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });
  await door.deliver('woo', sign('order.updated', plain(2, { ...paid, status: 'cancelled', ...at(3) })));
  expect(await factsBy(2)).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
});

test('an order that goes to the bin is asked for, stays out while it lies there, and counts again when it is restored', async () => {
  const path = '/wp-json/wc/v3/orders/3';
  await door.deliver('woo', sign('order.created', plain(3)));
  shop.resources.set(path, plain(3, { status: 'trash', date_modified_gmt: '2024-03-02T10:00:00' }));
  shop.statuses.push(503, 500);
  expect(await door.deliver('woo', sign('order.deleted', { id: 3 }))).toMatchObject({ status: 202 });
  await queue.work();
  await queue.work();
  expect(queue.waiting.length).toBe(1);
  expect(await factsBy(3)).toMatchObject({ purchaseCount: 1 });
  await queue.work();
  expect(queue.waiting.length).toBe(0);
  expect(shop.asked.at(-1)).toMatchObject({
    path,
    headers: { authorization: `Basic ${Buffer.from('ck_1:cs_1').toString('base64')}` },
  });
  expect(await factsBy(3)).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
  await door.deliver('woo', sign('order.restored', plain(3, { date_modified_gmt: '2024-03-03T10:00:00' })));
  expect(await factsBy(3)).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });

  await door.deliver('woo', sign('order.created', plain(4)));
  expect(await factsBy(4)).toMatchObject({ purchaseCount: 1 });
  await door.deliver('woo', sign('order.deleted', { id: 4 }));
  for (let tries = 1; tries <= 3; tries++) await queue.work();
  expect(queue.waiting.length).toBe(0);
  expect(await factsBy(4)).toMatchObject({ purchaseCount: 0, totalSpent: 0 });
});

test('without the API of the shop the delivery is set aside, and says what is missing', async () => {
  const ask = () => Promise.reject(new Error('nobody is asked'));
  const resource = { type: 'order', id: '3' } as const;
  await expect(woocommerce.fetch?.(resource, source, ask, '2024-03-09T00:00:00.000Z')).rejects.toThrow('address');
  await expect(
    woocommerce.fetch?.(resource, { ...source, address: shop.address }, ask, '2024-03-09T00:00:00.000Z'),
  ).rejects.toThrow('consumerKey');
  await door.deliver('woo-without', sign('order.deleted', { id: 3 }));
  await queue.work();
  expect(queue.waiting.length).toBe(0);
});

const histories = fc.array(
  fc.record({
    person: fc.nat(1),
    isGuest: fc.boolean(),
    minute: fc.nat(300_000),
    cents: fc.integer({ min: 1, max: 90_000 }),
    /** Bank transfers count while they wait; the others when they are paid. */
    steps: fc.constantFrom(
      ['pending'],
      ['checkout-draft', 'pending', 'failed'],
      ['pending', 'processing', 'completed'],
      ['on-hold'],
      ['on-hold', 'cancelled'],
      ['pending', 'cancelled', 'processing'],
      ['pending', 'processing', 'cancelled'],
      ['processing', 'completed', 'refunded'],
    ),
    shares: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 4 },
);
type History = typeof histories extends fc.Arbitrary<infer One> ? One : never;

let round = 0;

test('random histories in any order, some of it twice, give one customer each and the cents of the history', async () => {
  await fc.assert(
    fc.asyncProperty(histories, sendings, async (history, way) => {
      const run = ++round * 100 + 10_000;
      await sendAll(
        door,
        'woo',
        history.flatMap((order, index) => messagesOf(order, run + index, run)),
        way,
        queue,
      );
      for (const person of [0, 1]) {
        const theirs = history.filter((order) => order.person === person);
        const known = await customersBy(door, emailOf(run, person));
        const isKnown = theirs.some(({ steps }) => steps.some((step) => step !== 'checkout-draft'));
        expect(known.length).toBe(isKnown ? 1 : 0);
        const sums = theirs.map((order) => ({
          cents: order.cents,
          counts: outcome(order).counts,
          refunded: outcome(order).refunded,
        }));
        if (known[0]) expect(known[0]).toMatchObject(sumOf(sums));
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 10) },
  );
}, 60_000);

const emailOf = (run: number, person: number) => `run${run}-${person}@example.com`;
const euros = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
const isPaid = (step: string) => ['processing', 'completed', 'refunded'].includes(step);

/** Worked out from the history alone. Money comes back only after it was paid. */
function outcome({ steps, shares, cents }: History[number]) {
  const paid = steps.some(isPaid);
  const last = steps.at(-1);
  const listed = paid ? shares.map((share) => Math.floor((cents * share) / 200)).filter((part) => part > 0) : [];
  const refunded = last === 'refunded' ? cents : listed.reduce((sum, part) => sum + part, 0);
  const counts = (last === 'on-hold' || paid) && last !== 'cancelled';
  return { paid, listed, refunded, counts };
}

function messagesOf(order: History[number], id: number, run: number): Signed[] {
  const { listed } = outcome(order);
  const at = (step: number) => new Date(Date.UTC(2024, 0, 1, 0, order.minute, step)).toISOString().slice(0, 19);
  const firstPaid = order.steps.findIndex(isPaid);
  return order.steps.map((status, step) =>
    sign(step === 0 ? 'order.created' : 'order.updated', {
      id,
      status,
      currency: 'EUR',
      date_created_gmt: at(0),
      date_modified_gmt: at(step),
      date_paid_gmt: firstPaid >= 0 && step >= firstPaid ? at(firstPaid) : null,
      total: euros(order.cents),
      customer_id: order.isGuest ? 0 : run + 50 + order.person,
      billing: { email: emailOf(run, order.person), first_name: '', phone: '' },
      refunds:
        firstPaid >= 0 && step >= firstPaid
          ? listed.map((part, n) => ({ id: id * 10 + n, total: `-${euros(part)}` }))
          : [],
    }),
  );
}
