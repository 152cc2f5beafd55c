import { BatchWriteCommand, DeleteCommand, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import type { PurchaseDay } from '../../shared/domain/purchase-days.ts';
import { type CustomerItem, tombstoneItem } from '../../shared/dynamodb/customer-item.ts';
import { receiptKey } from '../../shared/dynamodb/keys.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { mergeCustomers } from '../../shared/engine/merge-customers.ts';
import { dayOf, putCustomers, whoBoughtOn } from '../fixtures/purchase-histories.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi({ SEGMENTS: '3' });
  const body = {
    platform: 'standard',
    secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    currency: 'EUR',
    timeZone: 'Europe/Berlin',
  };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

type Row = Record<string, unknown>;

async function customersNow(): Promise<CustomerItem[]> {
  const { Items = [] } = await api.client.send(
    new ScanCommand({ TableName: api.embedded.tables.customers, ConsistentRead: true }),
  );
  return Items as CustomerItem[];
}

afterEach(async () => {
  const items = await customersNow();
  for (let from = 0; from < items.length; from += 25) {
    const requests = items.slice(from, from + 25).map(({ customerId }) => ({ DeleteRequest: { Key: { customerId } } }));
    await api.client.send(new BatchWriteCommand({ RequestItems: { [api.embedded.tables.customers]: requests } }));
  }
});

const put = (customers: readonly Customer[]) => putCustomers(api.client, api.embedded.tables.customers, customers);

/** Runs follow each other in time, whatever the test: each is a day after the last one. */
let nights = 0;
const nightAt = (night: number) => new Date(Date.parse('2026-03-20T02:00:00Z') + night * 86_400_000).toISOString();

async function runNight(): Promise<{
  id: string;
  asOf: string;
  today: number;
  report: { tiers: Record<string, number> };
}> {
  const asOf = nightAt(++nights);
  const { id } = (await api.call('POST /v1/value-runs', { body: { asOf } })).body;
  const run = () => api.call('GET /v1/value-runs/{runId}', { params: { runId: id } });
  await vi.waitFor(async () => expect((await run()).body.status).toBe('succeeded'), { timeout: 8000, interval: 10 });
  const { report } = (await run()).body as unknown as { report: { tiers: Record<string, number> } };
  return { id, asOf, today: dayOf(asOf.slice(0, 10)), report };
}

async function report<Shape>(name: 'retention' | 'repeat-purchases' | 'concentration', runId?: string): Promise<Shape> {
  const { status, body } = await api.call(`GET /v1/reports/${name}`, runId === undefined ? {} : { query: { runId } });
  expect(status).toBe(200);
  return body as unknown as Shape;
}

const firstDay = dayOf('2023-11-20');
const purchaseDay = fc.record({
  day: fc.oneof(
    fc.integer({ min: firstDay, max: firstDay + 120 }),
    fc.integer({ min: firstDay, max: dayOf('2026-04-05') }),
  ),
  purchases: fc.constantFrom(1, 1, 2),
  spent: fc.oneof(fc.constantFrom(-500n, 0n, 100n), fc.bigInt({ min: 0n, max: 80_000n })),
});
const histories = fc.array(
  fc.record({
    days: fc.uniqueArray(purchaseDay, { selector: ({ day }) => day, maxLength: 13 }),
    live: fc.constantFrom(true, true, true, false),
  }),
  { minLength: 1, maxLength: 40 },
);

interface RetentionBody {
  lastMonth: string;
  earlier: number;
  cohorts: { month: string; customers: number; returned: number[] }[];
}
interface StepsBody {
  steps: {
    purchase: number;
    customers: number;
    bought: number;
    medianDays: number | null;
    curve: { days: number; share: number; seen: number }[];
  }[];
}
interface ConcentrationBody {
  customers: number;
  spent: { amount: string };
  best: { percent: number; customers: number; spent: { amount: string }; share: number | null }[];
  lorenz: { customers: number; spent: number }[];
  gini: number | null;
}

const monthOf = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 7);
const monthsFrom = (first: string, last: string) => {
  const months: string[] = [];
  for (
    let [year = 0, month = 0] = first.split('-').map(Number);
    ;
    [year, month] = month === 12 ? [year + 1, 1] : [year, month + 1]
  ) {
    const text = `${year}-${String(month).padStart(2, '0')}`;
    if (text > last) return months;
    months.push(text);
  }
};

/** What the reports should say, customer by customer, without any of the engine's code. */
function checkRetention({ lastMonth, earlier, cohorts }: RetentionBody, bought: number[][], today: number): void {
  expect([lastMonth, earlier]).toEqual([monthOf(today), 0]);
  const first = bought.map(([day = 0]) => monthOf(day)).sort()[0];
  expect(cohorts.map(({ month }) => month)).toEqual(first === undefined ? [] : monthsFrom(first, monthOf(today)));
  for (const { month, customers, returned } of cohorts) {
    const cohort = bought.filter(([day = 0]) => monthOf(day) === month);
    expect(customers).toBe(cohort.length);
    const later = monthsFrom(month, monthOf(today)).slice(1);
    expect(returned).toEqual(
      later.map((one) => cohort.filter((days) => days.some((day) => monthOf(day) === one)).length),
    );
  }
}

/** Each customer at each number of days, by the definition of the estimate. */
function checkSteps({ steps }: StepsBody, bought: number[][], today: number): void {
  for (let purchase = 2; purchase <= 10; purchase++) {
    const pauses = bought
      .filter((days) => days.length >= purchase - 1)
      .map((days) => {
        const [last = 0, next] = days.slice(purchase - 2, purchase);
        return next === undefined ? { days: today - last, came: false } : { days: next - last, came: true };
      });
    const step = steps.find((one) => one.purchase === purchase);
    if (pauses.length === 0) {
      expect(step).toBeUndefined();
      continue;
    }
    expect(step?.customers).toBe(pauses.length);
    expect(step?.bought).toBe(pauses.filter(({ came }) => came).length);
    const shareWithin = (days: number) => {
      const times = [...new Set(pauses.filter((one) => one.came && one.days <= days).map((one) => one.days))];
      const open = times.map((time) => {
        const seen = pauses.filter((one) => one.days >= time).length;
        return 1 - pauses.filter((one) => one.came && one.days === time).length / seen;
      });
      return 1 - open.reduce((product, factor) => product * factor, 1);
    };
    for (const { days, share, seen } of step?.curve ?? []) {
      expect(seen).toBe(pauses.filter((one) => one.days >= days).length);
      expect(share).toBeCloseTo(shareWithin(days), 9);
    }
    const half = Array.from({ length: 1_000 }, (_, days) => days).find((days) => shareWithin(days) >= 0.5 - 1e-12);
    expect(step?.medianDays ?? undefined).toBe(half);
  }
  expect(steps.every(({ purchase }) => purchase >= 2 && purchase <= 10)).toBe(true);
}

function checkConcentration({ customers, spent, best, lorenz, gini }: ConcentrationBody, amounts: number[]): void {
  const sorted = amounts.map((amount) => Math.max(0, amount)).sort((a, b) => a - b);
  const all = sorted.reduce((sum, amount) => sum + amount, 0);
  expect([customers, Math.round(Number(spent.amount) * 100)]).toEqual([sorted.length, all]);
  for (const { percent, customers: count, share } of best) {
    expect(count).toBe(Math.ceil((sorted.length * percent) / 100));
    const held = sorted.slice(sorted.length - count).reduce((sum, amount) => sum + amount, 0);
    // Amounts within one bucket are within 0.8 % of each other.
    if (all === 0) expect(share).toBeNull();
    else expect(Math.abs((share ?? 0) - held / all)).toBeLessThan(0.004);
  }
  if (all === 0) {
    expect([lorenz, gini]).toEqual([[], null]);
    return;
  }
  expect([lorenz[0], lorenz.at(-1)?.customers]).toEqual([{ customers: 0, spent: 0 }, 1]);
  expect(lorenz.at(-1)?.spent).toBeCloseTo(1, 9);
  let differences = 0;
  for (const one of sorted) for (const other of sorted) differences += Math.abs(one - other);
  expect(gini).toBeCloseTo(differences / (2 * sorted.length * all), 2);
}

describe('the reports of a night', () => {
  it('say what counting customer by customer says', async () => {
    await fc.assert(
      fc
        .asyncProperty(histories, async (members) => {
          await put(members.map(({ days, live }, index) => whoBoughtOn(`m${index}`, days, { live })));
          const { id, today } = await runNight();
          const known = members
            .filter(({ live }) => live)
            .map(({ days }) => days.filter(({ day }) => day <= today).sort((a, b) => a.day - b.day));
          const bought = known.filter(({ length }) => length > 0).map((days) => days.map(({ day }) => day));
          checkRetention(await report('retention', id), bought, today);
          checkSteps(await report('repeat-purchases'), bought, today);
          const recent = known
            .map((days) => days.filter(({ day }) => day > today - 730))
            .filter(({ length }) => length > 0);
          const spentOf = (days: readonly PurchaseDay[]) => Number(days.reduce((sum, { spent }) => sum + spent, 0n));
          checkConcentration(await report('concentration'), recent.map(spentOf));
        })
        .afterEach(async () => {
          const items = await customersNow();
          for (const { customerId } of items)
            await api.client.send(new DeleteCommand({ TableName: api.embedded.tables.customers, Key: { customerId } }));
        }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 60_000);

  it('name nobody who was erased, and are of the run that is asked for', async () => {
    const days = (...dates: string[]) => dates.map((date) => ({ day: dayOf(date), purchases: 1, spent: 1_000n }));
    await put([whoBoughtOn('a', days('2026-01-10', '2026-03-01')), whoBoughtOn('b', days('2026-01-20'))]);
    const before = await runNight();
    await api.client.send(
      new PutCommand({
        TableName: api.embedded.tables.customers,
        Item: tombstoneItem({ id: 'cus_a', version: 9, erasedAt: before.asOf, sources: [] }),
      }),
    );
    await runNight();
    expect((await report<RetentionBody>('retention')).cohorts[0]).toMatchObject({ month: '2026-01', customers: 1 });
    const [cohort] = (await report<RetentionBody>('retention', before.id)).cohorts;
    expect(cohort).toMatchObject({ month: '2026-01', customers: 2 });
    expect(cohort?.returned.slice(0, 2)).toEqual([0, 1]);
  });

  it('need a run, and the scope', async () => {
    const preview = 'preview_none';
    for (const name of ['retention', 'repeat-purchases', 'concentration'] as const) {
      const unknown = await api.call(`GET /v1/reports/${name}`, { query: { runId: preview } });
      expect([unknown.status, unknown.body.code]).toEqual([404, 'value_run_not_found']);
      const key = await api.keyFor('erp', ['customers:read']);
      expect((await api.call(`GET /v1/reports/${name}`, { key })).status).toBe(403);
    }
  });
});

describe('the migration of tiers', () => {
  interface MigrationBody {
    from: { runId: string };
    customers: { before: number; after: number };
    moves: Row;
    migrations: Record<string, Record<string, number>>;
    tiers: string[];
  }
  const ask = (from: string, to: string) => api.call('GET /v1/reports/tier-migration', { query: { from, to } });
  const migration = async (from: string, to: string) => {
    let answer = await ask(from, to);
    expect(answer.status).toBe(202);
    expect(answer.headers['retry-after']).toBe('5');
    const { runId } = answer.body as unknown as { runId: string };
    expect(answer.headers.location).toBe(`/v1/value-runs/${runId}`);
    await vi.waitFor(
      async () => {
        answer = await ask(from, to);
        expect(answer.status).toBe(200);
      },
      { timeout: 8000, interval: 10 },
    );
    return answer.body as unknown as MigrationBody;
  };

  /** The tiers of all who have one, and count. */
  async function tiersNow(): Promise<Map<string, string>> {
    const items = await customersNow();
    return new Map(
      items.flatMap(({ customerId, standing }) => (standing ? [[customerId, standing.tier] as const] : [])),
    );
  }

  const purchase = fc.record({ who: fc.nat(11), ago: fc.nat(300), spent: fc.bigInt({ min: 100n, max: 60_000n }) });
  const changes = fc.array(
    fc.record({ bought: fc.array(purchase, { maxLength: 6 }), erased: fc.option(fc.nat(11), { freq: 6 }) }),
    {
      minLength: 3,
      maxLength: 3,
    },
  );

  it('is what a look at all customers after each of the runs says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(purchase, { minLength: 5, maxLength: 20 }), changes, async (before, later) => {
        const days = new Map<number, PurchaseDay[]>();
        const erased = new Set<number>();
        const buy = async (bought: typeof before) => {
          const today = dayOf(nightAt(nights + 1).slice(0, 10));
          for (const { who, ago, spent } of bought) {
            const known = days.get(who) ?? [];
            const day = today - ago;
            if (!known.some((one) => one.day === day)) days.set(who, [...known, { day, purchases: 1, spent }]);
          }
          const tiers = await customersNow();
          await put(
            [...new Set(bought.map(({ who }) => who))]
              .filter((who) => !erased.has(who))
              .map((who) => {
                const known = tiers.find(({ customerId }) => customerId === `cus_${who}`);
                return whoBoughtOn(String(who), days.get(who) ?? [], {
                  version: (known?.version ?? 0) + 1,
                  ...(known?.standing && { standing: known.standing }),
                });
              }),
          );
        };
        const looks: { id: string; tiers: Map<string, string> }[] = [];
        const look = async () => {
          const { id } = await runNight();
          looks.push({ id, tiers: await tiersNow() });
        };
        await buy(before);
        await look();
        for (const { bought, erased: gone } of later) {
          await buy(bought);
          if (gone !== null) {
            erased.add(gone);
            const item = tombstoneItem({ id: `cus_${gone}`, version: 99, erasedAt: nightAt(nights), sources: [] });
            await api.client.send(new PutCommand({ TableName: api.embedded.tables.customers, Item: item }));
          }
          await look();
        }
        for (const [index, one] of looks.entries())
          for (const other of looks.slice(index + 1)) {
            const expected: Record<string, Record<string, number>> = {};
            for (const id of new Set([...one.tiers.keys(), ...other.tiers.keys()])) {
              if (erased.has(Number(id.slice(4)))) continue;
              const [from, to] = [one.tiers.get(id) ?? 'none', other.tiers.get(id) ?? 'none'];
              expected[from] = { ...expected[from], [to]: (expected[from]?.[to] ?? 0) + 1 };
            }
            const { migrations, customers, moves } = await migration(one.id, other.id);
            expect(migrations).toEqual(expected);
            const sum = Object.values(moves).reduce<number>((all, count) => all + Number(count), 0);
            expect(sum).toBe(customers.after);
            expect(moves).toMatchObject({ left: 0, otherwise: 0 });
          }
        for (const { customerId } of await customersNow())
          await api.client.send(new DeleteCommand({ TableName: api.embedded.tables.customers, Key: { customerId } }));
        for (const item of (await api.client.send(new ScanCommand({ TableName: api.embedded.tables.ledger }))).Items ??
          [])
          await api.client.send(
            new DeleteCommand({ TableName: api.embedded.tables.ledger, Key: { pk: item.pk, sk: item.sk } }),
          );
      }),
      { numRuns: 2, endOnFailure: true },
    );
  }, 60_000);

  it('tells who was merged meanwhile, and does not believe a receipt that nothing came of', async () => {
    const day = dayOf(nightAt(nights).slice(0, 10));
    const once = [{ day: day - 3, purchases: 1, spent: 1_000n }];
    await put(['a', 'b', 'c'].map((id) => whoBoughtOn(id, once)));
    const first = await runNight();
    const { ledger } = api.embedded.tables;
    const later = (hours: number) => new Date(Date.parse(first.asOf) + hours * 3_600_000).toISOString();
    // Nights that broke off between their receipts and the customers.
    for (const [customerId, asOf] of [
      ['cus_b', later(0)],
      ['cus_c', later(2)],
    ] as const) {
      const Key = receiptKey(customerId, first.asOf, first.id);
      const { Item: receipt } = await api.client.send(new GetCommand({ TableName: ledger, Key }));
      const orphan = {
        asOf,
        runId: 'run_broken',
        tier: 'platinum',
        previousTier: receipt?.tier,
        previousRunId: first.id,
      };
      const Item = { ...receipt, ...receiptKey(customerId, asOf, orphan.runId), ...orphan };
      await api.client.send(new PutCommand({ TableName: ledger, Item }));
    }
    const frame = { at: later(1), by: 'api:key_1', mint: mintWith('salt') };
    const store = recordStore(api.store, api.embedded.tables);
    await mergeCustomers(store, { from: 'cus_b', into: 'cus_a' }, frame);
    const second = await runNight();
    const items = await customersNow();
    const c = items.find(({ customerId }) => customerId === 'cus_c');
    await put([
      whoBoughtOn('c', [...once, { day: day - 2, purchases: 9, spent: 900_000n }], {
        version: 7,
        ...(c?.standing && { standing: c.standing }),
      }),
    ]);
    const third = await runNight();
    const tierOf = c?.standing?.tier ?? '';
    expect(tierOf).not.toBe('platinum');
    expect((await migration(first.id, second.id)).migrations).toEqual({ [tierOf]: { [tierOf]: 2, none: 1 } });
    expect((await migration(first.id, third.id)).migrations).toEqual({
      [tierOf]: { [tierOf]: 1, platinum: 1, none: 1 },
    });
    const kept = await ask(first.id, third.id);
    expect(kept.status).toBe(200);
    expect(kept.body).toMatchObject({ moves: { stayed: 1, rose: 1, left: 1 }, customers: { before: 3, after: 2 } });
  });

  it('is of two runs that have succeeded, in their order', async () => {
    const [one, other] = [await runNight(), await runNight()];
    const turned = await ask(other.id, one.id);
    expect([turned.status, turned.body.errors?.[0]?.pointer]).toEqual([400, '/query/to']);
    const unknown = await ask(one.id, 'run_unknown');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'value_run_not_found']);
    const body = { until: '2026-01-01', horizonDays: 30 };
    const { id } = (await api.call('POST /v1/backtests', { body })).body;
    await vi.waitFor(async () => {
      const { body: shown } = await api.call('GET /v1/backtests/{backtestId}', { params: { backtestId: id } });
      expect(shown.status).toBe('succeeded');
    });
    const study = await ask(one.id, id);
    expect([study.status, study.body.code]).toEqual([409, 'value_run_unfinished']);
    expect((await api.call('GET /v1/reports/tier-migration', { query: { from: one.id } })).status).toBe(400);
    const key = await api.keyFor('erp', ['customers:read']);
    const query = { from: one.id, to: other.id };
    expect((await api.call('GET /v1/reports/tier-migration', { query, key })).status).toBe(403);
  });
});
