import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { fitRun } from '../../shared/engine/value-run.ts';

const registry = readVariables(process.env, [variables.registryTable])[variables.registryTable];
const client = connect();
const stores = { runs: valueRunStore(client, registry), measures: measureParts(client, registry) };

export async function handler({ runId, asOf }: { runId: string; asOf: string }) {
  await fitRun(stores, runId);
  return { runId, asOf };
}
