import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { studyOf } from '../../shared/domain/rehearsal.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { rehearsalResult, reportCountsStore } from '../../shared/dynamodb/run-results.ts';
import { backtestCounts } from '../../shared/dynamodb/study-parts.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { type FittedBacktest, fitBacktest } from '../../shared/engine/backtest-run.ts';
import { fitRun } from '../../shared/engine/sum-up-run.ts';
import { readRun } from '../../shared/engine/value-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [variables.registryTable, variables.partsBucket]);
const registry = environment[variables.registryTable];
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]), realTime: Date.now };
const stores = {
  runs: valueRunStore(client, registry),
  measures: measureParts(places),
  reports: reportCountsStore(client, registry),
};
const backtest = {
  ...stores,
  before: backtestCounts(places),
  fits: rehearsalResult<FittedBacktest>(client, registry, 'fits', Date.now),
};

export async function handler({ runId, asOf }: { runId: string; asOf: string }) {
  const study = studyOf((await readRun(stores.runs, runId)).rehearsal);
  if (!study) await fitRun(stores, runId);
  if (study?.kind === 'backtest') await fitBacktest(backtest, runId);
  return { runId, asOf };
}
