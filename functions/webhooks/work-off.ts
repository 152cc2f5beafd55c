import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Source } from '../../shared/domain/source.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { type AuthenticDelivery, deferred } from '../../shared/engine/receive.ts';
import type { AskShop } from '../../shared/engine/storefront.ts';
import { lookUp, ports, receiveAndTell, shops } from './door.ts';
import { keepDelivery } from './keeper.ts';
import { postponeInQueue } from './retry-queue.ts';

/**
 * Works a queue of deliveries off. What fails is tried again after a wait that grows with each try; how often, and where
 * it ends, is for the queue.
 */
export async function workOff(
  { Records }: SQSEvent,
  work: (message: SQSRecord, tries: number) => Promise<void>,
): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const message of Records) {
    // A caller that does not count, as a test or a re-drive by hand, is one that has tried before.
    const tries = Number(message.attributes?.ApproximateReceiveCount ?? certain);
    try {
      await work(message, tries);
    } catch (error) {
      await postpone(message, tries, error);
      batchItemFailures.push({ itemIdentifier: message.messageId });
    }
  }
  return { batchItemFailures };
}

/**
 * Records a delivery, asking the shop for what it only names, and has it kept.
 * @throws Error where it has to be tried again
 */
export async function settle(
  sourceId: string,
  deliveryOf: (source: Source, now: Instant) => Promise<AuthenticDelivery>,
  tries: number,
): Promise<void> {
  const { source, now } = await lookUp(sourceId);
  if (!source) throw new Error('the source of this delivery is not configured');
  const doubtsAnswers = tries < certain;
  const ask = doubtsAnswers ? doubting(shops.ask) : shops.ask;
  const delivery = await deliveryOf(source, now);
  const kept = await receiveAndTell({ ...ports, ask, askedAt: now, doubtsAnswers }, delivery, source);
  if (kept === deferred) throw new Error('this platform has nothing that could be fetched');
  await keepDelivery(kept, delivery.body);
}

/** Shops answer from copies that lag behind: that there is no such thing, or nothing newer, is believed at the third try. */
const certain = 3;

function doubting(ask: AskShop): AskShop {
  return async (address, request) => {
    const found = await ask(address, request);
    if (found === undefined) throw new Problem(503, 'shop_unavailable', 'The shop does not know of this yet.');
    return found;
  };
}

const firstWait = 2;
const longestWait = 900;

/** Seconds until the next try: 2, 4, 8 … 900, up to a quarter more so that not all come back at once; or what was asked for. */
export function waitAfter(tries: number, asked: number | undefined, random: number): number {
  const grown = Math.min(firstWait * 2 ** Math.min(tries - 1, 20), longestWait);
  return Math.ceil(Math.max(grown, asked ?? 0) * (1 + random / 4));
}

async function postpone({ messageId, receiptHandle }: SQSRecord, tries: number, error: unknown): Promise<void> {
  const { name } = error as Error;
  const problem = error instanceof Problem ? error : undefined;
  const wait = waitAfter(tries, problem?.retryAfter, Math.random());
  const { code, message: detail } = problem ?? {};
  console.error(
    JSON.stringify({ level: 'error', message: logLines.RetryBrokeOff, messageId, tries, wait, name, code, detail }),
  );
  try {
    await postponeInQueue(receiptHandle, wait);
  } catch (fault) {
    // It then comes back when its time-out ends, as any message that was not deleted.
    console.warn(JSON.stringify({ level: 'warn', message: 'wait not set', messageId, name: (fault as Error).name }));
  }
}
