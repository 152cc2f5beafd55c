import { betaMean, far } from './beta-mean.ts';
import { exp, expm1, ln, ln1p } from './elementary.ts';
import type { Curve } from './newton.ts';
import type { PurchaseCells } from './purchase-counts.ts';
import { lnHypergeometric, softplus } from './special-functions.ts';

/*
 * What BG/NBD and MBG/NBD share. While alive, a customer buys at a rate λ ~ Gamma(r, α), and leaves after a purchase with
 * probability p ~ Beta(a, b). They differ in one thing alone: whether a customer can leave after the first purchase, too.
 */

/** α in the unit of time of whoever uses them; r, a and b are plain numbers. */
export interface PurchaseParameters {
  r: number;
  alpha: number;
  a: number;
  b: number;
}

/** Chances to leave so far beyond the repeat purchases: 1 where the first purchase is one (MBG/NBD), else 0 (BG/NBD). */
export type FirstChance = 0 | 1;

/** A history in the unit of time of the parameters. */
export interface TimedHistory {
  x: number;
  tx: number;
  T: number;
}

/**
 * Minus the log-likelihood of grouped histories, with its derivatives by ln r, ln α, ln a and ln b. For each cell one
 * exponential and one logarithm; all else is worked out once for each x and each day:
 *   ln L = Σ_{i<x} ln(r+i) − x ln α − Σ_{i<x+m} ln(1 + a/(b+i)) − (r+x) ln(1 + T/α) + ln(1 + e^u),
 *   u = ln(a/(b+x+m−1)) + (r+x) ln((α+T)/(α+t_x)), absent while there was no chance to leave.
 * @param first m
 * @param perUnit days in the unit of time of α
 */
export function purchaseCurve(
  cells: PurchaseCells,
  [r = 0, alpha = 0, a = 0, b = 0]: readonly number[],
  first: FirstChance,
  perUnit: number,
): Curve {
  const days = dayTable(cells, alpha, perUnit);
  const sums = new CurveSums();
  const { x: xs, tx: txs, T: Ts, customers: counts } = cells;
  for (let from = 0; from < xs.length; ) {
    const x = xs[from] as number;
    const exponent = r + x;
    const k = x + first - 1;
    const mayHaveLeft = k >= 0;
    const odds = mayHaveLeft ? ln(a / (b + k)) : 0;
    const ub = mayHaveLeft ? -b / (b + k) : 0;
    const ubb = mayHaveLeft ? (ub * k) / (b + k) : 0;
    let customers = 0;
    for (; from < xs.length && xs[from] === x; from++) {
      const n = counts[from] as number;
      const T = Ts[from] as number;
      const lnT = days.ln[T] as number;
      const shareT = days.share[T] as number;
      customers += n;
      sums.value -= n * exponent * lnT;
      sums.r -= n * r * lnT;
      sums.alpha += n * exponent * (1 - shareT);
      sums.rr -= n * r * lnT;
      sums.rAlpha += n * r * (1 - shareT);
      sums.alphaAlpha -= n * exponent * shareT * (1 - shareT);
      if (!mayHaveLeft) continue;
      const t = txs[from] as number;
      const shareOft = days.share[t] as number;
      const gap = lnT - (days.ln[t] as number);
      const { value, slope } = softplus(odds + exponent * gap);
      const ur = r * gap;
      const ualpha = exponent * (shareT - shareOft);
      const urAlpha = r * (shareT - shareOft);
      const ualphaAlpha = exponent * (shareT * (1 - shareT) - shareOft * (1 - shareOft));
      const s = n * slope;
      const bend = s * (1 - slope);
      sums.value += n * value;
      sums.r += s * ur;
      sums.alpha += s * ualpha;
      sums.a += s;
      sums.b += s * ub;
      sums.rr += s * ur + bend * ur * ur;
      sums.rAlpha += s * urAlpha + bend * ur * ualpha;
      sums.alphaAlpha += s * ualphaAlpha + bend * ualpha * ualpha;
      sums.ra += bend * ur;
      sums.rb += bend * ur * ub;
      sums.alphaA += bend * ualpha;
      sums.alphaB += bend * ualpha * ub;
      sums.aa += bend;
      sums.ab += bend * ub;
      sums.bb += s * ubb + bend * ub * ub;
    }
    sums.addCount(x, customers);
  }
  sums.finish(r, alpha, a, b, first);
  return sums.curve();
}

/** ln(1 + d/α) and α/(α + d) for every day d that occurs. */
function dayTable({ tx, T }: PurchaseCells, alpha: number, perUnit: number): { ln: Float64Array; share: Float64Array } {
  let last = 0;
  for (let index = 0; index < T.length; index++) last = Math.max(last, T[index] as number);
  const table = { ln: new Float64Array(last + 1).fill(-1), share: new Float64Array(last + 1) };
  for (const day of [T, tx])
    for (let index = 0; index < day.length; index++) {
      const d = day[index] as number;
      if ((table.ln[d] as number) >= 0) continue;
      const time = d / perUnit;
      table.ln[d] = ln1p(time / alpha);
      table.share[d] = alpha / (alpha + time);
    }
  return table;
}

/** The log-likelihood and its derivatives by the logarithms, as they add up. */
class CurveSums {
  value = 0;
  r = 0;
  alpha = 0;
  a = 0;
  b = 0;
  rr = 0;
  rAlpha = 0;
  ra = 0;
  rb = 0;
  alphaAlpha = 0;
  alphaA = 0;
  alphaB = 0;
  aa = 0;
  ab = 0;
  bb = 0;
  /** Customers by x. */
  readonly #byX: number[] = [];

  addCount(x: number, customers: number): void {
    this.#byX[x] = customers;
  }

  /** What depends on x alone: by how many customers have more than i repeat purchases, each i once. */
  finish(r: number, alpha: number, a: number, b: number, first: FirstChance): void {
    let more = 0;
    let purchases = 0;
    for (let x = this.#byX.length - 1; x >= 0; x--) {
      // Customers with a chance to leave number x + first: those that have x of them, counted from 0.
      const atLeast = more + (this.#byX[x] ?? 0);
      if (first === 1 || x > 0) this.#addChance(x + first - 1, atLeast, a, b);
      if (x > 0) {
        const share = r / (r + x - 1);
        this.value += atLeast * ln(r + x - 1);
        this.r += atLeast * share;
        this.rr += atLeast * share * (1 - share);
        purchases += atLeast;
      }
      more = atLeast;
    }
    this.value -= purchases * ln(alpha);
    this.alpha -= purchases;
  }

  #addChance(i: number, customers: number, a: number, b: number): void {
    const shareA = a / (a + b + i);
    const shareB = b / (a + b + i);
    const own = b / (b + i);
    this.value -= customers * ln1p(a / (b + i));
    this.a -= customers * shareA;
    this.b += customers * (own - shareB);
    this.aa -= customers * shareA * (1 - shareA);
    this.ab += customers * shareA * shareB;
    this.bb += customers * (own * (1 - own) - shareB * (1 - shareB));
  }

  curve(): Curve {
    const { r, alpha, a, b, rr, rAlpha, ra, rb, alphaAlpha, alphaA, alphaB, aa, ab, bb } = this;
    const hessian = [rr, rAlpha, ra, rb, rAlpha, alphaAlpha, alphaA, alphaB, ra, alphaA, aa, ab, rb, alphaB, ab, bb];
    return {
      value: -this.value,
      gradient: Float64Array.of(-r, -alpha, -a, -b),
      hessian: Float64Array.from(hessian, (value) => -value),
    };
  }
}

/** The probability that a customer with this history has not left. */
export function aliveProbability(
  { r, alpha, a, b }: PurchaseParameters,
  { x, tx, T }: TimedHistory,
  first: FirstChance,
): number {
  const k = x + first - 1;
  if (k < 0) return 1;
  return softplus(ln((b + k) / a) - (r + x) * ln1p((T - tx) / (alpha + tx))).slope;
}

/** About as many terms of a series take as long as {@link betaMean}. */
const manyTerms = 20_000;

/** @param times how many times as long as the past, with α, the time ahead is */
function isLong(exponent: number, times: number): boolean {
  return (exponent + far) * times > manyTerms;
}

function shapeOf(exponent: number, times: number): { flat: number; power: number } {
  return { flat: 1 / ((exponent + 1) * times), power: exponent + 1 };
}

/**
 * Purchases expected within a time from now on, of a customer who has not left: the sum over n of the probability that the
 * rate brings n (negative binomial) times how many of these come before the customer leaves. Equal to the published
 * closed form, (a+b+x+m−1)/(a−1) [1 − …₂F₁…], whose difference cancels and which has no value at a = 1; here all terms are
 * positive and a = 1 is a number as any other. Where these are too many it is the mean over the chance p to leave of
 * (1 − (1 + p t/(α+T))^−(r+x)) / p, which is the same.
 */
export function purchasesWhileAlive(
  { r, alpha, a, b }: PurchaseParameters,
  { x, T }: Pick<TimedHistory, 'x' | 'T'>,
  time: number,
  first: FirstChance,
): number {
  if (!(time > 0)) return 0;
  const exponent = r + x;
  const stay = b + x + first;
  const times = time / (alpha + T);
  if (isLong(exponent, times))
    return betaMean(a, stay, (p) => -expm1(-exponent * ln1p(p * times)) / p, shapeOf(exponent, times));
  const z = time / (alpha + T + time);
  let scale = -exponent * ln1p(time / (alpha + T));
  let probability = 1;
  let survival = 1;
  let bought = 0;
  let sum = 0;
  // Probabilities are kept as multiples of e^scale, which may be too small for a number.
  for (let n = 1; ; n++) {
    const ratio = ((exponent + n - 1) / n) * z;
    probability *= ratio;
    bought += survival;
    survival *= (stay + n - 1) / (a + stay + n - 1);
    const term = probability * bought;
    sum += term;
    const bound = Math.max(((exponent + n) / (n + 1)) * z, z) * (1 + survival / bought);
    if (bound < 1 && term * bound <= 1e-16 * sum * (1 - bound)) return exp(scale + ln(sum));
    if (sum > 1e280) {
      probability /= 1e280;
      sum /= 1e280;
      scale += ln(1e280);
    }
  }
}

/**
 * The rate at which such a customer is expected to buy when so much time has passed: the derivative of
 * {@link purchasesWhileAlive}.
 */
export function rateWhileAlive(
  { r, alpha, a, b }: PurchaseParameters,
  { x, T }: Pick<TimedHistory, 'x' | 'T'>,
  time: number,
  first: FirstChance,
): number {
  const exponent = r + x;
  const stay = b + x + first;
  const reach = alpha + T;
  const times = time / reach;
  if (isLong(exponent, times)) {
    const density = (p: number) => exp(-(exponent + 1) * ln1p(p * times));
    return (exponent / reach) * betaMean(a, stay, density, shapeOf(exponent, times));
  }
  const series = lnHypergeometric(exponent + 1, stay, a + stay, time / (reach + time));
  return (exponent / reach) * exp(series - (exponent + 1) * ln1p(time / reach));
}
