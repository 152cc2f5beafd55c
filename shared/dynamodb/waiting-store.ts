import type { WaitingList } from '../engine/count-waiting.ts';
import type { WaitingOrder } from '../engine/record-store.ts';
import type { Client } from './client.ts';
import { nextRatedDay } from './exchange-rate-store.ts';
import { waitingKey, waitingShard, waitingShards } from './keys.ts';

/** One order on the list. */
export function waitingItem({ currency, placedAt, interactionId, natural }: WaitingOrder) {
  return { ...waitingKey(currency, placedAt, interactionId), currency, placedAt, interactionId, natural };
}

/** The orders that wait for an exchange rate. */
export function waitingList(client: Client, registry: string): WaitingList {
  return {
    shards: waitingShards,

    async page(shard, after, limit) {
      const { Items = [] } = await client.query({
        TableName: registry,
        KeyConditionExpression: after === undefined ? 'pk = :shard' : 'pk = :shard AND sk > :after',
        ExpressionAttributeValues: { ':shard': waitingShard(shard), ...(after !== undefined && { ':after': after }) },
        ConsistentRead: true,
        Limit: limit,
      });
      return Items.map((item) => {
        const { currency, placedAt, interactionId, natural } = item as unknown as WaitingOrder;
        return { currency, placedAt, interactionId, natural };
      });
    },

    placeOf: ({ currency, placedAt, interactionId }) => waitingKey(currency, placedAt, interactionId).sk,
    placeBefore: (currency, day) => `${currency}#${day}`,
    placeBehind: (currency) => `${currency}#~`,
    nextRatedDay: (currency, day) => nextRatedDay(client, registry, currency, day),
  };
}
