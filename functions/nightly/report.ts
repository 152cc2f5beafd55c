import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { assignParts, measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { failRun, reportRun } from '../../shared/engine/value-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [variables.registryTable, variables.partsBucket]);
const registry = environment[variables.registryTable];
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]) };
const stores = {
  runs: valueRunStore(client, registry),
  measures: measureParts(places),
  assigned: assignParts(places),
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
    : await reportRun(stores, { runId, now, machineTime: Date.now() });
  return { runId, asOf, state: run.state };
}
