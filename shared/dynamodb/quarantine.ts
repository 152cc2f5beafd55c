import { gunzipSync, gzipSync } from 'node:zlib';
import type { DeliveryStatus, QuarantinedDelivery } from '../domain/delivery.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { Quarantine } from '../engine/receive.ts';
import type { Client } from './client.ts';
import { isConflict } from './faults.ts';
import { deliveryBodyKey, deliveryKey, quarantinedKey } from './keys.ts';

/** An item holds 400 kB: a body is kept compressed, in pieces. */
const pieceBytes = 350_000;

interface Page {
  deliveries: QuarantinedDelivery[];
  /** Where the next page begins: the sort key of the last one. */
  next?: string;
}

export interface QuarantineStore extends Quarantine {
  /** In the order of arrival, newest first. */
  list(page: { limit: number; after?: string }): Promise<Page>;
}

export function quarantineStore(client: Client, ledger: string): QuarantineStore {
  return {
    async put(delivery, body) {
      const packed = gzipSync(body);
      const pieces = Math.ceil(packed.length / pieceBytes);
      for (let piece = 0; piece < pieces; piece++) {
        const bytes = packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
        await putPiece(client, ledger, { ...deliveryBodyKey(delivery.id, piece), bytes });
      }
      for (let attempt = 0; attempt < 5; attempt++) {
        if ((await putHead(client, ledger, { ...delivery, pieces })) === 'put') return;
      }
      throw storeUnavailable(new Error('the delivery was put by others at the same time'));
    },

    async get(deliveryId) {
      const items = await everything(client, ledger, deliveryKey(deliveryId).pk);
      const head = items.find(({ sk }) => sk === 'delivery');
      if (!head) return undefined;
      const pieces = items.filter(({ sk }) => String(sk).startsWith('body#')).slice(0, Number(head.pieces));
      const body = gunzipSync(Buffer.concat(pieces.map(({ bytes }) => bytes as Uint8Array)));
      return { delivery: deliveryOf(head), body };
    },

    async release(delivery, status) {
      await client.transactWrite({
        TransactItems: [
          { Delete: { TableName: ledger, Key: quarantinedKey(delivery.receivedAt, delivery.id) } },
          {
            Update: {
              TableName: ledger,
              Key: deliveryKey(delivery.id),
              UpdateExpression: 'SET #status = :status',
              ConditionExpression: 'attribute_exists(pk)',
              ExpressionAttributeNames: { '#status': 'status' },
              ExpressionAttributeValues: { ':status': status },
            },
          },
        ],
      });
    },

    async list({ limit, after }) {
      const { Items = [], LastEvaluatedKey } = await client.query({
        TableName: ledger,
        KeyConditionExpression: after === undefined ? 'pk = :list' : 'pk = :list AND sk < :after',
        ExpressionAttributeValues: { ':list': quarantinedKey('', '').pk, ...(after && { ':after': after }) },
        ScanIndexForward: false,
        Limit: limit,
      });
      const last = Items.at(-1);
      return { deliveries: Items.map(deliveryOf), ...(LastEvaluatedKey && last && { next: String(last.sk) }) };
    },
  };
}

async function putPiece(client: Client, ledger: string, Item: Record<string, unknown>): Promise<void> {
  const { UnprocessedItems } = await client.batchWrite({ RequestItems: { [ledger]: [{ PutRequest: { Item } }] } });
  if (UnprocessedItems?.[ledger]?.length) {
    throw storeUnavailable(new Error('a piece of a body was not written'));
  }
}

/**
 * The head and its place in the list. One that is sent again keeps its first place; one that was replayed with success
 * meanwhile stays off the list.
 */
async function putHead(
  client: Client,
  ledger: string,
  head: QuarantinedDelivery & { pieces: number },
): Promise<'put' | 'crossed'> {
  const { Item: known } = await client.get({ TableName: ledger, Key: deliveryKey(head.id), ConsistentRead: true });
  if (known && known.status !== 'quarantined') return 'put';
  const receivedAt = known?.receivedAt ?? head.receivedAt;
  const asRead = known
    ? {
        ConditionExpression: '#status = :read',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':read': 'quarantined' satisfies DeliveryStatus },
      }
    : { ConditionExpression: 'attribute_not_exists(pk)' };
  try {
    await client.transactWrite({
      TransactItems: [
        { Put: { TableName: ledger, Item: { ...head, receivedAt, ...deliveryKey(head.id) }, ...asRead } },
        { Put: { TableName: ledger, Item: { ...head, receivedAt, ...quarantinedKey(receivedAt, head.id) } } },
      ],
    });
    return 'put';
  } catch (error) {
    if (isConflict(error)) return 'crossed';
    throw error;
  }
}

async function everything(client: Client, ledger: string, pk: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: ledger,
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

function deliveryOf(item: Record<string, unknown>): QuarantinedDelivery {
  const { id, sourceId, status, reason, headers, receivedAt, bytes } = item as unknown as QuarantinedDelivery;
  return { id, sourceId, status, reason, headers, receivedAt, bytes };
}
