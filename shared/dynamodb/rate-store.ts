import type { Client } from './client.ts';
import { rateKey } from './keys.ts';

/** Counts one request; a count that a repetition by the client doubles costs the caller one request, and nothing else. */
export async function countRequest(
  client: Client,
  registry: string,
  keyId: string,
  window: number,
  endsAt: number,
): Promise<number> {
  const { Attributes } = await client.update({
    TableName: registry,
    Key: rateKey(keyId, window),
    UpdateExpression: 'ADD #count :one SET expiresAt = :expiresAt',
    ExpressionAttributeNames: { '#count': 'count' },
    ExpressionAttributeValues: { ':one': 1, ':expiresAt': endsAt + 60 },
    ReturnValues: 'UPDATED_NEW',
  });
  return Number(Attributes?.count);
}
