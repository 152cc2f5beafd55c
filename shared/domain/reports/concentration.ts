import type { ReportCounts } from './report-counts.ts';

/** How unequally what was spent is spread over who spent it. Amounts in minor units. */
export interface Concentration {
  /** Who bought within the window. */
  customers: number;
  spent: number;
  /** What the best customers hold, rounded up to whole customers; shares are null where nothing was spent. */
  best: { percent: number; customers: number; spent: number; share: number | null }[];
  /** From those who spent least to those who spent most: the share of customers, and of what was spent. */
  lorenz: { customers: number; spent: number }[];
  /** 0 where all spent the same, towards 1 where one spent everything; null where nothing was spent. */
  gini: number | null;
}

const percents = [1, 5, 10, 20, 50];

/**
 * By sums of customers whose amounts are within 0.8 % of each other: within such a bucket each counts as its mean. Amounts
 * below 256 minor units have a bucket each.
 */
export function concentrationOf({ spent: buckets }: ReportCounts): Concentration {
  const fromLeast = [...buckets].sort(([one], [other]) => one - other).map(([, sums]) => sums);
  const customers = fromLeast.reduce((sum, [count]) => sum + count, 0);
  const spent = fromLeast.reduce((sum, [, minor]) => sum + minor, 0);
  const lowest = upTo(fromLeast);
  const share = (minor: number) => (spent === 0 ? null : minor / spent);
  return {
    customers,
    spent,
    best: percents.map((percent) => {
      const count = Math.ceil((customers * percent) / 100);
      const held = spent - lowest(customers - count);
      return { percent, customers: count, spent: Math.round(held), share: share(held) };
    }),
    lorenz:
      spent === 0
        ? []
        : Array.from({ length: 101 }, (_, percent) => {
            const of = percent / 100;
            return { customers: of, spent: lowest(of * customers) / spent };
          }),
    gini: spent === 0 ? null : giniOf(fromLeast, customers, spent),
  };
}

/** What those who spent least have spent together, so many of them. */
function upTo(fromLeast: readonly (readonly [number, number])[]): (customers: number) => number {
  return (customers) => {
    let [left, sum] = [customers, 0];
    for (const [count, minor] of fromLeast) {
      if (left <= 0) break;
      sum += left >= count ? minor : (minor * left) / count;
      left -= count;
    }
    return sum;
  };
}

/** One less twice the area under the curve of Lorenz. */
function giniOf(fromLeast: readonly (readonly [number, number])[], customers: number, spent: number): number {
  let [below, area] = [0, 0];
  for (const [count, minor] of fromLeast) {
    area += (count / customers) * ((2 * below + minor) / spent);
    below += minor;
  }
  return 1 - area;
}
