import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { variables } from '../../shared/contracts/environment.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { type Door, openDoor } from './door.ts';
import { type RetryQueue, startRetryQueue } from './retry-queue.ts';
import { type ShopApi, startShopApi } from './shop-api.ts';

/** The webhook functions with a retry queue that is worked off by hand, and a shop to be asked. */
export interface FetchingDoor extends Door {
  queue: RetryQueue;
  api: ShopApi;
  putSource(source: Partial<Source> & Pick<Source, 'id' | 'platform'>): Promise<void>;
  customer(email: string): Promise<CustomerItem | undefined>;
  /** The one order of the customer as it is kept. */
  order(email: string): Promise<Record<string, unknown> | undefined>;
  /** Why the newest delivery that was set aside was. */
  reason(deliveryId: string): Promise<string | undefined>;
}

/** @param base path of the shop's API */
export async function openFetchingDoor(base: string): Promise<FetchingDoor> {
  const queue = await startRetryQueue();
  const api = await startShopApi(base);
  process.env[variables.subscriptionSource] = 'ct';
  const door = await openDoor(queue.endpoint);
  const customer = async (email: string) =>
    (await door.customers()).find(({ profile }) => profile.email?.value === email);
  return {
    ...door,
    queue,
    api,
    async putSource(source) {
      const at = '2026-01-01T00:00:00.000Z';
      const Item: Source = {
        secrets: [],
        currency: 'EUR',
        baseCurrency: 'EUR',
        baseTimeZone: 'Europe/Berlin',
        timeZone: 'Europe/Berlin',
        countsWhen: 'placed',
        revision: 1,
        createdAt: at,
        updatedAt: at,
        address: api.address,
        ...source,
      };
      await door.client.send(
        new PutCommand({ TableName: door.embedded.tables.registry, Item: { ...sourceKey(source.id), ...Item } }),
      );
    },
    customer,
    async order(email) {
      const lines = await door.lines((await customer(email))?.customerId ?? '');
      return lines.find(({ type }) => type === 'order');
    },
    async reason(deliveryId) {
      const store = deliveryStore(door.store, door.embedded.tables.deliveries, 30);
      const kept = await store.get(deliveryId, new Date().toISOString());
      return kept?.delivery.reason;
    },
    async stop() {
      await queue.stop();
      await api.stop();
      await door.stop();
    },
  };
}
