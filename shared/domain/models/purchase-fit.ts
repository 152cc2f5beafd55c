import { type FirstChance, type PurchaseParameters, purchaseCurve } from './beta-geometric.ts';
import { type Fit, type FitTerms, maximise } from './fit.ts';
import { type PurchaseCells, type PurchaseCounts, purchaseCells } from './purchase-counts.ts';

/**
 * Fits BG/NBD or MBG/NBD. The result does not depend on the order of the counts, or on how they were merged.
 * @param daysPerUnit of the unit of time in which α comes out: 7 for weeks
 */
export function fitPurchases(
  counts: PurchaseCounts,
  first: FirstChance,
  terms: FitTerms,
  daysPerUnit: number,
): Fit<PurchaseParameters> {
  const cells = purchaseCells(counts);
  const { all: customers, repeaters } = cells;
  if (customers < terms.leastCustomers) return { fitted: false, because: 'fewCustomers', customers };
  if (repeaters < Math.max(1, terms.leastRepeaters)) return { fitted: false, because: 'noRepeaters', customers };
  let purchases = 0;
  let days = 0;
  cells.customers.forEach((count, index) => {
    purchases += count * (cells.x[index] ?? 0);
    days += count * (cells.T[index] ?? 0);
  });
  const interval = days / purchases / daysPerUnit;
  const likelihood = (of: PurchaseCells) => ({
    names: ['r', 'alpha', 'a', 'b'] as const,
    start: [1, interval, 1, 2],
    span: [1e5, 1e8, 1e5, 1e5],
    curveAt: (parameters: readonly number[]) => purchaseCurve(of, parameters, first, daysPerUnit),
  });
  const rough = cells.x.length > manyCells ? maximise(likelihood(thinned(cells)), customers, terms) : undefined;
  return maximise(
    { ...likelihood(cells), near: rough?.fitted ? pointOf(rough.parameters) : undefined },
    customers,
    terms,
  );
}

const pointOf = ({ r, alpha, a, b }: PurchaseParameters) => [r, alpha, a, b];

/** With more of them the way to the maximum is taken with one in sixteen, and only the end of it with all. */
const manyCells = 100_000;
const oneOf = 16;

function thinned({ x, tx, T, customers, ...counts }: PurchaseCells): PurchaseCells {
  const isTaken = (_: number, index: number) => index % oneOf === 0;
  return {
    ...counts,
    x: x.filter(isTaken),
    tx: tx.filter(isTaken),
    T: T.filter(isTaken),
    customers: customers.filter(isTaken),
  };
}
