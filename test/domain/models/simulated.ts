import type { PurchaseParameters } from '../../../shared/domain/models/beta-geometric.ts';
import type { SpendCell, SpendParameters } from '../../../shared/domain/models/gamma-gamma.ts';
import type { PurchaseHistory } from '../../../shared/domain/models/purchase-counts.ts';

export type Chance = () => number;

/** Evenly between 0 and 1, both excluded (mulberry32). */
export function chances(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}

function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(chance())) * Math.cos(2 * Math.PI * chance());
}

/** Marsaglia and Tsang 2000; scale 1. */
export function gamma(chance: Chance, shape: number): number {
  if (shape < 1) return gamma(chance, shape + 1) * chance() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(chance);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(chance()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

export function beta(chance: Chance, a: number, b: number): number {
  const one = gamma(chance, a);
  return one / (one + gamma(chance, b));
}

/**
 * A customer who lives by the model, so many days old.
 * @param first 1 where a customer may leave after the first purchase, too
 */
export function liveHistory(
  chance: Chance,
  { r, alpha, a, b }: PurchaseParameters,
  T: number,
  first: 0 | 1,
): PurchaseHistory {
  const rate = gamma(chance, r) / alpha;
  const leaves = beta(chance, a, b);
  let [x, tx, at] = [0, 0, 0];
  if (first === 1 && chance() < leaves) return { x, tx, T };
  for (;;) {
    at -= Math.log(chance()) / rate;
    if (!(at < T)) return { x, tx, T };
    // Purchases of one day are one.
    if (Math.ceil(at) > tx) {
      tx = Math.ceil(at);
      x += 1;
    }
    if (chance() < leaves) return { x, tx, T };
  }
}

/** The mean of x purchases. */
export function liveSpend(chance: Chance, { p, q, v }: SpendParameters, x: number): SpendCell {
  const nu = gamma(chance, q) / v;
  return { x, zbar: gamma(chance, p * x) / (nu * x), customers: 1 };
}
