import { gzipSync } from 'node:zlib';
import type { KeptDelivery } from '../domain/delivery.ts';
import { millisecondsOf } from '../domain/instant.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { Deliveries } from '../engine/receive.ts';
import type { Client } from './client.ts';
import {
  bodyItems,
  bodyOf,
  deliveryOf,
  expiryAfter,
  expiryOf,
  headItem,
  type Item,
  outcomeUpdate,
  pieceTransactions,
} from './delivery-item.ts';
import { failedCondition, isConflict, itemInTheWay } from './faults.ts';
import { deliveryKey } from './keys.ts';

/** @param keptDays counted from when it was decided what a delivery came to; what is set aside stays */
export function deliveryStore(client: Client, table: string, keptDays: number): Deliveries {
  return {
    async keep(delivery, body) {
      const { id, receivedAt } = delivery;
      const packed = gzipSync(body);
      const expiresAt = expiryOf(delivery, receivedAt, keptDays);
      const pieces = bodyItems(id, packed, expiresAt);
      const lieThere = await arePieced(client, table, id, pieces.length);
      if (!lieThere) for (const piece of pieces) await putPiece(client, table, piece);
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
        const isWithheld = itemInTheWay(error)?.withheld === true;
        if (isWithheld) await dropPieces(client, table, pieces);
        await join(client, table, delivery, keptDays);
        // Neither it nor its pieces have an end; should the head get one meanwhile, whoever gives it sees to the pieces.
        if (lieThere && expiresAt === undefined) return;
        if (!isWithheld) await followHead(client, table, id, pieces.length, expiryAfter(receivedAt, keptDays));
      }
    },

    async get(deliveryId, now) {
      const items = await everything(client, table, deliveryKey(deliveryId).pk);
      const head = items.find(({ sk }) => sk === 'delivery');
      if (!head || (head.expiresAt !== undefined && Number(head.expiresAt) * 1000 <= millisecondsOf(now)))
        return undefined;
      return { delivery: deliveryOf(head), body: bodyOf(head, items) };
    },

    withhold: (deliveryId) => withhold(client, table, deliveryId),

    async settle(deliveryId, sourceId, outcome, replayedAt) {
      const place = { TableName: table, Key: deliveryKey(deliveryId) };
      const settled = outcomeUpdate(sourceId, outcome, replayedAt, keptDays, { replayedAt });
      if (!(await took(client.update({ ...place, ...settled })))) {
        await took(
          client.update({
            ...place,
            UpdateExpression: 'SET replayedAt = :at',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: { ':at': replayedAt },
          }),
        );
      }
      // After the head, each time: a settling that broke off here is made good by the next one.
      const { Item } = await client.get({ ...place, ProjectionExpression: 'pieces', ConsistentRead: true });
      await followHead(client, table, deliveryId, Item?.pieces ?? 0, expiryAfter(replayedAt, keptDays));
    },
  };
}

/** The same delivery came again: its outcome takes the place of the one that stands, where it may. */
export async function join(client: Client, table: string, delivery: KeptDelivery, keptDays: number): Promise<void> {
  const { id, sourceId, decidedAt } = delivery;
  const update = outcomeUpdate(sourceId, delivery, decidedAt, keptDays);
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

/** The pieces of a body end when their head ends, and stay while it stays. */
async function followHead(client: Client, table: string, id: string, pieces: number, expiresAt: number): Promise<void> {
  for (let piece = 0; piece < pieces; piece++) {
    let isDone = false;
    for (const TransactItems of pieceTransactions(table, id, piece, expiresAt))
      isDone ||= await took(client.transactWrite({ TransactItems }));
    if (!isDone) throw storeUnavailable(new Error('a piece of a body was not put in the time of its head'));
  }
}

/** When a delivery came first and what it is, where it is kept. */
export async function firstOf(
  client: Client,
  table: string,
  deliveryId: string,
): Promise<Pick<KeptDelivery, 'receivedAt' | 'status'> | undefined> {
  const { Item } = await client.get({
    TableName: table,
    Key: deliveryKey(deliveryId),
    ProjectionExpression: 'receivedAt, #status',
    ExpressionAttributeNames: { '#status': 'status' },
    ConsistentRead: true,
  });
  return Item as Pick<KeptDelivery, 'receivedAt' | 'status'> | undefined;
}

/** Whether a write was made; false where its condition did not hold. */
async function took(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (failedCondition(error) || isConflict(error)) return false;
    throw error;
  }
}

/**
 * Whether the pieces of this very body lie there already and stay: the id holds the body's hash. A shop that was told to
 * try again, as the last time took too long, is answered at once then.
 */
async function arePieced(client: Client, table: string, id: string, pieces: number): Promise<boolean> {
  if (pieces === 0) return false;
  const head = { TableName: table, Key: deliveryKey(id), ProjectionExpression: 'pieces, expiresAt' };
  const { Item } = await client.get({ ...head, ConsistentRead: true });
  return Item?.pieces === pieces && Item.expiresAt === undefined;
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
