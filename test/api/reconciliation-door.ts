import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSEvent } from 'aws-lambda';
import { expect } from 'vitest';
import { lambdaContext } from '../http-event.ts';
import { shopifySecret } from '../signed.ts';
import { type Answer, type ApiDoor, type Body, type Call, openApi } from './door.ts';
import { email, type Listed } from './listed-orders.ts';
import { type ShopLists, startShopLists } from './shop-lists.ts';

export const settings = { currency: 'EUR', timeZone: 'Europe/Berlin' };
const platforms = {
  shopify: { platform: 'shopify', secrets: [shopifySecret], credentials: { accessToken: 'shpat_1' } },
  woocommerce: {
    platform: 'woocommerce',
    secrets: [shopifySecret],
    credentials: { consumerKey: 'ck_1', consumerSecret: 'cs_1' },
  },
  stripe: { platform: 'stripe', secrets: ['whsec_0123456789'], credentials: { secretKey: 'rk_live_1' } },
} as const;

interface Queue {
  waiting: { MessageBody: string; DelaySeconds?: number }[];
  isAway: boolean;
}

/** The API of a deployment with the worker that compares, its queue, and the lists of a shop. */
export interface ReconciliationDoor extends ApiDoor {
  shop: ShopLists;
  queue: Queue;
  /** Before each test: nothing waits, nothing fails, and the shop lists nothing. */
  reset(): void;
  sourceBody(platform: Listed): object;
  /** A source of its own for each test: orders of one are not those of another. */
  aSource(platform: Listed, more?: object): Promise<string>;
  start(sourceId: string, since: string, more?: Call): Promise<Answer>;
  show(sourceId: string, reconciliationId: string): Promise<Body>;
  /** Newest first. */
  list(sourceId: string): Promise<Body>;
  /** Lets the worker take one message; `milliseconds` are what its call may take. */
  work(milliseconds?: number): Promise<boolean>;
  /** Until nothing waits any more; answers with the count of calls. */
  workAll(milliseconds?: number): Promise<number>;
  /** Purchases and what they come to of who has bought the order; undefined where nobody has. */
  bought(id: number): Promise<[number, string] | undefined>;
  allBought(ids: number[]): Promise<void>;
}

async function startQueue() {
  const queue: Queue = { waiting: [], isAway: false };
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      if (queue.isAway) return void answer.writeHead(400).end('{"__type":"com.amazonaws.sqs#AccessDenied"}');
      const message = JSON.parse(Buffer.concat(chunks).toString());
      if (String(message.QueueUrl).endsWith('/reconcile')) queue.waiting.push(message);
      const MD5OfMessageBody = createHash('md5').update(message.MessageBody).digest('hex');
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      answer.end(JSON.stringify({ MessageId: 'm', MD5OfMessageBody }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { queue, endpoint, stop: () => server.close() };
}

export async function openReconciliations(): Promise<ReconciliationDoor> {
  const shop = await startShopLists();
  const { queue, endpoint, stop } = await startQueue();
  const api = await openApi({
    AWS_ENDPOINT_URL_SQS: endpoint,
    RECONCILE_QUEUE_URL: `${endpoint}/0/reconcile`,
    RETRY_QUEUE_URL: `${endpoint}/0/retry`,
  });
  let sources = 0;

  const sourceBody = (platform: Listed) => ({ ...settings, ...platforms[platform], address: shop.address });

  async function work(milliseconds = 300_000): Promise<boolean> {
    const message = queue.waiting.shift();
    if (!message) return false;
    const { handler } = await import('../../functions/reconcile/work.ts');
    const context = { ...lambdaContext(), getRemainingTimeInMillis: () => milliseconds };
    const event = { Records: [{ messageId: 'm1', body: message.MessageBody }] } as SQSEvent;
    const { batchItemFailures } = await handler(event, context);
    if (batchItemFailures.length > 0) queue.waiting.unshift(message);
    return true;
  }

  async function bought(id: number): Promise<[number, string] | undefined> {
    const { body } = await api.call('GET /v1/customers', { query: { email: email(id) } });
    const facts = body.data[0]?.facts as never as { purchaseCount: number; totalSpent: { amount: string } } | undefined;
    return facts && [facts.purchaseCount, facts.totalSpent.amount];
  }

  return {
    ...api,
    shop,
    queue,
    sourceBody,
    work,
    bought,

    reset() {
      Object.assign(queue, { waiting: [], isAway: false });
      api.proxy.plan = () => 'none';
      Object.assign(shop, {
        orders: [],
        events: [],
        asked: [],
        atOnce: 0,
        faults: [],
        before: () => undefined,
        instead: undefined,
      });
    },

    async aSource(platform, more = {}) {
      const sourceId = `s${++sources}-${platform}`;
      const body = { ...sourceBody(platform), ...more };
      const { status } = await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body });
      expect(status).toBe(201);
      return sourceId;
    },

    start: (sourceId, since, more = {}) =>
      api.call('POST /v1/sources/{sourceId}/reconciliations', { params: { sourceId }, body: { since }, ...more }),

    async show(sourceId, reconciliationId) {
      const params = { sourceId, reconciliationId };
      return (await api.call('GET /v1/sources/{sourceId}/reconciliations/{reconciliationId}', { params })).body;
    },

    async list(sourceId) {
      return (await api.call('GET /v1/sources/{sourceId}/reconciliations', { params: { sourceId } })).body.data;
    },

    async workAll(milliseconds) {
      let calls = 0;
      while (await work(milliseconds)) {
        if (++calls > 300) throw new Error('it does not come to an end');
      }
      return calls;
    },

    async allBought(ids) {
      for (const id of ids) expect([id, await bought(id)]).toEqual([id, [1, '10.00']]);
    },

    async stop() {
      stop();
      shop.stop();
      await api.stop();
    },
  };
}
