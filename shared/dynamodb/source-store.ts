import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Source } from '../domain/source.ts';
import { type Client, failedCondition, storeFault } from './client.ts';
import { sourceKey } from './keys.ts';

/** The source, read consistently: a secret that was taken out must not open the door any more. */
export async function getSource(client: Client, registry: string, sourceId: string): Promise<Source | undefined> {
  try {
    const { Item } = await client.send(
      new GetCommand({ TableName: registry, Key: sourceKey(sourceId), ConsistentRead: true }),
    );
    if (!Item) return undefined;
    const { pk, sk, ...source } = Item;
    return source as Source;
  } catch (error) {
    throw storeFault(error);
  }
}

/**
 * Puts the source in the place of `before`.
 * @returns `crossed` where another write came between reading `before` and now
 */
export async function putSource(
  client: Client,
  registry: string,
  source: Source,
  before: Source | undefined,
): Promise<'put' | 'crossed'> {
  const sourceIsAsRead = before
    ? { ConditionExpression: 'revision = :read', ExpressionAttributeValues: { ':read': before.revision } }
    : { ConditionExpression: 'attribute_not_exists(pk)' };
  try {
    await client.send(
      new PutCommand({ TableName: registry, Item: { ...sourceKey(source.id), ...source }, ...sourceIsAsRead }),
    );
    return 'put';
  } catch (error) {
    if (failedCondition(error)) return 'crossed';
    throw storeFault(error);
  }
}
