import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { expect } from 'vitest';
import { written } from '../../functions/webhooks/keep-message.ts';
import { variables } from '../../shared/contracts/environment.ts';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { type Queues, startQueues } from '../queues.ts';
import { shopifySecret, signShopify } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';

export interface Sent {
  deliveryId: string;
  status: string;
}

/** The API, the webhooks and the worker that keeps deliveries, on a clock that the test sets. */
export interface KeptShop {
  api: ApiDoor;
  queues: Queues;
  setClock(now: string): Promise<void>;
  /** @param now sets the clock before */
  deliver(topic: string, content: unknown, options?: { id?: string; now?: string; sourceId?: string }): Promise<Sent>;
  /** Lets the worker keep all that waits. */
  keep(): Promise<void>;
  /** Hands the worker what a door might have written. */
  told(...messages: Parameters<typeof written>[0][]): Promise<void>;
  stop(): Promise<void>;
}

export async function openKeptShop(sources: Record<string, string> = { shop: 'shopify' }): Promise<KeptShop> {
  const queues = await startQueues();
  const api = await openApi({
    AWS_ENDPOINT_URL_SQS: queues.endpoint,
    [variables.retryQueue]: `${queues.endpoint}/000000000000/retry`,
    [variables.keepQueue]: `${queues.endpoint}/000000000000/keep`,
    [variables.erasureQueue]: `${queues.endpoint}/000000000000/erasure`,
  });
  for (const [sourceId, platform] of Object.entries(sources)) {
    const body = { platform, secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
    const { status } = await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body });
    expect(status).toBe(201);
  }
  const worker = async (bodies: string[]) => {
    const { handler } = await import('../../functions/webhooks/keep.ts');
    const Records = bodies.map((body, index) => ({ messageId: String(index), body }));
    expect(await handler({ Records } as SQSEvent)).toEqual({ batchItemFailures: [] });
  };
  const setClock = async (now: string) => {
    await api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item: { ...clockKey, now } }));
  };
  return {
    api,
    queues,
    setClock,
    async deliver(topic, content, { id, now, sourceId = 'shop' } = {}) {
      if (now !== undefined) await setClock(now);
      const { handler } = await import('../../functions/webhooks/receive.ts');
      const signed = signShopify(topic, content, id === undefined ? {} : { id });
      const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, ...signed });
      const { statusCode, body = '' } = await handler(event, lambdaContext());
      expect(statusCode).toBe(202);
      return JSON.parse(body);
    },
    keep: () => worker(queues.of('keep').splice(0)),
    told: (...messages) => worker(messages.map(written)),
    async stop() {
      queues.stop();
      await api.stop();
    },
  };
}
