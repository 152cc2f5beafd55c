import type { Instant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import { storeUnavailable } from '../engine/problem.ts';
import { type Client, pageSize } from './client.ts';
import { isConflict } from './faults.ts';
import { clockKey, sourceKey, sourceListKey } from './keys.ts';

/** The source, read consistently: a secret that was taken out must not open the door any more. */
export async function getSource(client: Client, registry: string, sourceId: string): Promise<Source | undefined> {
  const { Item } = await client.get({ TableName: registry, Key: sourceKey(sourceId), ConsistentRead: true });
  return Item && sourceOf(Item);
}

/** A source, and the time that the test clock holds, in one round trip; both consistent. */
export async function readSourceAndClock(
  client: Client,
  registry: string,
  sourceId: string,
): Promise<{ source: Source | undefined; held: Instant | undefined }> {
  const Keys = [sourceKey(sourceId), clockKey];
  const { Responses, UnprocessedKeys } = await client.batchGet({
    RequestItems: { [registry]: { Keys, ConsistentRead: true } },
  });
  if (UnprocessedKeys?.[registry]) throw storeUnavailable(new Error('the source was not read'));
  const items = Responses?.[registry] ?? [];
  const source = items.find(({ pk }) => pk !== clockKey.pk);
  const clock = items.find(({ pk }) => pk === clockKey.pk);
  return { source: source && sourceOf(source), held: clock?.now };
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
    await client.transactWrite({
      TransactItems: [
        { Put: { TableName: registry, Item: { ...sourceKey(source.id), ...source }, ...sourceIsAsRead } },
        { Put: { TableName: registry, Item: { ...sourceListKey(source.id), platform: source.platform } } },
      ],
    });
    return 'put';
  } catch (error) {
    if (isConflict(error)) return 'crossed';
    throw error;
  }
}

/**
 * Sources by their ids.
 * @param among those alone
 */
export async function listSources(
  client: Client,
  registry: string,
  { limit, after = '', among }: { limit: number; after?: string; among?: readonly string[] },
): Promise<{ sources: Source[]; next?: string }> {
  const all = among ? [...new Set(among)].sort() : await listSourceIds(client, registry);
  const ids = all.filter((id) => id > after);
  const page = await Promise.all(ids.slice(0, limit).map((id) => getSource(client, registry, id)));
  const next = ids.length > limit ? ids[limit - 1] : undefined;
  return { sources: page.filter((source) => source !== undefined), ...(next !== undefined && { next }) };
}

/**
 * Takes from a source what it is recognised by and what its shop is asked with. Repeatable.
 * @param upTo the revision up to which it is meant: a source that was put later begins anew
 */
export async function switchOffSource(
  client: Client,
  registry: string,
  { sourceId, at, upTo }: { sourceId: string; at: Instant; upTo: number },
): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const source = await getSource(client, registry, sourceId);
    if (!source || source.erasedAt || source.revision > upTo) return;
    const { credentials: _credentials, nobody: _nobody, ...rest } = source;
    const off: Source = { ...rest, secrets: [], erasedAt: at, updatedAt: at, revision: source.revision + 1 };
    if ((await putSource(client, registry, off, source)) === 'put') return;
  }
  throw storeUnavailable(new Error('the source changes all the time'));
}

/** The ids of all sources, in their order. */
export async function listSourceIds(client: Client, registry: string): Promise<string[]> {
  const ids: string[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :sources',
      ExpressionAttributeValues: { ':sources': sourceListKey('').pk },
      ConsistentRead: true,
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    ids.push(...(page.Items ?? []).map(({ sk }) => String(sk)));
    start = page.LastEvaluatedKey;
  } while (start);
  return ids;
}
