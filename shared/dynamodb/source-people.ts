import type { SourcePeople } from '../engine/erase-source.ts';
import { unpackItem } from './attribute-value.ts';
import type { Client, TableNames } from './client.ts';
import { isStubItem, isTombstoneItem, type StoredItem } from './customer-item.ts';
import { identitiesOfPerson } from './customer-reads.ts';
import { identityKey } from './keys.ts';

/** Everybody, page by page, and what the ledger says of whom. */
export function sourcePeople(
  client: Client,
  { customers, ledger, registry }: Pick<TableNames, 'customers' | 'ledger' | 'registry'>,
): SourcePeople {
  return {
    async everybody(after) {
      const { Items = [], LastEvaluatedKey } = await client.scan({
        TableName: customers,
        Limit: 50,
        ConsistentRead: true,
        ...(after !== undefined && { ExclusiveStartKey: { customerId: { S: after } } }),
      });
      const persons = Items.map((item) => unpackItem(item as never) as unknown as StoredItem).flatMap((item) => {
        if (isStubItem(item) || isTombstoneItem(item)) return [];
        const { parts = { [item.customerId]: item } } = item;
        return Object.entries(parts).map(([personId, { createdAt, sourceIds, consents }]) => ({
          personId,
          createdAt,
          sourceIds,
          consents,
        }));
      });
      const next = LastEvaluatedKey?.customerId?.S;
      return { persons, ...(next !== undefined && { next }) };
    },

    async spokenOf(personId, sourceId, { erasedAt, anewAt }) {
      const isLater = anewAt === undefined ? 'occurredAt > :erased' : '(occurredAt > :erased OR receivedAt >= :anew)';
      const isSince = `receivedAt > :erased AND ${isLater}`;
      const times = { ':erased': erasedAt, ...(anewAt !== undefined && { ':anew': anewAt }) };
      const has = (filter: string, values: Record<string, unknown> = times) =>
        hasLine(client, ledger, personId, filter, { ':source': sourceId, ...values });
      const [here, since, elsewhere] = await Promise.all([
        has(`sourceId = :source AND NOT (${isSince})`),
        // A refund or a cancellation is of its order, which may be older.
        has(`sourceId = :source AND ${isSince} AND attribute_not_exists(orderExternalId)`),
        has('sourceId <> :source', {}),
      ]);
      return { here, since, elsewhere };
    },

    async broughtBy(personId) {
      const sources: (string | undefined)[] = [];
      for (const identity of await identitiesOfPerson(client, registry, personId, { all: true })) {
        const place = { TableName: registry, Key: identityKey(identity), ProjectionExpression: 'sourceId' };
        sources.push((await client.get({ ...place, ConsistentRead: true })).Item?.sourceId);
      }
      return sources;
    },
  };
}

/** Messages of the engine's own are no word of anybody. */
async function hasLine(
  client: Client,
  ledger: string,
  personId: string,
  filter: string,
  values: Record<string, unknown>,
): Promise<boolean> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: ledger,
      KeyConditionExpression: 'pk = :person',
      FilterExpression: `${filter} AND sourceId <> :own`,
      ExpressionAttributeValues: { ...values, ':person': personId, ':own': 'rapport' },
      ProjectionExpression: 'sourceId',
      ConsistentRead: true,
      Limit: 100,
      ...(start && { ExclusiveStartKey: start }),
    });
    if ((page.Items ?? []).length > 0) return true;
    start = page.LastEvaluatedKey;
  } while (start);
  return false;
}
