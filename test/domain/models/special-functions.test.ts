import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, expm1, ln, ln1p } from '../../../shared/domain/models/elementary.ts';
import {
  digamma,
  lnBeta,
  lnGamma,
  lnHypergeometric,
  softplus,
  trigamma,
} from '../../../shared/domain/models/special-functions.ts';
import published from '../../fixtures/special-functions.json' with { type: 'json' };

/** Relative, or absolute where values are small. */
const precision = 1e-13;

function distance(actual: number, right: number): number {
  return Math.abs(actual - right) / Math.max(1, Math.abs(right));
}

const functions: Record<keyof typeof published, (...args: number[]) => number> = {
  lnGamma,
  digamma,
  trigamma,
  lnBeta,
  lnHypergeometric,
} as Record<keyof typeof published, (...args: number[]) => number>;

/** Made by mpmath 1.3.0 with sixty digits: arguments, then the value. */
describe.each(Object.entries(published))('%s', (name, rows: number[][]) => {
  it('agrees with mpmath', () => {
    for (const row of rows) {
      const given = row.slice(0, -1);
      const actual = functions[name as keyof typeof published](...given);
      expect(distance(actual, row.at(-1) ?? Number.NaN), `${name}(${given})`).toBeLessThan(precision);
    }
  });
});

const Wide = Decimal.clone({ precision: 50 });
const bernoulli = ['1/6', '-1/30', '1/42', '-1/30', '5/66', '-691/2730', '7/6', '-3617/510', '43867/798', '-174611/330']
  .map((text) => text.split('/').map(Number) as [number, number])
  .map(([above, below]) => new Wide(above).div(below));
const pi = new Wide('3.14159265358979323846264338327950288419716939937510582');

/** Stirling's series in fifty digits, from x + 60 down. */
function wideLnGamma(x: Decimal): Decimal {
  let product = new Wide(1);
  let far = x;
  for (; far.lt(60); far = far.plus(1)) product = product.times(far);
  const series = bernoulli.reduce((sum, number, index) => {
    const k = 2 * (index + 1);
    return sum.plus(number.div(far.pow(k - 1).times(k * (k - 1))));
  }, new Wide(0));
  const whole = far.minus(0.5).times(far.ln()).minus(far).plus(pi.times(2).ln().div(2));
  return whole.plus(series).minus(product.ln());
}

function wideDigamma(x: Decimal): Decimal {
  let sum = new Wide(0);
  let far = x;
  for (; far.lt(60); far = far.plus(1)) sum = sum.plus(new Wide(1).div(far));
  const series = bernoulli.reduce((total, number, index) => {
    const k = 2 * (index + 1);
    return total.plus(number.div(far.pow(k).times(k)));
  }, new Wide(0));
  return far.ln().minus(new Wide(0.5).div(far)).minus(series).minus(sum);
}

/** The definition itself, term by term. */
function wideLnHypergeometric(a: number, b: number, c: number, z: number): Decimal {
  let term = new Wide(1);
  let sum = new Wide(1);
  for (let k = 0; k < 200_000; k++) {
    term = term.times(new Wide(a).plus(k)).times(new Wide(b).plus(k)).times(z);
    term = term.div(new Wide(c).plus(k)).div(k + 1);
    sum = sum.plus(term);
    if (k > 10 && term.lt(sum.times(1e-30)) && (a + k) * (b + k) * z < (c + k) * (k + 1)) return sum.ln();
  }
  throw new RangeError('the series is too long for a test');
}

/** Between 10^least and 10^most, evenly in the logarithm. */
const magnitude = (least: number, most: number) =>
  fc.double({ min: least, max: most, noNaN: true }).map((exponent) => 10 ** exponent);

describe('special functions', () => {
  it('agree with fifty digits over wide ranges', () => {
    fc.assert(
      fc.property(magnitude(-10, 12), (x) => {
        expect(distance(lnGamma(x), wideLnGamma(new Wide(x)).toNumber())).toBeLessThan(precision);
        expect(distance(digamma(x), wideDigamma(new Wide(x)).toNumber())).toBeLessThan(precision);
      }),
      { numRuns: 120 },
    );
    fc.assert(
      fc.property(magnitude(-8, 9), magnitude(-8, 9), (a, b) => {
        const [A, B] = [new Wide(a), new Wide(b)];
        const right = wideLnGamma(A)
          .plus(wideLnGamma(B))
          .minus(wideLnGamma(A.plus(B)))
          .toNumber();
        expect(distance(lnBeta(a, b), right)).toBeLessThan(precision);
        expect(lnBeta(b, a)).toBe(lnBeta(a, b));
      }),
      { numRuns: 200 },
    );
  });

  it('sum the hypergeometric series as its definition does', () => {
    const z = fc.oneof(fc.double({ min: 0, max: 0.97, noNaN: true }), magnitude(-8, -1));
    fc.assert(
      fc.property(magnitude(-4, 2.5), magnitude(-4, 2.5), magnitude(-4, 2.5), z, (a, b, c, at) => {
        const right = wideLnHypergeometric(a, b, c, at).toNumber();
        expect(distance(lnHypergeometric(a, b, c, at), right)).toBeLessThan(precision);
      }),
      { numRuns: 200 },
    );
  });

  it('are finite wherever the models may ask', () => {
    const any = magnitude(-10, 8);
    fc.assert(
      fc.property(any, any, any, fc.double({ min: 0, max: 0.9999, noNaN: true }), (a, b, c, z) => {
        for (const value of [lnGamma(a), digamma(a), trigamma(a), lnBeta(a, b)])
          expect(value).toSatisfy(Number.isFinite);
        const limit = Math.min(a, 1000);
        expect(lnHypergeometric(limit, Math.min(b, 1000), c, z)).toSatisfy(Number.isFinite);
      }),
      { numRuns: 500 },
    );
  });

  it('know no limit of u in ln(1 + e^u)', () => {
    expect(softplus(1e6)).toEqual({ value: 1e6, slope: 1 });
    expect(softplus(-1e6)).toEqual({ value: 0, slope: 0 });
    expect(softplus(0)).toEqual({ value: Math.LN2, slope: 0.5 });
    expect(softplus(-40).value).toBeCloseTo(Math.exp(-40), 30);
  });
});

describe('exponential and logarithm', () => {
  it('are those of the engine to the last bit or the one before', () => {
    const ulps = (a: number, b: number) => Math.abs(a - b) / Math.max(Number.MIN_VALUE, Math.abs(b) * Number.EPSILON);
    fc.assert(
      fc.property(fc.double({ min: -745, max: 709, noNaN: true }), magnitude(-307, 308), (x, y) => {
        expect(ulps(exp(x), Math.exp(x))).toBeLessThanOrEqual(1);
        expect(ulps(ln(y), Math.log(y))).toBeLessThanOrEqual(1);
        expect(ulps(ln1p(y), Math.log1p(y))).toBeLessThanOrEqual(2);
        expect(ulps(expm1(x), Math.expm1(x))).toBeLessThanOrEqual(2);
        for (const near of [y, -y].filter((one) => Math.abs(one) < 50))
          expect(ulps(expm1(near), Math.expm1(near))).toBeLessThanOrEqual(4);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([1, 2, Math.SQRT1_2, Math.SQRT2, 2 ** 30, 2 ** 30 - 1, 2 ** -29, 5e-324, 2 ** -1022, Number.MAX_VALUE])(
    'have no seam at %d',
    (x) => {
      expect(ln(x)).toBeCloseTo(Math.log(x), 12);
      expect(exp(ln(x)) / x).toBeCloseTo(1, 11);
    },
  );

  it('have the values of the limits', () => {
    expect([exp(0), exp(-Infinity), exp(Infinity), exp(-800), exp(800)]).toEqual([1, 0, Infinity, 0, Infinity]);
    expect([ln(1), ln(0), ln(Infinity), ln(-1), ln(Number.NaN)]).toEqual([
      0,
      -Infinity,
      Infinity,
      Number.NaN,
      Number.NaN,
    ]);
    expect([ln1p(0), ln1p(1e-300), ln1p(Infinity), ln1p(-1)]).toEqual([0, 1e-300, Infinity, -Infinity]);
    expect([expm1(0), expm1(1e-300), expm1(-Infinity), expm1(Infinity)]).toEqual([0, 1e-300, -1, Infinity]);
    expect(exp(Number.NaN)).toBeNaN();
  });
});
