import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { later, receive } from '../../shared/engine/receive.ts';
import { mint, ports, recentSource, shops } from './door.ts';
import { compressed, keepDelivery } from './keeper.ts';
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
      const kept = await receive({ ...ports, ask: shops.ask }, delivery, source, await mint());
      if (kept === later) throw new Error('this platform has nothing that could be fetched');
      await keepDelivery(kept, delivery.body, await compressed(delivery.body));
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', message: 'retry failed', messageId, name: (error as Error).name }),
      );
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
