import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { emailSender } from '../../shared/channels/email.ts';
import { sesTransport } from '../../shared/channels/email-ses.ts';
import { smtpTransport } from '../../shared/channels/email-smtp.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import { plays } from '../../shared/domain/play.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { type Delivered, type DeliverStores, deliver, type SentJob } from '../../shared/engine/deliver.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { record } from '../../shared/engine/record.ts';
import { client, customers, jobs, mint, now, people, registry, settings } from './door.ts';
import { readRequest } from './events.ts';

const { LEDGER_TABLE: ledger, SENDER: sender } = readVariables(process.env, [variables.ledgerTable, variables.sender]);
const smtpUrl = process.env[variables.smtpUrl];
const senders = { email: emailSender(sender, smtpUrl ? smtpTransport(smtpUrl) : sesTransport()) };
const records = recordStore(client, { customers, ledger, registry });

const stores: DeliverStores = {
  ...people,
  readJob: (jobId) => jobs.readJob(jobId),
  claim: (jobId, claim, at) => jobs.claim(jobId, claim, at),
  step: (jobId, claim, step, at) => jobs.step(jobId, claim, step, at),
  recordMessage,
};

/**
 * Sends what is requested; what has to come again is answered as a failure, message by message. One after the other: a
 * function that dies leaves one message at most of which nobody knows whether it left.
 */
export async function handler({ Records }: SQSEvent, { awsRequestId }: Context): Promise<SQSBatchResponse> {
  const at = await now();
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const message of Records) {
    if (!(await isDone(message, awsRequestId, at))) batchItemFailures.push({ itemIdentifier: message.messageId });
  }
  return { batchItemFailures };
}

async function isDone({ messageId, body, attributes }: SQSRecord, requestId: string, at: Instant): Promise<boolean> {
  const received = Number(attributes.ApproximateReceiveCount);
  try {
    const { jobId } = readRequest(body);
    const attempt = { jobId, name: `${messageId}/${received}/${requestId}`, repeated: received > 1 };
    const delivered = await deliver(attempt, plays, senders, stores, at);
    tell(jobId, delivered);
    return delivered.outcome !== 'again';
  } catch (error) {
    const name = error instanceof Problem ? error.code : error instanceof Error ? error.name : typeof error;
    console.error(JSON.stringify({ level: 'error', message: logLines.SendingBrokeOff, messageId, name }));
    return false;
  }
}

function tell(jobId: string, delivered: Delivered): void {
  const { outcome } = delivered;
  if (outcome === 'sent') return;
  if (outcome === 'failed' || outcome === 'unconfirmed') {
    const message = outcome === 'failed' ? logLines.OutreachFailed : logLines.OutreachUnconfirmed;
    console.warn(JSON.stringify({ level: 'warn', message, jobId, reason: delivered.reason }));
  } else console.info(JSON.stringify({ message: 'not sent', jobId, ...delivered }));
}

/** Of a customer who was erased meanwhile nothing is kept. */
async function recordMessage({ id, customerId, channel, sentAt }: SentJob): Promise<void> {
  const { baseCurrency = noCurrency, baseTimeZone = 'UTC' } = await settings();
  try {
    await record(
      records,
      {
        kind: 'conversation',
        type: 'message',
        externalId: id,
        who: { customerId },
        occurredAt: sentAt,
        conversation: { direction: 'out', channel, jobId: id },
      },
      { sourceId: 'rapport', baseCurrency, baseTimeZone, receivedAt: sentAt, mint: await mint() },
    );
  } catch (error) {
    if (!(error instanceof Problem && ['customer_not_found', 'customer_erased'].includes(error.code))) throw error;
  }
}
