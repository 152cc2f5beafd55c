import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bgNbd, fitBgNbd } from '../../../shared/domain/models/bg-nbd.ts';
import { anyTerms, nightlyTerms } from '../../../shared/domain/models/fit.ts';
import { expectedMeanValue, fitGammaGamma } from '../../../shared/domain/models/gamma-gamma.ts';
import { discountedPurchases, lifetimeValue } from '../../../shared/domain/models/lifetime-value.ts';
import { fitMbgNbd, mbgNbd } from '../../../shared/domain/models/mbg-nbd.ts';
import { countPurchases, type PurchaseCounts } from '../../../shared/domain/models/purchase-counts.ts';
import published from '../../fixtures/expected-purchases.json' with { type: 'json' };
import { countsOf } from './cdnow.ts';
import { chances, liveHistory, liveSpend } from './simulated.ts';

const magnitude = (least: number, most: number) =>
  fc.double({ min: least, max: most, noNaN: true }).map((exponent) => 10 ** exponent);
const parameters = fc.record({
  r: magnitude(-4, 3),
  alpha: magnitude(-8, 5),
  a: fc.oneof(magnitude(-4, 4), fc.constantFrom(1, 1 + Number.EPSILON, 1 - 1e-12, 2)),
  b: magnitude(-4, 4),
});
const history = fc
  .tuple(fc.nat(60), fc.nat(2000), fc.nat(2000))
  .map(([x, more, rest]) => ({ x, tx: x === 0 ? 0 : x + more, T: (x === 0 ? 0 : x + more) + rest }));
const models = [mbgNbd, bgNbd];

describe('expected purchases', () => {
  /** The closed form in seventy digits by mpmath 1.3.0: r, α, a, b, x, T, t, then 1 for MBG/NBD, then the value. */
  it('are those of the published closed form, near a = 1, too', () => {
    for (const [r = 0, alpha = 0, a = 0, b = 0, x = 0, T = 0, time = 0, first, right = 0] of published) {
      const model = first === 1 ? mbgNbd : bgNbd;
      const actual = model.purchasesWhileAlive({ r, alpha, a, b }, { x, T }, time);
      expect(Math.abs(actual / right - 1), JSON.stringify({ r, alpha, a, b, x, T, time })).toBeLessThan(1e-12);
    }
  });

  it('are finite, grow with time and slow down, and P(alive) is a probability', () => {
    fc.assert(
      fc.property(parameters, history, fc.constantFrom(...models), (given, one, model) => {
        const alive = model.alive(given, one);
        expect(alive).toBeGreaterThanOrEqual(0);
        expect(alive).toBeLessThanOrEqual(1);
        const within = [0, 1, 30, 90, 365, 20_000].map((days) => model.purchasesWhileAlive(given, one, days));
        expect(within[0]).toBe(0);
        for (let index = 1; index < within.length; index++)
          // Who is nearly sure to have left by then buys no more than what rounding shows.
          expect(within[index]).toBeGreaterThanOrEqual((within[index - 1] ?? Number.NaN) * (1 - 1e-12));
        expect(within[1]).toBeGreaterThan(0);
        for (const value of within) expect(value).toSatisfy(Number.isFinite);
        const rates = [0, 1, 30, 90, 365, 20_000].map((days) => model.rateWhileAlive(given, one, days));
        expect((rates[0] ?? 0) / ((given.r + one.x) / (given.alpha + one.T))).toBeCloseTo(1, 12);
        for (let index = 1; index < rates.length; index++)
          expect(rates[index]).toBeLessThan((rates[index - 1] ?? Number.NaN) * (1 + 1e-12));
      }),
      { numRuns: 300 },
    );
  });

  it('have the rate as their slope', () => {
    const gentle = fc.record({ r: magnitude(-1, 1), alpha: magnitude(0, 3), a: magnitude(-1, 1), b: magnitude(-1, 1) });
    fc.assert(
      fc.property(
        gentle,
        history,
        fc.integer({ min: 1, max: 700 }),
        fc.constantFrom(...models),
        (given, one, t, model) => {
          const h = 0.02;
          const up = model.purchasesWhileAlive(given, one, t + h);
          const slope = (up - model.purchasesWhileAlive(given, one, t - h)) / (2 * h);
          // Where hardly anything comes any more, the difference is all rounding.
          expect(Math.abs(model.rateWhileAlive(given, one, t) - slope)).toBeLessThan(1e-3 * slope + 1e-9);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('of the simulated come true', () => {
    const truth = { r: 0.7, alpha: 300, a: 0.9, b: 2.5 };
    const chance = chances(21);
    let [actual, expected] = [0, 0];
    for (let index = 0; index < 20_000; index++) {
      const age = 400 + (index % 600);
      actual += liveHistory(chance, truth, age, 1).x;
      expected += mbgNbd.ofNewCustomer(truth, age);
    }
    expect(expected / actual).toBeGreaterThan(0.97);
    expect(expected / actual).toBeLessThan(1.03);
  });
});

describe('lifetime value', () => {
  const terms = { horizonDays: 730, discountRate: 0.1, margin: 0.4 };

  it('is the sum over quarters of days of discounted purchases', () => {
    const gentle = fc.record({ r: magnitude(-1, 1), alpha: magnitude(0, 3), a: magnitude(-1, 1), b: magnitude(-1, 1) });
    fc.assert(
      fc.property(gentle, history, (given, one) => {
        const alive = mbgNbd.alive(given, one);
        const rate = (days: number) => alive * mbgNbd.rateWhileAlive(given, one, days);
        const within = (days: number) => mbgNbd.expectedPurchases(given, one, days);
        let sum = 0;
        // In quarters of a day: where α is a day, the rate changes so much within one that its middle stands for it badly.
        for (let quarter = 1; quarter <= 4 * 730; quarter++)
          sum +=
            (within(quarter / 4) - within((quarter - 1) / 4)) *
            (1 + terms.discountRate) ** (-(quarter - 0.5) / 4 / 365);
        const actual = discountedPurchases(rate, given.alpha + one.T, terms);
        expect(Math.abs(actual / sum - 1)).toBeLessThan(1e-5);
        const undiscounted = discountedPurchases(rate, given.alpha + one.T, { ...terms, discountRate: 0 });
        expect(undiscounted / within(730)).toBeCloseTo(1, 9);
      }),
      { numRuns: 20 },
    );
  });

  it('is what remains of the expected value', () => {
    const rate = () => 0.01;
    expect(lifetimeValue(rate, 100, 50, { ...terms, discountRate: 0 })).toBeCloseTo(0.4 * 50 * 7.3, 9);
    expect(lifetimeValue(rate, 100, 50, terms)).toBeCloseTo(
      (0.4 * 50 * 0.01 * 365 * (1 - 1.1 ** -2)) / Math.log(1.1),
      9,
    );
    expect(lifetimeValue(rate, 100, 50, { ...terms, horizonDays: 0 })).toBe(0);
  });
});

describe('where nothing can be fitted', () => {
  const once = Array.from({ length: 1000 }, (_, index) => ({ x: 0, tx: 0, T: index % 300 }));

  it('says why', () => {
    expect(fitMbgNbd(new Map(), anyTerms)).toEqual({ fitted: false, because: 'fewCustomers', customers: 0 });
    expect(fitMbgNbd(countsOf([{ x: 3, tx: 9, T: 10 }]), anyTerms)).toMatchObject({ because: 'fewCustomers' });
    expect(fitMbgNbd(countsOf(once), anyTerms)).toMatchObject({ because: 'noRepeaters', customers: 1000 });
    expect(fitBgNbd(countsOf(once), nightlyTerms)).toMatchObject({ because: 'noRepeaters' });
    expect(fitMbgNbd(countsOf(once.slice(0, 499)), nightlyTerms)).toMatchObject({ because: 'fewCustomers' });
    expect(fitGammaGamma([], anyTerms)).toMatchObject({ because: 'noRepeaters', customers: 0 });
    expect(fitGammaGamma([{ x: 0, zbar: 12, customers: 9 }], anyTerms)).toMatchObject({ because: 'noRepeaters' });
    expect(fitGammaGamma([{ x: 2, zbar: 12, customers: 1 }], anyTerms)).toMatchObject({ because: 'fewCustomers' });
    const sparse = countsOf([...once, { x: 1, tx: 3, T: 9 }]);
    expect(fitMbgNbd(sparse, { ...nightlyTerms, leastRepeaters: 2 })).toMatchObject({ because: 'noRepeaters' });
    expect(fitMbgNbd(countsOf([...once, { x: 2, tx: 4, T: 9 }]), { ...anyTerms, mostIterations: 1 })).toMatchObject({
      because: 'noConvergence',
    });
  });

  it('leaves amounts of 0 out', () => {
    const cells = Array.from({ length: 200 }, (_, index) => ({
      x: 1 + (index % 4),
      zbar: 5 + ((index * 37) % 41),
      customers: 1,
    }));
    const withZeros = [...cells, { x: 3, zbar: 0, customers: 50 }];
    expect(fitGammaGamma(withZeros, anyTerms)).toEqual(fitGammaGamma(cells, anyTerms));
    expect(fitGammaGamma([{ x: 3, zbar: 0, customers: 50 }], anyTerms)).toMatchObject({ because: 'noRepeaters' });
  });

  it('has no mean value where there is none', () => {
    expect(() => expectedMeanValue({ p: 2, q: 0.9, v: 10 }, 0, 0)).toThrow(RangeError);
    expect(expectedMeanValue({ p: 2, q: 0.9, v: 10 }, 1, 20)).toBeCloseTo(60 / 1.9, 10);
  });

  it('does not believe values without a mean', () => {
    const chance = chances(3);
    const cells = Array.from({ length: 500 }, () => liveSpend(chance, { p: 6, q: 0.6, v: 15 }, 3));
    expect(fitGammaGamma(cells, anyTerms)).toMatchObject({ fitted: false, because: 'meaningless' });
  });
});

describe('at the edge', () => {
  function expectFinite(counts: PurchaseCounts) {
    const fit = fitMbgNbd(counts, anyTerms);
    if (!fit.fitted) return fit.because;
    for (const value of [...Object.values(fit.parameters), fit.logLikelihood]) expect(value).toSatisfy(Number.isFinite);
    for (const model of models)
      for (const one of [
        { x: 0, tx: 0, T: 0 },
        { x: 0, tx: 0, T: 900 },
        { x: 9, tx: 60, T: 700 },
      ]) {
        expect(model.alive(fit.parameters, one)).toSatisfy(Number.isFinite);
        expect(model.expectedPurchases(fit.parameters, one, 365)).toSatisfy(Number.isFinite);
      }
    return fit.edge;
  }

  it('fits where nobody ever leaves, and says that it is one', () => {
    const counts: PurchaseCounts = new Map();
    for (let index = 0; index < 600; index++) {
      const x = 1 + (index % 23);
      countPurchases(counts, { x, tx: 10 * x, T: 10 * x + 3 });
    }
    expect(expectFinite(counts)).not.toEqual([]);
    expect(fitMbgNbd(counts, { ...nightlyTerms, leastRepeaters: 1 })).toMatchObject({ because: 'meaningless' });
  });

  it('fits ages of a day, regular buyers, and those who are all alike', () => {
    const days: PurchaseCounts = new Map();
    countPurchases(days, { x: 0, tx: 0, T: 0 }, 40);
    countPurchases(days, { x: 0, tx: 0, T: 1 }, 50);
    countPurchases(days, { x: 1, tx: 1, T: 1 }, 10);
    expectFinite(days);
    expectFinite(countsOf(Array.from({ length: 50 }, () => ({ x: 12, tx: 360, T: 365 }))));
    expectFinite(countsOf(Array.from({ length: 50 }, () => ({ x: 1, tx: 1, T: 700 }))));
    expectFinite(countsOf([...Array.from({ length: 900 }, () => ({ x: 0, tx: 0, T: 30 })), { x: 1, tx: 30, T: 30 }]));
  });

  it('is finite for any few customers', () => {
    fc.assert(
      fc.property(fc.array(history, { minLength: 1, maxLength: 25 }), (histories) => {
        expectFinite(countsOf(histories));
      }),
      { numRuns: 150 },
    );
  });
});
