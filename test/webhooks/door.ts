import { type DynamoDBDocumentClient, PutCommand, QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { variables } from '../../shared/contracts/environment.ts';
import type { Source } from '../../shared/domain/source.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { type Embedded, sdkClient, startEmbedded } from '../embedded.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { type Signed, shopifySecret, standardSecret } from '../signed.ts';

/** The webhook function with an engine of its own behind a proxy that can fail. */
export interface Door {
  embedded: Embedded;
  proxy: FaultProxy;
  /** Straight to the engine, past the proxy's plan. */
  client: DynamoDBDocumentClient;
  /** As {@link client}, for stores. */
  store: Client;
  deliver(sourceId: string, signed: Signed): Promise<{ status: number; body: Record<string, unknown> }>;
  customers(): Promise<CustomerItem[]>;
  lines(customerId: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** @param queueEndpoint where the queues answer; by default nobody does */
export async function openDoor(queueEndpoint = 'http://127.0.0.1:1'): Promise<Door> {
  const embedded = await startEmbedded();
  const client = sdkClient(embedded);
  const store = connect();
  const proxy = await startFaultProxy(embedded.endpoint);
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint;
  process.env.AWS_ENDPOINT_URL_SQS = queueEndpoint;
  process.env[variables.retryQueue] = `${queueEndpoint}/000000000000/retry`;
  process.env[variables.keepQueue] = `${queueEndpoint}/000000000000/keep`;
  for (const source of [aSource('shop', 'shopify'), aSource('till', 'standard')]) {
    await client.send(
      new PutCommand({ TableName: embedded.tables.registry, Item: { ...sourceKey(source.id), ...source } }),
    );
  }
  const { handler } = await import('../../functions/webhooks/receive.ts');
  return {
    embedded,
    proxy,
    client,
    store,
    async deliver(sourceId, { headers, body }) {
      const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, headers, body });
      const answer = await handler(event, lambdaContext());
      return { status: Number(answer.statusCode), body: JSON.parse(answer.body ?? '{}') };
    },
    async customers() {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: embedded.tables.customers, Limit: 1000 }));
      return Items as CustomerItem[];
    },
    async lines(customerId) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: embedded.tables.ledger,
          KeyConditionExpression: 'pk = :customer',
          ExpressionAttributeValues: { ':customer': customerId },
          Limit: 1000,
        }),
      );
      return Items;
    },
    async stop() {
      client.destroy();
      store.close();
      await proxy.stop();
      await embedded.stop();
    },
  };
}

function aSource(id: string, platform: Source['platform']): Source {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id,
    platform,
    secrets: [platform === 'shopify' ? shopifySecret : standardSecret],
    currency: 'EUR',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    timeZone: 'Europe/Berlin',
    countsWhen: 'placed',
    revision: 1,
    createdAt: at,
    updatedAt: at,
  };
}
