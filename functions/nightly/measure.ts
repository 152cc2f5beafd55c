import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { migrationPages } from '../../shared/dynamodb/migration-pages.ts';
import { populationStore } from '../../shared/dynamodb/population.ts';
import { backtestCounts, migrationParts } from '../../shared/dynamodb/study-parts.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { countBacktest } from '../../shared/engine/backtest-run.ts';
import { measureSegment, type SegmentTask } from '../../shared/engine/measure-segment.ts';
import { countMigration } from '../../shared/engine/migration-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';

const environment = readVariables(process.env, [
  variables.registryTable,
  variables.customersTable,
  variables.ledgerTable,
  variables.partsBucket,
]);
const registry = environment[variables.registryTable];
const tables = { customers: environment.CUSTOMERS_TABLE, ledger: environment.LEDGER_TABLE };
const client = connect();
const places = { client, registry, bodies: partBodies(environment[variables.partsBucket]), realTime: Date.now };
const stores = {
  runs: valueRunStore(client, registry),
  measures: measureParts(places),
  population: populationStore(client, tables),
};
const backtest = { ...stores, before: backtestCounts(places) };
const migration = {
  ...stores,
  population: migrationPages(client, tables),
  moved: migrationParts(places),
};

export async function handler(input: SegmentTask, context: { getRemainingTimeInMillis(): number }) {
  const done = await measure(input, () => context.getRemainingTimeInMillis());
  return { ...input, done };
}

function measure(input: SegmentTask, remaining: () => number): Promise<boolean> {
  if (input.study === 'backtest') return countBacktest(backtest, input, remaining);
  if (input.study === 'migration') return countMigration(migration, input, remaining);
  return measureSegment(stores, input, remaining);
}
