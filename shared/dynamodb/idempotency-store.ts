import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { idempotencyKey } from './keys.ts';

interface Claim {
  keyId: string;
  hash: string;
  requestHash: string;
  owner: string;
  nonce: string;
  now: string;
  keptUntil: string;
  realTime: number;
  leaseUntil: number;
}

const claimIsMine = '#owner = :owner';
const names = { '#owner': 'owner' };

/**
 * Takes a slot that is free: never used, past its time, or left by an owner that died over the same request. Who takes
 * over from a dead owner takes its `nonce` as well.
 *
 *     claim ──────── run ──────── finish          kept until `keptUntil`
 *       └─ crash ─── leaseUntil ─ claim again     by a repetition of the same request
 */
export async function claim(
  client: Client,
  registry: string,
  { keyId, hash, now, realTime, ...rest }: Claim,
): Promise<{ nonce: string } | { requestHash: string; answer?: string; leaseUntil: number }> {
  const Key = idempotencyKey(keyId, hash);
  for (;;) {
    try {
      await client.put({
        TableName: registry,
        Item: { ...Key, ...rest, expiresAt: Math.ceil(realTime / 1000) + 25 * 60 * 60 },
        ConditionExpression: 'attribute_not_exists(pk) OR keptUntil <= :now',
        ExpressionAttributeValues: { ':now': now },
      });
      return { nonce: rest.nonce };
    } catch (error) {
      if (!failedCondition(error)) throw error;
    }
    const { Item: found } = await client.get({ TableName: registry, Key, ConsistentRead: true });
    if (!found) continue;
    const { requestHash, answer, nonce, leaseUntil } = found as Claim & { answer?: string };
    const left = answer === undefined && leaseUntil <= realTime && requestHash === rest.requestHash;
    if (!left) return { requestHash, leaseUntil, ...(answer !== undefined && { answer }) };
    if (await takeOver(client, registry, { ...rest, keyId, hash }, found.owner as string)) return { nonce };
  }
}

/** @returns false where somebody else was faster */
async function takeOver(
  client: Client,
  registry: string,
  { keyId, hash, owner, leaseUntil }: Pick<Claim, 'keyId' | 'hash' | 'owner' | 'leaseUntil'>,
  dead: string,
): Promise<boolean> {
  try {
    await client.update({
      TableName: registry,
      Key: idempotencyKey(keyId, hash),
      UpdateExpression: 'SET #owner = :owner, leaseUntil = :leaseUntil',
      ConditionExpression: '#owner = :dead AND attribute_not_exists(answer)',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':owner': owner, ':dead': dead, ':leaseUntil': leaseUntil },
    });
    return true;
  } catch (error) {
    if (failedCondition(error)) return false;
    throw error;
  }
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
