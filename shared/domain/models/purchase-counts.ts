/*
 * All that the purchase models ask of a population: how many customers share a history. Counts of parts are added up in
 * any order, and come to the same.
 */

/** One history on the day grid. */
export interface PurchaseHistory {
  /** Repeat purchases: days with a purchase, less one. */
  x: number;
  /** Days from the first to the last purchase; at least x. */
  tx: number;
  /** Days from the first purchase to `asOf`; at least t_x. */
  T: number;
}

/** Customers by the {@link cellOf} their history: a histogram of plain numbers, so that it merges as others do. */
export type PurchaseCounts = Map<number, number>;

/** A day more than 179 years. */
const reach = 2 ** 16;

/**
 * A history as one number below 2^48; ordered by x, then T, then t_x.
 * @throws RangeError unless 0 ≤ x ≤ t_x ≤ T < 2^16, whole, and t_x is 0 only where x is
 */
export function cellOf({ x, tx, T }: PurchaseHistory): number {
  const isHistory =
    Number.isInteger(x) && Number.isInteger(tx) && Number.isInteger(T) && x >= 0 && x <= tx && tx <= T && T < reach;
  if (!isHistory || (x === 0 && tx > 0)) throw new RangeError(`no history: x ${x}, t_x ${tx}, T ${T}`);
  return (x * reach + T) * reach + tx;
}

export function historyOf(cell: number): PurchaseHistory {
  const above = Math.floor(cell / reach);
  return { x: Math.floor(above / reach), tx: cell % reach, T: above % reach };
}

/** Counts customers in. */
export function countPurchases(counts: PurchaseCounts, history: PurchaseHistory, customers = 1): void {
  const cell = cellOf(history);
  counts.set(cell, (counts.get(cell) ?? 0) + customers);
}

/** Adds one count to another. */
export function mergePurchaseCounts(into: PurchaseCounts, from: PurchaseCounts): void {
  for (const [cell, customers] of from) into.set(cell, (into.get(cell) ?? 0) + customers);
}

/** The cells in columns, in the one order in which likelihoods are summed. */
export interface PurchaseCells {
  x: Int32Array;
  tx: Int32Array;
  T: Int32Array;
  customers: Float64Array;
  all: number;
  repeaters: number;
}

export function purchaseCells(counts: PurchaseCounts): PurchaseCells {
  const ordered = Float64Array.from(counts.keys()).sort();
  const cells: PurchaseCells = {
    x: new Int32Array(ordered.length),
    tx: new Int32Array(ordered.length),
    T: new Int32Array(ordered.length),
    customers: new Float64Array(ordered.length),
    all: 0,
    repeaters: 0,
  };
  ordered.forEach((cell, index) => {
    const { x, tx, T } = historyOf(cell);
    const customers = counts.get(cell) ?? 0;
    cells.x[index] = x;
    cells.tx[index] = tx;
    cells.T[index] = T;
    cells.customers[index] = customers;
    cells.all += customers;
    if (x > 0) cells.repeaters += customers;
  });
  return cells;
}
