import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { explain } from '../../shared/domain/explain.ts';
import type { PurchaseParameters } from '../../shared/domain/models/beta-geometric.ts';
import { type Fit, nightlyTerms } from '../../shared/domain/models/fit.ts';
import { onGrid } from '../../shared/domain/models/history-grid.ts';
import { fitMbgNbd, mbgNbd } from '../../shared/domain/models/mbg-nbd.ts';
import type { PurchaseHistory } from '../../shared/domain/models/purchase-counts.ts';
import { outlookBy } from '../../shared/domain/outlook.ts';
import type { PurchaseDays } from '../../shared/domain/purchase-days.ts';
import { defaultTierPolicy } from '../../shared/domain/tier-policy.ts';
import { countCustomer, emptyModelCounts, fitValueModel, mergeModelCounts } from '../../shared/domain/value-model.ts';
import type { Receipt } from '../../shared/domain/value-run.ts';
import { absent, hasSharedMaterial } from '../shared-material.ts';
import { cdnowCustomers, countsOf } from './models/cdnow.ts';
import { chances, liveHistory } from './models/simulated.ts';

const today = 20_000;
const bought = (...days: [day: number, cents: number][]): PurchaseDays =>
  days.map(([day, cents]) => ({ day, purchases: 1, spent: BigInt(cents) }));

/** How far parameters lie apart, in their standard errors. */
function apart(one: Fit<PurchaseParameters>, other: Fit<PurchaseParameters>): number {
  if (!one.fitted || !other.fitted) throw new Error('not fitted');
  const names = ['r', 'alpha', 'a', 'b'] as const;
  return Math.max(
    ...names.map((name) => {
      const difference = one.parameters[name] - other.parameters[name];
      return Math.abs(difference) / (one.standardErrors[name] ?? Number.NaN);
    }),
  );
}

describe('the grid of a night', () => {
  it('leaves young histories as they are, and moves others by 6 % at most', () => {
    const history = fc.tuple(fc.nat(3000), fc.nat(3000), fc.nat(40)).map(([tx, silence, x]): PurchaseHistory => {
      const repeats = Math.min(x, tx);
      const active = repeats === 0 ? 0 : tx;
      return { x: repeats, tx: active, T: active + silence };
    });
    fc.assert(
      fc.property(history, (given) => {
        const { x, tx, T } = onGrid(given);
        expect(x).toBe(given.x);
        expect(x <= tx && tx <= T).toBe(true);
        const near = (one: number, other: number) => Math.abs(one - other) <= (other < 16 ? 0 : other / 16);
        expect(near(tx, given.tx) && near(T - tx, given.T - given.tx)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not grow with the customers', () => {
    const chance = chances(3);
    const cells = (customers: number) => {
      const all = Array.from({ length: customers }, () =>
        liveHistory(chance, { r: 0.8, alpha: 60, a: 0.8, b: 2.5 }, 1 + Math.floor(chance() * 1500), 1),
      );
      return [countsOf(all).size, countsOf(all.map(onGrid)).size] as const;
    };
    const [few, many] = [cells(40_000), cells(160_000)];
    // Four times the customers: nearly four times the histories, not nearly twice the cells.
    expect(many[0] / few[0]).toBeGreaterThan(2.8);
    expect(many[1] / few[1]).toBeLessThan(2.3);
  });

  it('moves a fit by less than half of its standard errors', () => {
    const chance = chances(11);
    const parameters = { r: 0.6, alpha: 90, a: 0.9, b: 2 };
    const all = Array.from({ length: 6000 }, () => liveHistory(chance, parameters, 30 + Math.floor(chance() * 900), 1));
    const exact = fitMbgNbd(countsOf(all), nightlyTerms);
    expect(apart(exact, fitMbgNbd(countsOf(all.map(onGrid)), nightlyTerms))).toBeLessThan(0.5);
  });

  it.skipIf(!hasSharedMaterial)(`moves the fit to CDNOW by less than a third of its standard errors${absent}`, () => {
    const all = cdnowCustomers().map(({ history }) => history);
    const exact = fitMbgNbd(countsOf(all), nightlyTerms);
    expect(apart(exact, fitMbgNbd(countsOf(all.map(onGrid)), nightlyTerms))).toBeLessThan(0.34);
  });
});

describe('the models of a night', () => {
  const customer = fc
    .uniqueArray(fc.integer({ min: today - 900, max: today + 5 }), { minLength: 0, maxLength: 8 })
    .map(
      (days): PurchaseDays => bought(...days.sort((a, b) => a - b).map((day): [number, number] => [day, day % 7000])),
    );

  it('are the same to the bit whatever the segments', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(customer, fc.nat(3)), { maxLength: 60 }), (all) => {
        const together = emptyModelCounts();
        for (const [days] of all) countCustomer(together, days, today);
        const merged = emptyModelCounts();
        for (let segment = 3; segment >= 0; segment--) {
          const part = emptyModelCounts();
          for (const [days, where] of all) if (where === segment) countCustomer(part, days, today);
          mergeModelCounts(merged, part);
        }
        const terms = { ...nightlyTerms, leastCustomers: 30, leastRepeaters: 5, acceptEdge: true };
        expect(fitValueModel(merged, 100, terms)).toEqual(fitValueModel(together, 100, terms));
      }),
    );
  });

  it('of a small shop have the usual shape at its own level', () => {
    const counts = emptyModelCounts();
    const often = Array.from({ length: 20 }, (_, index) => index);
    for (const index of often)
      countCustomer(counts, bought([today - 300, 1000], [today - 200, 3000], [today - 100 - index, 5000]), today);
    for (const index of often) countCustomer(counts, bought([today - 100 - index, 1000]), today);
    const { purchases, spend } = fitValueModel(counts, 100);
    expect(purchases).toMatchObject({ from: 'pooled', because: 'fewCustomers', customers: 40 });
    expect(spend).toMatchObject({ from: 'pooled', parameters: { p: 6.25, q: 3.74 } });
    if (spend.from !== 'pooled') throw new Error('not pooled');
    // The mean of all customers is that of the repeat purchases: 40.00.
    expect((spend.parameters.p * spend.parameters.v) / (spend.parameters.q - 1)).toBeCloseTo(40, 0);
  });

  /** Who have bought up to so often, over so many days, and came last so long ago. */
  const population = fc.constantFrom(2, 5, 20, 3_650).chain((most) =>
    fc.array(
      fc.tuple(fc.nat(most), fc.nat(3_650), fc.nat(400)).map(([repeats, tx, silence]): PurchaseHistory => {
        const x = Math.min(repeats, tx);
        return onGrid({ x, tx: x === 0 ? 0 : tx, T: (x === 0 ? 0 : tx) + silence });
      }),
      { minLength: 5, maxLength: 12 },
    ),
  );

  it('of a few customers, however often they buy, are of the level that the customers have, or none', () => {
    let pooled = 0;
    fc.assert(
      fc.property(population, (all) => {
        const { purchases } = fitValueModel({ histories: countsOf(all), spend: new Map() }, 100);
        const repeaters = all.filter(({ x }) => x > 0).length;
        if (purchases.from === 'none') {
          expect(purchases.because).toBe(repeaters < 5 ? 'fewCustomers' : 'meaningless');
          return;
        }
        pooled += 1;
        const { parameters } = purchases;
        // Newcomers buy twice a week on average at most.
        expect(parameters.r / parameters.alpha).toBeLessThanOrEqual(2 / 7 + 1e-12);
        const expected = all.reduce((sum, { T }) => sum + mbgNbd.ofNewCustomer(parameters, T), 0);
        const repeats = all.reduce((sum, { x }) => sum + x, 0);
        expect(Math.abs(expected / repeats - 1)).toBeLessThan(1e-9);
      }),
      { numRuns: 60 },
    );
    expect(pooled).toBeGreaterThan(0);
  }, 60_000);

  it('of many ages take near ones together, and hardly differ for it', () => {
    const chance = chances(5);
    const truth = { r: 0.525, alpha: 60, a: 0.891, b: 1.614 };
    const all = Array.from({ length: 3_000 }, (_, index) => liveHistory(chance, truth, 200 + index, 1));
    const terms = { ...nightlyTerms, leastCustomers: 10_000 };
    const { purchases } = fitValueModel({ histories: countsOf(all), spend: new Map() }, 100, terms);
    if (purchases.from !== 'pooled') throw new Error('not pooled');
    const { parameters } = purchases;
    const expected = all.reduce((sum, { T }) => sum + mbgNbd.ofNewCustomer(parameters, T), 0);
    const repeats = all.reduce((sum, { x }) => sum + x, 0);
    expect(Math.abs(expected / repeats - 1)).toBeLessThan(0.002);
  });

  it('are none where hardly anybody came back: RFM alone speaks', () => {
    const counts = emptyModelCounts();
    for (let index = 0; index < 600; index++) countCustomer(counts, bought([today - index, 1000]), today);
    const model = fitValueModel(counts, 100);
    expect(model.purchases).toEqual({ from: 'none', because: 'noRepeaters', customers: 600 });
    expect(outlookBy(run(model), bought([today - 1, 1000]))).toBeUndefined();
  });
});

const run = (model: ReturnType<typeof fitValueModel>) => ({
  asOf: new Date(today * 86_400_000 + 3_600_000).toISOString(),
  timeZone: 'UTC',
  currency: 'EUR',
  model,
  policy: defaultTierPolicy('EUR'),
});

describe('an outlook', () => {
  const model = {
    purchases: { from: 'fit', parameters: { r: 0.6, alpha: 60, a: 0.8, b: 2.4 }, logLikelihood: -1, customers: 900 },
    spend: { from: 'fit', parameters: { p: 6.25, q: 3.74, v: 15.44 }, logLikelihood: -1, customers: 300 },
  } as const;
  const days = fc
    .uniqueArray(fc.integer({ min: today - 1500, max: today }), { minLength: 1, maxLength: 12 })
    .map((list) => list.sort((a, b) => a - b));

  it('is finite, and the better for a later last purchase', () => {
    fc.assert(
      fc.property(days, fc.nat(400), (list, later) => {
        const last = list.at(-1) ?? today;
        const moved = [...list.slice(0, -1), Math.min(today, last + later)];
        const [one, other] = [list, moved].map((each) =>
          outlookBy(run(model), bought(...each.map((day): [number, number] => [day, 2500]))),
        );
        if (!one || !other) throw new Error('no outlook');
        for (const { alive, purchases } of [one, other]) {
          expect(alive >= 0 && alive <= 1).toBe(true);
          expect(purchases.in30Days <= purchases.in90Days && purchases.in90Days <= purchases.in365Days).toBe(true);
          expect(Number.isFinite(purchases.in365Days)).toBe(true);
        }
        if (list.length > 1) expect(other.alive).toBeGreaterThanOrEqual(one.alive - 1e-12);
      }),
    );
  });

  it('brings what is expected within the horizon, of the margin, at most as early as now and at least as late as its end', () => {
    const list = bought([today - 200, 3000], [today - 120, 5000], [today - 20, 4000]);
    const by = (rules: Partial<ReturnType<typeof defaultTierPolicy>['outlook']>) => {
      const policy = defaultTierPolicy('EUR');
      const found = outlookBy({ ...run(model), policy: { ...policy, outlook: { ...policy.outlook, ...rules } } }, list);
      if (!found) throw new Error('no outlook');
      return { worth: Number(found.lifetimeValue), mean: Number(found.meanValue), ...found.purchases };
    };
    const near = (worth: number, expected: number) => expect(Math.abs(worth / expected - 1)).toBeLessThan(0.002);
    for (const [horizonDays, field] of [
      [30, 'in30Days'],
      [90, 'in90Days'],
      [365, 'in365Days'],
    ] as const) {
      const plain = by({ horizonDays, discountRate: 0, margin: 1 });
      near(plain.worth, plain.mean * plain[field]);
      near(by({ horizonDays, discountRate: 0, margin: 0.4 }).worth, 0.4 * plain.worth);
      const discounted = by({ horizonDays, discountRate: 0.25, margin: 1 }).worth;
      expect(discounted).toBeLessThan(plain.worth * 1.25 ** (-horizonDays / 365 / 4));
      expect(discounted).toBeGreaterThan(plain.worth * 1.25 ** (-horizonDays / 365));
    }
  });

  it('says who is at risk, by the model and by the own rhythm', () => {
    const outlook = (...list: number[]) =>
      outlookBy(run(model), bought(...list.map((ago): [number, number] => [today - ago, 2500])))?.atRisk;
    expect(outlook(90, 60, 30, 1)).toEqual([]);
    expect(outlook(220, 210, 200, 190)).toEqual(['model', 'rhythm']);
    // Every ten days, and silent for 35.
    const silent = bought(...[65, 55, 45, 35].map((ago): [number, number] => [today - ago, 2500]));
    const by = (pausesMissed: number) => {
      const policy = defaultTierPolicy('EUR');
      return outlookBy(
        { ...run(model), policy: { ...policy, outlook: { ...policy.outlook, aliveBelow: 0, pausesMissed } } },
        silent,
      );
    };
    expect([by(3)?.atRisk, by(3.5)?.atRisk, by(4)?.atRisk]).toEqual([['rhythm'], [], []]);
  });
});

describe('the sentence that explains a change', () => {
  const receipt: Receipt = {
    customerId: 'cus_1',
    runId: 'run_2',
    asOf: '2026-04-01T01:00:00.000Z',
    policyVersion: 1,
    currency: 'EUR',
    windowDays: 730,
    inputs: { daysSinceLastPurchase: 143, purchaseCount: 4, totalSpent: 25_050n },
    cutPoints: {
      kind: 'quintiles',
      buyers: 900,
      recency: [300, 200, 121, 40],
      frequency: [2, 3, 5, 10],
      monetary: [5_000n, 15_000n, 40_000n, 100_000n],
    },
    scores: { recency: 3, frequency: 3, monetary: 3 },
    weights: { recency: 1, frequency: 1, monetary: 1, contribution: 0, lifetimeValue: 0 },
    tier: 'silver',
    previousTier: 'gold',
    group: 'needs_attention',
    outlook: { alive: 0.61, in90Days: 0.4123, lifetimeValue: 3_100n },
  };
  const before: Receipt = { ...receipt, runId: 'run_1', scores: { ...receipt.scores, recency: 4 } as never };

  it.each([
    [
      'a fall',
      receipt,
      before,
      'moved from gold to silver: last bought 143 days ago, the cut is 121; expects 0.4 purchases in the next 90 days',
    ],
    [
      'a rise',
      {
        ...receipt,
        tier: 'gold',
        previousTier: 'silver',
        scores: { recency: 4, frequency: 4, monetary: 3 },
      } as Receipt,
      receipt,
      'moved from silver to gold: last bought 143 days ago, the cut is 121, bought 4 times in 730 days, the cut is 5; expects 0.4 purchases in the next 90 days',
    ],
    [
      'a fall that is held',
      { ...receipt, tier: 'gold', held: { tierByScores: 'silver', since: receipt.asOf } },
      before,
      'stays gold: last bought 143 days ago, the cut is 121; held since 2026-04-01, silver by the scores alone; expects 0.4 purchases in the next 90 days',
    ],
    [
      'the end of holding',
      receipt,
      {
        ...receipt,
        tier: 'gold',
        held: { tierByScores: 'silver', since: '2026-03-25T01:00:00.000Z', scoresBefore: before.scores },
      },
      'moved from gold to silver: last bought 143 days ago, the cut is 121; had been held since 2026-03-25; expects 0.4 purchases in the next 90 days',
    ],
    [
      'the end of holding from before it was kept what a tier falls from',
      receipt,
      { ...receipt, tier: 'gold', held: { tierByScores: 'silver', since: '2026-03-25T01:00:00.000Z' } },
      'moved from gold to silver: last bought 143 days ago, bought 4 times in 730 days, spent 250.50 EUR; had been held since 2026-03-25; expects 0.4 purchases in the next 90 days',
    ],
    [
      'models that are gone',
      receipt,
      { ...receipt, tier: 'gold', weights: { ...receipt.weights, lifetimeValue: 2 } },
      'moved from gold to silver: lifetime value is not known any more, last bought 143 days ago, bought 4 times in 730 days, spent 250.50 EUR; expects 0.4 purchases in the next 90 days',
    ],
    [
      'the first time',
      { ...receipt, previousTier: null },
      undefined,
      'is silver: last bought 143 days ago, bought 4 times in 730 days, spent 250.50 EUR; expects 0.4 purchases in the next 90 days',
    ],
    [
      'a new policy',
      { ...receipt, policyVersion: 2 },
      { ...receipt, tier: 'gold' },
      'moved from gold to silver: by version 2 of the policy, last bought 143 days ago, bought 4 times in 730 days, spent 250.50 EUR; expects 0.4 purchases in the next 90 days',
    ],
    [
      'nobody who bought',
      { ...receipt, inputs: null, scores: null, tier: 'prospect', previousTier: null },
      undefined,
      'is prospect: has no purchase',
    ],
    [
      'the last purchase cancelled',
      { ...receipt, inputs: null, scores: null, tier: 'prospect' },
      before,
      'moved from gold to prospect: no purchase is left',
    ],
  ] as [string, Receipt, Receipt | undefined, string][])('tells of %s', (_, one, other, text) => {
    expect(explain(one, other, calendarOf('UTC'))).toBe(text);
  });

  it('names days as the merchant counts them', () => {
    const held = { ...receipt, tier: 'gold', held: { tierByScores: 'silver', since: '2026-03-31T18:00:00.000Z' } };
    expect(explain(held, before, calendarOf('Asia/Tokyo'))).toContain('held since 2026-04-01,');
    expect(explain(held, before, calendarOf('Europe/Berlin'))).toContain('held since 2026-03-31,');
  });
});
