import { setTimeout as wait } from 'node:timers/promises';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { accessOf, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { ReconcileMessage } from '../../shared/contracts/reconciling.ts';
import { type Instant, parseInstant } from '../../shared/domain/instant.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { lookAtClock } from '../../shared/dynamodb/clock.ts';
import { rateTrust } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { ReconciliationStore } from '../../shared/dynamodb/reconciliation-store.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { getSource, listSourceIds } from '../../shared/dynamodb/source-store.ts';
import {
  newReconciliation,
  notListable,
  reachOf,
  reconciliationIdOf,
  sinceOf,
} from '../../shared/engine/begin-reconciliation.ts';
import { reconcile } from '../../shared/engine/reconcile.ts';
import { readJson } from '../../shared/http/json.ts';
import { outbound } from '../../shared/storefronts/outbound.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';

const names = readVariables(process.env, [
  variables.customersTable,
  variables.ledgerTable,
  variables.registryTable,
  variables.reconcileQueue,
]);
const registry = names.REGISTRY_TABLE;
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const records = recordStore(
  client,
  { customers: names.CUSTOMERS_TABLE, ledger: names.LEDGER_TABLE, registry },
  { trustRatesFor: rateTrust(testStage) },
);
/** A list takes a shop longer than one order does. */
const shops = outbound({ loopback: testStage, readJson, timeout: 20_000 });
const queue = jsonCaller('sqs', accessOf('sqs', process.env), {
  maxAttempts: 4,
  connectionTimeout: 1_000,
  requestTimeout: 5_000,
  firstPause: 100,
});

/** For one more page, its recording, and the message that goes on: milliseconds. */
const reserve = 60_000;

/** Begins the day's reconciliations, or takes one of them as far as the time of one call allows. */
export async function handler({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const { messageId, body } of Records) {
    try {
      const message = JSON.parse(body) as ReconcileMessage;
      if ('scheduledTime' in message) await beginDay(message.scheduledTime);
      else await goOn(message, () => context.getRemainingTimeInMillis() - reserve);
    } catch (error) {
      const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
      const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
      console.error(JSON.stringify({ level: 'error', message: 'reconciliation broke off', messageId, name, frames }));
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}

/** While the test clock holds, no shop lives in its time. */
async function beginDay(scheduledTime: string): Promise<void> {
  const { at, held } = await lookAtClock({ testStage, client, registry });
  if (held) return;
  const id = reconciliationIdOf(parseInstant(scheduledTime) ?? at, 'daily');
  for (const sourceId of await listSourceIds(client, registry)) await beginDaily(sourceId, id, at);
}

/** Begun once, and sent again where the message before may have been lost. */
async function beginDaily(sourceId: string, reconciliationId: string, now: Instant): Promise<void> {
  const source = await getSource(client, registry, sourceId);
  if (!source || notListable(storefronts, source) !== undefined) return;
  const store = new ReconciliationStore(client, registry, Date.now());
  const since = sinceOf(await store.lastUntil(sourceId), now, reachOf(storefronts, source, now));
  const begun = await store.begin(newReconciliation({ id: reconciliationId, sourceId, by: 'schedule', since }, now));
  if (begun !== 'begun' && !(begun.id === reconciliationId && begun.state === 'running')) return;
  await send({ sourceId, reconciliationId }, 0);
}

async function goOn(
  { sourceId, reconciliationId }: Extract<ReconcileMessage, { sourceId: string }>,
  remaining: () => number,
): Promise<void> {
  const store = new ReconciliationStore(client, registry, Date.now());
  const kept = await store.read(sourceId, reconciliationId);
  if (kept?.state !== 'running') return;
  let { revision } = kept;
  const { revision: _, ...run } = kept;
  const outcome = await reconcile(
    {
      records,
      storefronts,
      ask: shops.askPage,
      async keep(next) {
        const isKept = await store.put(next, revision);
        const { state, failure, counts } = next;
        // Nobody lists again what could not be read: somebody has to hear of it now.
        if (isKept && (state === 'failed' || (state === 'succeeded' && counts.failed > 0))) {
          const { failed } = counts;
          console.error(
            JSON.stringify({
              level: 'error',
              message: logLines.ReconciliationFailed,
              reconciliationId,
              failure,
              failed,
            }),
          );
        }
        revision += 1;
        return isKept;
      },
      async look() {
        const [source, { at }] = await Promise.all([
          getSource(client, registry, sourceId),
          lookAtClock({ testStage, client, registry }),
        ]);
        return { source, now: at };
      },
      remaining,
      pause: (milliseconds) => wait(milliseconds),
      onFault(error) {
        const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
        const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
        console.error(
          JSON.stringify({ level: 'error', message: 'translation failed', reconciliationId, name, frames }),
        );
      },
    },
    run,
    mintWith((await readSettings(client, registry)).salt),
  );
  if (outcome !== 'over') await send({ sourceId, reconciliationId }, outcome.again);
}

async function send(message: ReconcileMessage, DelaySeconds: number): Promise<void> {
  const MessageBody = JSON.stringify(message);
  await queue.call('AmazonSQS.SendMessage', { QueueUrl: names.RECONCILE_QUEUE_URL, MessageBody, DelaySeconds });
}
