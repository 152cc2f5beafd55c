import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { signShopify } from '../signed.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
const logged: string[] = [];
beforeAll(async () => {
  for (const method of ['log', 'info', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation((...parts) => void logged.push(parts.map(String).join(' ')));
  shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
}, 30_000);
afterAll(() => shop.stop());

const today = '2026-06-01T00:00:00.000Z';
const begin = Date.parse('2026-01-01T00:00:00Z');
const timeOf = (minute: number) => new Date(begin + minute * 60_000).toISOString();

const people = 3;
const person = fc.nat(people - 1);
const minute = fc.integer({ min: 0, max: 100_000 });

interface Said {
  topic: string;
  sourceId: string;
  body: Record<string, unknown>;
}

const nameOf = (who: number) => `Quentin${'abc'[who]}`;
const addressOf = (who: number) => `quentin.${'abc'[who]}@mail.example`;
const phoneOf = (who: number) => `+49305550${who}${who}${who}`;
const shopIdOf = (who: number) => 640_000_000 + who;
const personalOf = (who: number) => [addressOf(who), nameOf(who), phoneOf(who), String(shopIdOf(who))];

const orders = fc.array(
  fc.record({
    who: person,
    minute,
    cents: fc.integer({ min: 100, max: 99_999 }),
    guest: fc.boolean(),
    elsewhere: fc.boolean(),
    updates: fc.array(
      fc.record({ after: fc.integer({ min: 1, max: 5_000 }), cents: fc.integer({ min: 100, max: 99_999 }) }),
      {
        maxLength: 2,
      },
    ),
  }),
  { minLength: 2, maxLength: 8 },
);
type Order = typeof orders extends fc.Arbitrary<(infer One)[]> ? One : never;

/** What happens to three persons in two shops until one of them is erased, and what is said of it all afterwards. */
const lives = fc.record({
  orders,
  words: fc.array(fc.record({ who: person, minute }), { maxLength: 4 }),
  merge: fc.option(fc.record({ from: person, into: person, isUndone: fc.boolean() }), { nil: undefined, freq: 2 }),
  erased: person,
  byApi: fc.boolean(),
  /** How many of the messages come before the erasure begins. */
  before: fc.nat(20),
  shuffle: fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
  /** Of the worker's calls: how many of the store it may do until the store is away for how many. */
  outages: fc.array(fc.record({ after: fc.integer({ min: 1, max: 30 }), lasts: fc.integer({ min: 1, max: 9 }) }), {
    maxLength: 4,
  }),
  hurried: fc.boolean(),
});
type Life = typeof lives extends fc.Arbitrary<infer One> ? One : never;

const orderId = (number: number) => 5_000 + number;

function messagesOf({ orders: all, words }: Life): Said[] {
  const sales = all.flatMap((order, number) => {
    const states = [{ after: 0, cents: order.cents }, ...order.updates];
    return states.map(({ after, cents }, index): Said => {
      const { who } = order;
      const customer = { id: shopIdOf(who), email: addressOf(who), first_name: nameOf(who), phone: phoneOf(who) };
      return {
        topic: index === 0 ? 'orders/create' : 'orders/updated',
        sourceId: order.elsewhere ? 'other' : 'shop',
        body: {
          id: orderId(number),
          created_at: timeOf(order.minute),
          updated_at: timeOf(order.minute + after),
          currency: 'EUR',
          total_price: (cents / 100).toFixed(2),
          email: addressOf(who),
          buyer_accepts_marketing: true,
          billing_address: { first_name: nameOf(who) },
          ...(!order.guest && { customer }),
        },
      };
    });
  });
  const said = words.map(({ who, minute: at }): Said => {
    const body = { id: shopIdOf(who), email: addressOf(who), phone: phoneOf(who), first_name: nameOf(who) };
    return { topic: 'customers/update', sourceId: 'shop', body: { ...body, updated_at: timeOf(at) } };
  });
  const unread = words.map(({ who }, number): Said => {
    const note = `${nameOf(who)} <${addressOf(who)}>`;
    return { topic: 'orders/create', sourceId: 'shop', body: { id: `bad${number}`, note, who: addressOf(who) } };
  });
  return [...sales, ...said, ...unread];
}

/** Of the states of an order the latest; of two at one moment any may be the one. */
function totalsOf({ cents, updates }: Order): number[] {
  const latest = Math.max(0, ...updates.map(({ after }) => after));
  return latest === 0 ? [cents] : updates.filter(({ after }) => after === latest).map((update) => update.cents);
}

test('after an erasure nothing speaks of the person, whatever broke off and whatever comes again', async () => {
  await fc.assert(
    fc.asyncProperty(lives, async (life) => {
      await clear();
      logged.length = 0;
      await shop.setClock(today);
      const messages = shuffled(messagesOf(life), life.shuffle);
      const early = messages.slice(0, life.before);
      const late = messages.slice(life.before);
      const middle = Math.floor(early.length / 2);
      for (const message of early.slice(0, middle)) await deliver(message);
      // There has to be somebody to be erased.
      const known = { id: shopIdOf(life.erased), email: addressOf(life.erased), updated_at: timeOf(1) };
      await deliver({ topic: 'customers/create', sourceId: 'shop', body: known });
      const gone = await mergedWith(life, async () => {
        for (const message of early.slice(middle)) await deliver(message);
      });
      await shop.keep();

      if (life.byApi) await shop.erase(await customerOf(life.erased));
      else {
        const body = { customer: { id: shopIdOf(life.erased) }, orders_to_redact: [] };
        await deliver({ topic: 'customers/redact', sourceId: 'shop', body });
      }
      await eraseMeanwhile(life, late);
      for (const message of [...shuffled(messages, life.shuffle.toReversed()), ...messages])
        await deliver(message, true);
      await retryAll();
      await shop.keep();
      await replayAll();
      await shop.keep();

      const { requests, traces } = await remains(gone);
      expect(requests).toEqual(['done']);
      expect(traces).toEqual([]);
      for (const who of gone)
        for (const text of personalOf(who)) expect(logged.filter((line) => line.includes(text))).toEqual([]);
      await checkAmounts(life, gone);
    }),
    { numRuns: Number(process.env.RUNS ?? 8), endOnFailure: true },
  );
}, 240_000);

/** Who is erased: by the API everybody whom the customer is. @param meanwhile what happens while they are one */
async function mergedWith({ merge, erased, byApi }: Life, meanwhile: () => Promise<void>): Promise<number[]> {
  const [from, into] = merge ? [await customerOf(merge.from), await customerOf(merge.into)] : [];
  if (!merge || !from || !into || from === into) {
    await meanwhile();
    return [erased];
  }
  const params = { customerId: from };
  const merged = await shop.api.call('POST /v1/customers/{customerId}/merge', { params, body: { into } });
  expect(merged.status).toBe(200);
  await meanwhile();
  if (merge.isUndone) {
    const parted = await shop.api.call('POST /v1/customers/{customerId}/unmerge', { params, body: {} });
    expect(parted.status).toBe(200);
    return [erased];
  }
  const isPart = erased === merge.from || erased === merge.into;
  return byApi && isPart ? [merge.from, merge.into] : [erased];
}

async function customerOf(who: number): Promise<string> {
  return (await shop.find({ email: addressOf(who) }))?.id as string;
}

/** The worker breaks off again and again, while other messages go on coming in. */
async function eraseMeanwhile({ outages, hurried }: Life, late: Said[]): Promise<void> {
  const queue = [...outages];
  let [calls, away] = [0, 0];
  const plan: PrivacyShop['api']['proxy']['plan'] = () => {
    if (away > 0) {
      away -= 1;
      return 'refused';
    }
    calls += 1;
    if (queue[0] && calls >= queue[0].after) {
      away = queue.shift()?.lasts ?? 0;
      calls = 0;
    }
    return 'none';
  };
  const milliseconds = hurried ? 0 : 300_000;
  for (const message of late) {
    shop.api.proxy.plan = plan;
    await Promise.all([shop.work({ milliseconds }), deliver(message)]);
    shop.api.proxy.plan = () => 'none';
    await shop.keep();
  }
  await retryAll();
  await shop.keep();
  await shop.workAll({ milliseconds });
}

let sent = 0;

/** Until it is taken. @param anew under an id of its own, as a message that the shop makes anew */
async function deliver({ topic, sourceId, body }: Said, anew = false): Promise<void> {
  const { handler } = await import('../../functions/webhooks/receive.ts');
  const signed = signShopify(topic, body, anew ? { id: `again${++sent}` } : {});
  for (let attempt = 0; attempt < 40; attempt++) {
    const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, ...signed });
    const { statusCode } = await handler(event, lambdaContext());
    if (statusCode === 202) return;
    expect(statusCode).toBe(503);
  }
  throw new Error('never taken');
}

async function retryAll(): Promise<void> {
  const { handler } = await import('../../functions/webhooks/retry.ts');
  for (const body of shop.queues.of('retry').splice(0)) {
    const { batchItemFailures } = await handler({ Records: [{ messageId: 'm', body }] } as SQSEvent);
    expect(batchItemFailures).toEqual([]);
  }
}

async function replayAll(): Promise<void> {
  for (const sourceId of ['shop', 'other']) {
    const body = { sourceId, from: '2020-01-01T00:00:00Z', to: '2030-01-01T00:00:00Z' };
    expect((await shop.api.call('POST /v1/deliveries/replay', { body })).status).toBe(200);
  }
}

/** What nobody could read and came again after the erasure is kept, as nobody knows whom it names. */
async function remains(gone: number[]) {
  const all = await shop.everything();
  const requests = all.flatMap(({ item }) => (item.request ? [(item.request as { status: string }).status] : []));
  const wanted = gone.flatMap(personalOf).map((text) => text.toLowerCase());
  const traces = all
    .filter(({ item }) => item.status !== 'quarantined')
    .flatMap(({ table, item, text }) =>
      wanted.filter((one) => text.includes(one)).map((one) => `${one} in ${table} ${item.pk ?? item.customerId}`),
    );
  return { requests, traces };
}

async function checkAmounts({ orders: all }: Life, gone: number[]): Promise<void> {
  const lines = await shop.orders();
  const cents = (number: number, sourceId: string) =>
    lines
      .filter((line) => line.externalId === String(orderId(number)) && line.sourceId === sourceId)
      .map(({ order }) => (order as { snapshot: { total: { minor: number } } }).snapshot.total.minor);
  expect(lines).toHaveLength(all.length);
  for (const [number, order] of all.entries()) {
    const [kept, ...others] = cents(number, order.elsewhere ? 'other' : 'shop');
    expect(others).toEqual([]);
    expect(totalsOf(order)).toContain(kept);
  }
  const customers = await shop.customers();
  const spent = customers.reduce((sum, { totalSpent }) => sum + Number(totalSpent), 0);
  const others = [...all.entries()].filter(([, { who }]) => !gone.includes(who));
  const expected = others.reduce(
    (sum, [number, { elsewhere }]) => sum + Number(cents(number, elsewhere ? 'other' : 'shop')[0]),
    0,
  );
  expect(spent).toBe(expected);
}

function shuffled<T>(list: T[], random: number[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = (random[i % random.length] ?? 0) % (i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** Sources, settings and the clock stay. */
async function clear(): Promise<void> {
  const { client, embedded } = shop.api;
  for (const name of ['keep', 'retry', 'erasure']) shop.queues.of(name).splice(0);
  for (const { table, item } of await shop.everything()) {
    if (table === 'registry' && /^(sources?|settings|clock)(#|$)/.test(String(item.pk))) continue;
    const names = table === 'customers' ? ['customerId'] : table === 'outreach' ? ['jobId'] : ['pk', 'sk'];
    const Key = Object.fromEntries(names.map((name) => [name, item[name]]));
    const TableName = embedded.tables[table as keyof typeof embedded.tables];
    await client.send(new DeleteCommand({ TableName, Key }));
  }
}
