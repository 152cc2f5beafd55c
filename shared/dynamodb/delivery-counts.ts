import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import { type Counts, type HourCounts, hour } from '../domain/source-counts.ts';
import { looksBackHours } from '../domain/source-health.ts';
import { type Client, pageSize } from './client.ts';
import type { Item } from './delivery-item.ts';
import { deliveryCountsKey } from './keys.ts';

/** A week longer than anybody looks back. */
const keptSeconds = looksBackHours * 3_600 + 7 * 86_400;

/**
 * Adds to the numbers of one hour. An answer that is lost adds twice: these numbers show how a source is, and nothing is
 * worked out from them.
 */
export async function addToHour(
  client: Client,
  table: string,
  sourceId: string,
  { begins, counts }: HourCounts,
): Promise<void> {
  const names = Object.keys(counts).filter((name) => counts[name] !== 0);
  if (names.length === 0) return;
  await client.update({
    TableName: table,
    Key: deliveryCountsKey(sourceId, begins.slice(0, 13)),
    UpdateExpression: `SET expiresAt = :expiresAt ADD ${names.map((name) => `#${name} :${name}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: {
      ':expiresAt': millisecondsOf(begins) / 1000 + keptSeconds,
      ...Object.fromEntries(names.map((name) => [`:${name}`, counts[name]])),
    },
  });
}

/** Those hours that health looks at, the oldest first. */
export async function readHours(client: Client, table: string, sourceId: string, now: Instant): Promise<HourCounts[]> {
  const first = instantOf(Math.max(0, millisecondsOf(now) - looksBackHours * hour));
  const hours: HourCounts[] = [];
  let start: Item | undefined;
  do {
    const page = await client.query({
      TableName: table,
      KeyConditionExpression: 'pk = :source AND sk BETWEEN :first AND :last',
      ExpressionAttributeValues: {
        ':source': deliveryCountsKey(sourceId, '').pk,
        ':first': first.slice(0, 13),
        ':last': now.slice(0, 13),
      },
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const { pk: _, sk, expiresAt: __, ...counts } of page.Items ?? [])
      hours.push({ begins: `${sk}:00:00.000Z`, counts: counts as Counts });
    start = page.LastEvaluatedKey;
  } while (start);
  return hours;
}
