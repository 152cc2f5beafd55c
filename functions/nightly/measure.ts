import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { populationStore } from '../../shared/dynamodb/population.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { measureSegment, type SegmentTask } from '../../shared/engine/measure-segment.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [
  variables.registryTable,
  variables.customersTable,
  variables.ledgerTable,
  variables.partsBucket,
]);
const registry = environment[variables.registryTable];
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]) };
const stores = {
  runs: valueRunStore(client, registry),
  measures: measureParts(places),
  population: populationStore(client, { customers: environment.CUSTOMERS_TABLE, ledger: environment.LEDGER_TABLE }),
};

export async function handler(input: SegmentTask, context: { getRemainingTimeInMillis(): number }) {
  const done = await measureSegment(stores, input, () => context.getRemainingTimeInMillis());
  return { ...input, done };
}
