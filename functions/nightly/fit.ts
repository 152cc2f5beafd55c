import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { fitRun } from '../../shared/engine/value-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [variables.registryTable, variables.partsBucket]);
const registry = environment[variables.registryTable];
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]) };
const stores = { runs: valueRunStore(client, registry), measures: measureParts(places) };

export async function handler({ runId, asOf }: { runId: string; asOf: string }) {
  await fitRun(stores, runId);
  return { runId, asOf };
}
