import { describe, expect, it } from 'vitest';
import { anyTerms } from '../../../shared/domain/models/fit.ts';
import { fitGammaGamma } from '../../../shared/domain/models/gamma-gamma.ts';
import {
  countSpend,
  mergeSpendCounts,
  type SpendCounts,
  spendCells,
} from '../../../shared/domain/models/spend-counts.ts';
import { chances, liveSpend } from './simulated.ts';

describe('spend by buckets', () => {
  const chance = chances(31);
  const all = Array.from({ length: 6000 }, () => {
    const { x, zbar } = liveSpend(chance, { p: 5, q: 3.2, v: 30 }, 1 + Math.floor(chance() ** 2 * 12));
    return { x, repeat: BigInt(Math.round(zbar * x * 100)) };
  });

  it('gives the parameters of the exact amounts, far within their standard errors', () => {
    const counts: SpendCounts = new Map();
    for (const { x, repeat } of all) countSpend(counts, x, repeat);
    const bucketed = fitGammaGamma(spendCells(counts, 100), anyTerms);
    const exact = fitGammaGamma(
      all.map(({ x, repeat }) => ({ x, zbar: Number(repeat) / 100 / x, customers: 1 })),
      anyTerms,
    );
    if (!bucketed.fitted || !exact.fitted) throw new Error('not fitted');
    for (const name of ['p', 'q', 'v'] as const) {
      const error = exact.standardErrors[name] ?? Number.NaN;
      expect(Math.abs(bucketed.parameters[name] - exact.parameters[name])).toBeLessThan(0.01 * error);
    }
  });

  it('merges in any order', () => {
    const [whole, merged]: [SpendCounts, SpendCounts] = [new Map(), new Map()];
    const parts: SpendCounts[] = [new Map(), new Map(), new Map()];
    all.forEach(({ x, repeat }, index) => {
      countSpend(whole, x, repeat);
      countSpend(parts[index % 3] ?? whole, x, repeat);
    });
    for (const part of parts.reverse()) mergeSpendCounts(merged, part);
    expect(spendCells(merged, 100)).toEqual(spendCells(whole, 100));
  });

  it('leaves out whoever says nothing', () => {
    const counts: SpendCounts = new Map();
    countSpend(counts, 0, 500n);
    countSpend(counts, 2, 0n);
    countSpend(counts, 2, -1n);
    expect(counts.size).toBe(0);
    countSpend(counts, 3, 2n ** 80n);
    expect(spendCells(counts, 100)[0]?.zbar).toBeGreaterThan(0);
  });
});
