import { createHash } from 'node:crypto';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { millisecondsOf } from '../../shared/domain/instant.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import { concentrationOf } from '../../shared/domain/reports/concentration.ts';
import { repeatPurchasesOf } from '../../shared/domain/reports/repeat-purchases.ts';
import type { ReportCounts } from '../../shared/domain/reports/report-counts.ts';
import { retentionOf } from '../../shared/domain/reports/retention.ts';
import { movesOf, type TierMigration } from '../../shared/domain/reports/tier-migration.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { reportCountsStore, runResult } from '../../shared/dynamodb/run-results.ts';
import { latestRun } from '../../shared/dynamodb/value-reads.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import {
  betweenRuns,
  concentration,
  migrationUnderWay,
  ofRun,
  repeatPurchases,
  retention,
  tierMigration,
} from '../../shared/http/schemas/reports.ts';
import { invalid } from '../../shared/http/validate.ts';
import { shownMoney } from './answers.ts';
import type { Door } from './door.ts';
import { startRun } from './value-run-machine.ts';

const scope = 'value-runs:read';
const problems = [409];

export const showRetention = route({
  summary: 'Shows the customers by the month of their first purchase, and how many bought again in each later month',
  scope,
  query: ofRun,
  problems,
  answers: { 200: { description: 'The cohorts', schema: retention } },
  async answer(door: Door, { query: { runId } }) {
    const { run, counts } = await countsOf(door, runId);
    const today = calendarOf(run.timeZone)(millisecondsOf(run.asOf));
    return { status: 200, body: { ...headOf(run), ...retentionOf(counts, today) } };
  },
});

export const showRepeatPurchases = route({
  summary: 'Shows how soon a second, third … purchase follows the one before it',
  scope,
  query: ofRun,
  problems,
  answers: { 200: { description: 'The curves', schema: repeatPurchases } },
  async answer(door: Door, { query: { runId } }) {
    const { run, counts } = await countsOf(door, runId);
    return { status: 200, body: { ...headOf(run), steps: repeatPurchasesOf(counts) } };
  },
});

export const showConcentration = route({
  summary: 'Shows what share of what was spent the best customers hold',
  scope,
  query: ofRun,
  problems,
  answers: { 200: { description: 'Shares, Lorenz curve and Gini coefficient', schema: concentration } },
  async answer(door: Door, { query: { runId } }) {
    const { run, counts } = await countsOf(door, runId);
    const { spent, best, ...shares } = concentrationOf(counts);
    const money = (minor: number) => shownMoney({ minor: BigInt(minor), currency: run.currency ?? noCurrency });
    return {
      status: 200,
      body: {
        ...headOf(run),
        windowDays: run.policy.windowDays,
        spent: money(spent),
        best: best.map((one) => ({ ...one, spent: money(one.spent) })),
        ...shares,
      },
    };
  },
});

/** Seconds after which a migration is asked for again: one pass over the customers. */
const retryAfter = 5;

export const showTierMigration = route({
  summary: 'Shows who moved from which tier to which between two value runs; the first call starts counting',
  scope,
  query: betweenRuns,
  problems: [404, 409],
  answers: {
    200: { description: 'The migration', schema: tierMigration },
    202: { description: 'Being counted: ask again after Retry-After, or follow its run', schema: migrationUnderWay },
  },
  async answer(door: Door, { query }) {
    const { client, tables } = door;
    const [from, to] = await Promise.all([succeeded(door, query.from), succeeded(door, query.to)]);
    if (to.asOf <= from.asOf) throw invalid([{ pointer: '/query/to', detail: 'must be a later run than from' }]);
    const [before, after] = [placeOf(from), placeOf(to)];
    const runId = migrationIdOf(from.id, to.id);
    const run = await valueRunStore(client, tables.registry).read(runId);
    const found =
      run?.state === 'succeeded'
        ? await runResult<TierMigration>(client, tables.registry, 'result').read(runId)
        : undefined;
    if (!found) {
      const rehearsal = { kind: 'migration' as const, from: from.id, to: to.id };
      await startRun(door.machine(), runId, { asOf: to.asOf, runId, rehearsal });
      const headers = { 'retry-after': String(retryAfter), location: `/v1/value-runs/${runId}` };
      return { status: 202, headers, body: { status: 'running' as const, from: before, to: after, runId } };
    }
    const tiers = [...to.policy.tiers.map(({ name }) => name), to.policy.prospects];
    return {
      status: 200,
      body: {
        from: before,
        to: after,
        computedAt: run?.finishedAt ?? door.now,
        tiers,
        ...shownMigration(found, tiers),
      },
    };
  },
});

/** The machine's executions bear the id of the run for a name, which has 80 characters at most. */
function migrationIdOf(from: string, to: string): string {
  return `migration_${createHash('sha256')
    .update(JSON.stringify([from, to]))
    .digest('hex')
    .slice(0, 32)}`;
}

function shownMigration(migration: TierMigration, tiers: readonly string[]) {
  const moves = movesOf(migration, tiers);
  const { joined, left, ...stayed } = moves;
  const both = Object.values(stayed).reduce((sum, customers) => sum + customers, 0);
  return { customers: { before: both + left, after: both + joined }, moves, migrations: migration.migrations };
}

async function countsOf(door: Door, runId: string | undefined): Promise<{ run: ValueRun; counts: ReportCounts }> {
  const { client, tables } = door;
  const run = runId === undefined ? await latestRun(client, tables.registry) : await succeeded(door, runId);
  if (!run) throw new Problem(404, 'value_run_not_found', 'No value run has succeeded yet.');
  const counts = await reportCountsStore(client, tables.registry).read(run.id);
  if (!counts) throw new Problem(404, 'report_not_found', 'This value run brought no counts for reports along.');
  return { run, counts };
}

async function succeeded({ client, tables }: Door, runId: string): Promise<ValueRun> {
  const run = await valueRunStore(client, tables.registry).read(runId);
  if (!run) throw new Problem(404, 'value_run_not_found', 'There is no such value run, or it has not begun yet.');
  if (run.state !== 'succeeded' || run.rehearsal)
    throw new Problem(409, 'value_run_unfinished', 'Reports are of value runs that have succeeded.');
  return run;
}

function placeOf({ id, asOf }: ValueRun) {
  return { runId: id, asOf };
}

function headOf({ id, asOf, timeZone }: ValueRun) {
  return { runId: id, asOf, timeZone };
}
