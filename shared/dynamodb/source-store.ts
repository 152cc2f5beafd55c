import { BatchGetCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Instant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import { type Client, failedCondition, storeFault, throttled } from './client.ts';
import { clockKey, sourceKey } from './keys.ts';

/** The source, read consistently: a secret that was taken out must not open the door any more. */
export async function getSource(client: Client, registry: string, sourceId: string): Promise<Source | undefined> {
  try {
    const { Item } = await client.send(
      new GetCommand({ TableName: registry, Key: sourceKey(sourceId), ConsistentRead: true }),
    );
    return Item && sourceOf(Item);
  } catch (error) {
    throw storeFault(error);
  }
}

/** A source, and the time that the test clock holds, in one round trip; both consistent. */
export async function readSourceAndClock(
  client: Client,
  registry: string,
  sourceId: string,
): Promise<{ source: Source | undefined; held: Instant | undefined }> {
  const Keys = [sourceKey(sourceId), clockKey];
  try {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({ RequestItems: { [registry]: { Keys, ConsistentRead: true } } }),
    );
    if (UnprocessedKeys?.[registry]) throw throttled('the source was not read');
    const items = Responses?.[registry] ?? [];
    const source = items.find(({ pk }) => pk !== clockKey.pk);
    const clock = items.find(({ pk }) => pk === clockKey.pk);
    return { source: source && sourceOf(source), held: clock?.now };
  } catch (error) {
    throw storeFault(error);
  }
}

function sourceOf({ pk, sk, ...source }: Record<string, unknown>): Source {
  return source as unknown as Source;
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
