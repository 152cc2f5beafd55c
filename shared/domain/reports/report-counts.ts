import type { PurchaseDays } from '../purchase-days.ts';
import { amountBucket, type RfmInputs } from '../rfm.ts';
import { monthOf } from './months.ts';

/*
 * What a night counts for the reports, in the pass that measures. Counts of segments are added up; their size does not
 * depend on how many customers there are.
 */

/** Cohorts of so many months are told apart; who first bought before them is counted as `earlier`. */
export const cohortMonths = 240;
/** Purchases up to this one are followed: from the first to the second, from the second to the third … */
export const lastFollowed = 10;
/** Pauses are followed for so many days; what comes later is not waited for. */
export const longestPause = 1_095;

const steps = lastFollowed - 1;
const span = longestPause + 1;

export interface ReportCounts {
  /** Customers whose first purchase lies before the months that are told apart. */
  earlier: number;
  /** By months since the first of them: customers who bought first then, and who bought again in each month after. */
  cohorts: Float64Array;
  /** By step and days: a purchase followed after so many days; none had after so many, and nothing later is known. */
  followed: Float64Array;
  waiting: Float64Array;
  /** Customers and minor units spent within the policy's window, by bucket of the amount. */
  spent: Map<number, [customers: number, minor: number]>;
}

export function noReportCounts(): ReportCounts {
  return {
    earlier: 0,
    cohorts: new Float64Array((cohortMonths * (cohortMonths + 1)) / 2),
    followed: new Float64Array(steps * span),
    waiting: new Float64Array(steps * span),
    spent: new Map(),
  };
}

/** Where a cohort's row begins; the latest cohort has the shortest row. @param cohort months since the first one */
export function rowOf(cohort: number): number {
  return cohort * cohortMonths - (cohort * (cohort - 1)) / 2;
}

/** Where a step's days begin. @param step 0 from the first purchase to the second */
export function stepOf(step: number): number {
  return step * span;
}

/**
 * Counts a customer in; one without a purchase says nothing. Purchases of one day are one.
 * @param inputs what the night scores by
 * @param today the day of the run
 */
export function countForReports(
  counts: ReportCounts,
  days: PurchaseDays,
  inputs: RfmInputs | undefined,
  today: number,
): void {
  if (!inputs) return;
  const oldest = monthOf(today) - cohortMonths + 1;
  let row = -1;
  let [cohort, lastMonth, lastDay, bought] = [0, 0, 0, 0];
  for (const { day, purchases } of days) {
    if (day > today || purchases <= 0) continue;
    const month = monthOf(day);
    if (bought === 0) {
      cohort = month;
      if (month < oldest) counts.earlier += 1;
      else {
        row = rowOf(month - oldest);
        add(counts.cohorts, row);
      }
    } else {
      if (bought <= steps) {
        const pause = day - lastDay;
        const at = stepOf(bought - 1) + Math.min(pause, longestPause);
        add(pause > longestPause ? counts.waiting : counts.followed, at);
      }
      if (row >= 0 && month > lastMonth) add(counts.cohorts, row + month - cohort);
    }
    lastMonth = month;
    lastDay = day;
    bought += 1;
  }
  if (bought > 0 && bought <= steps) add(counts.waiting, stepOf(bought - 1) + Math.min(today - lastDay, longestPause));
  if (inputs.purchaseCount > 0) addSpent(counts, amountBucket(inputs.totalSpent), 1, Number(inputs.totalSpent));
}

function add(counts: Float64Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** Who was paid back more than was spent has spent nothing. */
function addSpent({ spent }: ReportCounts, bucket: number, customers: number, minor: number): void {
  const known = spent.get(bucket);
  if (!known) spent.set(bucket, [customers, Math.max(0, minor)]);
  else {
    known[0] += customers;
    known[1] += Math.max(0, minor);
  }
}

/** Adds one to another. */
export function mergeReportCounts(into: ReportCounts, from: ReportCounts): void {
  into.earlier += from.earlier;
  for (const name of ['cohorts', 'followed', 'waiting'] as const)
    from[name].forEach((times, index) => {
      if (times !== 0) into[name][index] = (into[name][index] ?? 0) + times;
    });
  for (const [bucket, [customers, minor]] of from.spent) addSpent(into, bucket, customers, minor);
}

/** As it lies in a store: of each count the places that are not 0. */
export interface PlainReportCounts {
  earlier: number;
  cohorts: [number, number][];
  followed: [number, number][];
  waiting: [number, number][];
  spent: [number, [number, number]][];
}

export function plainReportCounts({ earlier, cohorts, followed, waiting, spent }: ReportCounts): PlainReportCounts {
  const sparse = (counts: Float64Array) =>
    [...counts.entries()].flatMap(([index, times]): [number, number][] => (times === 0 ? [] : [[index, times]]));
  return {
    earlier,
    cohorts: sparse(cohorts),
    followed: sparse(followed),
    waiting: sparse(waiting),
    spent: [...spent].sort(([one], [other]) => one - other),
  };
}

export function reportCountsOf(plain: PlainReportCounts): ReportCounts {
  const counts = noReportCounts();
  counts.earlier = plain.earlier;
  for (const name of ['cohorts', 'followed', 'waiting'] as const)
    for (const [index, times] of plain[name]) counts[name][index] = times;
  counts.spent = new Map(plain.spent);
  return counts;
}
