import { lastFollowed, longestPause, type ReportCounts, stepOf } from './report-counts.ts';

/**
 * How soon a purchase follows the one before it. Of customers whose time is not over yet it is only known that it has not
 * followed so far: by Kaplan and Meier's estimate (1958) they count for as long as they were seen.
 */
export interface RepeatStep {
  /** 2 for the second purchase. */
  purchase: number;
  /** Who bought the one before. */
  customers: number;
  /** Who bought this one within the days that are followed. */
  bought: number;
  /** Days until half have bought it; null where less than half have, as far as anybody was seen. */
  medianDays: number | null;
  /** Up to the last day to which anybody was seen. */
  curve: { days: number; share: number; seen: number }[];
}

/** Every week of the first year, every four weeks from then on. */
const isShown = (day: number) => day === longestPause || (day <= 364 ? day % 7 === 0 : day % 28 === 0);

/** Steps that somebody has come to. */
export function repeatPurchasesOf({ followed, waiting }: ReportCounts): RepeatStep[] {
  const steps: RepeatStep[] = [];
  for (let step = 0; step < lastFollowed - 1; step++) {
    const from = stepOf(step);
    const sum = (counts: Float64Array) => counts.subarray(from, from + longestPause + 1).reduce((a, b) => a + b, 0);
    const bought = sum(followed);
    const customers = bought + sum(waiting);
    if (customers === 0) break;
    steps.push({ purchase: step + 2, customers, bought, ...estimate(followed, waiting, from, customers) });
  }
  return steps;
}

function estimate(followed: Float64Array, waiting: Float64Array, from: number, customers: number) {
  const curve: RepeatStep['curve'] = [];
  let medianDays: number | null = null;
  let seen = customers;
  // The share that has not bought yet.
  let open = 1;
  for (let days = 0; days <= longestPause && seen > 0; days++) {
    const now = followed[from + days] ?? 0;
    if (now > 0) open = now === seen ? 0 : open * (1 - now / seen);
    if (medianDays === null && open <= 0.5) medianDays = days;
    if (isShown(days)) curve.push({ days, share: 1 - open, seen });
    seen -= now + (waiting[from + days] ?? 0);
  }
  return { medianDays, curve };
}
