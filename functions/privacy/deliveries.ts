import type { Instant } from '../../shared/domain/instant.ts';
import type { Client, TableNames } from '../../shared/dynamodb/client.ts';
import { listDeliveries } from '../../shared/dynamodb/delivery-list.ts';
import { deliveryStore, withhold } from '../../shared/dynamodb/delivery-store.ts';
import { deliveryPlace } from '../../shared/dynamodb/keys.ts';
import { listSourceIds } from '../../shared/dynamodb/source-store.ts';
import type { ErasedDeliveries } from '../../shared/engine/erase-deliveries.ts';
import { contentOf } from '../../shared/http/delivery-content.ts';

/** Kept deliveries as an erasure sees them. */
export function erasedDeliveries(
  client: Client,
  { deliveries: table, registry }: Pick<TableNames, 'deliveries' | 'registry'>,
  options: { now: Instant; keptDays: number; onSource(sourceId: string): Promise<void> },
): ErasedDeliveries {
  const { now, keptDays, onSource } = options;
  const store = deliveryStore(client, table, keptDays);
  return {
    sourceIds: () => listSourceIds(client, registry),

    async page(sourceId, { after, since }) {
      await onSource(sourceId);
      const { deliveries, ...more } = await listDeliveries(client, table, {
        sourceId,
        oldestFirst: true,
        limit: 200,
        // What has expired may still lie there.
        now: '1970-01-01T00:00:00.000Z',
        ...(after !== undefined && { after }),
        ...(since !== undefined && { from: since }),
      });
      const placed = deliveries.map((one) => ({ ...one, place: deliveryPlace(one.receivedAt, one.id).listedAt }));
      return { deliveries: placed, ...more };
    },

    content: async (deliveryId) => contentOf(await store.get(deliveryId, now)),

    withhold: (deliveryId) => withhold(client, table, deliveryId),
  };
}
