import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Segment } from '../engine/measure-segment.ts';
import { type Client, pageSize } from './client.ts';

/** One page of a segment of the customers, with few of their attributes; without `next` it is the last. */
export async function scanCustomers(
  client: Client,
  customers: string,
  { segment, of }: Segment,
  { cursor, attributes }: { cursor: string | undefined; attributes: readonly string[] },
): Promise<{ items: Record<string, AttributeValue>[]; next?: string; units: number }> {
  const answer = await client.scan({
    TableName: customers,
    // The embedded engine reads the whole table for each page of a segment: one segment is asked for as none.
    ...(of > 1 && { Segment: segment, TotalSegments: of }),
    Limit: pageSize,
    ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
    ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
    ReturnConsumedCapacity: 'TOTAL',
    ...(cursor && { ExclusiveStartKey: { customerId: { S: cursor } } }),
  });
  const next = answer.LastEvaluatedKey?.customerId?.S;
  return {
    items: answer.Items ?? [],
    ...(next !== undefined && { next }),
    units: answer.ConsumedCapacity?.CapacityUnits ?? 0,
  };
}
