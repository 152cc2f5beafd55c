import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { millisecondsOf } from '../../shared/domain/instant.ts';
import { parseDay } from '../../shared/domain/models/purchase-text.ts';
import {
  type BacktestState,
  findBacktest,
  keepBacktest,
  listBacktests,
  type RequestedBacktest,
} from '../../shared/dynamodb/backtest-list.ts';
import { runResult } from '../../shared/dynamodb/run-results.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import type { BacktestResult } from '../../shared/engine/backtest-run.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { backtest, backtestIn, backtests } from '../../shared/http/schemas/backtests.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { type Door, pagingOf } from './door.ts';
import { startRun } from './value-run-machine.ts';

export const startBacktest = route({
  summary: 'Compares what the models would have forecast on a day with what came after it',
  scope: 'value-runs:read',
  body: backtestIn,
  answers: { 202: { description: 'Accepted; follow it by its id', schema: backtest } },
  async answer(door: Door, { body: { until, horizonDays } }) {
    await refuseWhatHasNotCome(door, until, horizonDays);
    const { client, tables, now, nonce, realTime } = door;
    const id = `backtest_${nonce ?? randomUUID()}`;
    const wanted = { id, requestedAt: now, until, horizonDays };
    const asked = await keepBacktest(client, tables.registry, wanted, realTime());
    const rehearsal = { kind: 'backtest' as const, until, horizonDays };
    await startRun(door.machine(), id, { asOf: asked.requestedAt, runId: id, rehearsal });
    return { status: 202, headers: { location: `/v1/backtests/${id}` }, body: { ...summaryOf(asked), result: null } };
  },
});

export const showBacktests = route({
  summary: 'Lists the backtests, the latest first',
  scope: 'value-runs:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of backtests', schema: backtests } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listBacktests(door.client, door.tables.registry, {
      limit,
      ...(after !== undefined && { after }),
    });
    return {
      status: 200,
      body: page(
        found.backtests.map(({ run, ...asked }) => summaryOf(asked, run)),
        found.next,
      ),
    };
  },
});

export const showBacktest = route({
  summary: 'Shows a backtest with its figures',
  scope: 'value-runs:read',
  params: z.strictObject({ backtestId: keyText }),
  answers: { 200: { description: 'The backtest', schema: backtest } },
  async answer({ client, tables: { registry } }: Door, { params: { backtestId } }) {
    const asked = await findBacktest(client, registry, backtestId);
    if (!asked) throw new Problem(404, 'backtest_not_found', 'There is no such backtest.');
    const run = await valueRunStore(client, registry).read(backtestId);
    const found =
      run?.state === 'succeeded'
        ? await runResult<BacktestResult>(client, registry, 'result').read(backtestId)
        : undefined;
    return {
      status: 200,
      body: {
        ...summaryOf(asked, run),
        ...(run && { timeZone: run.timeZone, ...(run.currency && { currency: run.currency }) }),
        result: found?.report ?? null,
        ...(found && !found.report && { because: 'noCustomers' as const }),
        ...(found && { exact: found.exact }),
      },
    };
  },
});

function summaryOf({ id, until, horizonDays, requestedAt }: RequestedBacktest, run?: BacktestState) {
  return {
    id,
    until,
    horizonDays,
    status: run?.state ?? ('requested' as const),
    requestedAt,
    finishedAt: run?.finishedAt ?? null,
    ...(run?.failure !== undefined && { failure: run.failure }),
  };
}

async function refuseWhatHasNotCome(door: Door, until: string, horizonDays: number): Promise<void> {
  const { baseTimeZone = door.nightSchedule?.timeZone ?? 'UTC' } = await door.settings();
  const today = calendarOf(baseTimeZone)(millisecondsOf(door.now));
  const cut = parseDay(until) ?? today;
  if (cut > today)
    throw new Problem(422, 'until_in_future', 'Nothing can be fitted to days that have not come.', {
      faults: [{ pointer: '/until', detail: 'lies in the future' }],
    });
  if (cut + horizonDays > today)
    throw new Problem(422, 'horizon_beyond_today', 'Nothing can be compared with days that have not come.', {
      faults: [{ pointer: '/horizonDays', detail: `must be at most ${today - cut} from that day on` }],
    });
}
