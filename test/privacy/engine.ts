import { gunzipSync } from 'node:zlib';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import type { Body } from '../api/door.ts';
import { type KeptShop, openKeptShop } from '../api/kept.ts';
import { lambdaContext } from '../http-event.ts';

type Item = Record<string, unknown>;

/** The shop of the tests of deliveries, with the worker that forgets persons. */
export interface PrivacyShop extends KeptShop {
  /** Lets the worker take one message; true where it could, false where none waits. */
  work(options?: { milliseconds?: number }): Promise<boolean>;
  /** Until nothing waits any more, whatever breaks off meanwhile. */
  workAll(options?: { milliseconds?: number }): Promise<void>;
  /** Asks for an erasure by the API. */
  erase(customerId: string): Promise<string>;
  request(requestId: string): Promise<Body>;
  find(query: Record<string, string>): Promise<Body | undefined>;
  /** Every item of every table, bodies unpacked. */
  everything(): Promise<{ table: string; item: Item; text: string }[]>;
  /** Places at which any of the texts stands in any table. */
  traces(texts: readonly string[]): Promise<string[]>;
  customers(): Promise<CustomerItem[]>;
  orders(): Promise<Item[]>;
}

export async function openPrivacyShop(sources?: Record<string, string>): Promise<PrivacyShop> {
  const shop = await openKeptShop(sources);
  const { api, queues } = shop;
  const { handler } = await import('../../functions/privacy/work.ts');

  async function work({ milliseconds = 300_000 } = {}): Promise<boolean> {
    const body = queues.of('erasure').shift();
    if (body === undefined) return false;
    const context = { ...lambdaContext(), getRemainingTimeInMillis: () => milliseconds };
    const { batchItemFailures } = await handler({ Records: [{ messageId: 'm1', body }] } as SQSEvent, context);
    if (batchItemFailures.length > 0) queues.of('erasure').unshift(body);
    return true;
  }

  async function everything() {
    const found: { table: string; item: Item; text: string }[] = [];
    for (const [table, TableName] of Object.entries(api.embedded.tables)) {
      let ExclusiveStartKey: Item | undefined;
      do {
        const page = await api.client.send(new ScanCommand({ TableName, Limit: 500, ExclusiveStartKey }));
        for (const item of page.Items ?? []) found.push({ table, item, text: readable(item) });
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey);
    }
    return found;
  }

  return {
    ...shop,
    work,
    async workAll(options) {
      for (let calls = 0; await work(options); calls++)
        if (calls > 1_000) throw new Error('it does not come to an end');
    },
    async erase(customerId) {
      const body = { type: 'erasure', customerId };
      const answer = await api.call('POST /v1/privacy-requests', { body });
      if (answer.status !== 202) throw new Error(`answered ${answer.status} ${answer.body.code}`);
      return answer.body.id as string;
    },
    async request(requestId) {
      return (await api.call('GET /v1/privacy-requests/{requestId}', { params: { requestId } })).body;
    },
    async find(query) {
      return (await api.call('GET /v1/customers', { query })).body.data[0];
    },
    everything,
    async traces(texts) {
      const wanted = texts.map((text) => text.toLowerCase());
      return (await everything()).flatMap(({ table, item, text }) =>
        wanted
          .filter((one) => text.includes(one))
          .map((one) => `${one} in ${table} ${item.pk ?? item.customerId ?? item.jobId} ${item.sk ?? ''}`),
      );
    },
    async customers() {
      return (await everything())
        .filter(({ table, item }) => table === 'customers' && item.profile)
        .map(({ item }) => item as unknown as CustomerItem);
    },
    async orders() {
      return (await everything())
        .filter(({ table, item }) => table === 'ledger' && item.type === 'order')
        .map(({ item }) => item);
    },
  };
}

/** An item as one text in lower case; what is compressed is unpacked. */
function readable(item: Item): string {
  const seen = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    return value;
  };
  const plain = Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, value instanceof Uint8Array ? unpacked(value) : value]),
  );
  return JSON.stringify(plain, seen).toLowerCase();
}

function unpacked(bytes: Uint8Array): string {
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}
