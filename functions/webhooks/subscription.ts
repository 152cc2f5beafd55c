import { createHash } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { messageName } from '../../shared/storefronts/commercetools.ts';
import { mint, ports } from './door.ts';
import { settle, workOff } from './work-off.ts';

const { SUBSCRIPTION_SOURCE: sourceId } = readVariables(process.env, [variables.subscriptionSource]);

/**
 * Messages of a platform that delivers to a queue instead of calling: whoever may send to the queue is the shop. Each is a
 * delivery; the queue keeps it until it is recorded.
 */
export function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  return workOff(event, ({ body: text }, tries) =>
    settle(
      sourceId,
      async ({ platform }, receivedAt) => {
        if (platform !== 'commercetools') throw new Error('the source of this subscription is of another platform');
        const body = Buffer.from(text);
        const name = nameOf(body) ?? createHash('sha256').update(body).digest('hex');
        return { id: (await mint())('dlv', sourceId, name), headers: {}, body, receivedAt };
      },
      tries,
    ),
  );
}

/** What cannot be read is set aside with everything else that is not understood. */
function nameOf(body: Buffer): string | undefined {
  try {
    return messageName(ports.readJson(body));
  } catch {
    return undefined;
  }
}
