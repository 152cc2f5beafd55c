import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../shared/dynamodb/client.ts';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { switchOffSource } from '../../shared/dynamodb/source-store.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { shopifySecret, signShopify } from '../signed.ts';
import { type ApiDoor, type Body, openApi } from './door.ts';
import { type Asked, type ListedOrder, type ShopLists, startShopLists } from './shop-lists.ts';

let api: ApiDoor;
let shop: ShopLists;
let queue: Server;
let queueIsAway = false;
let waiting: { MessageBody: string; DelaySeconds?: number }[];
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  shop = await startShopLists();
  queue = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      if (queueIsAway) return void answer.writeHead(400).end('{"__type":"com.amazonaws.sqs#AccessDenied"}');
      const message = JSON.parse(Buffer.concat(chunks).toString());
      if (String(message.QueueUrl).endsWith('/reconcile')) waiting.push(message);
      const MD5OfMessageBody = createHash('md5').update(message.MessageBody).digest('hex');
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      answer.end(JSON.stringify({ MessageId: 'm', MD5OfMessageBody }));
    });
  });
  await new Promise<void>((resolve) => queue.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(queue.address() as AddressInfo).port}`;
  api = await openApi({
    AWS_ENDPOINT_URL_SQS: endpoint,
    RECONCILE_QUEUE_URL: `${endpoint}/0/reconcile`,
    RETRY_QUEUE_URL: `${endpoint}/0/retry`,
  });
});
afterAll(async () => {
  queue.close();
  shop.stop();
  await api.stop();
});
beforeEach(() => {
  waiting = [];
  queueIsAway = false;
  api.proxy.plan = () => 'none';
  Object.assign(shop, {
    orders: [],
    events: [],
    asked: [],
    atOnce: 0,
    faults: [],
    before: () => undefined,
    instead: undefined,
  });
});

const settings = { currency: 'EUR', timeZone: 'Europe/Berlin' };
const platforms = {
  shopify: { platform: 'shopify', secrets: [shopifySecret], credentials: { accessToken: 'shpat_1' } },
  woocommerce: {
    platform: 'woocommerce',
    secrets: [shopifySecret],
    credentials: { consumerKey: 'ck_1', consumerSecret: 'cs_1' },
  },
  stripe: { platform: 'stripe', secrets: ['whsec_0123456789'], credentials: { secretKey: 'rk_live_1' } },
} as const;
type Listed = keyof typeof platforms;

const sourceBody = (platform: Listed) => ({ ...settings, ...platforms[platform], address: shop.address });

let sources = 0;
/** A source of its own for each test: orders of one are not those of another. */
async function aSource(platform: Listed, more: object = {}): Promise<string> {
  const sourceId = `s${++sources}-${platform}`;
  const body = { ...sourceBody(platform), ...more };
  const { status } = await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body });
  expect(status).toBe(201);
  return sourceId;
}

const start = (sourceId: string, since: string, more = {}) =>
  api.call('POST /v1/sources/{sourceId}/reconciliations', { params: { sourceId }, body: { since }, ...more });
const show = async (sourceId: string, reconciliationId: string): Promise<Body> =>
  (
    await api.call('GET /v1/sources/{sourceId}/reconciliations/{reconciliationId}', {
      params: { sourceId, reconciliationId },
    })
  ).body;

/** Lets the worker take one message; `milliseconds` are what its call may take. */
async function work(milliseconds = 300_000): Promise<boolean> {
  const message = waiting.shift();
  if (!message) return false;
  const { handler } = await import('../../functions/reconcile/work.ts');
  const context = { ...lambdaContext(), getRemainingTimeInMillis: () => milliseconds };
  const event = { Records: [{ messageId: 'm1', body: message.MessageBody }] } as SQSEvent;
  const { batchItemFailures } = await handler(event, context);
  if (batchItemFailures.length > 0) waiting.unshift(message);
  return true;
}

/** Until nothing waits any more. */
async function workAll(milliseconds?: number): Promise<number> {
  let calls = 0;
  while (await work(milliseconds)) {
    if (++calls > 300) throw new Error('it does not come to an end');
  }
  return calls;
}

const begin = Date.parse('2026-11-01T10:00:00Z');
const at = (minute: number) => `${new Date(begin + minute * 60_000).toISOString().slice(0, 19)}Z`;
const email = (id: number) => `r${id}@example.com`;

function anOrder(platform: 'shopify' | 'woocommerce', id: number, minute: number, total = '10.00'): ListedOrder {
  const changedAt = at(minute);
  const shopify = {
    created_at: changedAt,
    currency: 'EUR',
    total_price: total,
    financial_status: 'paid',
    email: email(id),
  };
  const woo = {
    status: 'processing',
    currency: 'EUR',
    date_created_gmt: changedAt.slice(0, 19),
    date_paid_gmt: changedAt.slice(0, 19),
    total,
    customer_id: 0,
    billing: { email: email(id) },
  };
  return { id, changedAt, fields: platform === 'shopify' ? shopify : woo };
}

function aCharge(id: number, minute: number, amount = 1000) {
  const created = Math.floor(Date.parse(at(minute)) / 1000);
  return {
    id: `evt_${id}`,
    object: 'event',
    type: 'charge.succeeded',
    created,
    livemode: true,
    data: {
      object: {
        id: `ch_${id}`,
        created,
        amount,
        currency: 'eur',
        billing_details: { email: email(id) },
        captured: true,
      },
    },
  };
}

async function bought(id: number): Promise<[number, string] | undefined> {
  const { body } = await api.call('GET /v1/customers', { query: { email: email(id) } });
  const facts = body.data[0]?.facts as never as { purchaseCount: number; totalSpent: { amount: string } } | undefined;
  return facts && [facts.purchaseCount, facts.totalSpent.amount];
}

async function allBought(ids: number[]): Promise<void> {
  for (const id of ids) expect([id, await bought(id)]).toEqual([id, [1, '10.00']]);
}

let nextId = 1000;
const ids = (count: number) => Array.from({ length: count }, () => nextId++);

function fill(platform: Listed, all: number[], spread = 1): void {
  if (platform === 'stripe') shop.events = all.map((id, index) => aCharge(id, index * spread)).reverse();
  else shop.orders = all.map((id, index) => anOrder(platform, id, Math.floor(index * spread)));
}

const each: Listed[] = ['shopify', 'woocommerce', 'stripe'];

describe.each(each)('%s', (platform) => {
  test('what is missing is recorded once; the shop is asked for one page at a time', async () => {
    const sourceId = await aSource(platform);
    const all = ids(platform === 'stripe' ? 230 : 120);
    fill(platform, all);
    const started = await start(sourceId, at(0));
    expect([started.status, started.body.state, started.body.listed]).toEqual([202, 'running', 0]);
    expect(started.headers.location).toBe(`/v1/sources/${sourceId}/reconciliations/${started.body.id}`);
    expect((await start(sourceId, at(0))).body.code).toBe('reconciliation_under_way');
    await workAll();
    const report = await show(sourceId, started.body.id);
    const found = { listed: all.length, missing: all.length, recorded: all.length, changed: 0, ignored: 0, failed: 0 };
    expect(report).toMatchObject({ state: 'succeeded', by: 'request', since: `${at(0).slice(0, 19)}.000Z`, ...found });
    expect(shop.atOnce).toBe(1);
    expect(shop.asked.length).toBe(3);
    await allBought([...all.slice(0, 5), ...all.slice(-5)]);

    const again = await start(sourceId, at(60));
    await workAll();
    expect(await show(sourceId, again.body.id)).toMatchObject({
      listed: all.length - 60,
      missing: 0,
      recorded: 0,
      changed: 0,
    });
    await allBought(all.slice(-5));
    const { body } = await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } });
    expect(body.data.map(({ id }) => id)).toEqual([again.body.id, started.body.id]);
  });

  test('cut off after each page, with faults of shop and store, it goes on; every order is there once', async () => {
    const sourceId = await aSource(platform);
    const all = ids(platform === 'stripe' ? 210 : 110);
    fill(platform, all);
    const { id } = (await start(sourceId, at(0))).body;
    shop.faults = ['lost', 429, 'nonsense', 500];
    let calls = 0;
    // The store fails once, in the middle of a page.
    api.proxy.plan = (operation) => {
      if (operation !== 'TransactWriteItems') return 'none';
      return ++calls > 60 && calls < 70 ? 'server-error' : 'none';
    };
    const delays: (number | undefined)[] = [];
    for (let turn = 0; waiting.length > 0; turn++) {
      // There is time for one page and no more.
      await work(60_000);
      delays.push(waiting[0]?.DelaySeconds);
      if (turn > 30) throw new Error('it does not come to an end');
    }
    expect(delays.slice(0, 4)).toEqual([60, 120, 240, 480]);
    const report = await show(sourceId, id);
    expect(report).toMatchObject({ state: 'succeeded', listed: all.length, failed: 0 });
    await allBought([...all.slice(0, 3), ...all.slice(48, 54), ...all.slice(-3)]);
  });

  test('a source that lacks what its API asks for is told so', async () => {
    const sourceId = await aSource(platform, { credentials: { other: 'x' } });
    const { status, body } = await start(sourceId, at(0));
    expect([status, body.code]).toEqual([422, 'source_not_listable']);
    expect(body.detail).toContain('credential');
    expect(waiting).toEqual([]);
  });
});

test('an order that came by webhook is known, one that its webhooks told half of is changed', async () => {
  const sourceId = await aSource('shopify');
  const [known = 0, stale = 0, bad = 0] = ids(3);
  shop.orders = [anOrder('shopify', known, 0), anOrder('shopify', stale, 1), anOrder('shopify', bad, 2, 'a lot')];
  const { handler } = await import('../../functions/webhooks/receive.ts');
  for (const id of [known, stale]) {
    const told = shop.orders.find((order) => order.id === id);
    const order = { id, updated_at: told?.changedAt, ...told?.fields };
    const signed = signShopify('orders/create', order, { id: `w-${id}` });
    const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, ...signed });
    expect((await handler(event, lambdaContext())).statusCode).toBe(202);
  }
  const before = shop.orders[1];
  if (before) shop.orders[1] = { ...before, changedAt: at(9), fields: { ...before.fields, cancelled_at: at(9) } };
  const { id } = (await start(sourceId, at(0))).body;
  await workAll();
  expect(await show(sourceId, id)).toMatchObject({
    listed: 3,
    missing: 0,
    changed: 1,
    failed: 1,
    faults: [{ externalId: String(bad), code: 'not_understood', detail: '/total_price: is no amount of EUR' }],
  });
  const told = vi.mocked(console.error).mock.calls.map(([line]) => JSON.parse(String(line)));
  expect(told).toContainEqual(
    expect.objectContaining({ message: 'reconciliation failed', reconciliationId: id, failed: 1 }),
  );
  expect([await bought(known), await bought(stale)]).toEqual([
    [1, '10.00'],
    [0, '0.00'],
  ]);
});

test('WooCommerce: orders that change while they are listed, and many of one second, are none of them missed', async () => {
  const sourceId = await aSource('woocommerce');
  const all = ids(180);
  // Seventy of one second, then ten a minute.
  shop.orders = all.map((id, index) => anOrder('woocommerce', id, index < 70 ? 0 : index));
  let pages = 0;
  shop.before = () => {
    // With each page an order that was seen goes to the end of the list.
    const first = shop.orders[0];
    if (pages++ > 0 && first) shop.orders = [...shop.orders.slice(1), { ...first, changedAt: at(1000 + pages) }];
  };
  const { id } = (await start(sourceId, at(0))).body;
  await workAll();
  const report = await show(sourceId, id);
  expect(report).toMatchObject({ state: 'succeeded', recorded: 180, missing: 180, failed: 0 });
  await allBought([all[49], all[50], all[69], all[70], all[120], all[179]].map(Number));
});

test('WooCommerce: of more orders of one second than an address can leave out, none is missed behind a smaller page', async () => {
  const sourceId = await aSource('woocommerce');
  const all = ids(500);
  shop.orders = all.map((id) => anOrder('woocommerce', id, 0));
  let pages = 0;
  shop.before = () => {
    pages += 1;
    if (pages === 8) shop.faults = [500];
  };
  const { id } = (await start(sourceId, at(0))).body;
  await workAll();
  expect(await show(sourceId, id)).toMatchObject({ state: 'succeeded', recorded: 500, missing: 500 });
});

test.each(['shopify', 'woocommerce', 'stripe'] as const)(
  '%s: pages that are larger than an answer may be are asked for in smaller ones, and none of one second is missed',
  async (platform) => {
    const sourceId = await aSource(platform);
    const all = ids(14);
    const long = 'x'.repeat(450_000);
    if (platform === 'stripe') shop.events = all.map((id) => ({ ...aCharge(id, 0), padding: long }));
    else {
      const orders = all.map((id) => anOrder(platform, id, 0));
      shop.orders = orders.map((one) => ({ ...one, fields: { ...one.fields, note: long } }));
    }
    const { id } = (await start(sourceId, at(0))).body;
    await work();
    const { lastFault } = await show(sourceId, id);
    expect(lastFault).toBe("shop_unavailable: The shop's API answered with more than 5000000 bytes.");
    await workAll();
    expect(await show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 14, recorded: 14, attempts: 0 });
    await allBought(all);
    const sizes = shop.asked.map(({ query }) => Number(query.get('limit') ?? query.get('per_page')));
    expect([Math.max(...sizes), sizes[0]]).toEqual(platform === 'stripe' ? [100, 100] : [50, 50]);
    expect(Math.min(...sizes)).toBeLessThan(12);
    // What was too much is not asked for again with each page.
    expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
  },
);

test('once pages were halved, larger ones are tried again after a while', async () => {
  const sourceId = await aSource('shopify');
  const all = ids(260);
  shop.orders = all.map((id, index) => anOrder('shopify', id, index));
  shop.faults = [429, 500];
  const { id } = (await start(sourceId, at(0))).body;
  await workAll();
  expect(await show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 260 });
  const sizes = shop.asked.map(({ query }) => Number(query.get('limit')));
  expect(sizes).toEqual([50, 50, ...Array(8).fill(25), 50, 50]);
});

test('what was bought a while ago is history, what is fresh is not', async () => {
  const sourceId = await aSource('shopify');
  const [old = 0, fresh = 0] = ids(2);
  const now = Date.now();
  const order = (id: number, hours: number): ListedOrder => {
    const changedAt = new Date(now - hours * 3_600_000).toISOString();
    const one = anOrder('shopify', id, 0);
    return { ...one, changedAt, fields: { ...one.fields, created_at: changedAt } };
  };
  shop.orders = [order(old, 60), order(fresh, 2)];
  await start(sourceId, new Date(now - 72 * 3_600_000).toISOString());
  await workAll();
  const backfill = async (id: number) => {
    const { body } = await api.call('GET /v1/customers', { query: { email: email(id) } });
    const params = { customerId: body.data[0]?.id as string };
    return (await api.call('GET /v1/customers/{customerId}/interactions', { params })).body.data[0]?.backfill;
  };
  expect([await backfill(old), await backfill(fresh)]).toEqual([true, false]);
});

test('an address that identifies nobody at this source leads to nobody', async () => {
  const [id = 0] = ids(1);
  const sourceId = await aSource('shopify', { nobody: [email(id)] });
  fill('shopify', [id]);
  const { body } = await start(sourceId, at(0));
  await workAll();
  expect(await show(sourceId, body.id)).toMatchObject({ state: 'succeeded', recorded: 1 });
  expect((await api.call('GET /v1/customers', { query: { email: email(id) } })).body.data).toEqual([]);
});

test('a shop that stays away fails the reconciliation in the end, and says why', async () => {
  const sourceId = await aSource('shopify');
  const { id } = (await start(sourceId, at(0))).body;
  shop.faults = Array.from({ length: 20 }, () => 502);
  expect(await workAll()).toBe(12);
  expect(await show(sourceId, id)).toMatchObject({
    state: 'failed',
    failure: "shop_unavailable: The shop's API answered with status 502.",
  });
  expect((await start(sourceId, at(0))).status).toBe(202);
});

test('while a shop stays away, the comparison says what is wrong and when it is asked again', async () => {
  const sourceId = await aSource('shopify');
  const { id } = (await start(sourceId, at(0))).body;
  shop.faults = [500, 'nonsense'];
  await work();
  const first = await show(sourceId, id);
  expect(first).toMatchObject({
    state: 'running',
    attempts: 1,
    lastFault: "shop_unavailable: The shop's API answered with status 500.",
    failure: null,
  });
  expect(Date.parse(String(first.nextTryAt)) - Date.parse(String(first.updatedAt))).toBe(60_000);
  await work();
  expect(await show(sourceId, id)).toMatchObject({
    attempts: 2,
    lastFault: "shop_unavailable: The shop's answer is not understood: The body is not JSON, at position 0.",
  });
  await work();
  expect(await show(sourceId, id)).toMatchObject({
    state: 'succeeded',
    attempts: 0,
    lastFault: null,
    nextTryAt: null,
  });
});

describe('a list that never ends fails the comparison, which is told, and the next one may begin', () => {
  const pages = {
    'names the same page again and again': () => ({
      headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=again>; rel="next"` },
      body: { orders: [] },
    }),
    'goes round three pages': ({ query }: Asked) => {
      const page = (Number(query.get('page_info') ?? 0) % 3) + 1;
      return {
        headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=${page}>; rel="next"` },
        body: { orders: [{ id: page }] },
      };
    },
    'always has one page more': ({ query }: Asked) => {
      const page = Number(query.get('page_info') ?? 0) + 1;
      return {
        headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=${page}>; rel="next"` },
        body: { orders: [{ id: page }] },
      };
    },
  };
  test.each<[keyof typeof pages, string, number]>([
    ['names the same page again and again', 'list_loops', 2],
    ['goes round three pages', 'list_loops', 25],
    ['always has one page more', 'list_endless', 201],
  ])('that %s: %s after %i pages at most', async (kind, code, most) => {
    const sourceId = await aSource('shopify');
    const { id } = (await start(sourceId, new Date(Date.now() - 1000).toISOString())).body;
    shop.instead = pages[kind];
    const told = vi.mocked(console.error).mock.calls.length;
    // There is time for one page and no more: what is remembered of the pages is kept.
    expect(await workAll(60_000)).toBeLessThanOrEqual(most);
    expect(await show(sourceId, id)).toMatchObject({ state: 'failed', failure: expect.stringContaining(`${code}: `) });
    const lines = vi
      .mocked(console.error)
      .mock.calls.slice(told)
      .map(([line]) => JSON.parse(String(line)));
    expect(lines).toContainEqual(expect.objectContaining({ message: 'reconciliation failed', reconciliationId: id }));
    shop.instead = undefined;
    expect((await start(sourceId, at(0))).status).toBe(202);
  });

  test("WooCommerce: a cache before the shop that doesn't see what is asked for", async () => {
    const sourceId = await aSource('woocommerce');
    const all = ids(50);
    const orders = all.map((id, index) => anOrder('woocommerce', id, index));
    shop.instead = () => ({
      body: orders.map(({ id, changedAt, fields }) => ({ id, date_modified_gmt: changedAt.slice(0, 19), ...fields })),
    });
    const { id } = (await start(sourceId, at(0))).body;
    expect(await workAll(60_000)).toBeLessThanOrEqual(8);
    expect(await show(sourceId, id)).toMatchObject({
      state: 'failed',
      recorded: 50,
      failure: expect.stringContaining('list_loops: '),
    });
  });
});

test('one that is under way can be ended, and goes on no further', async () => {
  const sourceId = await aSource('shopify');
  fill('shopify', ids(60));
  const { id } = (await start(sourceId, at(0))).body;
  await work(60_000);
  const end = (more = {}) =>
    api.call('DELETE /v1/sources/{sourceId}/reconciliations/{reconciliationId}', {
      params: { sourceId, reconciliationId: id },
      ...more,
    });
  const reader = await api.keyFor('acme', ['sources:read'], { sources: [sourceId] });
  expect((await end({ key: reader })).body.code).toBe('insufficient_scope');
  const { status, body } = await end();
  expect([status, body.state, Number(body.listed)]).toEqual([200, 'cancelled', 50]);
  expect((await end()).body).toEqual(body);
  await workAll();
  expect(await show(sourceId, id)).toEqual(body);
  const other = { params: { sourceId, reconciliationId: 'rec_none' } };
  const none = await api.call('DELETE /v1/sources/{sourceId}/reconciliations/{reconciliationId}', other);
  expect(none.body.code).toBe('reconciliation_not_found');
  expect((await start(sourceId, at(0))).status).toBe(202);
});

test('of several that are begun at once one is', async () => {
  const sourceId = await aSource('shopify');
  for (let round = 0; round < 3; round++) {
    waiting.push({ MessageBody: JSON.stringify({ scheduledTime: `2026-11-1${round}T04:00:00Z` }) });
    const answers = await Promise.all([...Array.from({ length: 5 }, () => start(sourceId, at(0))), work()]);
    expect(answers.filter((answer) => typeof answer === 'object' && answer.status === 202).length).toBeLessThan(2);
    const { body } = await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } });
    expect(body.data.filter(({ state }) => state === 'running')).toHaveLength(1);
    await workAll();
  }
});

test('one that nobody went on with ends when the next is begun', async () => {
  const sourceId = await aSource('shopify');
  const { id } = (await start(sourceId, at(0))).body;
  waiting = [];
  expect((await start(sourceId, at(0))).body.code).toBe('reconciliation_under_way');
  const now = new Date(Date.now() + 7 * 3_600_000).toISOString();
  await api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item: { ...clockKey, now } }));
  expect((await start(sourceId, at(0))).status).toBe(202);
  await api.client.send(new DeleteCommand({ TableName: api.embedded.tables.registry, Key: clockKey }));
  expect(await show(sourceId, id)).toMatchObject({ state: 'failed', failure: expect.stringContaining('abandoned: ') });
});

test('credentials that are refused fail it at once', async () => {
  const sourceId = await aSource('shopify', { credentials: { accessToken: 'shpat_revoked' } });
  const { id } = (await start(sourceId, at(0))).body;
  expect(await workAll()).toBe(1);
  const { state, failure } = await show(sourceId, id);
  expect([state, failure]).toEqual(['failed', "shop_refused: The shop's API refuses the credentials with status 401."]);
});

test('each day every source that can be listed is, once, from where the last one ended', async () => {
  const { body: clock } = await api.call('GET /v1/test-clock');
  expect(clock.frozen ?? false).toBe(false);
  const sourceId = await aSource('shopify');
  const scheduled = { MessageBody: JSON.stringify({ scheduledTime: '2026-11-20T04:00:00Z' }) };
  waiting.push(scheduled, scheduled);
  await workAll();
  const list = async () =>
    (await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } })).body.data;
  const [first, ...others] = await list();
  expect([others, first?.id, first?.by, first?.state]).toEqual([
    [],
    'rec_20261120040000000_daily',
    'schedule',
    'succeeded',
  ]);
  waiting.push({ MessageBody: JSON.stringify({ scheduledTime: '2026-11-21T04:00:00Z' }) });
  await workAll();
  const [second] = await list();
  const earlier = Date.parse(String(first?.until)) - 3_600_000;
  expect(second?.since).toBe(new Date(earlier).toISOString());
});

test('what daily ones that failed from the first on did not come to is left for the one that succeeds', async () => {
  const sourceId = await aSource('shopify', { credentials: { accessToken: 'shpat_revoked' } });
  for (const day of ['20', '21', '22']) {
    if (day === '22')
      await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: sourceBody('shopify') });
    waiting.push({ MessageBody: JSON.stringify({ scheduledTime: `2026-11-${day}T04:00:00Z` }) });
    await workAll();
  }
  const { body } = await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } });
  const [last, second, first] = body.data;
  expect([last, second, first].map((one) => one?.state)).toEqual(['succeeded', 'failed', 'failed']);
  for (const one of [last, second]) expect(String(one?.since) < String(first?.since)).toBe(true);
});

test('a later one that was asked for leaves no gap behind the daily ones', async () => {
  const sourceId = await aSource('shopify');
  await start(sourceId, new Date().toISOString().replace(/\.\d+Z/, '.000Z'));
  await workAll();
  waiting.push({ MessageBody: JSON.stringify({ scheduledTime: '2026-11-22T04:00:00Z' }) });
  await workAll();
  const { body } = await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } });
  const daily = body.data.find(({ by }) => by === 'schedule');
  expect(Date.parse(String(daily?.until)) - Date.parse(String(daily?.since))).toBe(72 * 3_600_000);
});

test('a message that comes twice at once harms nothing', async () => {
  const sourceId = await aSource('shopify');
  const all = ids(60);
  fill('shopify', all);
  const { id } = (await start(sourceId, at(0))).body;
  waiting.push(...waiting);
  await Promise.all([work(), work()]);
  await workAll();
  expect(await show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 60, failed: 0 });
  await allBought([...all.slice(0, 3), ...all.slice(-3)]);
});

test('where the queue is away nothing is left under way', async () => {
  const sourceId = await aSource('shopify');
  queueIsAway = true;
  const { status, body } = await start(sourceId, at(0));
  expect([status, body.code]).toEqual([503, 'store_unavailable']);
  queueIsAway = false;
  expect((await start(sourceId, at(0))).status).toBe(202);
});

test('of a source that is switched off while its shop answers nothing more comes in', async () => {
  const sourceId = await aSource('woocommerce');
  shop.orders = Array.from({ length: 250 }, (_, index) => anOrder('woocommerce', 90_000 + index, index));
  let pages = 0;
  shop.before = async () => {
    pages += 1;
    if (pages !== 2) return;
    const off = { sourceId, at: new Date().toISOString(), upTo: Number.MAX_SAFE_INTEGER };
    await switchOffSource(connect(), api.embedded.tables.registry, off);
  };
  const { id } = (await start(sourceId, at(0))).body;
  await workAll();
  const ended = await show(sourceId, id);
  expect(ended).toMatchObject({ state: 'failed' });
  expect(ended.failure).toContain('source_erased');
  // What the first page listed was recorded before.
  expect([pages, ended.listed]).toEqual([2, ended.recorded]);
  expect(Number(ended.listed)).toBeLessThan(250);
  expect((await start(sourceId, at(0))).body.code).toBe('source_erased');
  const file = { sourceId, format: 'rapport-ndjson' };
  expect((await api.call('POST /v1/imports', { body: file })).body.code).toBe('source_erased');
  const call = { type: 'call', sourceId, externalId: 'c', occurredAt: at(0), customer: { email: 'off@example.com' } };
  expect((await api.call('POST /v1/interactions', { body: call })).body.code).toBe('source_erased');
});

test('what is refused', async () => {
  const sourceId = await aSource('shopify');
  expect((await start('nowhere', at(0))).body.code).toBe('source_not_found');
  expect((await start(sourceId, '2100-01-01T00:00:00Z')).body.errors[0]?.pointer).toBe('/since');
  expect((await show(sourceId, 'rec_none')).code).toBe('reconciliation_not_found');
  const body = { ...settings, platform: 'standard', secrets: [`whsec_${btoa('a secret of thirty-two characters')}`] };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body });
  expect((await start('till', at(0))).body.code).toBe('source_not_listable');
});
