import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { populationStore } from '../../shared/dynamodb/population.ts';
import { receiptStore } from '../../shared/dynamodb/receipt-store.ts';
import { assignParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { assignSegment } from '../../shared/engine/assign-segment.ts';
import type { SegmentTask } from '../../shared/engine/measure-segment.ts';

const environment = readVariables(process.env, [
  variables.registryTable,
  variables.customersTable,
  variables.ledgerTable,
]);
const registry = environment[variables.registryTable];
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const stores = {
  runs: valueRunStore(client, registry),
  assigned: assignParts(client, registry),
  population: populationStore(client, environment[variables.customersTable]),
  receipts: receiptStore(client, environment[variables.ledgerTable]),
};

export async function handler(input: SegmentTask, context: { getRemainingTimeInMillis(): number }) {
  const now = await readClock({ testStage, client, registry });
  const done = await assignSegment(stores, input, { now, remaining: () => context.getRemainingTimeInMillis() });
  return { ...input, done };
}
