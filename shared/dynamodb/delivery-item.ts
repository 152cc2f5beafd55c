import { gunzipSync } from 'node:zlib';
import { type KeptDelivery, type Outcome, standing } from '../domain/delivery.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { Problem } from '../engine/problem.ts';
import { deliveryBodyKey, deliveryKey, deliveryListKeys, deliveryPlace } from './keys.ts';

export type Item = Record<string, unknown>;

/** An item holds 400 kB: a compressed body of more bytes than this lies beside it, in pieces. */
export const pieceBytes = 350_000;

/** @returns seconds since 1970 */
export function expiryAfter(decidedAt: Instant, keptDays: number): number {
  return Math.floor(millisecondsOf(decidedAt) / 1000) + keptDays * 86_400;
}

/**
 * When a delivery goes, some days after its outcome was decided; never while it is set aside: it was acknowledged, and
 * is known nowhere else.
 */
export function expiryOf({ status }: Outcome, decidedAt: Instant, keptDays: number): number | undefined {
  return status === 'quarantined' ? undefined : expiryAfter(decidedAt, keptDays);
}

/** Part of a filter: what has expired by `:now`, in seconds, is left out, whether DynamoDB has removed it or not. */
export const unexpired = '(attribute_not_exists(expiresAt) OR expiresAt > :now)';

/** The delivery as it lies in the table: with its body, or with the number of pieces that follow it. */
export function headItem(delivery: KeptDelivery, packed: Uint8Array, expiresAt: number | undefined): Item {
  const { id, sourceId, status, receivedAt } = delivery;
  const pieces = piecesOf(packed);
  return {
    ...defined(delivery),
    ...deliveryKey(id),
    ...deliveryListKeys(sourceId, status),
    ...deliveryPlace(receivedAt, id),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(pieces === 0 ? { body: packed } : { pieces }),
  };
}

export function bodyItems(id: string, packed: Uint8Array, expiresAt: number | undefined): Item[] {
  return Array.from({ length: piecesOf(packed) }, (_, piece) => ({
    ...deliveryBodyKey(id, piece),
    ...(expiresAt !== undefined && { expiresAt }),
    bytes: packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes),
  }));
}

function piecesOf(packed: Uint8Array): number {
  return packed.length <= pieceBytes ? 0 : Math.ceil(packed.length / pieceBytes);
}

/**
 * @param items the head and, in order, the pieces that belong to it
 * @throws Problem `body_unreadable`
 */
export function bodyOf(head: Item, items: readonly Item[]): Uint8Array {
  if (head.withheld) return new Uint8Array();
  const pieces = items.filter(({ sk }) => String(sk).startsWith('body#')).slice(0, Number(head.pieces));
  const packed = head.body ?? Buffer.concat(pieces.map(({ bytes }) => bytes as Uint8Array));
  try {
    return gunzipSync(packed as Uint8Array);
  } catch (cause) {
    throw new Problem(500, 'body_unreadable', 'The body of the delivery cannot be unpacked.', { cause });
  }
}

/** @param item the whole, or what a list shows: then without headers */
export function deliveryOf(item: Item): KeptDelivery {
  const { id, sourceId, status, reason, customerId, interactionId, occurredAt } = item;
  const { headers, receivedAt, decidedAt, replayedAt, bytes, privacyRequestId, withheld } = item;
  const outcome = { status, reason, customerId, interactionId, occurredAt, privacyRequestId, withheld };
  const kept = { id, sourceId, ...outcome, headers, receivedAt, decidedAt, replayedAt, bytes };
  return defined(kept) as unknown as KeptDelivery;
}

/**
 * An update that puts an outcome in the place of one that it outranks, or of an equal one that is not later, and moves
 * the delivery among the lists. Once it is settled its days begin, and they end whatever is said of it later.
 * @param more attributes that are set beside it
 */
export function outcomeUpdate(
  sourceId: string,
  outcome: Outcome,
  decidedAt: Instant,
  keptDays: number,
  more: Record<string, string> = {},
) {
  const { status, reason, customerId, interactionId, occurredAt, privacyRequestId } = outcome;
  const { sourceStatus, setAside } = deliveryListKeys(sourceId, status);
  const values: Item = {
    status,
    reason,
    customerId,
    interactionId,
    occurredAt,
    privacyRequestId,
    sourceStatus,
    setAside,
    decidedAt,
    expiresAt: expiryOf(outcome, decidedAt, keptDays),
    ...more,
  };
  const named = Object.keys(values);
  const set = named.filter((name) => values[name] !== undefined);
  const removed = named.filter((name) => values[name] === undefined);
  const { outranks, equals } = standing[status];
  const statuses = [...outranks, ...equals].map((was, index): [string, string] => [`:was${index}`, was]);
  const placeholders = statuses.map(([name]) => name);
  const isEqual = `#status IN (${placeholders.slice(outranks.length).join(', ')}) AND #decidedAt <= :decidedAt`;
  return {
    UpdateExpression:
      `SET ${set.map((name) => `#${name} = ${operandOf(name)}`).join(', ')}` +
      (removed.length > 0 ? ` REMOVE ${removed.map((name) => `#${name}`).join(', ')}` : ''),
    ConditionExpression:
      outranks.length > 0
        ? `#status IN (${placeholders.slice(0, outranks.length).join(', ')}) OR (${isEqual})`
        : isEqual,
    ExpressionAttributeNames: Object.fromEntries(named.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries([
      ...set.map((name) => [`:${name}`, values[name]]),
      ...statuses,
    ]) as Item,
  };
}

const operandOf = (name: string) => (name === 'expiresAt' ? 'if_not_exists(#expiresAt, :expiresAt)' : `:${name}`);

/**
 * One piece of a body in the time of its head: it gets an end where the head has one, and loses its own where it has
 * none. Each of the two is on condition of the head, so that no two callers can part them.
 */
export function pieceTransactions(TableName: string, id: string, piece: number, expiresAt: number) {
  const Key = deliveryBodyKey(id, piece);
  const head = { TableName, Key: deliveryKey(id) };
  const ofHead = (ConditionExpression: string) => ({ ConditionCheck: { ...head, ConditionExpression } });
  return [
    [
      ofHead('attribute_exists(expiresAt)'),
      {
        Update: {
          TableName,
          Key,
          UpdateExpression: 'SET expiresAt = if_not_exists(expiresAt, :expiresAt)',
          ExpressionAttributeValues: { ':expiresAt': expiresAt },
        },
      },
    ],
    [
      ofHead('attribute_exists(pk) AND attribute_not_exists(expiresAt)'),
      { Update: { TableName, Key, UpdateExpression: 'REMOVE expiresAt' } },
    ],
  ];
}

function defined(item: object): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}
