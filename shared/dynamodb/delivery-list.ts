import { tables } from '../contracts/tables.ts';
import type { DeliveryStatus, KeptDelivery } from '../domain/delivery.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { type Client, pageSize } from './client.ts';
import { deliveryOf, type Item, unexpired } from './delivery-item.ts';
import { deliveryAtPlace, deliveryKey, deliveryListKeys } from './keys.ts';

export interface DeliveryQuery {
  /** Absent: what is set aside, of all sources. */
  sourceId?: string;
  /** Without a source: of these alone; absent for all. */
  among?: readonly string[] | undefined;
  status?: DeliveryStatus;
  /** When it came: the first moment, and the first after. */
  from?: Instant;
  to?: Instant;
  /** Newest first unless told. */
  oldestFirst?: boolean;
  limit: number;
  /** `next` of the page before. */
  after?: string;
  /** What has expired by then is left out, whether DynamoDB has removed it or not. */
  now: Instant;
}

/** As the lists show it: without headers and body. */
export type ListedDelivery = Omit<KeptDelivery, 'headers'>;

export interface DeliveryPage {
  deliveries: ListedDelivery[];
  /** Where the next page begins; absent on the last one. Not signed: that is the API's business. */
  next?: string;
}

/** One query of one index. Indexes follow the table after a moment, so the newest may be missing for that long. */
export async function listDeliveries(client: Client, table: string, query: DeliveryQuery): Promise<DeliveryPage> {
  if (query.sourceId === undefined && query.among?.length === 0) return { deliveries: [] };
  const found: Item[] = [];
  const list = listOf(query);
  let start = query.after === undefined ? undefined : keyAt(list, query.after);
  do {
    const page = await client.query({
      TableName: table,
      ...list.query,
      ScanIndexForward: query.oldestFirst === true,
      Limit: query.limit + 1,
      ...(start && { ExclusiveStartKey: start }),
    });
    found.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start && found.length <= query.limit);
  const shown = found.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    deliveries: shown.map(deliveryOf),
    ...(found.length > query.limit && last && { next: String(last.listedAt) }),
  };
}

/** How many deliveries of a source are set aside now. */
export async function countSetAside(client: Client, table: string, sourceId: string, now: Instant): Promise<number> {
  const list = listOf({ sourceId, status: 'quarantined', now });
  let count = 0;
  let start: Item | undefined;
  do {
    const page = await client.query({
      TableName: table,
      ...list.query,
      Select: 'COUNT',
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    count += page.Count ?? 0;
    start = page.LastEvaluatedKey;
  } while (start);
  return count;
}

const { indexes } = tables.deliveries;

/** The list that serves a query, and its partition. */
function listOf({ sourceId, among, status, from = '0', to = '9', now }: Omit<DeliveryQuery, 'limit'>) {
  const sources = Object.fromEntries(
    (sourceId === undefined && among ? among : []).map((id, index) => [`:source${index}`, id]),
  );
  const isAmong = Object.keys(sources).length > 0 ? ` AND sourceId IN (${Object.keys(sources).join(', ')})` : '';
  const keys: Record<string, string> = deliveryListKeys(sourceId ?? '', status ?? 'quarantined');
  const name = sourceId === undefined ? 'setAside' : status === undefined ? 'bySource' : 'byStatus';
  const { partitionKey } = indexes[name];
  return {
    partition: { [partitionKey]: keys[partitionKey] },
    query: {
      IndexName: name,
      // A place is a time and more, so it lies after the time itself: `from` is within, `to` is not.
      KeyConditionExpression: '#list = :list AND listedAt BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#list': partitionKey },
      FilterExpression: unexpired + isAmong,
      ExpressionAttributeValues: {
        ':list': keys[partitionKey],
        ':from': from,
        ':to': to,
        ':now': Math.floor(millisecondsOf(now) / 1000),
        ...sources,
      },
    },
  };
}

function keyAt({ partition }: ReturnType<typeof listOf>, listedAt: string): Item {
  return { ...deliveryKey(deliveryAtPlace(listedAt)), ...partition, listedAt };
}
