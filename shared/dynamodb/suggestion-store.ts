import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import type { MergeSuggestion } from '../domain/merge.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { SuggestionEntry } from '../engine/record-store.ts';
import { type Client, pageSize, type TableNames } from './client.ts';
import { isStubItem, type StoredItem } from './customer-item.ts';
import { isConflict } from './faults.ts';
import { suggestionKey, suggestionListKey } from './keys.ts';
import { newestOf } from './newest.ts';

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** A suggestion by the two persons, for ever, and in the list while it is open. */
export function suggested(suggestion: MergeSuggestion, registry: string): TransactItem[] {
  const entry: SuggestionEntry = { ...suggestion, status: 'open' };
  return [
    {
      Put: {
        TableName: registry,
        Item: { ...suggestionKey(suggestion.id), ...itemOf(entry) },
        ConditionExpression: 'attribute_not_exists(pk)',
      },
    },
    { Put: { TableName: registry, Item: { ...suggestionListKey(suggestion.since, suggestion.id), ...itemOf(entry) } } },
  ];
}

export function settled(
  suggestion: MergeSuggestion,
  status: SuggestionEntry['status'],
  registry: string,
): TransactItem[] {
  return [
    { Delete: { TableName: registry, Key: suggestionListKey(suggestion.since, suggestion.id) } },
    {
      Update: {
        TableName: registry,
        Key: suggestionKey(suggestion.id),
        UpdateExpression: 'SET #status = :status',
        ConditionExpression: '#status = :open',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':status': status, ':open': 'open' satisfies SuggestionEntry['status'] },
      },
    },
  ];
}

/** In the Registry `customerId` belongs to an index of identities: the two are kept under names of their own. */
function itemOf({ id, customerIds, reason, since, status }: SuggestionEntry) {
  return { suggestionId: id, persons: customerIds, reason, since, status };
}

export function suggestionEntryOf(item: Record<string, unknown> | undefined): SuggestionEntry | undefined {
  if (!item) return undefined;
  const { suggestionId, persons, reason, since, status } = item as unknown as ReturnType<typeof itemOf>;
  return { id: suggestionId, customerIds: persons, reason, since, status };
}

/**
 * A page of the open suggestions, newest first, with the customers that the two persons are by now; those whose
 * persons have become one are left out.
 * @param after the `next` of the page before
 */
export async function listSuggestions(
  client: Client,
  { registry, customers }: Pick<TableNames, 'registry' | 'customers'>,
  { limit, after }: { limit: number; after?: string },
): Promise<{ suggestions: MergeSuggestion[]; next?: string }> {
  const partitions = [suggestionListKey('', '').pk];
  const page = await newestOf(client, registry, { partitions, limit, ...(after !== undefined && { after }) });
  const found = page.items.flatMap((item) => suggestionEntryOf(item) ?? []);
  const homes = await homesOf(
    client,
    customers,
    found.flatMap(({ customerIds }) => customerIds),
  );
  const suggestions = found.map(({ id, customerIds: [a, b], reason, since }): MergeSuggestion => {
    const customerIds: [string, string] = [homes.get(a) ?? a, homes.get(b) ?? b];
    return { id, customerIds, reason, since };
  });
  return {
    suggestions: suggestions.filter(({ customerIds: [a, b] }) => a !== b),
    ...(page.next !== undefined && { next: page.next }),
  };
}

/** Where those of the persons are who were merged into others. */
async function homesOf(client: Client, table: string, personIds: readonly string[]): Promise<Map<string, string>> {
  const homes = new Map<string, string>();
  const ids = [...new Set(personIds)];
  for (let start = 0; start < ids.length; start += 100) {
    let Keys: Record<string, unknown>[] = ids.slice(start, start + 100).map((customerId) => ({ customerId }));
    for (let round = 0; Keys.length > 0; round++) {
      if (round > 5) throw storeUnavailable(new Error('customers were not read'));
      const { Responses, UnprocessedKeys } = await client.batchGet({
        RequestItems: { [table]: { Keys, ConsistentRead: true } },
      });
      for (const item of (Responses?.[table] ?? []) as StoredItem[])
        if (isStubItem(item)) homes.set(item.customerId, item.mergedInto);
      Keys = UnprocessedKeys?.[table]?.Keys ?? [];
    }
  }
  return homes;
}

/** The open suggestions that name a person, page by page; a page may be empty. */
export async function* suggestionsAbout(
  client: Client,
  registry: string,
  personId: string,
): AsyncGenerator<MergeSuggestion[]> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :list',
      FilterExpression: 'contains(persons, :person)',
      ExpressionAttributeValues: { ':list': suggestionListKey('', '').pk, ':person': personId },
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    yield (page.Items ?? []).flatMap((item) => suggestionEntryOf(item) ?? []);
    start = page.LastEvaluatedKey;
  } while (start);
}

/** Takes a suggestion off the list for good; false where there never was one. */
export async function dismissSuggestion(client: Client, registry: string, suggestionId: string): Promise<boolean> {
  for (;;) {
    const { Item } = await client.get({ TableName: registry, Key: suggestionKey(suggestionId), ConsistentRead: true });
    const suggestion = suggestionEntryOf(Item);
    if (suggestion?.status !== 'open') return suggestion !== undefined;
    try {
      await client.transactWrite({ TransactItems: settled(suggestion, 'dismissed', registry) });
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}
