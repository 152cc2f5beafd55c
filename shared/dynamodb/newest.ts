import type { Client } from './client.ts';

type Item = Record<string, unknown>;

/**
 * A page over several partitions as if they were one: newest first by their sort keys, which begin with a time. What
 * stands in several of them under one sort key comes once.
 * @param after the `next` of the page before
 */
export async function newestOf(
  client: Client,
  table: string,
  { partitions, limit, after }: { partitions: readonly string[]; limit: number; after?: string },
): Promise<{ items: Item[]; next?: string }> {
  const found = await Promise.all(
    partitions.map((pk) =>
      client.query({
        TableName: table,
        KeyConditionExpression: after === undefined ? 'pk = :pk' : 'pk = :pk AND sk < :after',
        ExpressionAttributeValues: { ':pk': pk, ...(after !== undefined && { ':after': after }) },
        ScanIndexForward: false,
        ConsistentRead: true,
        // One more than wanted tells whether there is a next page.
        Limit: limit + 1,
      }),
    ),
  );
  const bySortKey = new Map(found.flatMap(({ Items = [] }) => Items.map((item) => [String(item.sk), item])));
  const sortKeys = [...bySortKey.keys()].sort().reverse();
  const page = sortKeys.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((sk) => bySortKey.get(sk) as Item),
    ...(sortKeys.length > limit && last !== undefined && { next: last }),
  };
}
