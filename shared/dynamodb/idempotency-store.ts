import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { idempotencyKey } from './keys.ts';

interface Claim {
  keyId: string;
  hash: string;
  requestHash: string;
  owner: string;
  now: string;
  keptUntil: string;
  realTime: number;
  leaseUntil: number;
}

const claimIsMine = '#owner = :owner';
const names = { '#owner': 'owner' };

/**
 * Takes a slot that is free: never used, past its time, or left by an owner that died over the same request.
 *
 *     claim ──────── run ──────── finish          kept until `keptUntil`
 *       └─ crash ─── leaseUntil ─ claim again     by a repetition of the same request
 */
export async function claim(
  client: Client,
  registry: string,
  { keyId, hash, now, realTime, ...rest }: Claim,
): Promise<'claimed' | { requestHash: string; answer?: string }> {
  const Key = idempotencyKey(keyId, hash);
  const slotIsFree =
    'attribute_not_exists(pk) OR keptUntil <= :now' +
    ' OR (attribute_not_exists(answer) AND leaseUntil <= :realTime AND requestHash = :requestHash)';
  for (;;) {
    try {
      await client.put({
        TableName: registry,
        Item: { ...Key, ...rest, expiresAt: Math.ceil(realTime / 1000) + 25 * 60 * 60 },
        ConditionExpression: slotIsFree,
        ExpressionAttributeValues: { ':now': now, ':realTime': realTime, ':requestHash': rest.requestHash },
      });
      return 'claimed';
    } catch (error) {
      if (!failedCondition(error)) throw error;
    }
    const found = await read(client, registry, Key);
    if (found) return found;
  }
}

async function read(client: Client, registry: string, Key: { pk: string; sk: string }) {
  const { Item } = await client.get({ TableName: registry, Key, ConsistentRead: true });
  if (!Item) return undefined;
  const { requestHash, answer } = Item as { requestHash: string; answer?: string };
  return { requestHash, ...(answer !== undefined && { answer }) };
}

export async function keep(client: Client, registry: string, held: Claim, leaseUntil: number): Promise<void> {
  await unlessTaken(
    client.update({
      TableName: registry,
      Key: idempotencyKey(held.keyId, held.hash),
      UpdateExpression: 'SET leaseUntil = :leaseUntil',
      ConditionExpression: claimIsMine,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':leaseUntil': leaseUntil, ':owner': held.owner },
    }),
  );
}

export async function finish(client: Client, registry: string, held: Claim, answer: string): Promise<void> {
  await unlessTaken(
    client.update({
      TableName: registry,
      Key: idempotencyKey(held.keyId, held.hash),
      UpdateExpression: 'SET answer = :answer',
      ConditionExpression: claimIsMine,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':answer': answer, ':owner': held.owner },
    }),
  );
}

export async function drop(client: Client, registry: string, held: Claim): Promise<void> {
  await unlessTaken(
    client.delete({
      TableName: registry,
      Key: idempotencyKey(held.keyId, held.hash),
      ConditionExpression: claimIsMine,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':owner': held.owner },
    }),
  );
}

/** A claim that another owner took over after its lease is that owner's to finish. */
async function unlessTaken(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!failedCondition(error)) throw error;
  }
}
