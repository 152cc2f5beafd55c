import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, describe, expect, it } from 'vitest';
import { backtest } from '../../infra/local/backtest/run.ts';
import type { BacktestReport, PurchaseRow } from '../../shared/contracts/backtest.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import type { PurchaseDay } from '../../shared/domain/purchase-days.ts';
import { runKey } from '../../shared/dynamodb/keys.ts';
import { runResult } from '../../shared/dynamodb/run-results.ts';
import type { BacktestResult } from '../../shared/engine/backtest-run.ts';
import { dayOf, putCustomers, whoBoughtOn } from '../fixtures/purchase-histories.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { aNight, type Night } from './sequencer.ts';

let night: Night | undefined;
afterEach(() => night?.stop());

const asOf = '2026-03-30T01:00:00.000Z';

/** The customers who made these purchases; those of one day are one line of it. */
function customersOf(rows: readonly PurchaseRow[]): Customer[] {
  const all = new Map<string, Map<number, PurchaseDay>>();
  for (const { customerId, date, spend } of rows) {
    const days = all.get(customerId) ?? new Map<number, PurchaseDay>();
    all.set(customerId, days);
    const day = dayOf(date);
    const { purchases, spent } = days.get(day) ?? { purchases: 0, spent: 0n };
    days.set(day, { day, purchases: purchases + 1, spent: spent + BigInt(Math.round(Number(spend) * 100)) });
  }
  return [...all].map(([id, days]) => whoBoughtOn(id, [...days.values()]));
}

async function backtested(
  customers: readonly Customer[],
  frame: { until: string; horizonDays: number },
  { segments, disturb }: { segments: number; disturb?: (night: Night) => void },
): Promise<BacktestResult> {
  night = await aNight({ segments });
  await putCustomers(night.client, night.tables.customers, customers);
  disturb?.(night);
  const runId = 'backtest_one';
  const run = await night.run(
    { asOf, runId, rehearsal: { kind: 'backtest', ...frame } },
    { remaining: disturb ? 0 : 60_000 },
  );
  expect(run?.state).toBe('succeeded');
  night.watch((call) => call.send());
  const result = await runResult<BacktestResult>(night.store, night.tables.registry, 'result').read(runId);
  if (!result) throw new Error('there is no result');
  expect(await night.receipts()).toEqual([]);
  await expectFiguresAlone(night, runId);
  // Of what broke off before it was saved, the bucket forgets the object by itself.
  if (!disturb) expect(night.objects.names()).toEqual([]);
  await night.stop();
  night = undefined;
  return result;
}

/** Nothing is left of what was counted on the way, and the figures are kept for thirty days. */
async function expectFiguresAlone({ client, tables }: Night, runId: string): Promise<void> {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: tables.registry,
      KeyConditionExpression: 'pk = :run',
      ExpressionAttributeValues: { ':run': runKey(runId).pk },
    }),
  );
  expect(Items.map(({ sk }) => sk)).toEqual(['result', 'run']);
  const inThirtyDays = Date.now() / 1000 + 30 * 86_400;
  for (const { expiresAt } of Items) expect(Math.abs(Number(expiresAt) - inThirtyDays)).toBeLessThan(600);
}

/** Every number of one within a millionth of the other's, and all else the same. */
function expectNear(one: unknown, other: unknown, path = ''): void {
  if (typeof other === 'number') {
    const near = Math.abs((one as number) - other) <= 2e-6 * Math.max(1, Math.abs(other));
    if (!near) expect.fail(`${path}: ${one} is not ${other}`);
  } else if (other !== null && typeof other === 'object') {
    expect(Object.keys(one as object).sort(), path).toEqual(Object.keys(other).sort());
    for (const [name, value] of Object.entries(other))
      expectNear((one as Record<string, unknown>)[name], value, `${path}/${name}`);
  } else expect(one, path).toBe(other);
}

async function byTheCommand(rows: readonly PurchaseRow[], frame: { until: string; horizonDays: number }) {
  const answer = await backtest({ rows, ...frame });
  if (answer.kind !== 'tested') throw new Error(answer.reason);
  return answer.report;
}

/** What both say: the last day is that of the file for the one, today for the other. */
function comparable({ lastDay: _, leftOut: __, ...report }: BacktestReport) {
  const { mbgNbd, bgNbd, gammaGamma } = report.models;
  // How many steps a maximum took, and how sure a sum of other order is of it, is not compared.
  const model = (one: object) => ({ ...one, iterations: 0 });
  return { ...report, models: { mbgNbd: model(mbgNbd), bgNbd: model(bgNbd), gammaGamma: model(gammaGamma) } };
}

describe.skipIf(!hasSharedMaterial)(`a backtest of CDNOW's customers${absent}`, () => {
  it('has the figures of the command, to the bit the same with any number of segments', async () => {
    const [, ...lines] = readShared('data/cdnow_sample_transactions.csv').toString().trim().split('\n');
    const rows = lines.map((line, index): PurchaseRow => {
      const [, customerId = '', date = '', , spend = ''] = line.split(',');
      return { line: index, customerId, date, spend };
    });
    const frame = { until: '1997-09-30', horizonDays: 273 };
    const customers = customersOf(rows);
    const result = await backtested(customers, frame, { segments: 1 });
    expect(result.exact).toEqual({ histories: true, spend: true, ranking: true });
    if (!result.report) throw new Error('there are customers');
    expectNear(comparable(result.report), comparable(await byTheCommand(rows, frame)));
    const again = await backtested(customers.toReversed(), frame, { segments: 7 });
    expect(JSON.stringify(again)).toBe(JSON.stringify(result));
  });
});

/**
 * Small pages, each a step of its own, and a call in between fails now and then, before or after it came through. Three
 * segments make some fifteen calls while each takes a step: were there a fault in every fifteen, one step could meet all.
 */
function breakingOff(broken: Night): void {
  broken.watch(async (call) => {
    if (call.number % 47 === 10) throw new Error('broke off before');
    const answer = await call.send(call.operation === 'Scan' ? { ...call.input, Limit: 25 } : undefined);
    if (call.number % 47 === 35) throw new Error('broke off after');
    return answer;
  });
}

describe('a backtest of', () => {
  const frame = { until: '2025-06-30', horizonDays: 180 };

  it('few, broken off again and again, goes on to the same bits', async () => {
    const customers = Array.from({ length: 300 }, (_, index) => {
      const first = dayOf('2024-09-01') + ((index * 37) % 290);
      const days = Array.from({ length: 1 + (index % 5) }, (_, purchase) => first + purchase * (9 + (index % 83)));
      return whoBoughtOn(
        `c${index}`,
        days.map((day) => ({ day, purchases: 1, spent: BigInt(1_000 + ((index * 131) % 9_000)) })),
      );
    });
    const whole = await backtested(customers, frame, { segments: 1 });
    expect(whole.report?.holdout.mbgNbd?.total).toBeGreaterThan(0);
    const broken = await backtested(customers, frame, { segments: 3, disturb: breakingOff });
    expect(JSON.stringify(broken)).toBe(JSON.stringify(whole));
  });

  it('nobody says so', async () => {
    const later = whoBoughtOn('late', [{ day: dayOf('2025-07-01'), purchases: 1, spent: 100n }]);
    const result = await backtested([later, whoBoughtOn('never', [])], frame, { segments: 2 });
    expect(result.report).toBeNull();
  });

  it('few customers says why no model was fitted; the naive figures stand alone', async () => {
    const customers = ['2025-02-01', '2025-03-01'].map((date, index) =>
      whoBoughtOn(`c${index}`, [
        { day: dayOf(date), purchases: 1, spent: 500n },
        { day: dayOf('2025-08-01'), purchases: 2, spent: 700n },
        { day: dayOf('2026-01-01'), purchases: 1, spent: 700n },
      ]),
    );
    const tester = whoBoughtOn('test', [{ day: dayOf('2025-02-01'), purchases: 1, spent: 1n }], { live: false });
    const { report } = await backtested([...customers, tester], frame, { segments: 2 });
    expect(report).toMatchObject({
      customers: 2,
      leftOut: { beyondHorizon: 2 },
      models: {
        mbgNbd: { fitted: false, because: 'noRepeaters' },
        gammaGamma: { fitted: false, because: 'noRepeaters' },
      },
      holdout: {
        actual: 2,
        mbgNbd: null,
        bgNbd: null,
        naiveRate: { total: 0, mae: 1 },
        spend: { actual: 14, expected: null },
      },
      alive: null,
      lastDay: '2026-03-30',
    });
  });
});
