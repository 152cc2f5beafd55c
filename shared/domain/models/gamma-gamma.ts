import { ln, ln1p } from './elementary.ts';
import { type Fit, type FitTerms, maximise } from './fit.ts';
import type { Curve } from './newton.ts';
import { digamma, lnBeta, trigamma } from './special-functions.ts';

/**
 * Gamma-Gamma (Fader & Hardie 2013): purchases of one customer spread around a mean of that customer by a gamma
 * distribution of shape p, and the means differ between customers by q and v. Assumes that how much a customer spends has
 * nothing to do with how often.
 */
export interface SpendParameters {
  p: number;
  q: number;
  /** In the unit of the amounts. */
  v: number;
}

/** Customers who are alike in their repeat purchases. */
export interface SpendCell {
  /** Repeat purchases. */
  x: number;
  /** Mean value of the repeat purchases. */
  zbar: number;
  customers: number;
}

/**
 * Fits to those with repeat purchases of a value above 0. `meaningless` where the mean of all customers does not exist
 * (q ≤ 1). The result does not depend on the order of the cells.
 */
export function fitGammaGamma(given: Iterable<SpendCell>, terms: FitTerms): Fit<SpendParameters> {
  const cells = [...given]
    .filter(({ x, zbar, customers }) => x > 0 && zbar > 0 && customers > 0)
    .sort((one, other) => one.x - other.x || one.zbar - other.zbar || one.customers - other.customers);
  const customers = cells.reduce((sum, cell) => sum + cell.customers, 0);
  if (customers === 0) return { fitted: false, because: 'noRepeaters', customers };
  if (customers < Math.max(2, terms.leastRepeaters)) return { fitted: false, because: 'fewCustomers', customers };
  const mean = cells.reduce((sum, cell) => sum + cell.customers * cell.zbar, 0) / customers;
  const likelihood = {
    names: ['p', 'q', 'v'] as const,
    start: [2, 3, mean],
    span: [1e5, 1e5, 1e6],
    curveAt: (parameters: readonly number[]) => spendCurve(cells, parameters),
  };
  const fit = maximise(likelihood, customers, terms);
  return fit.fitted && fit.parameters.q <= 1 ? { fitted: false, because: 'meaningless', customers } : fit;
}

/**
 * Minus the log-likelihood of the mean values, with its derivatives by ln p, ln q and ln v:
 *   ln L = −ln B(px, q) − ln z̄ + px ln(y/(y+v)) + q ln(v/(y+v)), y = x z̄.
 * @param cells by x, so that special functions are worked out once for each
 */
export function spendCurve(cells: readonly SpendCell[], [p = 0, q = 0, v = 0]: readonly number[]): Curve {
  let value = 0;
  let [gp, gq, gv] = [0, 0, 0];
  let [pp, pq, pv, qq, qv, vv] = [0, 0, 0, 0, 0, 0];
  const psiQ = digamma(q);
  const psiQ1 = trigamma(q);
  let ofX = { x: 0, lnBeta: 0, ofP: 0, ofQ: 0, ofP1: 0, ofSum1: 0 };
  for (const { x, zbar, customers: n } of cells) {
    const px = p * x;
    if (ofX.x !== x) {
      const psiSum = digamma(px + q);
      const psiSum1 = trigamma(px + q);
      ofX = {
        x,
        lnBeta: lnBeta(px, q),
        ofP: psiSum - digamma(px),
        ofQ: psiSum - psiQ,
        ofP1: psiSum1 - trigamma(px),
        ofSum1: psiSum1,
      };
    }
    const y = x * zbar;
    const lnRest = -ln1p(y / v);
    const lnSpent = -ln1p(v / y);
    const spent = y / (y + v);
    const rest = v / (y + v);
    value += n * (px * lnSpent + q * lnRest - ofX.lnBeta - ln(zbar));
    const dp = px * (ofX.ofP + lnSpent);
    const dq = q * (ofX.ofQ + lnRest);
    gp += n * dp;
    gq += n * dq;
    gv += n * (q * spent - px * rest);
    pp += n * (dp + px * px * ofX.ofP1);
    qq += n * (dq + q * q * (ofX.ofSum1 - psiQ1));
    pq += n * px * q * ofX.ofSum1;
    pv -= n * px * rest;
    qv += n * q * spent;
    vv -= n * (px + q) * spent * rest;
  }
  return {
    value: -value,
    gradient: Float64Array.of(-gp, -gq, -gv),
    hessian: Float64Array.of(-pp, -pq, -pv, -pq, -qq, -qv, -pv, -qv, -vv),
  };
}

/**
 * The mean value of a customer's purchases to come: between that of all customers and the customer's own, and nearer to
 * the latter the more purchases there were.
 * @param zbar mean value of the repeat purchases; of no account where x is 0
 * @throws RangeError where px + q ≤ 1: the mean does not exist
 */
export function expectedMeanValue({ p, q, v }: SpendParameters, x: number, zbar: number): number {
  const weight = p * x + q - 1;
  if (!(weight > 0)) throw new RangeError(`no mean value at p ${p}, q ${q}, x ${x}`);
  return (p * (v + (x > 0 ? x * zbar : 0))) / weight;
}
