import { amountBucket, amountOfBucket } from '../rfm.ts';
import type { SpendCell } from './gamma-gamma.ts';

/*
 * What Gamma-Gamma asks of a population, in a size that does not grow with it: customers by repeat purchases and by what
 * they spent on them, in buckets less than 0.8 % wide. Customers spread around their means by tens of percent, so that the
 * width changes no digit that the parameters are sure of.
 */

/** Customers by repeat purchases and bucket. */
export type SpendCounts = Map<number, number>;

/** More buckets than amounts of 2^500 have. */
const reach = 2 ** 16;

/**
 * Counts a customer in; one without a repeat purchase, or without value in them, says nothing.
 * @param repeat spent on the repeat purchases, in minor units
 */
export function countSpend(counts: SpendCounts, x: number, repeat: bigint): void {
  if (x <= 0 || repeat <= 0n) return;
  const cell = x * reach + amountBucket(repeat);
  counts.set(cell, (counts.get(cell) ?? 0) + 1);
}

/** Adds one count to another. */
export function mergeSpendCounts(into: SpendCounts, from: SpendCounts): void {
  for (const [cell, customers] of from) into.set(cell, (into.get(cell) ?? 0) + customers);
}

/** @param minorPerUnit of the unit of money in which the parameters are to be: 100 for EUR */
export function spendCells(counts: SpendCounts, minorPerUnit: number): SpendCell[] {
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([cell, customers]) => {
      const x = Math.floor(cell / reach);
      const bucket = cell % reach;
      const middle = (Number(amountOfBucket(bucket)) + Number(amountOfBucket(bucket + 1) - 1n)) / 2;
      return { x, zbar: middle / minorPerUnit / x, customers };
    });
}
