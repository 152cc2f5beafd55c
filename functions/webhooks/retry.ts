import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { unpacked } from './retry-message.ts';
import { settle, workOff } from './work-off.ts';

/**
 * Deliveries that the store could not take when they came, and those that only name what has to be fetched: they were
 * verified at the door.
 */
export function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  return workOff(event, async ({ body }, tries) => {
    const { sourceId, delivery } = unpacked(body);
    await settle(sourceId, async () => delivery, tries);
  });
}
