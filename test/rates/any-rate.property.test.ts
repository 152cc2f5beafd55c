import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { DeleteCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { countedOf, ratioText, waitsForRate } from '../../shared/domain/exchange-rate.ts';
import { foldFacts, noFacts } from '../../shared/domain/facts.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { customerOf } from '../../shared/dynamodb/customer-item.ts';
import { settingsKey } from '../../shared/dynamodb/keys.ts';
import { readRate } from '../../shared/dynamodb/order-item.ts';
import type { WaitingTask } from '../../shared/engine/count-waiting.ts';
import type { Fault } from '../fault-proxy.ts';
import { lambdaContext } from '../http-event.ts';
import { type Engine, openEngine, today } from '../merges/engine.ts';
import { signStandard } from '../signed.ts';
import { type Currency, currencies, type Life, lives, people, type Sale, type Step, sumsByHand } from './lives.ts';

type OrderLine = Interaction & { type: 'order' };

const machines = mockClient(SFNClient);
let engine: Engine;
let count: (task: WaitingTask) => Promise<WaitingTask & { done: boolean }>;
beforeAll(async () => {
  process.env[variables.valueRunMachine] = 'arn:aws:states:eu-west-1:123456789012:stateMachine:value-run';
  machines.on(StartExecutionCommand).resolves({});
  engine = await openEngine();
  const { client, embedded } = engine.door;
  const settings = { salt: 'salt', cursorSecret: 'secret', baseCurrency: 'EUR', baseTimeZone: 'Europe/Berlin' };
  await client.send(new PutCommand({ TableName: embedded.tables.registry, Item: { ...settingsKey, ...settings } }));
  const { handler } = await import('../../functions/nightly/count-waiting.ts');
  count = (task) => handler(task, lambdaContext());
});
afterAll(async () => {
  machines.restore();
  await engine.stop();
});

const faults: Fault[] = ['throttled', 'server-error', 'conflict', 'lost-answer', 'unprocessed', 'refused'];

test('facts are the fold over the ledger and the sum by hand, whenever rates come', async () => {
  await fc.assert(
    fc.asyncProperty(lives(faults), liveThrough),
    // Making a failing case smaller would take longer than the test may.
    { numRuns: Number(process.env.RUNS ?? 14), endOnFailure: true },
  );
}, 200_000);

/** What the rate of a currency and day may be: several texts where they were published at the same moment. */
type Published = Map<string, string[]>;

async function liveThrough({ sales, steps, atOnce, faults: planned }: Life) {
  await clear();
  const published: Published = new Map();
  const fixed = new Map<string, string>();
  const queue = [...planned];
  engine.door.proxy.plan = () => (queue.shift() ?? 'none') as Fault;
  for (let i = 0; i < steps.length; i += atOnce) {
    const now = steps.slice(i, i + atOnce);
    const fresh = publishedBy(now);
    await Promise.all(now.map(take));
    for (const line of await check(fixed)) {
      const day = line.occurredAt.slice(0, 10);
      const { currency, date } = line.rate ?? { currency: '', date: '' };
      const text = line.rate && ratioText(line.rate);
      expect(lastRates(published, fresh, currency, day)).toContain(`${date} ${text}`);
    }
    for (const [name, texts] of fresh) published.set(name, texts);
  }
  engine.door.proxy.plan = () => 'none';
  await take({ kind: 'count' });
  await check(fixed);
  await checkByHand(sales, published);
}

/** Without the zeros at the end, as a rate is shown. */
const trimmed = (rate: string) => rate.replace(/\.?0+$/, '');

function publishedBy(steps: Step[]): Published {
  const published: Published = new Map();
  for (const step of steps) {
    if (step.kind !== 'rate') continue;
    const name = `${step.currency} ${step.date}`;
    published.set(name, [...(published.get(name) ?? []), trimmed(step.rate)]);
  }
  return published;
}

/** What may have been the last rate up to a day while some were just being published. */
function lastRates(before: Published, fresh: Published, currency: string, day: string): string[] {
  const found: string[] = [];
  for (const date of windowBefore(day)) {
    const name = `${currency} ${date}`;
    for (const text of [...(fresh.get(name) ?? []), ...(before.get(name) ?? [])]) found.push(`${date} ${text}`);
    // What was published before was there for all.
    if (before.has(name)) break;
  }
  return found;
}

/** The day and the ten before it, the latest first. */
function windowBefore(day: string): string[] {
  return Array.from({ length: 11 }, (_, back) =>
    new Date(Date.parse(`${day}T00:00:00Z`) - back * 86_400_000).toISOString().slice(0, 10),
  );
}

let deliveries = 0;

async function take(step: Step): Promise<void> {
  switch (step.kind) {
    case 'said': {
      deliveries += 1;
      const body = { type: step.type, timestamp: step.at, data: step.data };
      const signed = signStandard(body, { id: `msg_${deliveries}`, at: Date.parse(today) });
      for (let attempt = 0; attempt < 40; attempt++) {
        const answer = await engine.door.deliver('till', signed);
        if (answer.status === 202) {
          expect(answer.body.status).toMatch(/^(recorded|duplicate)$/);
          return;
        }
        expect(answer.status).toBe(503);
      }
      throw new Error('never taken');
    }
    case 'rate': {
      const { date, currency, rate } = step;
      const { status } = await engine.call(
        'PUT /v1/exchange-rates',
        {},
        { base: 'EUR', rates: [{ date, currency, rate }] },
      );
      expect(status).toBe(200);
      return;
    }
    case 'count':
      for (let segment = 0; segment < 2; segment++) await counted({ segment, of: 2 });
  }
}

/** As the state machine does: what breaks off is repeated. */
async function counted(first: WaitingTask): Promise<void> {
  let task: WaitingTask & { done?: boolean } = first;
  for (let attempt = 0; attempt < 60 && !task.done; attempt++) task = await count(task).catch(() => task);
  expect(task.done).toBe(true);
}

/**
 * Every customer is the fold over the own ledger, what waits is on the list, and a rate that was fixed stays.
 * @returns the lines whose rate was fixed since the last time
 */
async function check(fixed: Map<string, string>): Promise<OrderLine[]> {
  const { customers } = await engine.stored();
  const waiting: string[] = [];
  const fresh: OrderLine[] = [];
  for (const customer of customers.map(customerOf)) {
    const lines = await orderLines(customer.id);
    const contributions = lines.map(({ order, rate }) => countedOf(order, rate));
    for (const currency of currencies) {
      const facts = currency === 'EUR' ? customer.facts : customer.waiting[currency];
      const fold = foldFacts(
        contributions.filter((one) => one.currency === currency),
        calendarOf('Europe/Berlin'),
      );
      expect(facts ?? noFacts).toEqual(fold);
    }
    for (const line of lines) {
      if (waitsForRate(line.order, line.rate, 'EUR')) waiting.push(line.id);
      const known = fixed.get(line.id);
      const text = line.rate && `${line.rate.date} ${ratioText(line.rate)}`;
      if (known !== undefined) expect(text).toBe(known);
      else if (text !== undefined) {
        fixed.set(line.id, text);
        fresh.push(line);
      }
    }
  }
  expect((await listed()).sort()).toEqual(waiting.sort());
  return fresh;
}

async function checkByHand(sales: Sale[], published: Published): Promise<void> {
  const { customers } = await engine.stored();
  const texts = new Map<string, string | undefined>();
  for (const { customerId } of customers)
    for (const line of await orderLines(customerId)) texts.set(line.externalId, line.rate && ratioText(line.rate));
  for (const { id, currency, day: _, ...sale } of sales) {
    const isWorthNothing = sale.cancelled && sale.refunds.length === 0;
    const line = [...texts.keys()].find((name) => name === `order-${id}`);
    expect(line).toBeDefined();
    if (currency === 'EUR' || isWorthNothing) continue;
    const day = sales.find((one) => one.id === id)?.day ?? 0;
    const isRated = windowBefore(dayOfSale(day)).some((date) => published.has(`${currency} ${date}`));
    expect(texts.get(`order-${id}`) !== undefined).toBe(isRated);
  }
  for (let person = 0; person < people; person++) {
    const found = customers.filter(({ sourceIds }) => sourceIds.till === `c-${person}`).map(customerOf);
    const sums = sumsByHand(sales, person, ({ id }) => texts.get(`order-${id}`));
    for (const [currency, sum] of sums) {
      const facts = (currency === 'EUR' ? found[0]?.facts : found[0]?.waiting[currency as Currency]) ?? noFacts;
      const { firstPurchaseAt, lastPurchaseAt, days: _, sales: __, ...rest } = facts;
      expect({ ...rest, firstPurchaseAt, lastPurchaseAt }).toEqual(sum);
    }
  }
}

const dayOfSale = (day: number) => new Date(Date.UTC(2026, 0, 10 + day)).toISOString().slice(0, 10);

async function orderLines(customerId: string): Promise<OrderLine[]> {
  const lines = await engine.lines(customerId);
  return lines.flatMap((line) => {
    if (line.type !== 'order') return [];
    return [{ ...line, ...(line.rate && { rate: readRate(line.rate) }) }];
  });
}

async function listed(): Promise<string[]> {
  const { client, embedded } = engine.door;
  const { Items = [] } = await client.send(new ScanCommand({ TableName: embedded.tables.registry, Limit: 1000 }));
  return Items.filter(({ pk }) => String(pk).startsWith('waiting#')).map(({ interactionId }) => interactionId);
}

/** The source, the settings and the clock stay. */
async function clear(): Promise<void> {
  const { client, embedded } = engine.door;
  const { customers, ledger, registry } = embedded.tables;
  for (const [TableName, names] of Object.entries({
    [customers]: ['customerId'],
    [ledger]: ['pk', 'sk'],
    [registry]: ['pk', 'sk'],
  })) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName, Limit: 1000 }));
    const gone = Items.filter(({ pk }) => !/^(source#|settings|clock)/.test(String(pk ?? '')));
    const keyOf = (item: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, item[name]]));
    await Promise.all(gone.map((item) => client.send(new DeleteCommand({ TableName, Key: keyOf(item) }))));
  }
}
