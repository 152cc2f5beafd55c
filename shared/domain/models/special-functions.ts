import { exp, ln, ln1p } from './elementary.ts';

/*
 * For positive arguments only, which is all that the models need: a shift up to where Stirling's series holds to the
 * last bit, and that series (NIST DLMF 5.11, 5.15). Absolute errors stay below 1e-13 where results are near 0.
 */

const halfLn2Pi = 0.9189385332046728;
/** From here on eight terms of the asymptotic series suffice. */
const far = 10;

/** ln Γ(x) − [(x − 1/2) ln x − x + ln(2π)/2] for x ≥ 10. */
function stirling(x: number): number {
  const y = 1 / (x * x);
  return (
    (1 / 12 +
      y *
        (-1 / 360 +
          y *
            (1 / 1260 +
              y * (-1 / 1680 + y * (1 / 1188 + y * (-691 / 360360 + y * (1 / 156 - (y * 3617) / 122400))))))) /
    x
  );
}

/** ln Γ(x), x > 0. */
export function lnGamma(x: number): number {
  let product = 1;
  let shifted = x;
  for (; shifted < far; shifted++) product *= shifted;
  return (shifted - 0.5) * ln(shifted) - shifted + halfLn2Pi + stirling(shifted) - ln(product);
}

/** ψ(x) = d ln Γ(x) / dx, x > 0. */
export function digamma(x: number): number {
  let sum = 0;
  let shifted = x;
  for (; shifted < far; shifted++) sum += 1 / shifted;
  const y = 1 / (shifted * shifted);
  const series =
    y *
    (1 / 12 -
      y *
        (1 / 120 -
          y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * (691 / 32760 - y * (1 / 12 - (y * 3617) / 8160)))))));
  return ln(shifted) - 0.5 / shifted - series - sum;
}

/** ψ′(x), x > 0. */
export function trigamma(x: number): number {
  let sum = 0;
  let shifted = x;
  for (; shifted < far; shifted++) sum += 1 / (shifted * shifted);
  const y = 1 / (shifted * shifted);
  const series =
    y *
    (1 / 6 -
      y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * (5 / 66 - y * (691 / 2730 - y * (7 / 6 - (y * 3617) / 510)))))));
  return sum + (1 + 0.5 / shifted + series) / shifted;
}

/** ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b), a and b > 0, without the cancellation of these three. */
export function lnBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (large < far) return lnGamma(small) + lnGamma(large) - lnGamma(small + large);
  const sum = small + large;
  const rest = stirling(large) - stirling(sum) - (large - 0.5) * ln1p(small / large);
  if (small < far) return lnGamma(small) + rest + small - small * ln(sum);
  return halfLn2Pi - 0.5 * ln(small) + stirling(small) - small * ln1p(large / small) + rest;
}

const grown = 1e280;

/**
 * ln ₂F₁(a, b; c; z) for a, b, c > 0 and 0 ≤ z < 1, by its power series, after Euler's transformation
 * ₂F₁(a, b; c; z) = (1 − z)^(c−a−b) ₂F₁(c − a, c − b; c; z) where that leaves all terms positive (c ≥ a, c ≥ b) and makes
 * them smaller: nothing cancels, and the sum is kept in logarithms where it outgrows a number.
 * The work grows with 1 / (1 − z), and with a and b.
 */
export function lnHypergeometric(a: number, b: number, c: number, z: number): number {
  const rest = c - a - b;
  if (rest < 0 && c >= a && c >= b) return rest * ln1p(-z) + lnSeries(c - a, c - b, c, z);
  return lnSeries(a, b, c, z);
}

function lnSeries(a: number, b: number, c: number, z: number): number {
  let term = 1;
  let sum = 1;
  let scale = 0;
  for (let k = 0; ; k++) {
    const ratio = (((a + k) / (c + k)) * (b + k) * z) / (k + 1);
    term *= ratio;
    sum += term;
    // What is left is less than the geometric series with the larger of this ratio and its limit.
    const bound = Math.max(ratio, z);
    if (bound < 1 && term * bound <= 1e-17 * sum * (1 - bound)) return ln(sum) + scale;
    if (sum > grown) {
      term /= grown;
      sum /= grown;
      scale += ln(grown);
    }
  }
}

/** ln(1 + e^u) and its derivative, for any u. */
export function softplus(u: number): { value: number; slope: number } {
  const e = exp(-Math.abs(u));
  return u > 0 ? { value: u + ln1p(e), slope: 1 / (1 + e) } : { value: ln1p(e), slope: e / (1 + e) };
}
