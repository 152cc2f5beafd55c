import { gzipSync } from 'node:zlib';
import { accessOf, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { KeptDelivery } from '../../shared/domain/delivery.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import { pieceBytes } from '../../shared/dynamodb/delivery-item.ts';
import { ports } from './door.ts';
import { type Failures, type KeepMessage, written } from './keep-message.ts';

const { KEEP_QUEUE_URL: QueueUrl } = readVariables(process.env, [variables.keepQueue]);
/** One attempt, and a short one: the answer to the shop waits for it. */
const queue = jsonCaller('sqs', accessOf('sqs', process.env), {
  maxAttempts: 1,
  connectionTimeout: 500,
  requestTimeout: 1_000,
  firstPause: 0,
});
const nothing = new Uint8Array();
/** For bodies that no message holds. */
const patience = 1_500;

/**
 * Has a delivery kept and counted. Never throws: a delivery that was recorded is not turned down because it cannot be
 * looked up later.
 */
export async function keepDelivery(delivery: KeptDelivery, body: Uint8Array): Promise<void> {
  const { id: deliveryId, status } = delivery;
  try {
    // What is quarantined was kept before it was acknowledged.
    if (status === 'quarantined') return await send({ delivery });
    // On the spot: a body is small, and handing it to another thread costs three times as much.
    const packed = gzipSync(delivery.withheld ? nothing : body);
    if (packed.byteLength <= pieceBytes) await send({ delivery, packed });
    else {
      await inTime(ports.deliveries.keep(delivery, body), patience);
      await send({ delivery });
    }
  } catch (error) {
    const { name } = error as Error;
    console.warn(JSON.stringify({ level: 'warn', message: logLines.DeliveryNotKept, deliveryId, name }));
  }
}

const between = 10_000;
/** A container hears of no more sources than this within ten seconds; what is beyond is not counted. */
const mostSources = 100;
let pending = new Map<string, Failures>();
let sentAt = Number.NEGATIVE_INFINITY;

/** Counts a call that came to nothing. A flood of them becomes one message in ten seconds. */
export async function countFailure(sourceId: string, kind: 'refused' | 'unavailable', at: Instant): Promise<void> {
  const failures = pending.get(sourceId) ?? { sourceId, refused: 0, unavailable: 0 };
  if (!pending.has(sourceId) && pending.size >= mostSources) return;
  failures[kind] += 1;
  pending.set(sourceId, failures);
  await sendFailures(at);
}

/** Sends what was counted since, where the last time is long enough ago. A container that ends takes its last ones along. */
export async function sendFailures(at: Instant): Promise<void> {
  if (pending.size === 0 || performance.now() - sentAt < between) return;
  sentAt = performance.now();
  const counted = pending;
  pending = new Map();
  try {
    await send({ failures: [...counted.values()], at });
  } catch {
    for (const [sourceId, { refused, unavailable }] of counted) {
      const since = pending.get(sourceId) ?? { sourceId, refused: 0, unavailable: 0 };
      pending.set(sourceId, {
        sourceId,
        refused: since.refused + refused,
        unavailable: since.unavailable + unavailable,
      });
    }
  }
}

async function send(message: KeepMessage): Promise<void> {
  await queue.call('AmazonSQS.SendMessage', { QueueUrl, MessageBody: written(message) });
}

/** Keeping may still succeed when its time is over. */
async function inTime(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('keeping took too long')), milliseconds);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
