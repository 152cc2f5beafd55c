import { type DeliveryStatus, deliveryStatuses } from './delivery.ts';
import { type Instant, instantOf, millisecondsOf } from './instant.ts';
import type { Platform } from './source.ts';
import { addCounts, type Counts, type HourCounts, hour, hourOf, lagSteps, tenMinutes } from './source-counts.ts';

/** How a source is. */
export interface SourceHealth {
  /** When the last delivery came that was not sent before. */
  lastDeliveryAt: Instant | null;
  /** Deliveries that came, those sent again among them; each time begins with a full ten minutes. */
  received: { lastHour: number; last24Hours: number; last7Days: number };
  /** The last 24 hours, from a full hour on. */
  lastDay: {
    since: Instant;
    /** What they came to when they came. */
    statuses: Record<DeliveryStatus, number>;
    /** Of those recorded. */
    withoutCustomer: number;
    /** Between the source's own time of what it says and its coming, as upper ends of {@link lagSteps}. */
    lag: { measured: number; medianSeconds: number | null; mostSeconds: number | null };
    /** Calls whose signature was refused, and calls that were turned away with a 5xx. */
    failures: { refused: number; unavailable: number };
  };
  switchedOff: boolean | null;
  why: string;
}

/** How far back {@link healthOf} looks. */
export const looksBackHours = 28 * 24;

/**
 * @param hours those of the last {@link looksBackHours} that are there, the oldest first
 * @param newest when the newest delivery came, where one is kept
 */
export function healthOf(
  hours: readonly HourCounts[],
  newest: Instant | undefined,
  platform: Platform,
  now: Instant,
): SourceHealth {
  const at = millisecondsOf(now);
  const slots = slotsOf(hours);
  const last = lastDelivery(slots, newest);
  const since = hourOf(instantOf(at - 24 * hour));
  const day: Counts = {};
  for (const { begins, counts } of hours) if (begins >= since) addCounts(day, counts);
  const within = (milliseconds: number) =>
    slots.filter(({ begins }) => begins + tenMinutes > at - milliseconds).reduce((sum, { count }) => sum + count, 0);
  return {
    lastDeliveryAt: last === undefined ? null : instantOf(last),
    received: { lastHour: within(hour), last24Hours: within(24 * hour), last7Days: within(7 * 24 * hour) },
    lastDay: {
      since,
      statuses: Object.fromEntries(deliveryStatuses.map((status) => [status, day[status] ?? 0])) as Record<
        DeliveryStatus,
        number
      >,
      withoutCustomer: day.unowned ?? 0,
      lag: lagOf(day),
      failures: { refused: day.refused ?? 0, unavailable: day.unavailable ?? 0 },
    },
    ...silenceOf(slots, last, platform, at),
  };
}

interface Slot {
  /** Milliseconds since 1970. */
  begins: number;
  count: number;
}

/** The ten minutes in which something came. */
function slotsOf(hours: readonly HourCounts[]): Slot[] {
  return hours.flatMap(({ begins, counts }) =>
    [0, 1, 2, 3, 4, 5].flatMap((ten) => {
      const count = counts[`ten${ten}`] ?? 0;
      return count > 0 ? [{ begins: millisecondsOf(begins) + ten * tenMinutes, count }] : [];
    }),
  );
}

/** To the millisecond where the delivery is kept, else to the ten minutes. */
function lastDelivery(slots: readonly Slot[], newest: Instant | undefined): number | undefined {
  const counted = slots.at(-1)?.begins;
  const kept = newest === undefined ? undefined : millisecondsOf(newest);
  return counted === undefined || kept === undefined ? (kept ?? counted) : Math.max(counted, kept);
}

function lagOf(counts: Counts): SourceHealth['lastDay']['lag'] {
  const steps = lagSteps.map((_, step) => counts[`lag${step}`] ?? 0);
  const measured = steps.reduce((sum, count) => sum + count, 0);
  if (measured === 0) return { measured, medianSeconds: null, mostSeconds: null };
  let passed = 0;
  const median = steps.findIndex((count) => {
    passed += count;
    return passed * 2 >= measured;
  });
  const most = steps.findLastIndex((count) => count > 0);
  return { measured, medianSeconds: lagSteps[median] ?? null, mostSeconds: lagSteps[most] ?? null };
}

/** Fewer than this, or within less than a day, say nothing of a source's habits. */
const enough = 20;
const habit = 7 * 24 * hour;

/**
 * A source seems switched off where it has been silent for more than twice the longest gap between its deliveries in the
 * seven days before the last one, and for an hour at least. Nights and weekends are such gaps.
 */
function silenceOf(
  slots: readonly Slot[],
  last: number | undefined,
  platform: Platform,
  now: number,
): Pick<SourceHealth, 'switchedOff' | 'why'> {
  if (last === undefined) return { switchedOff: null, why: 'Nothing has come within the last 28 days.' };
  const before = slots.filter(({ begins }) => begins > last - habit);
  const came = before.reduce((sum, { count }) => sum + count, 0);
  const first = before[0]?.begins ?? last;
  if (came < enough || last - first < 24 * hour) {
    const why = `${came} deliveries in the seven days before the last one, within ${lasting(last - first)}: too few to tell.`;
    return { switchedOff: null, why };
  }
  const longest = Math.max(...before.slice(1).map(({ begins }, index) => begins - (before[index]?.begins ?? begins)));
  const silent = now - last;
  const gaps = `Silent for ${lasting(silent)}; the longest gap of the seven days before was ${lasting(longest)}.`;
  if (silent <= Math.max(hour, 2 * longest)) return { switchedOff: false, why: gaps };
  return {
    switchedOff: true,
    why: `${gaps} ${habitsOf[platform] ?? 'Look whether the shop still sends its webhooks.'}`,
  };
}

const habitsOf: Partial<Record<Platform, string>> = {
  woocommerce: 'WooCommerce switches a webhook off after five failed deliveries and never sends them again.',
  shopify: 'Shopify takes a subscription away after eight failed tries within four hours.',
};

function lasting(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
