import { DeleteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import { runIdOf } from '../../shared/domain/value-run.ts';
import { runKey, runPartKey, tierPolicyKey } from '../../shared/dynamodb/keys.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import { listValueRuns } from '../../shared/dynamodb/value-reads.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { aBuyer, ada, asOf, aTester, bought, boughtAt, dee, shop, whoBought } from './population.ts';
import { aNight, type Night, onceBefore } from './sequencer.ts';

const context = { getRemainingTimeInMillis: () => 60_000 };

let night: Night;
beforeEach(async () => {
  night = await aNight();
});
afterEach(() => night.stop());

describe('a small shop', () => {
  it('is scored by absolute thresholds, and each change has its receipt', async () => {
    await night.put(shop);
    const run = await night.run({ asOf, runId: 'run_given' });
    const customers = await night.customers();
    expect(Object.fromEntries([...customers].map(([id, { standing }]) => [id, standing]))).toEqual({
      cus_ada: standing('platinum', 'champions', { recency: 5, frequency: 5, monetary: 5 }),
      cus_ben: standing('bronze', 'almost_lost', { recency: 3, frequency: 2, monetary: 2 }),
      cus_cem: standing('basic', 'dormant', { recency: 1, frequency: 1, monetary: 1 }),
      cus_dee: standing('prospect', 'prospects'),
    });
    expect(run).toMatchObject({
      id: 'run_given',
      state: 'succeeded',
      report: {
        customers: 4,
        buyers: 3,
        changed: 4,
        tiers: { platinum: 1, bronze: 1, basic: 1, prospect: 1 },
        migrations: { none: { platinum: 1, bronze: 1, basic: 1, prospect: 1 } },
      },
    });
    expect(run?.report?.units.write).toBe(8);
    expect(run?.report?.units.read).toBeGreaterThan(0);
    const receipt = (await night.receipts()).find(({ customerId }) => customerId === 'cus_ben');
    expect(receipt).toEqual({
      customerId: 'cus_ben',
      runId: 'run_given',
      asOf,
      policyVersion: 1,
      currency: 'EUR',
      windowDays: 730,
      inputs: { daysSinceLastPurchase: 119, purchaseCount: 2, totalSpent: 9_900n },
      cutPoints: {
        kind: 'absolute',
        buyers: 3,
        recency: [365, 180, 90, 30],
        frequency: [2, 3, 5, 10],
        monetary: [5_000n, 15_000n, 40_000n, 100_000n],
      },
      scores: { recency: 3, frequency: 2, monetary: 2 },
      weights: { recency: 1, frequency: 1, monetary: 1, contribution: 0, lifetimeValue: 0 },
      tier: 'bronze',
      previousTier: null,
      previousRunId: null,
      group: 'almost_lost',
      profitability: { netSales: 9_900n, costOfGoods: 0n, refundsCost: 0n, costToServe: 0n, contribution: 9_900n },
    });
  });

  it('keeps the policy that was used as version 1', async () => {
    await night.run({ asOf });
    expect(await item(tierPolicyKey(1))).toMatchObject({
      version: 1,
      tiers: { length: 5 },
      standardErrorAtMost: 0.0179,
    });
  });

  it('leaves out those of whom only tests speak', async () => {
    await night.put([ada, aTester('tim')]);
    const run = await night.run({ asOf });
    expect(run?.report).toMatchObject({ customers: 1, tiers: { platinum: 1 } });
    expect((await night.customers()).get('cus_tim')?.standing).toBeUndefined();
    expect(await night.receipts()).toHaveLength(1);
  });

  it('has a report without anybody in it', async () => {
    expect(await night.run({ asOf })).toMatchObject({
      state: 'succeeded',
      report: { customers: 0, buyers: 0, changed: 0, tiers: {}, migrations: {} },
    });
  });

  it('shows its runs in the order of their asOf, and leaves none of its parts behind', async () => {
    await night.put(shop);
    const before = await night.run({ asOf });
    const run = await night.run({ asOf: '2026-03-31T01:00:00.000Z' });
    const { runs } = await listValueRuns(night.store, night.tables.registry, { limit: 100 });
    expect(runs).toEqual([run, before]);
    for (const phase of ['measure', 'assign'])
      expect(await item({ ...runKey(run?.id ?? ''), sk: `${phase}#00000` })).toBeUndefined();
  });
});

it('reads what was measured once: the report needs none of its parts', async () => {
  await night.put(shop);
  const whole = await night.run({ asOf });
  const runId = 'run_again';
  const forget = async () => {
    for (const segment of [0, 1, 2]) {
      const Key = runPartKey(runId, 'measure', segment);
      await night.client.send(new DeleteCommand({ TableName: night.tables.registry, Key }));
    }
  };
  const run = await night.run({ asOf: '2026-03-31T01:00:00.000Z', runId }, { beforeAssign: forget });
  expect(run).toMatchObject({
    state: 'succeeded',
    report: { customers: 4, units: { read: whole?.report?.units.read } },
  });
});

it('a night stays, and a rehearsal is kept for thirty days, as is what it found', async () => {
  await night.put(shop);
  const run = await night.run({ asOf });
  const policies = tierPolicyStore(night.store, night.tables.registry);
  const { version: _, ...rules } = await policies.current('EUR');
  await policies.saveDraft({ rules, updatedAt: asOf });
  const rehearsal = { kind: 'preview' };
  expect(await night.run({ asOf, runId: 'preview_1', rehearsal })).toMatchObject({ report: { differences: 0 } });
  expect((await item(runKey(run?.id ?? '')))?.expiresAt).toBeUndefined();
  const { expiresAt } = (await item(runKey('preview_1'))) ?? {};
  expect(Math.abs(Number(expiresAt) - Date.now() / 1000 - 30 * 86_400)).toBeLessThan(600);
});

it('counts small amounts in the minor units of the base currency', async () => {
  await night.stop();
  night = await aNight({ currency: 'JPY' });
  await night.put([aBuyer('yui', 1, 15_000n, asOf)]);
  const run = await night.run({ asOf });
  expect(run?.policy.absolute.spentAtLeast).toEqual(['5000', '15000', '40000', '100000']);
  expect((await night.customers()).get('cus_yui')?.standing?.scores?.monetary).toBe(3);
});

describe('a big shop', () => {
  it('is scored by quintiles in which equal values have equal scores', async () => {
    const once = Array.from({ length: 360 }, (_, index) => aBuyer(`once-${index}`, 1, BigInt(index + 1), asOf));
    const twice = Array.from({ length: 240 }, (_, index) => aBuyer(`twice-${index}`, 2, BigInt(index + 361), asOf));
    await night.put([...once, ...twice, dee]);
    const run = await night.run({ asOf });
    expect(run?.cutPoints).toMatchObject({
      kind: 'quintiles',
      buyers: 600,
      // Everybody bought today; 60 % bought once.
      recency: [null, null, null, null],
      frequency: [2, 2, 2, null],
    });
    const customers = await night.customers();
    for (let index = 0; index < 360; index++)
      expect(customers.get(`cus_once-${index}`)?.standing?.scores).toMatchObject({ recency: 1, frequency: 1 });
    for (let index = 0; index < 240; index++)
      expect(customers.get(`cus_twice-${index}`)?.standing?.scores).toMatchObject({ recency: 1, frequency: 4 });
    const top = [...customers.values()].filter(({ standing }) => standing?.scores?.monetary === 5);
    // Amounts are told apart to within 1 %.
    expect(Math.abs(top.length - 120)).toBeLessThanOrEqual(1);
  });
});

describe('days', () => {
  // Clocks went forward in Berlin on 2026-03-29 at 2; asOf is 03:00 there on the 30th.
  it.each([
    ['2026-03-29T21:59:59.999Z', 1],
    ['2026-03-29T22:00:00.000Z', 0],
    ['2026-03-28T22:59:59.999Z', 2],
    ['2026-03-28T23:00:00.000Z', 1],
    // Has not happened yet.
    ['2026-04-02T00:00:00.000Z', undefined],
  ])('are those of the merchant: bought at %s, %s days ago', async (boughtAt, days) => {
    await night.put([aBuyer('eve', 1, 100n, boughtAt)]);
    await night.run({ asOf });
    const [receipt] = await night.receipts();
    expect(receipt?.inputs?.daysSinceLastPurchase).toBe(days);
  });
});

describe('a tier', () => {
  const nights = (count: number) => new Date(Date.parse(asOf) + count * 86_400_000).toISOString();
  const tierAfter = async (count: number) => {
    await night.run({ asOf: nights(count) });
    return (await night.customers()).get('cus_eve')?.standing;
  };

  // The cut of recency 5 is at 30 days, and its margin ends at 33.
  it('is held for seven nights within the margin of its cuts, and falls then', async () => {
    await night.put([aBuyer('eve', 3, 20_000n, '2026-03-01T12:00:00.000Z')]);
    expect(await tierAfter(0)).toMatchObject({ tier: 'gold', scores: { recency: 5, frequency: 3, monetary: 3 } });
    expect(await tierAfter(2)).toMatchObject({ tier: 'gold', scores: { recency: 4 }, fallingSince: nights(2) });
    const [receipt] = (await night.receipts()).filter((one) => one.asOf === nights(2));
    expect(receipt).toMatchObject({ tier: 'gold', held: { tierByScores: 'silver', since: nights(2) } });
    expect(await tierAfter(4)).toMatchObject({ tier: 'gold', fallingSince: nights(2) });
  });

  it('falls at once where a cut is missed by more', async () => {
    await night.put([aBuyer('eve', 3, 20_000n, '2026-03-01T12:00:00.000Z')]);
    await tierAfter(0);
    await tierAfter(2);
    const fallen = await tierAfter(5);
    expect(fallen).toMatchObject({ tier: 'silver', previousTier: 'gold', since: nights(5) });
    expect(fallen?.fallingSince).toBeUndefined();
  });

  it('falls after seven nights within the margin, and rises at once', async () => {
    await night.put([aBuyer('eve', 3, 15_000n, '2026-03-29T12:00:00.000Z')]);
    expect(await tierAfter(0)).toMatchObject({ tier: 'gold' });
    const eve = (await night.customers()).get('cus_eve') as Customer;
    await night.put([boughtAt(eve, { at: '2026-03-28T12:00:00.000Z', spent: -1_000n }, 'Europe/Berlin')]);
    const refunded = (await night.customers()).get('cus_eve') as Customer;
    expect(refunded.facts.totalSpent).toBe(14_000n);
    expect(await tierAfter(1)).toMatchObject({ tier: 'gold', scores: { monetary: 2 }, fallingSince: nights(1) });
    expect(await tierAfter(7)).toMatchObject({ tier: 'gold' });
    expect(await tierAfter(8)).toMatchObject({ tier: 'silver', previousTier: 'gold' });
    await night.put([bought((await night.customers()).get('cus_eve') as Customer, 50_000n)]);
    expect(await tierAfter(9)).toMatchObject({ tier: 'platinum', previousTier: 'silver' });
  });
});

describe('a second run', () => {
  it('of the same time changes nothing and writes nothing', async () => {
    await night.put(shop);
    await night.run({ asOf });
    const before = await night.customers();
    const writes: string[] = [];
    night.watch((call) => {
      if (['BatchWrite', 'BatchExecuteStatement'].includes(call.operation)) writes.push(call.operation);
      return call.send();
    });
    const run = await night.run({ asOf, runId: 'run_again' });
    expect(writes).toEqual([]);
    expect(await night.customers()).toEqual(before);
    expect(run?.report).toMatchObject({
      changed: 0,
      units: { write: 0 },
      migrations: { platinum: { platinum: 1 }, prospect: { prospect: 1 } },
    });
  });

  it('under the id of one that has finished is skipped', async () => {
    await night.put(shop);
    const first = await night.run({ asOf });
    expect(await night.steps.begin({ asOf })).toMatchObject({ skipped: true, reason: 'finished', segments: [] });
    expect(first?.state).toBe('succeeded');
  });

  it('tells who moved, from where, and keeps since when others have not', async () => {
    await night.put(shop);
    await night.run({ asOf });
    const next = '2026-03-31T01:00:00.000Z';
    const now = await night.customers();
    await night.put([bought(now.get('cus_dee') as Customer, 60_000n), bought(now.get('cus_ada') as Customer, 1n)]);
    const run = await night.run({ asOf: next });
    expect(run?.report).toMatchObject({
      changed: 1,
      migrations: { prospect: { silver: 1 }, platinum: { platinum: 1 }, bronze: { bronze: 1 }, basic: { basic: 1 } },
    });
    const after = await night.customers();
    expect(after.get('cus_dee')?.standing).toMatchObject({ tier: 'silver', previousTier: 'prospect', since: next });
    expect(after.get('cus_ada')?.standing?.since).toBe(asOf);
  });

  it('of an earlier time is skipped', async () => {
    await night.put(shop);
    await night.run({ asOf });
    const before = await night.customers();
    expect(await night.steps.begin({ asOf: '2026-03-29T01:00:00.000Z' })).toMatchObject({
      skipped: true,
      reason: 'superseded',
    });
    expect(await night.customers()).toEqual(before);
    // Whoever asked for it hears what became of it.
    const skipped = await valueRunStore(night.store, night.tables.registry).read(runIdOf('2026-03-29T01:00:00.000Z'));
    expect(skipped).toMatchObject({ state: 'failed', failure: 'superseded' });
  });

  it('is superseded, too, where a later one takes over while it begins', async () => {
    await night.put(shop);
    const later = '2026-03-31T01:00:00.000Z';
    let begun: Promise<unknown> | undefined;
    night.watch(async (call) => {
      const isTaken = call.operation === 'Put' && JSON.stringify(call.input).includes('current-run');
      const answer = await call.send();
      if (isTaken && !begun) {
        begun = night.steps.begin({ asOf: later });
        await begun;
      }
      return answer;
    });
    await night.steps.begin({ asOf });
    night.watch((call) => call.send());
    expect(begun).toBeDefined();
    const run = await valueRunStore(night.store, night.tables.registry).read(runIdOf(asOf));
    expect(run).toMatchObject({ state: 'failed', failure: 'superseded' });
  });

  it('that is later ends one that is under way', async () => {
    await night.put(shop);
    const later = '2026-03-31T01:00:00.000Z';
    const older = await night.run(
      { asOf },
      {
        beforeAssign: async () => {
          await night.put([bought((await night.customers()).get('cus_cem') as Customer, 90_000n)]);
          await night.run({ asOf: later });
        },
      },
    );
    expect(older).toMatchObject({ state: 'failed', failure: 'superseded' });
    for (const { standing } of (await night.customers()).values()) expect(standing?.since).toBe(later);
    expect((await night.receipts()).map((receipt) => receipt.asOf)).toEqual([later, later, later, later]);
  });

  it('that is later keeps one from writing what it has just judged', async () => {
    await night.put(shop);
    const { segments, runId } = await night.steps.begin({ asOf });
    for (const task of segments) await night.steps.measure(task, context);
    await night.steps.fit({ runId, asOf });
    const later = '2026-03-31T01:00:00.000Z';
    onceBefore(night, 'Scan', async () => void (await night.steps.begin({ asOf: later })));
    for (const task of segments) expect(await night.steps.assign(task, context)).toEqual({ ...task, done: true });
    expect(await night.receipts()).toEqual([]);
    for (const { standing } of (await night.customers()).values()) expect(standing).toBeUndefined();
  });
});

describe('begin', () => {
  it('skips a scheduled night while the test clock holds', async () => {
    await night.holdClock('2026-05-01T00:00:00.000Z');
    const answer = await night.steps.begin({ scheduledTime: '2026-03-30T01:00:00Z' });
    expect(answer).toMatchObject({ skipped: true, segments: [] });
    expect(await night.run({ asOf })).toMatchObject({ state: 'succeeded', startedAt: '2026-05-01T00:00:00.000Z' });
  });

  it('names a scheduled run by its time', async () => {
    const run = await night.run({ scheduledTime: '2026-03-30T01:00:00Z' });
    expect(run).toMatchObject({ id: 'run_20260330T010000000Z', asOf });
  });

  it('refuses a time that has not come', async () => {
    await night.holdClock('2026-03-01T00:00:00.000Z');
    await expect(night.steps.begin({ asOf })).rejects.toMatchObject({ code: 'as_of_in_future' });
  });

  it('goes on with real time after a test clock that was ahead of it', async () => {
    await night.put(shop);
    await night.holdClock('2150-01-01T00:00:00.000Z');
    await night.run({ asOf: '2149-12-31T01:00:00.000Z' });
    await night.holdClock(undefined);
    expect(await night.run({ asOf })).toMatchObject({ state: 'succeeded' });
  });

  it.each([{ asOf: 'yesterday' }, { asOf, runId: 'a#b' }])('refuses %j', async (input) => {
    await expect(night.steps.begin(input)).rejects.toMatchObject({ status: 422 });
  });

  it('refuses the id of a run of another time', async () => {
    await night.run({ asOf, runId: 'run_given' });
    const input = { asOf: '2026-03-31T01:00:00.000Z', runId: 'run_given' };
    await expect(night.steps.begin(input)).rejects.toMatchObject({ code: 'value_run_exists' });
  });
});

function standing(tier: string, group: string, scores?: object) {
  return { tier, previousTier: null, group, ...(scores && { scores }), runId: 'run_given', since: asOf };
}

async function item(Key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
  return (await night.client.send(new GetCommand({ TableName: night.tables.registry, Key }))).Item;
}

it('cuts tiers by lifetime value where there are models, by amounts in shops of any size', async () => {
  const policies = tierPolicyStore(night.store, night.tables.registry);
  const { version: _, ...rules } = await policies.current('EUR');
  const lifetimeValueAtLeast = ['50.00', '100.00', '200.00', '400.00'];
  await policies.saveDraft({
    rules: {
      ...rules,
      weights: { recency: 0, frequency: 0, monetary: 0, contribution: 0, lifetimeValue: 2 },
      tiers: [5, 4, 3, 2, 1].map((score) => ({ name: `worth ${score}`, atLeast: 2 * score })),
      absolute: { ...rules.absolute, lifetimeValueAtLeast },
    },
    updatedAt: asOf,
  });
  await policies.publish('EUR');
  const buyers = Array.from({ length: 40 }, (_, index) =>
    [400, 300, 200, 20].slice(index % 4).reduce(
      (one, daysAgo) => {
        const at = new Date(Date.parse(asOf) - daysAgo * 86_400_000 - index * 3_600_000).toISOString();
        return boughtAt(one, { at, spent: BigInt(1_000 + 400 * index) }, 'Europe/Berlin');
      },
      { ...dee, id: `cus_${index}` },
    ),
  );
  await night.put(buyers);
  const run = await night.run({ asOf });
  expect(run?.model).toMatchObject({ purchases: { from: 'pooled' }, spend: { from: 'pooled' } });
  const receipts = await night.receipts();
  expect(receipts).toHaveLength(40);
  for (const { outlook, inputs, scores, tier } of receipts) {
    const worth = Number(outlook?.lifetimeValue) / 100;
    expect(inputs?.lifetimeValue).toBe(outlook?.lifetimeValue);
    expect(scores?.lifetimeValue).toBe(1 + lifetimeValueAtLeast.filter((cut) => worth >= Number(cut)).length);
    expect(tier).toBe(`worth ${scores?.lifetimeValue}`);
  }
  expect(Object.keys(run?.report?.tiers ?? {}).length).toBeGreaterThan(2);
});

const day = 86_400_000;
const on = (daysAgo: number, spent = 1_000n) => ({
  at: new Date(Date.parse(asOf) - daysAgo * day).toISOString(),
  spent,
});

it('keeps what it says of a daily buyer who fell silent, whose chances are too small for the store', async () => {
  const daily = Array.from({ length: 1_000 }, (_, index) => on(1_500 - index));
  const others = Array.from({ length: 200 }, (_, index) => whoBought(`o${index}`, [on(1_400), on(1_300)], 'UTC'));
  await night.put([whoBought('daily', daily, 'UTC'), ...others]);
  const run = await night.run({ asOf });
  expect(run).toMatchObject({ state: 'succeeded', model: { purchases: { from: 'pooled' } } });
  const receipt = (await night.receipts()).find(({ customerId }) => customerId === 'cus_daily');
  expect(receipt?.outlook).toMatchObject({ alive: 0, in90Days: 0, lifetimeValue: 0n });
  const other = (await night.receipts()).find(({ customerId }) => customerId === 'cus_o1');
  const { alive = 0, in90Days = 0 } = other?.outlook ?? {};
  for (const value of [alive, in90Days]) {
    expect(value).toBeGreaterThan(0);
    expect(String(value)).toMatch(/^0\.\d{1,12}$/);
  }
});

it('has no models where a small shop is bought from more often than the usual shape knows, and says so', async () => {
  const weekly = Array.from({ length: 100 }, (_, index) =>
    whoBought(
      `w${index}`,
      Array.from({ length: 260 }, (_, week) => on(7 * week + (index % 7))),
      'UTC',
    ),
  );
  await night.put(weekly);
  const run = await night.run({ asOf });
  expect(run).toMatchObject({ state: 'succeeded', report: { changed: 100, tiers: { platinum: 100 } } });
  expect(run?.model).toMatchObject({
    purchases: { from: 'none', because: 'meaningless', customers: 100 },
    spend: { from: 'pooled' },
  });
  for (const { outlook } of await night.receipts()) expect(outlook).toBeUndefined();
});
