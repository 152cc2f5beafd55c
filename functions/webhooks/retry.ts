import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { logLines } from '../../shared/contracts/log-lines.ts';
import { later } from '../../shared/engine/receive.ts';
import { ports, receiveAndTell, recentSource, shops } from './door.ts';
import { unpacked } from './retry-message.ts';

/**
 * Deliveries that the store could not take when they came, and those that only name what has to be fetched: they were
 * verified at the door.
 */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
  for (const { messageId, body } of event.Records) {
    try {
      const { sourceId, delivery } = unpacked(body);
      const source = await recentSource(sourceId);
      if (!source) throw new Error('the source of this delivery is not configured any more');
      const received = await receiveAndTell({ ...ports, ask: shops.ask }, delivery, source);
      if (received === later) throw new Error('this platform has nothing that could be fetched');
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', message: logLines.RetryBrokeOff, messageId, name: (error as Error).name }),
      );
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
