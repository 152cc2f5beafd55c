import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { rateTrust } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { waitingList } from '../../shared/dynamodb/waiting-store.ts';
import { countWaiting, type WaitingPorts, type WaitingTask } from '../../shared/engine/count-waiting.ts';

const environment = readVariables(process.env, [
  variables.customersTable,
  variables.ledgerTable,
  variables.registryTable,
]);
const { CUSTOMERS_TABLE: customers, LEDGER_TABLE: ledger, REGISTRY_TABLE: registry } = environment;
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const runs = valueRunStore(client, registry);
const ports: WaitingPorts = {
  list: waitingList(client, registry),
  records: recordStore(client, { customers, ledger, registry }, { trustRatesFor: rateTrust(testStage) }),
  onFault(error, { interactionId }) {
    const name = error instanceof Error ? error.name : typeof error;
    console.error(JSON.stringify({ level: 'error', message: 'an order goes on waiting', interactionId, name }));
  },
};

/** Counts orders that waited for an exchange rate: before each night, and when rates come in. */
export async function handler(
  input: WaitingTask & { runId?: string },
  context: { getRemainingTimeInMillis(): number },
) {
  // The night has more segments than the list has shards.
  if (input.segment >= ports.list.shards) return { ...input, done: true };
  const [now, { baseCurrency, baseTimeZone = 'UTC', salt }, run] = await Promise.all([
    readClock({ testStage, client, registry }),
    readSettings(client, registry),
    input.runId === undefined ? undefined : runs.read(input.runId),
  ]);
  const frame =
    baseCurrency === undefined
      ? undefined
      : { baseCurrency, baseTimeZone, now, mint: mintWith(salt), ratedAt: run?.knownBy };
  const from = frame && (await countWaiting(ports, input, frame, () => context.getRemainingTimeInMillis()));
  return from ? { ...input, from, done: false } : { ...input, done: true };
}
