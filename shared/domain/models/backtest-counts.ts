import type { PurchaseDays } from '../purchase-days.ts';
import { pastOf } from '../value-model.ts';
import type { Fits } from './backtest.ts';
import { fitBgNbd } from './bg-nbd.ts';
import { anyTerms } from './fit.ts';
import { fitGammaGamma, type SpendCell } from './gamma-gamma.ts';
import { leading, widthAt } from './leading-bits.ts';
import { fitMbgNbd } from './mbg-nbd.ts';
import { addAt, mergeNested, type NestedSums, type Nesting, noSums } from './nested-sums.ts';
import { cellOf, historyOf, type PurchaseCounts } from './purchase-counts.ts';

/*
 * What a backtest of a whole population fits to: how many customers share a history, and what they spent on their repeat
 * purchases. Exact for as many different ones as are held; beyond, spans and amounts are taken together in buckets.
 */
export interface BeforeCounts {
  histories: NestedSums;
  spend: NestedSums;
}

export const noBeforeCounts = (): BeforeCounts => ({ histories: noSums(), spend: noSums() });

const daysPerWeek = 7;
const longest = 2 ** 16 - 1;
/** Digits below the leading one, by level: at the last one spans are up to 12 % wide. */
const spanDigits = [16, 6, 5, 4, 3];

/** Keys are cells of the smallest history of their bucket; the number of purchases is always exact. */
const histories: Nesting = {
  most: 65_536,
  last: spanDigits.length - 1,
  coarsen(cell, level) {
    const digits = spanDigits[level] ?? 0;
    const { x, tx, T } = historyOf(cell);
    // A customer who bought on x further days has been active for x days at least.
    const active = Math.max(x, leading(tx, digits));
    return cellOf({ x, tx: active, T: active + leading(T - tx, digits) });
  },
};

/** Amounts in minor units are exact below 2^25, and taken together in buckets of 2^-24 beyond. */
const exactDigits = 24;
const amounts = 2 ** 30;
const amountDigits = [exactDigits, 11, 9, 7];

/** Keys are repeat purchases and the smallest amount of their bucket. */
const spend: Nesting = {
  most: 65_536,
  last: amountDigits.length - 1,
  coarsen(key, level) {
    const amount = leading(amountOf(key % amounts), amountDigits[level] ?? 0);
    return Math.floor(key / amounts) * amounts + codeOf(amount);
  },
};

/** Amounts as numbers below 2^30, in their order. */
function codeOf(amount: number): number {
  const shift = Math.log2(widthAt(amount, exactDigits));
  return shift * 2 ** exactDigits + Math.floor(amount / 2 ** shift);
}

function amountOf(code: number): number {
  const shift = Math.max(0, Math.floor(code / 2 ** exactDigits) - 1);
  return (code - shift * 2 ** exactDigits) * 2 ** shift;
}

/** Counts a customer in; one who had not bought by the day says nothing. */
export function countBefore(counts: BeforeCounts, days: PurchaseDays, until: number): void {
  const past = pastOf(days, until);
  if (!past) return;
  const { history, repeatSpent } = past;
  addAt(counts.histories, histories, cellOf(history), [1]);
  if (history.x === 0 || repeatSpent <= 0n) return;
  const amount = Math.min(Number(repeatSpent), Number.MAX_SAFE_INTEGER);
  addAt(counts.spend, spend, history.x * amounts + codeOf(leading(amount, exactDigits)), [1]);
}

export function mergeBefore(into: BeforeCounts, from: BeforeCounts): void {
  mergeNested(into.histories, from.histories, histories);
  mergeNested(into.spend, from.spend, spend);
}

/** Fits all models to the counts, as far as they can be fitted at all. Time in weeks, money in units of the currency. */
export function fitBefore(counts: BeforeCounts, minorPerUnit: number): Fits {
  const purchases = purchaseCounts(counts.histories);
  return {
    mbgNbd: fitMbgNbd(purchases, anyTerms, daysPerWeek),
    bgNbd: fitBgNbd(purchases, anyTerms, daysPerWeek),
    gammaGamma: fitGammaGamma(spendCells(counts.spend, minorPerUnit), anyTerms),
  };
}

/** The middle history of each bucket. */
function purchaseCounts({ level, sums }: NestedSums): PurchaseCounts {
  const digits = spanDigits[level] ?? 0;
  const middle = (span: number) => span + Math.floor((widthAt(span, digits) - 1) / 2);
  const counts: PurchaseCounts = new Map();
  for (const [key, [customers = 0]] of sums) {
    const { x, tx, T } = historyOf(key);
    const active = x === 0 ? 0 : middle(tx);
    const cell = cellOf({ x, tx: active, T: Math.min(longest, active + middle(T - tx)) });
    counts.set(cell, (counts.get(cell) ?? 0) + customers);
  }
  return counts;
}

function spendCells({ level, sums }: NestedSums, minorPerUnit: number): SpendCell[] {
  const digits = amountDigits[level] ?? 0;
  return [...sums].map(([key, [customers = 0]]) => {
    const x = Math.floor(key / amounts);
    const least = amountOf(key % amounts);
    return { x, zbar: (least + (widthAt(least, digits) - 1) / 2) / x / minorPerUnit, customers };
  });
}
