import type { ApiKey } from '../domain/access.ts';
import { type Client, pageSize } from './client.ts';
import { isConflict } from './faults.ts';
import { apiKeyKey, apiKeyListKey } from './keys.ts';

/** In the table `expiresAt` is the time of deletion in seconds; a key's own is kept as `validUntil`. */
type KeyItem = Omit<ApiKey, 'expiresAt'> & { validUntil?: string; hash: string };

function keyOf({ validUntil, hash, ...item }: KeyItem & { pk?: string; sk?: string }): ApiKey {
  const { pk, sk, ...key } = item;
  return { ...key, ...(validUntil !== undefined && { expiresAt: validUntil }) };
}

/** Read consistently: a revoked key opens nothing from the moment of the answer. */
export async function findKey(client: Client, registry: string, hash: string): Promise<ApiKey | undefined> {
  const { Item } = await client.get({ TableName: registry, Key: apiKeyKey(hash), ConsistentRead: true });
  return Item && keyOf(Item as KeyItem);
}

/** A key that is there already stays as it is. */
export async function addKey(client: Client, registry: string, key: ApiKey, hash: string): Promise<void> {
  const { expiresAt, ...rest } = key;
  const item: KeyItem = { ...rest, hash, ...(expiresAt !== undefined && { validUntil: expiresAt }) };
  const ConditionExpression = 'attribute_not_exists(pk)';
  try {
    await client.transactWrite({
      TransactItems: [
        { Put: { TableName: registry, Item: { ...apiKeyKey(hash), ...item }, ConditionExpression } },
        { Put: { TableName: registry, Item: { ...apiKeyListKey(key.id), ...item }, ConditionExpression } },
      ],
    });
  } catch (error) {
    if (!isConflict(error) || !(await findKey(client, registry, hash))) throw error;
  }
}

/**
 * A page of the keys in the order of their ids, those of one partner where one is given.
 * @param after id of the last key of the page before
 */
export async function listKeys(
  client: Client,
  registry: string,
  { partner, limit, after }: { partner?: string; limit: number; after?: string },
): Promise<{ keys: ApiKey[]; next?: string }> {
  const keys: ApiKey[] = [];
  let from = after;
  for (;;) {
    const { Items = [], LastEvaluatedKey } = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': apiKeyListKey('').pk },
      ConsistentRead: true,
      Limit: pageSize,
      ...(from !== undefined && { ExclusiveStartKey: apiKeyListKey(from) }),
    });
    for (const item of Items) {
      const key = keyOf(item as KeyItem);
      if (partner !== undefined && key.partner !== partner) continue;
      if (keys.length === limit) return { keys, next: keys.at(-1)?.id ?? '' };
      keys.push(key);
    }
    if (!LastEvaluatedKey) return { keys };
    from = String(LastEvaluatedKey.sk);
  }
}

/** @returns false where there is no such key, or it belongs to another partner than the one that is given */
export async function revokeKey(
  client: Client,
  registry: string,
  keyId: string,
  partner: string | undefined,
): Promise<boolean> {
  const { Item } = await client.get({ TableName: registry, Key: apiKeyListKey(keyId), ConsistentRead: true });
  if (!Item || (partner !== undefined && Item.partner !== partner)) return false;
  await client.transactWrite({
    TransactItems: [
      { Delete: { TableName: registry, Key: apiKeyKey(String(Item.hash)) } },
      { Delete: { TableName: registry, Key: apiKeyListKey(keyId) } },
    ],
  });
  return true;
}
