import { gunzipSync } from 'node:zlib';
import { type KeptDelivery, type Outcome, standing } from '../domain/delivery.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { deliveryBodyKey, deliveryKey, deliveryListKeys, deliveryPlace } from './keys.ts';

export type Item = Record<string, unknown>;

/** An item holds 400 kB: a compressed body of more bytes than this lies beside it, in pieces. */
export const pieceBytes = 350_000;

/** @returns seconds since 1970 */
export function expiryOf(receivedAt: Instant, keptDays: number): number {
  return Math.floor(millisecondsOf(receivedAt) / 1000) + keptDays * 86_400;
}

/** The delivery as it lies in the table: with its body, or with the number of pieces that follow it. */
export function headItem(delivery: KeptDelivery, packed: Uint8Array, expiresAt: number): Item {
  const { id, sourceId, status, receivedAt } = delivery;
  const pieces = piecesOf(packed);
  return {
    ...defined(delivery),
    ...deliveryKey(id),
    ...deliveryListKeys(sourceId, status),
    ...deliveryPlace(receivedAt, id),
    expiresAt,
    ...(pieces === 0 ? { body: packed } : { pieces }),
  };
}

export function bodyItems(id: string, packed: Uint8Array, expiresAt: number): Item[] {
  return Array.from({ length: piecesOf(packed) }, (_, piece) => ({
    ...deliveryBodyKey(id, piece),
    expiresAt,
    bytes: packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes),
  }));
}

function piecesOf(packed: Uint8Array): number {
  return packed.length <= pieceBytes ? 0 : Math.ceil(packed.length / pieceBytes);
}

/** @param items the head and, in order, the pieces that belong to it */
export function bodyOf(head: Item, items: readonly Item[]): Uint8Array {
  if (head.withheld) return new Uint8Array();
  if (head.body) return gunzipSync(head.body as Uint8Array);
  const pieces = items.filter(({ sk }) => String(sk).startsWith('body#')).slice(0, Number(head.pieces));
  return gunzipSync(Buffer.concat(pieces.map(({ bytes }) => bytes as Uint8Array)));
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
 * the delivery among the lists.
 * @param more attributes that are set beside it
 */
export function outcomeUpdate(
  sourceId: string,
  outcome: Outcome,
  decidedAt: Instant,
  more: Record<string, string | number>,
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
      `SET ${set.map((name) => `#${name} = :${name}`).join(', ')}` +
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

function defined(item: object): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}
