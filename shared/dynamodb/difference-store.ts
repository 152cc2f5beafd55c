import type { Difference } from '../domain/rehearsal.ts';
import type { Differences } from '../engine/rehearse-segment.ts';
import type { Client } from './client.ts';
import { differencesKey } from './keys.ts';
import { rehearsalExpiry } from './rehearsal-expiry.ts';

/** @param realTime milliseconds since 1970 */
export function differenceStore(client: Client, registry: string, realTime: number): Differences {
  const expiresAt = rehearsalExpiry(realTime);
  return {
    async put(runId, { segment, page }, differences) {
      await client.put({
        TableName: registry,
        Item: { ...differencesKey(runId, segment, page), differences, expiresAt },
      });
    },
  };
}

/**
 * What a rehearsal found, by segments.
 * @param after the `next` of the page before
 */
export async function listDifferences(
  client: Client,
  registry: string,
  { runId, limit, after }: { runId: string; limit: number; after?: string },
): Promise<{ differences: Difference[]; next?: string }> {
  const [place = '', passed = '0'] = after?.split(' ') ?? [];
  const found: { difference: Difference; at: string }[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :run AND sk >= :place',
      ExpressionAttributeValues: { ':run': differencesKey(runId, 0, 0).pk, ':place': place || ' ' },
      ConsistentRead: true,
      Limit: 3,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const { sk, differences } of page.Items ?? [])
      for (const [index, difference] of (differences as Difference[]).entries())
        if (sk !== place || index >= Number(passed)) found.push({ difference, at: `${sk} ${index}` });
    start = page.LastEvaluatedKey;
  } while (start && found.length <= limit);
  const next = found[limit]?.at;
  return {
    differences: found.slice(0, limit).map(({ difference }) => difference),
    ...(next !== undefined && { next }),
  };
}
