import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FirstChance, purchaseCurve } from '../../../shared/domain/models/beta-geometric.ts';
import { fitBgNbd } from '../../../shared/domain/models/bg-nbd.ts';
import { anyTerms, type Fit } from '../../../shared/domain/models/fit.ts';
import { fitGammaGamma, type SpendCell, spendCurve } from '../../../shared/domain/models/gamma-gamma.ts';
import { fitMbgNbd } from '../../../shared/domain/models/mbg-nbd.ts';
import type { Curve } from '../../../shared/domain/models/newton.ts';
import {
  cellOf,
  historyOf,
  mergePurchaseCounts,
  type PurchaseCounts,
  type PurchaseHistory,
  purchaseCells,
} from '../../../shared/domain/models/purchase-counts.ts';
import { countsOf } from './cdnow.ts';
import { chances, liveHistory, liveSpend } from './simulated.ts';

const history: fc.Arbitrary<PurchaseHistory> = fc
  .tuple(fc.nat(6), fc.nat(200), fc.nat(200))
  .map(([x, more, rest]) => ({ x, tx: x === 0 ? 0 : x + more, T: (x === 0 ? 0 : x + more) + rest }));
const spend: fc.Arbitrary<SpendCell> = fc.record({
  x: fc.integer({ min: 1, max: 8 }),
  zbar: fc.double({ min: 0.5, max: 500, noNaN: true }),
  customers: fc.integer({ min: 1, max: 3 }),
});
const parameter = fc.double({ min: -3, max: 3, noNaN: true }).map(Math.exp);

/** Central differences by the logarithms of the parameters. */
function expectDerivatives(curveAt: (parameters: readonly number[]) => Curve, at: readonly number[]) {
  const { gradient, hessian } = curveAt(at);
  const h = 1e-5;
  at.forEach((_, index) => {
    const moved = (by: number) => curveAt(at.map((value, i) => (i === index ? value * Math.exp(by) : value)));
    const [up, down] = [moved(h), moved(-h)];
    const near = (actual: number, right: number, scale: number) =>
      expect(Math.abs(actual - right)).toBeLessThan(1e-5 * Math.max(1, Math.abs(right), scale));
    near((up.value - down.value) / (2 * h), gradient[index] ?? Number.NaN, Math.abs(up.value) * 1e-4);
    at.forEach((_, other) => {
      const slope = ((up.gradient[other] ?? 0) - (down.gradient[other] ?? 0)) / (2 * h);
      near(slope, hessian[index * at.length + other] ?? Number.NaN, Math.abs(up.value) * 1e-2);
      expect(hessian[index * at.length + other]).toBe(hessian[other * at.length + index]);
    });
  });
}

describe('the derivatives', () => {
  it.each<[string, FirstChance]>([
    ['BG/NBD', 0],
    ['MBG/NBD', 1],
  ])('of %s are those of the likelihood', (_, first) => {
    const at = fc.tuple(parameter, parameter, parameter, parameter);
    fc.assert(
      fc.property(fc.array(history, { minLength: 1, maxLength: 12 }), at, (histories, parameters) => {
        const cells = purchaseCells(countsOf(histories));
        expectDerivatives((point) => purchaseCurve(cells, point, first, 7), parameters);
      }),
      { numRuns: 200 },
    );
  });

  it('of Gamma-Gamma are those of the likelihood', () => {
    fc.assert(
      fc.property(
        fc.array(spend, { minLength: 1, maxLength: 12 }),
        fc.tuple(parameter, parameter, parameter),
        (cells, parameters) => expectDerivatives((point) => spendCurve(cells, point), parameters),
      ),
      { numRuns: 200 },
    );
  });
});

describe('a likelihood', () => {
  it('of a history is the one of the definition', () => {
    const at = fc.tuple(parameter, parameter, parameter, parameter);
    const lnGammaSum = (x: number, from: number) =>
      Array.from({ length: x }, (_, i) => Math.log(from + i)).reduce((sum, one) => sum + one, 0);
    fc.assert(
      fc.property(history, at, fc.constantFrom<FirstChance>(0, 1), ({ x, tx, T }, [r, alpha, a, b], first) => {
        const chancesToLeave = x + first;
        const stay = lnGammaSum(chancesToLeave, b) - lnGammaSum(chancesToLeave, a + b);
        const left = chancesToLeave > 0 ? (a / (b + chancesToLeave - 1)) * (alpha + tx) ** -(r + x) : 0;
        const right = lnGammaSum(x, r) + r * Math.log(alpha) + stay + Math.log((alpha + T) ** -(r + x) + left);
        const { value } = purchaseCurve(purchaseCells(countsOf([{ x, tx, T }])), [r, alpha, a, b], first, 1);
        expect(Math.abs(value + right)).toBeLessThan(1e-10 * Math.max(1, Math.abs(right)));
      }),
    );
  });

  it('knows a history by its cell', () => {
    fc.assert(
      fc.property(history, (one) => {
        expect(historyOf(cellOf(one))).toEqual(one);
      }),
    );
    expect(historyOf(cellOf({ x: 60_000, tx: 65_534, T: 65_535 }))).toEqual({ x: 60_000, tx: 65_534, T: 65_535 });
    for (const [x, tx, T] of [
      [1, 2, 1],
      [2, 1, 3],
      [0, 1, 3],
      [-1, 0, 0],
      [0, 0, 65_536],
      [0.5, 1, 2],
    ] as const)
      expect(() => cellOf({ x, tx, T })).toThrow(RangeError);
  });
});

describe('a fit', () => {
  it('is the same to the bit however the customers were counted and merged', () => {
    const chance = chances(11);
    const truth = { r: 0.6, alpha: 40, a: 0.8, b: 2 };
    const all = Array.from({ length: 300 }, () => liveHistory(chance, truth, 50 + Math.floor(chance() * 300), 1));
    const together = fitMbgNbd(countsOf(all), anyTerms);
    expect(together.fitted).toBe(true);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(5)), fc.boolean(), (where, backwards) => {
        const parts = Array.from({ length: 6 }, (): PurchaseHistory[] => []);
        for (const one of backwards ? all.toReversed() : all) parts[where.next().value]?.push(one);
        const merged: PurchaseCounts = new Map();
        for (const part of parts) mergePurchaseCounts(merged, countsOf(part));
        expect(fitMbgNbd(merged, anyTerms)).toEqual(together);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a fit to days', () => {
  it('has no rates beyond what days show, so that the work of its forecasts is bounded', () => {
    const daily = fc
      .tuple(fc.nat(60), fc.nat(60), fc.nat(300), fc.boolean())
      .map(([x, more, rest, isDaily]): PurchaseHistory => {
        const tx = x === 0 ? 0 : isDaily ? x : x + more;
        return { x, tx, T: tx + rest };
      });
    let fits = 0;
    fc.assert(
      fc.property(
        fc.array(daily, { minLength: 2, maxLength: 8 }),
        fc.constantFrom(fitMbgNbd, fitBgNbd),
        (all, fitted) => {
          const fit = fitted(countsOf(all), anyTerms);
          if (!fit.fitted) return;
          fits += 1;
          const { r, alpha } = fit.parameters;
          expect(r / alpha).toBeLessThan(1 + 1e-6);
          expect(alpha).toBeGreaterThan(0.1);
        },
      ),
      { numRuns: 300 },
    );
    // Of nearly all of them; of few the property would say nothing.
    expect(fits).toBeGreaterThan(150);
  });
});

type Named = Record<string, number>;

/** How far the fits of many populations lie from the truth, in standard errors of the logarithms. */
function deviations(fits: readonly Fit<Named>[], truth: Named): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(truth).map(([name, right]) => [
      name,
      fits.map((fit) => {
        if (!fit.fitted) throw new Error(fit.because);
        const found = fit.parameters[name] ?? Number.NaN;
        return (Math.log(found / right) * found) / (fit.standardErrors[name] ?? Number.NaN);
      }),
    ]),
  );
}

function expectRecovery(fits: readonly Fit<Named>[], truth: Named) {
  for (const [name, all] of Object.entries(deviations(fits, truth))) {
    for (const one of all) expect(Math.abs(one), name).toBeLessThan(4);
    const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
    expect(Math.abs(mean) * Math.sqrt(all.length), `mean of ${name}`).toBeLessThan(3);
    const spread = Math.sqrt(all.reduce((sum, one) => sum + one * one, 0) / all.length);
    expect(spread, `spread of ${name}`).toBeGreaterThan(0.5);
    expect(spread, `spread of ${name}`).toBeLessThan(1.6);
  }
}

describe('parameters come back from simulated populations', () => {
  const seeds = Array.from({ length: 24 }, (_, seed) => seed + 1);
  // Rates so low that two purchases of one day, which are one, hardly occur.
  const truths = [
    { r: 0.6, alpha: 400, a: 0.9, b: 2.2 },
    { r: 1.7, alpha: 900, a: 1, b: 3 },
    { r: 0.3, alpha: 300, a: 2.5, b: 4 },
  ];

  it.each(truths)('of MBG/NBD (%o)', (truth) => {
    const fits = seeds.map((seed) => {
      const chance = chances(seed);
      const all = Array.from({ length: 4000 }, () => liveHistory(chance, truth, 500 + Math.floor(chance() * 6000), 1));
      return fitMbgNbd(countsOf(all), anyTerms) as Fit<Named>;
    });
    expectRecovery(fits, truth);
  });

  it('of BG/NBD', () => {
    const [truth] = truths as [(typeof truths)[number]];
    const fits = seeds.map((seed) => {
      const chance = chances(seed + 100);
      const all = Array.from({ length: 4000 }, () => liveHistory(chance, truth, 500 + Math.floor(chance() * 6000), 0));
      return fitBgNbd(countsOf(all), anyTerms) as Fit<Named>;
    });
    expectRecovery(fits, truth);
  });

  it('of Gamma-Gamma', () => {
    const truth = { p: 6, q: 3.7, v: 15 };
    const fits = seeds.map((seed) => {
      const chance = chances(seed + 200);
      const all = Array.from({ length: 2000 }, () => liveSpend(chance, truth, 1 + Math.floor(chance() ** 2 * 9)));
      return fitGammaGamma(all, anyTerms) as Fit<Named>;
    });
    expectRecovery(fits, truth);
  });
});

describe('a large population', () => {
  it('is fitted to all of its histories, though the way there is taken with few', () => {
    const chance = chances(29);
    const truth = { r: 2, alpha: 40, a: 0.4, b: 2.5 };
    const all = Array.from({ length: 250_000 }, () => liveHistory(chance, truth, Math.floor(chance() * 3000), 1));
    const cells = purchaseCells(countsOf(all));
    expect(cells.x.length).toBeGreaterThan(100_000);
    const fit = fitMbgNbd(countsOf(all), anyTerms);
    if (!fit.fitted) throw new Error('not fitted');
    const { r, alpha, a, b } = fit.parameters;
    const { gradient } = purchaseCurve(cells, [r, alpha, a, b], 1, 1);
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-4);
    expect(fit.iterations).toBeLessThan(6);
  });

  it('is fitted although rounding hides the last gains of the likelihood', () => {
    const chance = chances(17);
    const truth = { r: 1, alpha: 40, a: 1, b: 2.5 };
    const all = Array.from({ length: 60_000 }, () => liveHistory(chance, truth, Math.floor(chance() * 730), 1));
    const one = countsOf(all);
    const many: PurchaseCounts = new Map([...one].map(([cell, customers]) => [cell, customers * 5000]));
    for (const fitted of [fitMbgNbd, fitBgNbd]) {
      const [small, large] = [fitted(one, anyTerms), fitted(many, anyTerms)];
      if (!small.fitted || !large.fitted) throw new Error('not fitted');
      for (const name of ['r', 'alpha', 'a', 'b'] as const) {
        expect(large.parameters[name] / small.parameters[name]).toBeCloseTo(1, 7);
        expect(((small.standardErrors[name] ?? 0) / (large.standardErrors[name] ?? 1)) ** 2).toBeCloseTo(5000, 1);
      }
    }
  });
});
