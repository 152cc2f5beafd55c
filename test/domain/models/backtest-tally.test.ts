import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAfter, spendBefore } from '../../../shared/domain/models/backtest.ts';
import { countBefore, fitBefore, mergeBefore, noBeforeCounts } from '../../../shared/domain/models/backtest-counts.ts';
import {
  backtestCounter,
  backtestOf,
  isRankedExactly,
  mergeBacktestTally,
  noBacktestTally,
} from '../../../shared/domain/models/backtest-tally.ts';
import { fitBgNbd } from '../../../shared/domain/models/bg-nbd.ts';
import { anyTerms } from '../../../shared/domain/models/fit.ts';
import { fitGammaGamma } from '../../../shared/domain/models/gamma-gamma.ts';
import { HoldoutCut } from '../../../shared/domain/models/holdout-cut.ts';
import { leading, widthAt } from '../../../shared/domain/models/leading-bits.ts';
import { fitMbgNbd } from '../../../shared/domain/models/mbg-nbd.ts';
import { addAt, mergeNested, type Nesting, noSums } from '../../../shared/domain/models/nested-sums.ts';
import type { PurchaseDay } from '../../../shared/domain/purchase-days.ts';

describe('leading digits', () => {
  const numbers = fc.oneof(fc.nat(), fc.maxSafeNat());

  it('make buckets that nest, and are nearly equally wide', () => {
    fc.assert(
      fc.property(numbers, fc.nat(30), fc.nat(30), (value, some, more) => {
        const [few, many] = [Math.min(some, more), Math.max(some, more)];
        expect(leading(leading(value, many), few)).toBe(leading(value, few));
        const [least, width] = [leading(value, few), widthAt(value, few)];
        expect(least <= value && value < least + width).toBe(true);
        expect(widthAt(least, few)).toBe(width);
        expect(width === 1 || width <= value / 2 ** few).toBe(true);
      }),
    );
  });
});

describe('nested sums', () => {
  const nesting: Nesting = {
    most: 14,
    last: 3,
    coarsen: (key, level) => leading(key, [53, 3, 2, 1][level] ?? 0),
  };
  const told = fc.array(fc.tuple(fc.nat(300), fc.nat(9), fc.nat(4)), { maxLength: 80, size: 'max' });

  it('are the same in any order and in any parts, and as fine as they may be', () => {
    fc.assert(
      fc.property(told, fc.infiniteStream(fc.constantFrom(0, 0, 0, 0, 1, 2)), (counts, chance) => {
        const whole = noSums();
        for (const [key, ...values] of counts) addAt(whole, nesting, key, values);
        const parts = Array.from({ length: 3 }, noSums);
        for (const [key, ...values] of counts.toReversed()) {
          const part = parts[chance.next().value ?? 0];
          if (part) addAt(part, nesting, key, values);
        }
        const merged = noSums();
        for (const part of parts) mergeNested(merged, part, nesting);
        const plain = ({ level, sums }: typeof whole) => ({ level, sums: [...sums].sort(([a], [b]) => a - b) });
        expect(plain(merged)).toEqual(plain(whole));
        const different = (level: number) => new Set(counts.map(([key]) => nesting.coarsen(key, level))).size;
        expect(whole.sums.size).toBe(different(whole.level));
        if (whole.level > 0) expect(different(whole.level - 1)).toBeGreaterThan(nesting.most);
      }),
    );
  });
});

/** Customers who buy at rates of their own and leave by chance, over three years; the same in every run. */
function population(size: number): PurchaseDay[][] {
  let state = 12_345;
  const chance = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Array.from({ length: size }, () => {
    const pause = 20 - 120 * Math.log(chance());
    const days: PurchaseDay[] = [];
    for (let day = 19_000 + Math.floor(chance() * 900); day < 20_100; ) {
      days.push({ day, purchases: 1, spent: BigInt(Math.round(500 + 6_000 * chance() * chance())) });
      if (chance() < 0.2) break;
      day += 1 + Math.floor(-pause * Math.log(chance()));
    }
    return days;
  });
}

describe('a population with more histories than ranks are kept for', () => {
  const [until, end] = [19_900, 20_000];
  const customers = population(25_000);

  it('has the figures of the exact backtest; the ranks of customers are those of narrow buckets', () => {
    const cut = new HoldoutCut(until, end - until);
    const before = Array.from({ length: 3 }, noBeforeCounts);
    customers.forEach((days, index) => {
      for (const { day, spent } of days) cut.add({ customerId: String(index), day, amount: Number(spent) * 100 });
      countBefore(before[index % 3] ?? noBeforeCounts(), days, until);
    });
    const history = cut.cut();
    const exact = compareAfter(history, {
      mbgNbd: fitMbgNbd(history.counts, anyTerms, 7),
      bgNbd: fitBgNbd(history.counts, anyTerms, 7),
      gammaGamma: fitGammaGamma(spendBefore(history), anyTerms),
    });
    const counts = noBeforeCounts();
    for (const part of before) mergeBefore(counts, part);
    const sight = { until, end, minorPerUnit: 100, fits: fitBefore(counts, 100) };
    const parts = Array.from({ length: 4 }, noBacktestTally);
    const count = backtestCounter(sight);
    for (const [index, days] of customers.entries()) count(parts[index % 4] ?? noBacktestTally(), days);
    const tally = noBacktestTally();
    for (const part of parts) mergeBacktestTally(tally, part);
    expect(isRankedExactly(tally)).toBe(false);
    const found = backtestOf(tally, sight);
    if (!found?.holdout.mbgNbd || !exact.holdout.mbgNbd) throw new Error('not fitted');
    expect([found.customers, found.repeatPurchases, found.holdout.actual]).toEqual([
      exact.customers,
      exact.repeatPurchases,
      exact.holdout.actual,
    ]);
    expect(found.alive?.map(({ returned }) => returned)).toEqual(exact.alive?.map(({ returned }) => returned));
    for (const [one, other] of [
      [found.holdout.mbgNbd, exact.holdout.mbgNbd],
      [found.holdout.bgNbd, exact.holdout.bgNbd],
      [found.holdout.naiveRate, exact.holdout.naiveRate],
      [found.holdout.zero, exact.holdout.zero],
    ]) {
      if (!one || !other) throw new Error('not fitted');
      for (const name of ['total', 'rmse', 'mae'] as const) expect(one[name] / other[name] || 1).toBeCloseTo(1, 5);
      expect(one.bias).toBeCloseTo(other.bias, 5);
      expect(one.correlation ?? 0).toBeCloseTo(other.correlation ?? 0, 5);
      expect(one.topDecileShare ?? 0).toBeCloseTo(other.topDecileShare ?? 0, 3);
      one.calibrationByDecile.forEach((group, decile) => {
        const wanted = other.calibrationByDecile[decile];
        expect(Math.abs(group.expected - (wanted?.expected ?? 0))).toBeLessThan(other.total * 1e-3 + 1e-9);
        expect(Math.abs(group.actual - (wanted?.actual ?? 0))).toBeLessThan(exact.holdout.actual * 2e-3);
      });
      for (const [index, { expected }] of one.calibrationByCount.entries())
        expect(expected).toBeCloseTo(other.calibrationByCount[index]?.expected ?? Number.NaN, 1);
    }
    // With so many histories ages are taken together for the weekly curve.
    const [last, wanted] = [found.weekly.at(-1)?.mbgNbd ?? 0, exact.weekly.at(-1)?.mbgNbd ?? 0];
    expect(last / wanted).toBeCloseTo(1, 3);
    expect((found.holdout.spend.expected ?? 0) / (exact.holdout.spend.expected ?? 1)).toBeCloseTo(1, 3);
    expect(found.holdout.spend.actual).toBeCloseTo(exact.holdout.spend.actual, 2);
  }, 30_000);
});
