import { gzipSync } from 'node:zlib';
import type { KeptDelivery } from '../domain/delivery.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { Deliveries } from '../engine/receive.ts';
import type { Client } from './client.ts';
import { bodyItems, bodyOf, deliveryOf, expiryOf, headItem, type Item, outcomeUpdate } from './delivery-item.ts';
import { failedCondition, itemInTheWay } from './faults.ts';
import { deliveryKey } from './keys.ts';

/** @param keptDays counted from when a delivery came */
export function deliveryStore(client: Client, table: string, keptDays: number): Deliveries {
  return {
    async keep(delivery, body) {
      const packed = gzipSync(body);
      const expiresAt = expiryOf(delivery.receivedAt, keptDays);
      const pieces = bodyItems(delivery.id, packed, expiresAt);
      for (const piece of pieces) await putPiece(client, table, piece);
      try {
        await client.put({
          TableName: table,
          Item: headItem(delivery, packed, expiresAt),
          ConditionExpression: 'attribute_not_exists(pk)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        });
      } catch (error) {
        if (!failedCondition(error)) throw error;
        // A body that was taken out does not come back with the delivery.
        if (itemInTheWay(error)?.withheld === true) await dropPieces(client, table, pieces);
        // Its body was written anew, so it may last as long.
        await join(client, table, delivery, { expiresAt });
      }
    },

    async get(deliveryId, now) {
      const items = await everything(client, table, deliveryKey(deliveryId).pk);
      const head = items.find(({ sk }) => sk === 'delivery');
      if (!head || Number(head.expiresAt) * 1000 <= millisecondsOf(now)) return undefined;
      return { delivery: deliveryOf(head), body: bodyOf(head, items) };
    },

    withhold: (deliveryId) => withhold(client, table, deliveryId),

    async settle(deliveryId, sourceId, outcome, replayedAt) {
      const place = { TableName: table, Key: deliveryKey(deliveryId) };
      const settled = outcomeUpdate(sourceId, outcome, replayedAt, { replayedAt });
      if (await took(client.update({ ...place, ...settled }))) return;
      await took(
        client.update({
          ...place,
          UpdateExpression: 'SET replayedAt = :at',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':at': replayedAt },
        }),
      );
    },
  };
}

/** The same delivery came again: its outcome takes the place of the one that stands, where it may. */
export async function join(
  client: Client,
  table: string,
  delivery: KeptDelivery,
  more: { expiresAt?: number } = {},
): Promise<void> {
  const { id, sourceId, decidedAt } = delivery;
  const update = outcomeUpdate(sourceId, delivery, decidedAt, more);
  await took(client.update({ TableName: table, Key: deliveryKey(id), ...update }));
  if (delivery.withheld) await withhold(client, table, id);
}

async function dropPieces(client: Client, table: string, pieces: readonly Item[]): Promise<void> {
  for (const { pk, sk } of pieces) await client.delete({ TableName: table, Key: { pk, sk } });
}

/**
 * Takes the body out of a delivery for good, and what its headers may say. Who expires or is not there stays so.
 */
export async function withhold(client: Client, table: string, deliveryId: string): Promise<void> {
  const isThere = await took(
    client.update({
      TableName: table,
      Key: deliveryKey(deliveryId),
      UpdateExpression: 'SET withheld = :yes, headers = :none REMOVE #body, pieces, customerId',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#body': 'body' },
      ExpressionAttributeValues: { ':yes': true, ':none': {} },
    }),
  );
  if (!isThere) return;
  const pieces = (await everything(client, table, deliveryKey(deliveryId).pk)).filter(({ sk }) => sk !== 'delivery');
  await dropPieces(client, table, pieces);
}

/** When a delivery came first, where it is kept. */
export async function firstReceivedAt(client: Client, table: string, deliveryId: string): Promise<Instant | undefined> {
  const { Item } = await client.get({
    TableName: table,
    Key: deliveryKey(deliveryId),
    ProjectionExpression: 'receivedAt',
    ConsistentRead: true,
  });
  return Item?.receivedAt;
}

/** Whether a write was made; false where its condition did not hold. */
async function took(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (failedCondition(error)) return false;
    throw error;
  }
}

async function putPiece(client: Client, table: string, Item: Item): Promise<void> {
  const { UnprocessedItems } = await client.batchWrite({ RequestItems: { [table]: [{ PutRequest: { Item } }] } });
  if (UnprocessedItems?.[table]?.length) throw storeUnavailable(new Error('a piece of a body was not written'));
}

async function everything(client: Client, table: string, pk: string): Promise<Item[]> {
  const items: Item[] = [];
  let start: Item | undefined;
  do {
    const page = await client.query({
      TableName: table,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk },
      ConsistentRead: true,
      Limit: 100,
      ...(start && { ExclusiveStartKey: start }),
    });
    items.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start);
  return items;
}
