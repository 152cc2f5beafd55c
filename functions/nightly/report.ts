import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import { studyOf } from '../../shared/domain/rehearsal.ts';
import type { TierMigration } from '../../shared/domain/reports/tier-migration.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { rehearsalResult, runResult } from '../../shared/dynamodb/run-results.ts';
import { backtestCounts, backtestTallies, migrationParts } from '../../shared/dynamodb/study-parts.ts';
import { assignParts, measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { type BacktestResult, type FittedBacktest, reportBacktest } from '../../shared/engine/backtest-run.ts';
import { reportMigration } from '../../shared/engine/migration-run.ts';
import { reportRun } from '../../shared/engine/sum-up-run.ts';
import { failRun, readRun } from '../../shared/engine/value-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [variables.registryTable, variables.partsBucket]);
const registry = environment[variables.registryTable];
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]), realTime: Date.now };
const stores = {
  runs: valueRunStore(client, registry),
  measures: measureParts(places),
  assigned: assignParts(places),
};
const backtest = {
  ...stores,
  before: backtestCounts(places),
  after: backtestTallies(places),
  fits: rehearsalResult<FittedBacktest>(client, registry, 'fits', Date.now),
  results: rehearsalResult<BacktestResult>(client, registry, 'result', Date.now),
};
const migration = {
  ...stores,
  moved: migrationParts(places),
  results: runResult<TierMigration>(client, registry, 'result'),
};

export interface ReportInput {
  runId: string;
  asOf: string;
  /** What Step Functions caught, where a step failed for good. */
  error?: { Error?: string };
}

export async function handler({ runId, asOf, error }: ReportInput) {
  const now = await readClock({ testStage, client, registry });
  const run = error
    ? await failRun(stores.runs, { runId, now, failure: error.Error ?? 'step_failed' })
    : await report(runId, now);
  return { runId, asOf, state: run.state };
}

async function report(runId: string, now: Instant): Promise<ValueRun> {
  const study = studyOf((await readRun(stores.runs, runId)).rehearsal);
  if (study?.kind === 'backtest') return reportBacktest(backtest, { runId, now });
  if (study?.kind === 'migration') return reportMigration(migration, { runId, now });
  return reportRun(stores, { runId, now, machineTime: Date.now() });
}
