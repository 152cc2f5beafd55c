import { setTimeout as wait } from 'node:timers/promises';
import {
  type Day,
  daysBefore,
  oldestRate,
  type Rate,
  type Ratio,
  ratioText,
  readRatio,
  sameRatio,
} from '../domain/exchange-rate.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { WantedRate } from '../engine/record-store.ts';
import type { Client } from './client.ts';
import { isConflict } from './faults.ts';
import { exchangeRatesKey } from './keys.ts';

/** The rates of one day: texts by currency, as `ratioText` writes them. */
interface DayItem {
  sk: Day;
  rates: Record<string, string>;
  revision: number;
}

/** For how long a container may count by a rate that it has read, in milliseconds; a test stage reads each time. */
export const rateTrust = (testStage: boolean) => (testStage ? 0 : 60_000);

const remembered = new WeakMap<Client, Map<string, { rate: Rate; readAt: number }>>();
const mostRemembered = 2000;

/**
 * The last rate up to a day, if it is not too old. One that was read lately is remembered by the container; that there
 * is none is never remembered.
 */
export async function findRate(
  client: Client,
  registry: string,
  wanted: WantedRate,
  { consistent, trustedFor }: { consistent: boolean; trustedFor: number },
): Promise<Rate | undefined> {
  const { currency, base, day } = wanted;
  const known = remembered.get(client) ?? new Map<string, { rate: Rate; readAt: number }>();
  remembered.set(client, known);
  const name = `${registry} ${currency} ${day}`;
  const lately = known.get(name);
  if (lately && performance.now() - lately.readAt < trustedFor) return lately.rate;

  const { Items = [] } = await client.query({
    TableName: registry,
    KeyConditionExpression: 'pk = :rates AND sk BETWEEN :oldest AND :day',
    ExpressionAttributeValues: {
      ':rates': exchangeRatesKey(day).pk,
      ':oldest': daysBefore(day, oldestRate),
      ':day': day,
    },
    ScanIndexForward: false,
    ConsistentRead: consistent,
    Limit: oldestRate + 1,
  });
  const last = (Items as unknown as DayItem[]).find(({ rates }) => Object.hasOwn(rates, currency));
  if (!last) return undefined;
  const rate: Rate = { currency, base, date: last.sk, ...readRatio(last.rates[currency] ?? '') };
  if (known.size >= mostRemembered) known.clear();
  if (trustedFor > 0) known.set(name, { rate, readAt: performance.now() });
  return rate;
}

/** The first day from `day` on for which there is a rate of the currency. */
export async function nextRatedDay(
  client: Client,
  registry: string,
  currency: string,
  day: Day,
): Promise<Day | undefined> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :rates AND sk >= :day',
      FilterExpression: 'attribute_exists(rates.#currency)',
      ExpressionAttributeNames: { '#currency': currency },
      ExpressionAttributeValues: { ':rates': exchangeRatesKey(day).pk, ':day': day },
      ProjectionExpression: 'sk',
      ConsistentRead: true,
      Limit: 100,
      ...(start && { ExclusiveStartKey: start }),
    });
    const found = page.Items?.[0]?.sk;
    if (typeof found === 'string') return found;
    start = page.LastEvaluatedKey;
  } while (start);
  return undefined;
}

/** What keeping rates came to, in rates. */
export interface KeptRates {
  added: number;
  replaced: number;
  unchanged: number;
}

/** So many days are written in one transaction. */
const daysAtOnce = 50;
const writersAtOnce = 4;
const attempts = 10;

/** Keeps rates beside those that are there; a different one for the same day takes its place. May be repeated. */
export async function keepRates(client: Client, registry: string, rates: readonly Rate[]): Promise<KeptRates> {
  const byDay = new Map<Day, Rate[]>();
  for (const rate of rates) {
    const ofDay = byDay.get(rate.date);
    if (ofDay) ofDay.push(rate);
    else byDay.set(rate.date, [rate]);
  }
  const days = [...byDay];
  const sum: KeptRates = { added: 0, replaced: 0, unchanged: 0 };
  const worker = async () => {
    for (let some = days.splice(0, daysAtOnce); some.length > 0; some = days.splice(0, daysAtOnce)) {
      const kept = await keepDays(client, registry, new Map(some));
      sum.added += kept.added;
      sum.replaced += kept.replaced;
      sum.unchanged += kept.unchanged;
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, worker));
  return sum;
}

async function keepDays(client: Client, registry: string, byDay: Map<Day, Rate[]>): Promise<KeptRates> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1) await wait(Math.random() * 20 * 2 ** attempt);
    const known = await readDays(client, registry, [...byDay.keys()]);
    const kept: KeptRates = { added: 0, replaced: 0, unchanged: 0 };
    const TransactItems = [...byDay].flatMap(([day, rates]) => {
      const { rates: before = {}, revision = 0 } = known.get(day) ?? {};
      const after = joined(before, rates, kept);
      if (!after) return [];
      const isAsRead =
        revision === 0
          ? { ConditionExpression: 'attribute_not_exists(pk)' }
          : { ConditionExpression: 'revision = :read', ExpressionAttributeValues: { ':read': revision } };
      const Item = { ...exchangeRatesKey(day), rates: after, revision: revision + 1 };
      return [{ Put: { TableName: registry, Item, ...isAsRead } }];
    });
    if (TransactItems.length === 0) return kept;
    try {
      await client.transactWrite({ TransactItems });
      return kept;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
  throw storeUnavailable(new Error('exchange rates were written by others all the time'));
}

/** Nothing where nothing changes. */
function joined(
  before: Record<string, string>,
  rates: readonly Rate[],
  kept: KeptRates,
): Record<string, string> | undefined {
  const after = { ...before };
  let changes = false;
  for (const rate of rates) {
    const known: Ratio | undefined = Object.hasOwn(before, rate.currency)
      ? readRatio(before[rate.currency] ?? '')
      : undefined;
    if (known && sameRatio(known, rate)) {
      kept.unchanged += 1;
      continue;
    }
    kept[known ? 'replaced' : 'added'] += 1;
    after[rate.currency] = ratioText(rate);
    changes = true;
  }
  return changes ? after : undefined;
}

async function readDays(client: Client, registry: string, days: readonly Day[]): Promise<Map<Day, DayItem>> {
  const found = new Map<Day, DayItem>();
  let Keys: Record<string, unknown>[] = days.map(exchangeRatesKey);
  for (let round = 0; Keys.length > 0; round++) {
    if (round > 5) throw storeUnavailable(new Error('exchange rates were not read'));
    if (round > 0) await wait(Math.random() * 25 * 2 ** round);
    const answer = await client.batchGet({ RequestItems: { [registry]: { Keys, ConsistentRead: true } } });
    for (const item of (answer.Responses?.[registry] ?? []) as unknown as DayItem[]) found.set(item.sk, item);
    Keys = answer.UnprocessedKeys?.[registry]?.Keys ?? [];
  }
  return found;
}

/** One rate in a list. */
export interface ListedRate extends Ratio {
  date: Day;
  currency: string;
}

/**
 * A page of the rates between two days, the latest first and by currency within a day.
 * @param after the `next` of the page before
 */
export async function listRates(
  client: Client,
  registry: string,
  wanted: { currency?: string; from: Day; to: Day; limit: number; after?: string },
): Promise<{ rates: ListedRate[]; next?: string }> {
  const { currency, from, limit, after } = wanted;
  const [afterDay, afterCurrency = ''] = after?.split('#') ?? [];
  let to = afterDay ?? wanted.to;
  const rates: ListedRate[] = [];
  while (to >= from) {
    const { Items = [] } = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :rates AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: { ':rates': exchangeRatesKey(to).pk, ':from': from, ':to': to },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: limit + 1,
    });
    const days = Items as unknown as DayItem[];
    for (const { sk: date, rates: ofDay } of days) {
      const codes =
        currency === undefined ? Object.keys(ofDay).sort() : Object.hasOwn(ofDay, currency) ? [currency] : [];
      for (const code of codes)
        if (date !== afterDay || code > afterCurrency)
          rates.push({ date, currency: code, ...readRatio(ofDay[code] ?? '') });
    }
    const page = rates.slice(0, limit);
    const last = page.at(-1);
    if (rates.length > limit && last) return { rates: page, next: `${last.date}#${last.currency}` };
    const oldest = days.at(-1)?.sk;
    if (oldest === undefined || days.length <= limit) break;
    to = daysBefore(oldest, 1);
  }
  return { rates };
}
