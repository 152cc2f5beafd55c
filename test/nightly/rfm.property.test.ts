import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import {
  amountBucket,
  amountOfBucket,
  type CutPoints,
  emptyMeasure,
  measureCustomer,
  mergeMeasure,
  quintiles,
  type RfmInputs,
  type ScoreInputs,
  scoreNames,
} from '../../shared/domain/rfm.ts';
import { cutPointsOf, defaultTierPolicy, tierOf } from '../../shared/domain/tier-policy.ts';
import { daysBetween } from './oracle.ts';

const inputs: fc.Arbitrary<RfmInputs> = fc.record({
  daysSinceLastPurchase: fc.integer({ min: 0, max: 900 }),
  purchaseCount: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
  totalSpent: fc.bigInt({ min: 0n, max: 2n ** 60n }),
});
const better: fc.Arbitrary<RfmInputs> = fc.record({
  daysSinceLastPurchase: fc.integer({ min: -900, max: 0 }),
  purchaseCount: fc.nat(40),
  totalSpent: fc.bigInt({ min: 0n, max: 2n ** 50n }),
});

const policy = defaultTierPolicy('EUR');
const order = ['basic', 'bronze', 'silver', 'gold', 'platinum'];

function measured(all: readonly ScoreInputs[]) {
  const measure = emptyMeasure();
  for (const one of all) measureCustomer(measure, one);
  return measure;
}

/** Quintiles or absolute thresholds. */
const cuts: fc.Arbitrary<CutPoints> = fc
  .tuple(fc.boolean(), fc.array(inputs, { maxLength: 40 }))
  .map(([small, all]) => (small ? cutPointsOf(policy, measured(all), 'EUR') : quintiles(measured(all))));

describe('a tier', () => {
  it('never falls with more money, more purchases or a later one', () => {
    fc.assert(
      fc.property(cuts, inputs, better, (cutPoints, one, more) => {
        const improved: RfmInputs = {
          daysSinceLastPurchase: Math.max(0, one.daysSinceLastPurchase + more.daysSinceLastPurchase),
          purchaseCount: one.purchaseCount + more.purchaseCount,
          totalSpent: one.totalSpent + more.totalSpent,
        };
        const before = tierOf(policy, policy.weights, cutPoints, one);
        const after = tierOf(policy, policy.weights, cutPoints, improved);
        for (const score of ['recency', 'frequency', 'monetary'] as const)
          expect(after.scores?.[score]).toBeGreaterThanOrEqual(before.scores?.[score] ?? 6);
        expect(order.indexOf(after.tier)).toBeGreaterThanOrEqual(order.indexOf(before.tier));
      }),
    );
  });

  it('does not depend on who was measured where', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(inputs, fc.nat(4)), { maxLength: 60 }), (all) => {
        const together = measured(all.map(([one]) => one));
        const merged = emptyMeasure();
        for (let part = 4; part >= 0; part--)
          mergeMeasure(merged, measured(all.filter(([, where]) => where === part).map(([one]) => one)));
        expect(quintiles(merged)).toEqual(quintiles(together));
        expect(merged).toEqual(together);
      }),
    );
  });

  it('gives the best fifth of different values a 5', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (fifth) => {
        const all = Array.from({ length: fifth * 5 }, (_, rank) => ({
          daysSinceLastPurchase: rank,
          purchaseCount: rank + 1,
          totalSpent: BigInt(rank),
        }));
        const scores = all.map((one) => tierOf(policy, policy.weights, quintiles(measured(all)), one).scores);
        for (const score of [1, 2, 3, 4, 5]) {
          for (const name of ['recency', 'frequency', 'monetary'] as const)
            expect(scores.filter((one) => one?.[name] === score)).toHaveLength(fifth);
        }
      }),
    );
  });
});

describe('a tier by contribution or a mix', () => {
  const weight = fc.nat(10);
  const weights = fc
    .record({
      recency: weight,
      frequency: weight,
      monetary: weight,
      contribution: weight,
      lifetimeValue: fc.constant(0),
    })
    .filter((given) => Object.values(given).some((one) => one > 0));
  const contributions = fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n });
  const scored = fc.tuple(inputs, contributions).map(([one, contribution]): ScoreInputs => ({ ...one, contribution }));

  it('never falls with more of anything', () => {
    fc.assert(
      fc.property(
        weights,
        fc.array(scored, { maxLength: 40 }),
        fc.boolean(),
        scored,
        better,
        fc.nat(),
        (mix, all, small, one, more, extra) => {
          const least = Object.values(mix).reduce((sum, each) => sum + each, 0);
          const tiers = [5, 4, 3, 2, 1].map((score) => ({ name: String(score), atLeast: score * least }));
          const mixed = { ...policy, weights: mix, tiers, standardErrorAtMost: small ? 0 : 1 };
          const cutPoints = cutPointsOf(mixed, measured(all), 'EUR');
          const improved: ScoreInputs = {
            daysSinceLastPurchase: Math.max(0, one.daysSinceLastPurchase + more.daysSinceLastPurchase),
            purchaseCount: one.purchaseCount + more.purchaseCount,
            totalSpent: one.totalSpent + more.totalSpent,
            contribution: (one.contribution ?? 0n) + BigInt(extra),
          };
          const [before, after] = [one, improved].map((given) => tierOf(mixed, mix, cutPoints, given));
          for (const name of scoreNames)
            expect(after?.scores?.[name] ?? 0).toBeGreaterThanOrEqual(before?.scores?.[name] ?? 0);
          expect(Number(after?.tier)).toBeGreaterThanOrEqual(Number(before?.tier));
        },
      ),
    );
  });

  it('by one score alone is that score', () => {
    fc.assert(
      fc.property(fc.array(scored, { minLength: 1, maxLength: 40 }), scored, (all, one) => {
        const alone = { recency: 0, frequency: 0, monetary: 0, contribution: 3, lifetimeValue: 0 };
        const tiers = [5, 4, 3, 2, 1].map((score) => ({ name: String(score), atLeast: score * 3 }));
        const mixed = { ...policy, weights: alone, tiers, standardErrorAtMost: 1 };
        const { tier, scores } = tierOf(mixed, alone, cutPointsOf(mixed, measured(all), 'EUR'), one);
        expect(tier).toBe(String(scores?.contribution));
        const below = all.filter(({ contribution = 0n }) => contribution < (one.contribution ?? 0n)).length;
        // Buckets are under 0.8 % wide: who is in the same one is not worse.
        expect(scores?.contribution).toBeLessThanOrEqual(1 + Math.floor((5 * below) / all.length));
      }),
    );
  });
});

describe('buckets of amounts', () => {
  const amount = fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 2n ** 70n }));

  it('are exact where amounts are small and within 1 % elsewhere', () => {
    fc.assert(
      fc.property(amount, (given) => {
        const shown = amountOfBucket(amountBucket(given));
        expect(shown <= given).toBe(true);
        expect((given - shown) * 100n < given || given === shown).toBe(true);
        if (given < 256n) expect(shown).toBe(given);
        expect(amountBucket(shown)).toBe(amountBucket(given));
      }),
      { numRuns: 1000 },
    );
  });

  it('grow with amounts', () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(amountBucket(less)).toBeLessThanOrEqual(amountBucket(more));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([255n, 256n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n])(
    'have no gap at %d',
    (at) => {
      expect(amountBucket(at) - amountBucket(at - 1n)).toBeLessThanOrEqual(1);
      expect(amountBucket(at + 1n) - amountBucket(at)).toBeLessThanOrEqual(1);
    },
  );
});

describe('the calendar', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Pacific/Kiritimati',
    'Africa/Monrovia',
    'America/Sao_Paulo',
  ];
  // From late 1970 on, so that no zone shows a year before 1970.
  const moment = fc.date({ min: new Date('1970-12-01'), max: new Date('2100-01-01'), noInvalidDate: true });

  it.each(zones)('counts the days that the clocks of %s show', (timeZone) => {
    const calendar = calendarOf(timeZone);
    fc.assert(
      fc.property(moment, fc.integer({ min: 0, max: 2000 * 86_400_000 }), (from, span) => {
        const to = new Date(from.getTime() + span);
        const days = calendar(to.getTime()) - calendar(from.getTime());
        expect(Math.max(0, days)).toBe(daysBetween(from.toISOString(), to.toISOString(), timeZone));
      }),
      { numRuns: 200 },
    );
  });

  it('knows no zone that does not exist', () => {
    expect(() => calendarOf('Europe/Atlantis')).toThrow(RangeError);
  });
});
