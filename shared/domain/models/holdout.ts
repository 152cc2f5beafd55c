import { historyOf } from './purchase-counts.ts';

/** Customers of one history: what is forecast for each, and how many of them bought how often. */
export interface Outcome {
  cell: number;
  expected: number;
  /** Customers by purchase days in the holdout. */
  actual: ReadonlyMap<number, number>;
}

/** Customers taken together: sums of what was expected of them, and of what came. */
export interface Group {
  customers: number;
  expected: number;
  actual: number;
}

/** How well a forecast did; errors by customer, in purchases. */
export interface Measures {
  total: number;
  /** Mean of expected − actual. */
  bias: number;
  rmse: number;
  mae: number;
  /** Pearson's; null where all forecasts or all outcomes are equal. */
  correlation: number | null;
  /** Which share of the purchases the tenth of customers (rounded up) with the highest forecasts made; null without any. */
  topDecileShare: number | null;
  /** From the highest forecasts to the lowest. */
  calibrationByDecile: Group[];
  /** By repeat purchases before the cut. */
  calibrationByCount: (Group & { x: number; andMore: boolean })[];
  /** Share of purchases made by the first 0 %, 5 %, … 100 % of customers, by forecast; empty where there were none. */
  gains: number[];
}

export const lastCount = 7;

/** Sums over customers of one forecast and of what came. */
export interface Sums {
  n: number;
  total: number;
  actual: number;
  /** Of the errors, squared and absolute. */
  square: number;
  absolute: number;
  /** Of forecasts squared, of outcomes squared, and of their products. */
  ee: number;
  aa: number;
  ea: number;
}

/**
 * @param outcomes in the order of their cells: sums then do not depend on how customers were read
 */
export function measure(outcomes: readonly Outcome[]): Measures {
  const sums: Sums = { n: 0, total: 0, actual: 0, square: 0, absolute: 0, ee: 0, aa: 0, ea: 0 };
  const byCount = groupsByCount();
  for (const { cell, expected, actual: times } of outcomes) {
    const group = byCount[Math.min(historyOf(cell).x, lastCount)];
    for (const [bought, customers] of times) {
      const error = expected - bought;
      sums.n += customers;
      sums.total += customers * expected;
      sums.actual += customers * bought;
      sums.square += customers * error * error;
      sums.absolute += customers * Math.abs(error);
      sums.ee += customers * expected * expected;
      sums.aa += customers * bought * bought;
      sums.ea += customers * expected * bought;
      if (!group) continue;
      group.customers += customers;
      group.expected += customers * expected;
      group.actual += customers * bought;
    }
  }
  return measuresOf(sums, byCount, tiesOf(outcomes));
}

export function groupsByCount(): Measures['calibrationByCount'] {
  return Array.from({ length: lastCount + 1 }, (_, x) => ({
    x,
    andMore: x === lastCount,
    customers: 0,
    expected: 0,
    actual: 0,
  }));
}

/**
 * @param byCount as {@link groupsByCount} lays them out
 * @param ties customers of one forecast each, the highest first
 */
export function measuresOf(
  { n, total, actual, square, absolute, ee, aa, ea }: Sums,
  byCount: Measures['calibrationByCount'],
  ties: readonly Group[],
): Measures {
  const spread = Math.sqrt(Math.max(0, ee - (total * total) / n) * Math.max(0, aa - (actual * actual) / n));
  const upTo = ranked(ties);
  const share = (customers: number) => (actual === 0 ? null : upTo(customers).actual / actual);
  return {
    total,
    bias: (total - actual) / n,
    rmse: Math.sqrt(square / n),
    mae: absolute / n,
    correlation: spread > 1e-9 * n ? (ea - (total * actual) / n) / spread : null,
    topDecileShare: share(Math.ceil(n / 10)),
    calibrationByDecile: Array.from({ length: 10 }, (_, decile) => {
      const [from, to] = [upTo((decile * n) / 10), upTo(((decile + 1) * n) / 10)];
      return { customers: n / 10, expected: to.expected - from.expected, actual: to.actual - from.actual };
    }),
    calibrationByCount: byCount.filter(({ customers }) => customers > 0),
    gains: Array.from({ length: 21 }, (_, index) => share((index * n) / 20)).filter((one) => one !== null),
  };
}

function tiesOf(outcomes: readonly Outcome[]): Group[] {
  const ties: Group[] = [];
  let height = Number.NaN;
  for (const { expected, actual } of outcomes.toSorted((one, other) => other.expected - one.expected)) {
    if (expected !== height) ties.push({ customers: 0, expected: 0, actual: 0 });
    height = expected;
    const tie = ties.at(-1);
    for (const [bought, customers] of actual) {
      if (!tie) continue;
      tie.customers += customers;
      tie.expected += customers * expected;
      tie.actual += customers * bought;
    }
  }
  return ties;
}

/**
 * Sums over the so many customers with the highest forecasts. Of customers with equal forecasts each brings an equal part,
 * so that no order among them has a say.
 */
function ranked(ties: readonly Group[]): (customers: number) => Group {
  return (customers) => {
    const sum = { customers: 0, expected: 0, actual: 0 };
    for (const tie of ties) {
      const part = Math.min(1, (customers - sum.customers) / tie.customers);
      if (part <= 0) break;
      sum.expected += part * tie.expected;
      sum.actual += part * tie.actual;
      sum.customers += part * tie.customers;
      if (part < 1) break;
    }
    return sum;
  };
}
