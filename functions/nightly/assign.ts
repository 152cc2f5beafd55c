import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { differenceStore } from '../../shared/dynamodb/difference-store.ts';
import { hindsightStore } from '../../shared/dynamodb/hindsight.ts';
import { populationStore } from '../../shared/dynamodb/population.ts';
import { receiptStore } from '../../shared/dynamodb/receipt-store.ts';
import { runResult } from '../../shared/dynamodb/run-results.ts';
import { backtestTallies } from '../../shared/dynamodb/study-parts.ts';
import { assignParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { assignSegment } from '../../shared/engine/assign-segment.ts';
import { compareBacktest, type FittedBacktest } from '../../shared/engine/backtest-run.ts';
import type { SegmentTask } from '../../shared/engine/measure-segment.ts';
import { rehearseSegment } from '../../shared/engine/rehearse-segment.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [
  variables.registryTable,
  variables.customersTable,
  variables.ledgerTable,
  variables.partsBucket,
]);
const registry = environment[variables.registryTable];
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]), realTime: Date.now };
const tables = { customers: environment.CUSTOMERS_TABLE, ledger: environment.LEDGER_TABLE };
const stores = {
  runs: valueRunStore(client, registry),
  assigned: assignParts(places),
  population: populationStore(client, tables),
  hindsight: hindsightStore(client, tables),
  receipts: receiptStore(client, environment[variables.ledgerTable]),
};
const backtest = {
  ...stores,
  after: backtestTallies(places),
  fits: runResult<FittedBacktest>(client, registry, 'fits'),
};

export async function handler(input: SegmentTask, context: { getRemainingTimeInMillis(): number }) {
  const now = await readClock({ testStage, client, registry });
  const remaining = () => context.getRemainingTimeInMillis();
  const differences = differenceStore(client, registry, Date.now());
  const done = await assign();
  return { ...input, done };

  async function assign(): Promise<boolean> {
    if (input.study === 'backtest') return compareBacktest(backtest, input, remaining);
    // A migration is counted in the first pass.
    if (input.study === 'migration') return true;
    return input.rehearsal
      ? rehearseSegment({ ...stores, differences }, input, remaining)
      : assignSegment(stores, input, { now, remaining });
  }
}
