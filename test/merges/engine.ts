import { createHash } from 'node:crypto';
import { PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { variables } from '../../shared/contracts/environment.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { type CustomerItem, isStubItem, type StubItem } from '../../shared/dynamodb/customer-item.ts';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { readOrder } from '../../shared/dynamodb/order-item.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from '../webhooks/door.ts';

/** The webhook function and the API over one engine, at a time that stands still. */
export interface Engine {
  door: Door;
  /** A webhook of Shopify, sent again until it is taken. */
  told(topic: string, body: unknown): Promise<string>;
  /** A call of the API, made again while it is answered with 503. */
  call(routeKey: string, params: Record<string, string>, body?: unknown): Promise<{ status: number; body: Answered }>;
  /** What lies in the table of customers. */
  stored(): Promise<{ customers: CustomerItem[]; stubs: StubItem[] }>;
  lines(personId: string): Promise<Interaction[]>;
  stop(): Promise<void>;
}

/** Tests say what they expect of it. */
export type Answered = Record<string, unknown> & {
  id?: string;
  code?: string;
  mergeId?: string;
  customerId?: string;
  status?: string;
  data?: Answered[];
};

export const today = '2026-06-01T00:00:00.000Z';
const adminKey = 'rk_test_admin_key_of_more_than_thirty_two_characters';

export async function openEngine(): Promise<Engine> {
  process.env[variables.adminKeyHash] = createHash('sha256').update(adminKey).digest('hex');
  const door = await openDoor();
  const { tables } = door.embedded;
  await door.client.send(new PutCommand({ TableName: tables.registry, Item: { ...clockKey, now: today } }));
  const { handler } = await import('../../functions/api/api.ts');

  async function callOnce(routeKey: string, params: Record<string, string>, body?: unknown) {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const event = httpEvent({ routeKey, params, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const { statusCode, body: answered } = await handler(event, lambdaContext());
    return { status: Number(statusCode), body: (answered ? JSON.parse(answered) : {}) as Answered };
  }

  return {
    door,
    async told(topic, body) {
      for (let attempt = 0; attempt < 40; attempt++) {
        const answer = await door.deliver('shop', signShopify(topic, body));
        if (answer.status === 202) return String(answer.body.status);
        if (answer.status !== 503) throw new Error(`${topic} was answered ${answer.status}`);
      }
      throw new Error('never taken');
    },
    async call(routeKey, params, body) {
      for (let attempt = 0; attempt < 40; attempt++) {
        const answer = await callOnce(routeKey, params, body);
        if (answer.status !== 503) return answer;
      }
      throw new Error('never answered');
    },
    async stored() {
      const { Items = [] } = await door.client.send(new ScanCommand({ TableName: tables.customers, Limit: 1000 }));
      const items = Items as (CustomerItem | StubItem)[];
      return {
        customers: items.filter((item): item is CustomerItem => !isStubItem(item)),
        stubs: items.filter(isStubItem),
      };
    },
    async lines(personId) {
      const lines = (await door.lines(personId)) as unknown as Interaction[];
      return lines.map((line) => (line.type === 'order' ? { ...line, order: readOrder(line.order) } : line));
    },
    stop: () => door.stop(),
  };
}
