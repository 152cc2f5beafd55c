import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type Client, storeFault } from './client.ts';
import { rateKey } from './keys.ts';

/** Counts one request; a count that a retry of the SDK doubles costs the caller one request, and nothing else. */
export async function countRequest(
  client: Client,
  registry: string,
  keyId: string,
  window: number,
  endsAt: number,
): Promise<number> {
  try {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: registry,
        Key: rateKey(keyId, window),
        UpdateExpression: 'ADD #count :one SET expiresAt = :expiresAt',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: { ':one': 1, ':expiresAt': endsAt + 60 },
        ReturnValues: 'UPDATED_NEW',
      }),
    );
    return Number(Attributes?.count);
  } catch (error) {
    throw storeFault(error);
  }
}
