import type { DeliveryStatus } from '../domain/delivery.ts';
import { Problem } from './problem.ts';
import type { Received } from './receive.ts';

export interface ReplayRange {
  /** The next deliveries of the range, the oldest first; `place` is where the list goes on after one. */
  list(limit: number): Promise<{ deliveries: { id: string; place: string }[]; next?: string }>;
  replay(deliveryId: string): Promise<Received>;
  /** Asked before each few deliveries. */
  mayGoOn(): boolean;
}

export interface RangeReplayed {
  replayed: number;
  statuses: Partial<Record<DeliveryStatus, number>>;
  /** Those that could not be played: each is to be tried again by itself. */
  failed: { deliveryId: string; code: string }[];
  /** Where the next call goes on; absent where the range is done. */
  next?: string;
}

export const mostInOneCall = 100;
const atOnce = 5;

/**
 * Plays a range of kept deliveries again, as many as one call may take. Doing a part of it twice changes nothing.
 * @throws Problem `store_unavailable`, `too_busy` where nothing was done
 */
export async function replayRange({ list, replay, mayGoOn }: ReplayRange): Promise<RangeReplayed> {
  const { deliveries, next } = await list(mostInOneCall);
  const done: RangeReplayed = { replayed: 0, statuses: {}, failed: [] };
  let last: string | undefined;
  for (let start = 0; start < deliveries.length; start += atOnce) {
    if (start > 0 && !mayGoOn()) return { ...done, ...(last !== undefined && { next: last }) };
    const few = deliveries.slice(start, start + atOnce);
    const outcomes = await Promise.allSettled(few.map(({ id }) => replay(id)));
    const away = outcomes.find((outcome) => outcome.status === 'rejected' && isAway(outcome.reason));
    if (away?.status === 'rejected') {
      if (last === undefined) throw away.reason;
      return { ...done, next: last };
    }
    outcomes.forEach((outcome, index) => void note(done, few[index]?.id ?? '', outcome));
    last = few.at(-1)?.place;
  }
  return { ...done, ...(next !== undefined && { next }) };
}

function isAway(error: unknown): boolean {
  return error instanceof Problem && (error.code === 'store_unavailable' || error.code === 'too_busy');
}

function note(done: RangeReplayed, deliveryId: string, outcome: PromiseSettledResult<Received>): void {
  if (outcome.status === 'fulfilled') {
    const { status } = outcome.value;
    done.replayed += 1;
    done.statuses[status] = (done.statuses[status] ?? 0) + 1;
    return;
  }
  if (!(outcome.reason instanceof Problem)) throw outcome.reason;
  done.failed.push({ deliveryId, code: outcome.reason.code });
}
