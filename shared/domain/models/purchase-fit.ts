import { type FirstChance, type PurchaseParameters, purchaseCurve } from './beta-geometric.ts';
import { type Fit, type FitTerms, maximise } from './fit.ts';
import { type PurchaseCounts, purchaseCells } from './purchase-counts.ts';

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
  const likelihood = {
    names: ['r', 'alpha', 'a', 'b'] as const,
    start: [1, interval, 1, 2],
    span: [1e5, 1e8, 1e5, 1e5],
    curveAt: (parameters: readonly number[]) => purchaseCurve(cells, parameters, first, daysPerUnit),
  };
  return maximise(likelihood, customers, terms);
}
