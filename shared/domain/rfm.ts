import type { PurchaseDays } from './purchase-days.ts';

/** What a customer is scored by. */
export interface RfmInputs {
  /** Calendar days in the merchant's time zone; 0 for a purchase on the day of `asOf`. */
  daysSinceLastPurchase: number;
  /** Within the policy's window; 0 for one who bought only before it. */
  purchaseCount: number;
  /** Within the window, in minor units of the base currency. */
  totalSpent: bigint;
}

/** With what else the policy gives weight to, in minor units of the base currency. */
export interface ScoreInputs extends RfmInputs {
  /** Within the window. */
  contribution?: bigint;
  lifetimeValue?: bigint;
}

export const scoreNames = ['recency', 'frequency', 'monetary', 'contribution', 'lifetimeValue'] as const;
export type ScoreName = (typeof scoreNames)[number];

/** 1 to 5 each; 5 is best. */
export interface Scores {
  recency: number;
  frequency: number;
  monetary: number;
  /** Where the policy gives it weight. */
  contribution?: number;
  /** Where the policy gives it weight, and there are models. */
  lifetimeValue?: number;
}

/**
 * What scores 2, 3, 4 and 5 ask for: at most so many days, at least so many purchases and minor units. Null where
 * nobody can have that score, because too many customers are equal.
 */
export interface CutPoints {
  kind: 'quintiles' | 'absolute';
  /** How many bought within the window. */
  buyers: number;
  recency: readonly (number | null)[];
  frequency: readonly (number | null)[];
  monetary: readonly (bigint | null)[];
  /** Where the policy gives it weight. */
  contribution?: readonly (bigint | null)[];
  /** Where the policy gives it weight: always absolute, as the models are fitted to what the same pass measures. */
  lifetimeValue?: readonly bigint[];
}

/**
 * What a customer with these purchases is scored by; nothing for one without a purchase. What was bought after `today`
 * has not happened yet.
 * @param today the day of `asOf` in the same calendar
 * @param windowDays purchases of the last so many days count, today among them; null for all
 */
export function rfmInputsOf(
  days: PurchaseDays,
  { today, windowDays }: { today: number; windowDays: number | null },
): RfmInputs | undefined {
  let last: number | undefined;
  let purchaseCount = 0;
  let totalSpent = 0n;
  for (let index = days.length - 1; index >= 0; index--) {
    const { day, purchases, spent } = days[index] as PurchaseDays[number];
    if (day > today) continue;
    last ??= day;
    if (windowDays !== null && today - day >= windowDays) break;
    purchaseCount += purchases;
    totalSpent += spent;
  }
  return last === undefined ? undefined : { daysSinceLastPurchase: today - last, purchaseCount, totalSpent };
}

/** @param marginPercent by so much of it a cut may be missed */
export function scoresOf(
  cuts: CutPoints,
  { daysSinceLastPurchase, purchaseCount, totalSpent, contribution, lifetimeValue }: ScoreInputs,
  marginPercent = 0,
): Scores {
  const scores: Scores = { recency: 1, frequency: 1, monetary: amountScore(cuts.monetary, totalSpent, marginPercent) };
  const [atMost, atLeast] = [100 + marginPercent, 100 - marginPercent];
  for (const cut of cuts.recency) if (cut !== null && daysSinceLastPurchase * 100 <= cut * atMost) scores.recency += 1;
  for (const cut of cuts.frequency) if (cut !== null && purchaseCount * 100 >= cut * atLeast) scores.frequency += 1;
  if (cuts.contribution && contribution !== undefined)
    scores.contribution = amountScore(cuts.contribution, contribution, marginPercent);
  if (cuts.lifetimeValue && lifetimeValue !== undefined)
    scores.lifetimeValue = amountScore(cuts.lifetimeValue, lifetimeValue, marginPercent);
  return scores;
}

/** A cut below zero may be missed by a margin, too. */
function amountScore(cuts: readonly (bigint | null)[], amount: bigint, marginPercent: number): number {
  const isReached = (cut: bigint) => amount * 100n >= cut * 100n - (cut < 0n ? -cut : cut) * BigInt(marginPercent);
  return 1 + cuts.filter((cut) => cut !== null && isReached(cut)).length;
}

/** How often each value occurs. Merging is addition: neither the order nor the number of parts matters. */
export type Histogram = Map<number, number>;

/** What one pass over customers leaves behind; its size does not depend on how many there are. */
export interface Measure {
  /** Live customers, buyers or not. */
  customers: number;
  /** Those who bought within the window. */
  buyers: number;
  /** Exact. */
  days: Histogram;
  /** Exact. */
  purchases: Histogram;
  /** By {@link amountBucket}. */
  amounts: Histogram;
  /** By {@link signedBucket}; empty where the policy gives contribution no weight. */
  contributions: Histogram;
}

export function emptyMeasure(): Measure {
  return {
    customers: 0,
    buyers: 0,
    days: new Map(),
    purchases: new Map(),
    amounts: new Map(),
    contributions: new Map(),
  };
}

/** Counts one live customer in. Who bought only before the window stands outside the quintiles, with scores of 1. */
export function measureCustomer(measure: Measure, inputs: ScoreInputs | undefined): void {
  measure.customers += 1;
  if (!inputs || inputs.purchaseCount === 0) return;
  measure.buyers += 1;
  count(measure.days, inputs.daysSinceLastPurchase, 1);
  count(measure.purchases, inputs.purchaseCount, 1);
  count(measure.amounts, amountBucket(inputs.totalSpent), 1);
  if (inputs.contribution !== undefined) count(measure.contributions, signedBucket(inputs.contribution), 1);
}

/** Adds one measure to another. */
export function mergeMeasure(into: Measure, from: Measure): void {
  into.customers += from.customers;
  into.buyers += from.buyers;
  for (const part of ['days', 'purchases', 'amounts', 'contributions'] as const)
    for (const [value, times] of from[part]) count(into[part], value, times);
}

function count(histogram: Histogram, value: number, times: number): void {
  histogram.set(value, (histogram.get(value) ?? 0) + times);
}

/** Buckets hold 7 bits below the leading one: amounts below 256 are exact, wider buckets span less than 0.8 %. */
const bits = 7;
const exact = 2 ** (bits + 1);

/** The bucket of an amount in minor units, by integer arithmetic alone; buckets grow with amounts. */
export function amountBucket(amount: bigint): number {
  if (amount < exact) return amount < 0n ? 0 : Number(amount);
  if (amount <= Number.MAX_SAFE_INTEGER) {
    const number = Number(amount);
    const high = Math.floor(number / 2 ** 32);
    const exponent = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(number);
    return (exponent - bits) * 2 ** bits + Math.floor(number / 2 ** (exponent - bits));
  }
  const exponent = amount.toString(2).length - 1;
  return (exponent - bits) * 2 ** bits + Number(amount >> BigInt(exponent - bits));
}

/** The bucket of an amount that may be below zero. */
function signedBucket(amount: bigint): number {
  return amount < 0n ? -amountBucket(-amount) : amountBucket(amount);
}

/** The smallest amount of a signed bucket. */
function amountOfSigned(bucket: number): bigint {
  return bucket < 0 ? 1n - amountOfBucket(1 - bucket) : amountOfBucket(bucket);
}

/** The smallest amount of a bucket. */
export function amountOfBucket(bucket: number): bigint {
  if (bucket < exact) return BigInt(bucket);
  const shift = Math.floor(bucket / 2 ** bits) - 1;
  return BigInt(bucket - shift * 2 ** bits) << BigInt(shift);
}

/**
 * Quintiles by the share of buyers who are strictly worse: a score of k + 1 needs k fifths of them below. Equal values
 * get equal scores, and of n different values the best fifth has a 5.
 */
export function quintiles({ buyers, days, purchases, amounts, contributions }: Measure): CutPoints {
  const upwards = (a: number, b: number) => a - b;
  return {
    kind: 'quintiles',
    buyers,
    recency: cutsOf(days, (a, b) => b - a),
    frequency: cutsOf(purchases, upwards),
    monetary: cutsOf(amounts, upwards).map((bucket) => (bucket === null ? null : amountOfBucket(bucket))),
    ...(contributions.size > 0 && {
      contribution: cutsOf(contributions, upwards).map((bucket) => (bucket === null ? null : amountOfSigned(bucket))),
    }),
  };
}

function cutsOf(histogram: Histogram, fromWorst: (a: number, b: number) => number): (number | null)[] {
  const values = [...histogram].sort(([a], [b]) => fromWorst(a, b));
  const all = values.reduce((sum, [, times]) => sum + times, 0);
  const cuts: number[] = [];
  let worse = 0;
  for (const [value, times] of values) {
    while (cuts.length < 4 && worse * 5 >= (cuts.length + 1) * all) cuts.push(value);
    worse += times;
  }
  return [0, 1, 2, 3].map((index) => cuts[index] ?? null);
}
