import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { accessOf, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { ErasureMessage } from '../../shared/contracts/privacy.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import { isPressing, setDown, takenUp, timedOut, wasCutOff } from '../../shared/domain/privacy-request.ts';
import { connect, type TableNames } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { personalData } from '../../shared/dynamodb/personal-data.ts';
import { PrivacyRequestStore } from '../../shared/dynamodb/privacy-request-store.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { sourcePeople } from '../../shared/dynamodb/source-people.ts';
import { getSource, switchOffSource } from '../../shared/dynamodb/source-store.ts';
import { erase } from '../../shared/engine/erase.ts';
import type { ErasurePorts } from '../../shared/engine/erasure-step.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { person } from '../../shared/storefronts/fields.ts';
import { erasedDeliveries } from './deliveries.ts';

const names = readVariables(process.env, [
  variables.customersTable,
  variables.deliveriesTable,
  variables.deliveryDays,
  variables.ledgerTable,
  variables.outreachTable,
  variables.registryTable,
  variables.erasureQueue,
]);
const tables: TableNames = {
  customers: names.CUSTOMERS_TABLE,
  deliveries: names.DELIVERIES_TABLE,
  ledger: names.LEDGER_TABLE,
  outreach: names.OUTREACH_TABLE,
  registry: names.REGISTRY_TABLE,
};
const { registry } = tables;
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const requests = new PrivacyRequestStore(client, registry);
const queue = jsonCaller('sqs', accessOf('sqs', process.env), {
  maxAttempts: 4,
  connectionTimeout: 1_000,
  requestTimeout: 5_000,
  firstPause: 100,
});

/** For one more body of the largest size, and the message that goes on: milliseconds. */
const reserve = 60_000;

/** Looks through all open requests once a day, or takes an erasure as far as the time of one call allows. */
export async function handler({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const { messageId, body } of Records) {
    const message = JSON.parse(body) as ErasureMessage;
    try {
      if ('scheduledTime' in message) await lookThrough();
      else await goOn(message.requestId, () => context.getRemainingTimeInMillis());
    } catch (error) {
      const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
      const code = error instanceof Problem ? error.code : undefined;
      const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
      const about = 'requestId' in message ? { requestId: message.requestId } : {};
      complain({ messageId, ...about, name, code, frames });
      if ('requestId' in message) await noteFailure(message.requestId, code ?? name);
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}

/** What is under way goes on, where its message was lost; what is due soon is told of. */
async function lookThrough(): Promise<void> {
  const now = await readClock({ testStage, client, registry });
  for (const request of await requests.openOnes()) {
    const { id: requestId, type, dueAt, failure } = request;
    if (type !== 'export') await send({ requestId }, 0);
    if (isPressing(request, now))
      console.error(
        JSON.stringify({ level: 'error', message: logLines.PrivacyRequestPressing, requestId, type, dueAt, failure }),
      );
  }
}

async function goOn(requestId: string, remaining: () => number): Promise<void> {
  const kept = await requests.read(requestId);
  if (!kept || kept.request.status === 'done' || kept.request.type === 'export') return;
  let { revision } = kept;
  const machineNow = Date.now();
  if (wasCutOff(kept.request, machineNow)) complain({ requestId, code: timedOut });
  const request = takenUp(kept.request, machineNow, machineNow + remaining());
  const now = await readClock({ testStage, client, registry });
  const { salt, baseCurrency = noCurrency, baseTimeZone = 'UTC' } = await readSettings(client, registry);
  const countries = new Map<string, string | undefined>();
  const ports: ErasurePorts = {
    records: recordStore(client, tables),
    data: personalData(client, tables),
    people: sourcePeople(client, tables),
    deliveries: erasedDeliveries(client, tables, {
      now,
      keptDays: Number(names.DELIVERY_DAYS),
      async onSource(sourceId) {
        countries.set(sourceId, (await getSource(client, registry, sourceId))?.country);
      },
    }),
    source: (sourceId) => getSource(client, registry, sourceId),
    switchOff: (sourceId, at, upTo) => switchOffSource(client, registry, { sourceId, at, upTo }),
    async keep(request) {
      const isKept = await requests.put(request, revision);
      revision += 1;
      return isKept;
    },
    phoneOf: (text, sourceId) => person({ phone: text }, { country: countries.get(sourceId) }).phone,
    remaining: () => remaining() - reserve,
  };
  const progress = await erase(ports, request, { now, baseCurrency, baseTimeZone, mint: mintWith(salt) });
  if (progress === 'over') return;
  if ('again' in progress) await send({ requestId }, progress.again);
  else complain({ requestId, code: 'body_unreadable', deliveryIds: progress.unread });
}

function complain(about: Record<string, unknown>): void {
  console.error(JSON.stringify({ level: 'error', message: logLines.ErasureBrokeOff, ...about }));
}

/** For whoever looks at the request; the queue tries it again. */
async function noteFailure(requestId: string, failure: string): Promise<void> {
  try {
    const kept = await requests.read(requestId);
    if (!kept || kept.request.status === 'done') return;
    const { request, revision } = kept;
    await requests.put({ ...setDown(request), attempts: request.attempts + 1, failure }, revision);
  } catch (error) {
    const { name } = error as Error;
    console.warn(JSON.stringify({ level: 'warn', message: 'failure not noted', requestId, name }));
  }
}

async function send(message: ErasureMessage, DelaySeconds: number): Promise<void> {
  const MessageBody = JSON.stringify(message);
  await queue.call('AmazonSQS.SendMessage', { QueueUrl: names.ERASURE_QUEUE_URL, MessageBody, DelaySeconds });
}
