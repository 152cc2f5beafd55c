import { exp, expm1, ln, ln1p } from './elementary.ts';

/** e to the power of minus this is less than rounding. */
export const far = 37;
const coarsest = 1 / 4;
const negligible = 1e-18;

/**
 * The mean of f(p) over p ~ Beta(a, b): the trapezoidal rule in v = ln(p/(1 − p)), whose error falls exponentially with the
 * step where the integrand is analytic and vanishes at both ends (Trefethen & Weideman 2014, The exponentially convergent
 * trapezoidal rule, SIAM Review 56). Some hundreds of terms, all positive, whatever f is; of what lies beyond, where f
 * stays as it is, the sum is that of a geometric series.
 * @param f positive, and none the larger for a larger p
 * @param about.flat for any p below this times the precision of numbers f is the same
 * @param about.power f falls no faster than p to minus this: the steeper, the finer the steps
 */
export function betaMean(
  a: number,
  b: number,
  f: (p: number) => number,
  { flat, power }: { flat: number; power: number },
): number {
  const [least, most] = [ln(flat) - far, far];
  const center = Math.min(most, Math.max(least, ln(a / b)));
  const step = Math.min(coarsest, 0.5 / Math.sqrt((a * b) / (a + b) + power / 4));
  const highest = lnDensity(a, b, center);
  let sum = 0;
  let weights = 0;
  /** @returns whether this is all in its direction */
  const add = (v: number): boolean => {
    const isBeyond = v < least || v > most;
    const beyond = isBeyond ? -expm1(-(v < least ? a : b) * step) : 1;
    const weight = exp(lnDensity(a, b, v) - highest) / beyond;
    const term = weight * f(v < 0 ? exp(v) / (1 + exp(v)) : 1 / (1 + exp(-v)));
    sum += term;
    weights += weight;
    return isBeyond || (term <= negligible * sum && weight <= negligible * weights);
  };
  for (let k = 0; !add(center - k * step); k++);
  for (let k = 1; !add(center + k * step); k++);
  return sum / weights;
}

/** a ln p + b ln(1 − p). */
function lnDensity(a: number, b: number, v: number): number {
  const rest = ln1p(exp(-Math.abs(v)));
  return v < 0 ? a * v - (a + b) * rest : -b * v - (a + b) * rest;
}
