import { type Day, dayOf } from '../domain/exchange-rate.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import { reserve, type Segment } from './measure-segment.ts';
import { Problem } from './problem.ts';
import { record } from './record.ts';
import type { RecordStore, WaitingOrder } from './record-store.ts';

/** The orders that wait for an exchange rate, in shards, each in the order of currency and time. */
export interface WaitingList {
  readonly shards: number;
  /** @param after a place in the shard */
  page(shard: number, after: string | undefined, limit: number): Promise<WaitingOrder[]>;
  placeOf(order: WaitingOrder): string;
  /** Just before the first order of a day. */
  placeBefore(currency: string, day: Day): string;
  /** Behind all orders in a currency. */
  placeBehind(currency: string): string;
  /** The first day from `day` on for which there is a rate of the currency. */
  nextRatedDay(currency: string, day: Day): Promise<Day | undefined>;
}

/** Some shards of the list, and where to go on. */
export interface WaitingTask extends Segment {
  from?: { shard: number; after: string };
}

export interface WaitingFrame {
  baseCurrency: string;
  baseTimeZone: string;
  now: Instant;
  mint: Mint;
  /** Of a night: what it may know by, so that what it counts first counts in it. */
  ratedAt?: Instant | undefined;
}

export interface WaitingPorts {
  list: WaitingList;
  records: RecordStore;
  /** Told of an order that cannot be counted: it goes on waiting. */
  onFault(error: unknown, order: WaitingOrder): void;
}

const ordersPerPage = 50;

/**
 * Counts the orders that there is a rate for by now. Days without a rate are passed over, so that what goes on waiting
 * costs next to nothing. Repeating it changes nothing.
 * @param remaining milliseconds that this step may still take
 * @returns where to go on; nothing when done
 * @throws Problem `store_unavailable`, `too_busy`: to be tried again
 */
export async function countWaiting(
  { list, records, onFault }: WaitingPorts,
  task: WaitingTask,
  { baseCurrency, baseTimeZone, now, mint, ratedAt }: WaitingFrame,
  remaining: () => number,
): Promise<WaitingTask['from'] | undefined> {
  const hasRate = new Map<string, boolean>();
  for (let shard = task.from?.shard ?? task.segment; shard < list.shards; shard += task.of) {
    let after = shard === task.from?.shard ? task.from.after : undefined;
    for (;;) {
      const page = await list.page(shard, after, ordersPerPage);
      let skipped = false;
      for (const order of page) {
        if (!(await isRated(order))) {
          after = await behindUnrated(order);
          skipped = true;
          break;
        }
        await count(order);
        after = list.placeOf(order);
        if (remaining() < reserve) return { shard, after };
      }
      if (!skipped && page.length < ordersPerPage) break;
      if (after !== undefined && remaining() < reserve) return { shard, after };
    }
  }
  return undefined;

  async function isRated({ currency, placedAt }: WaitingOrder): Promise<boolean> {
    const day = dayOf(placedAt);
    const name = `${currency} ${day}`;
    const known = hasRate.get(name);
    if (known !== undefined) return known;
    const found = (await records.rate({ currency, base: baseCurrency, day }, { consistent: true })) !== undefined;
    hasRate.set(name, found);
    return found;
  }

  async function behindUnrated({ currency, placedAt }: WaitingOrder): Promise<string> {
    const day = dayOf(placedAt);
    const next = await list.nextRatedDay(currency, day);
    // It came this moment: the next look finds it.
    if (next === day) hasRate.delete(`${currency} ${day}`);
    return next === undefined ? list.placeBehind(currency) : list.placeBefore(currency, next);
  }

  /** Nothing new is said of the order: recording it again finds the rate. */
  async function count(order: WaitingOrder): Promise<void> {
    const { sourceId, externalId } = order.natural;
    const nothingNew = { refunds: {}, consents: {} };
    const fact = { kind: 'order' as const, externalId, order: nothingNew, who: {}, at: now };
    try {
      await record(records, fact, { sourceId, baseCurrency, baseTimeZone, receivedAt: now, mint, ratedAt });
    } catch (error) {
      if (error instanceof Problem && error.status >= 500) throw error;
      onFault(error, order);
    }
  }
}
