/*
 * Sums by key that stay small: where there are too many keys, all of them get coarser alike. As each coarser key holds
 * whole finer ones, the level that is reached, and so every sum, depends on what was counted alone: not on its order, nor
 * on the parts in which it was counted.
 */

/** How keys get coarser. Coarsening to one level and then to a higher one is coarsening to the higher one. */
export interface Nesting {
  /** So many keys are held; at the last level as many as there are. */
  most: number;
  /** The last level; 0 is exact. */
  last: number;
  coarsen(key: number, level: number): number;
}

/** Whole numbers below 2^53, so that sums do not depend on their order. */
export interface NestedSums {
  level: number;
  sums: Map<number, number[]>;
}

export const noSums = (): NestedSums => ({ level: 0, sums: new Map() });

/** Adds to the sums of a key of level 0. */
export function addAt(nested: NestedSums, nesting: Nesting, key: number, values: readonly number[]): void {
  put(nested.sums, nested.level === 0 ? key : nesting.coarsen(key, nested.level), values);
  settle(nested, nesting);
}

/** Adds one to another. */
export function mergeNested(into: NestedSums, from: NestedSums, nesting: Nesting): void {
  raise(into, nesting, from.level);
  for (const [key, values] of from.sums)
    put(into.sums, from.level === into.level ? key : nesting.coarsen(key, into.level), values);
  settle(into, nesting);
}

function put(sums: NestedSums['sums'], key: number, values: readonly number[]): void {
  const known = sums.get(key);
  if (!known) sums.set(key, [...values]);
  else for (const [index, value] of values.entries()) known[index] = (known[index] ?? 0) + value;
}

function settle(nested: NestedSums, nesting: Nesting): void {
  while (nested.sums.size > nesting.most && nested.level < nesting.last) raise(nested, nesting, nested.level + 1);
}

function raise(nested: NestedSums, nesting: Nesting, level: number): void {
  if (level <= nested.level) return;
  const finer = nested.sums;
  nested.level = level;
  nested.sums = new Map();
  for (const [key, values] of finer) put(nested.sums, nesting.coarsen(key, level), values);
}
