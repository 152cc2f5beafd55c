import type { MergeLine } from '../domain/merge.ts';
import { type Client, pageSize } from './client.ts';
import { mergeKey } from './keys.ts';
import { newestOf } from './newest.ts';

/** Every merge and its undoing that a person was part of, the oldest first. */
export async function mergesOf(client: Client, ledger: string, personId: string): Promise<MergeLine[]> {
  const lines: MergeLine[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: ledger,
      KeyConditionExpression: 'pk = :merges',
      ExpressionAttributeValues: { ':merges': mergeKey(personId, '', '', 'merge').pk },
      ConsistentRead: true,
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    lines.push(...(page.Items ?? []).map(mergeLineOf));
    start = page.LastEvaluatedKey;
  } while (start);
  return lines;
}

/**
 * A page of the merges and their undoings that persons were part of, newest first.
 * @param after the `next` of the page before
 */
export async function listMerges(
  client: Client,
  ledger: string,
  { personIds, limit, after }: { personIds: readonly string[]; limit: number; after?: string },
): Promise<{ merges: MergeLine[]; next?: string }> {
  const partitions = personIds.map((id) => mergeKey(id, '', '', 'merge').pk);
  const { items, next } = await newestOf(client, ledger, { partitions, limit, ...(after !== undefined && { after }) });
  return { merges: items.map(mergeLineOf), ...(next !== undefined && { next }) };
}

function mergeLineOf(item: Record<string, unknown>): MergeLine {
  const { kind, mergeId, at, by, from, into, moved, stayed, said } = item as unknown as MergeLine;
  return { kind, mergeId, at, by, from, into, moved, stayed, ...(said && { said }) };
}
