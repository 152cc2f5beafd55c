import { setTimeout as wait } from 'node:timers/promises';
import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { storeUnavailable } from '../engine/problem.ts';
import type {
  Answers,
  IdentityEntry,
  NaturalEntry,
  OrderLine,
  Reads,
  RecordStore,
  Write,
} from '../engine/record-store.ts';
import type { Client, TableNames } from './client.ts';
import { itemOf, type StoredItem, storedCustomerOf, stubItem, tombstoneItem } from './customer-item.ts';

import { findRate } from './exchange-rate-store.ts';
import { isConflict } from './faults.ts';
import { identityKey, interactionKey, mergeKey, naturalKey, suggestionKey, waitingKey } from './keys.ts';
import { mergesOf } from './merge-reads.ts';
import { readInteraction, readOrder, readRate } from './order-item.ts';
import { settled, suggested, suggestionEntryOf } from './suggestion-store.ts';
import { waitingItem } from './waiting-store.ts';

type Tables = Pick<TableNames, 'customers' | 'ledger' | 'registry'>;
type Item = Record<string, unknown>;

/**
 * The ledger, the customers and the identities in DynamoDB.
 * @param options.trustRatesFor for how long exchange rates that were read are remembered, in milliseconds
 */
export function recordStore(
  client: Client,
  tables: Tables,
  { trustRatesFor: trustedFor = 0 }: { trustRatesFor?: number } = {},
): RecordStore {
  return {
    async read(reads, { consistent }) {
      const asked = keysOf(reads, tables);
      const found = await batchGet(client, asked, consistent);
      const at = (table: string, key: Item) => found.get(placeOf(table, key));
      return {
        naturals: reads.naturals.map((ref) =>
          naturalEntryOf(at(tables.ledger, naturalKey(ref.sourceId, ref.type, ref.externalId))),
        ),
        identities: reads.identities.map((identity) => identityEntryOf(at(tables.registry, identityKey(identity)))),
        customers: reads.customers.map((customerId) => {
          const item = at(tables.customers, { customerId });
          return item && storedCustomerOf(item as unknown as StoredItem);
        }),
        orders: reads.orders.map(({ customerId, occurredAt, interactionId }) =>
          orderLineOf(at(tables.ledger, interactionKey(customerId, occurredAt, interactionId))),
        ),
        suggestions: reads.suggestions.map((id) => suggestionEntryOf(at(tables.registry, suggestionKey(id)))),
      } satisfies Answers;
    },

    async purchaseBounds(customerId, currency, except) {
      const which = { customerId, currency, except };
      const first = await purchaseFrom(client, tables.ledger, which, true);
      const last = first && (await purchaseFrom(client, tables.ledger, which, false));
      return { ...(first && { first }), ...(last && { last }) };
    },

    rate: (wanted, { consistent }) => findRate(client, tables.registry, wanted, { consistent, trustedFor }),

    async line({ customerId, occurredAt, interactionId }) {
      const Key = interactionKey(customerId, occurredAt, interactionId);
      const { Item } = await client.get({ TableName: tables.ledger, Key, ConsistentRead: true });
      return Item && readInteraction(Item);
    },

    merges: (personId) => mergesOf(client, tables.ledger, personId),

    async commit(writes) {
      try {
        // After a conflict all is read anew, and what this call wrote is found as what is known.
        const TransactItems = writes.flatMap((write) => transactItems(write, tables));
        await client.transactWrite({ TransactItems }, { token: false });
        return 'committed';
      } catch (error) {
        if (isConflict(error)) return 'conflict';
        throw error;
      }
    },

    /** Full jitter: up to 20 ms after the first conflict, up to 200 ms later. */
    pause: (attempt) => wait(Math.random() * Math.min(200, 10 * 2 ** attempt)),
  };
}

function keysOf(reads: Required<Reads>, tables: Tables): Map<string, Item[]> {
  const ledger = [
    ...reads.naturals.map((ref) => naturalKey(ref.sourceId, ref.type, ref.externalId)),
    ...reads.orders.map((place) => interactionKey(place.customerId, place.occurredAt, place.interactionId)),
  ];
  const keys = new Map<string, Item[]>([
    [tables.ledger, ledger],
    [tables.registry, [...reads.identities.map(identityKey), ...reads.suggestions.map(suggestionKey)]],
    [tables.customers, reads.customers.map((customerId) => ({ customerId }))],
  ]);
  for (const [table, list] of keys) if (list.length === 0) keys.delete(table);
  return keys;
}

const placeOf = (table: string, key: Item) => `${table} ${key.pk ?? key.customerId} ${key.sk ?? ''}`;

async function batchGet(client: Client, asked: Map<string, Item[]>, consistent: boolean): Promise<Map<string, Item>> {
  const found = new Map<string, Item>();
  let requests = Object.fromEntries([...asked].map(([table, Keys]) => [table, { Keys, ConsistentRead: consistent }]));
  for (let round = 0; Object.keys(requests).length > 0; round++) {
    if (round > 0) await wait(Math.random() * 25 * 2 ** round);
    const answer = await client.batchGet({ RequestItems: requests });
    for (const [table, items] of Object.entries(answer.Responses ?? {})) {
      const keyed = table in requests ? items : [];
      for (const item of keyed) found.set(placeOf(table, item), item);
    }
    requests = answer.UnprocessedKeys as typeof requests;
    if (round === 5 && Object.keys(requests).length > 0) throw storeUnavailable(new Error('items were not read'));
  }
  return found;
}

function naturalEntryOf(item: Item | undefined): NaturalEntry | undefined {
  if (!item) return undefined;
  const { revision, aliasOf, customerId, occurredAt, order, faceless } = item as unknown as NaturalEntry;
  return {
    revision,
    ...(aliasOf && { aliasOf }),
    ...(customerId && { customerId }),
    ...(occurredAt && { occurredAt }),
    ...(order && { order: readOrder(order) }),
    ...(faceless && { faceless }),
  };
}

function identityEntryOf(item: Item | undefined): IdentityEntry | undefined {
  if (!item) return undefined;
  const { customerId, met = [], sourceId } = item as unknown as Omit<IdentityEntry, 'met'> & Partial<IdentityEntry>;
  return { customerId, met, ...(sourceId && { sourceId }) };
}

function orderLineOf(item: Item | undefined): OrderLine | undefined {
  if (!item) return undefined;
  const { order, rate, ratedAt, countsSince, changedAt, ...line } = item as unknown as OrderLine;
  const { receivedAt, backfill, first, revision } = line;
  return {
    order: readOrder(order),
    receivedAt,
    backfill,
    first,
    ...(rate && { rate: readRate(rate) }),
    ...(ratedAt && { ratedAt }),
    ...(countsSince && { countsSince }),
    ...(changedAt && { changedAt }),
    revision,
  };
}

interface Purchases {
  customerId: string;
  currency: string;
  /** Ids of the orders that are left out. */
  except: readonly string[];
}

/** The time of the first (or last) purchase in a ledger, one order left out. Few lines are looked at in most ledgers. */
async function purchaseFrom(client: Client, TableName: string, which: Purchases, forward: boolean) {
  const { customerId, currency, except } = which;
  const others = except.map((_, index) => `id <> :except${index}`);
  let start: Item | undefined;
  do {
    const page = await client.query({
      TableName,
      KeyConditionExpression: 'pk = :customer',
      FilterExpression: ['purchaseIn = :currency', ...others].join(' AND '),
      ExpressionAttributeValues: {
        ':customer': customerId,
        ':currency': currency,
        ...Object.fromEntries(except.map((id, index) => [`:except${index}`, id])),
      },
      ProjectionExpression: 'occurredAt',
      ScanIndexForward: forward,
      ConsistentRead: true,
      Limit: 50,
      ...(start && { ExclusiveStartKey: start }),
    });
    const occurredAt = page.Items?.[0]?.occurredAt;
    if (typeof occurredAt === 'string') return occurredAt;
    start = page.LastEvaluatedKey;
  } while (start);
  return undefined;
}

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

function transactItems(write: Write, tables: Tables): TransactItem[] {
  switch (write.kind) {
    case 'suggestion':
      return suggested(write.suggestion, tables.registry);
    case 'settled':
      return settled(write.suggestion, write.status, tables.registry);
    default:
      return [transactItem(write, tables)];
  }
}

function transactItem(write: Exclude<Write, { kind: 'suggestion' | 'settled' }>, tables: Tables): TransactItem {
  switch (write.kind) {
    case 'customer':
      return { Put: { TableName: tables.customers, Item: itemOf(write.customer), ...versionIs(write.expected) } };
    case 'interaction': {
      const { interaction, customerId, revision, moved, arrives, begins } = write;
      const key = interactionKey(customerId, interaction.occurredAt, interaction.id);
      const Item = { ...key, ...interaction, ...(moved && { moved }), ...(begins && { begins }) };
      if (revision === undefined) return { Put: { TableName: tables.ledger, Item } };
      const isAsRead = revisionIs(arrives ? 0 : revision);
      return { Put: { TableName: tables.ledger, Item: { ...Item, revision: revision + 1 }, ...isAsRead } };
    }
    case 'removal': {
      const { customerId, occurredAt, interactionId, revision } = write;
      const Key = interactionKey(customerId, occurredAt, interactionId);
      return { Delete: { TableName: tables.ledger, Key, ...(revision !== undefined && revisionIs(revision)) } };
    }
    case 'natural': {
      const { kind, natural, revision, ...entry } = write;
      const key = naturalKey(natural.sourceId, natural.type, natural.externalId);
      const Item = { ...key, ...entry, revision: revision + 1 };
      return { Put: { TableName: tables.ledger, Item, ...revisionIs(revision) } };
    }
    case 'identity': {
      const { identity, customerId, sourceId, from } = write;
      const Item = { ...identityKey(identity), customerId, sourceId };
      return { Put: { TableName: tables.registry, Item, ...leadsNowhereElse(from ?? customerId) } };
    }
    case 'forgotten': {
      const { identity, entry, heir } = write;
      const key = identityKey(identity);
      if (!heir) return { Delete: { TableName: tables.registry, Key: key, ...entryIs(entry) } };
      const { customerId, met } = heir;
      const Item = { ...key, customerId, ...(met.length > 0 && { met }) };
      return { Put: { TableName: tables.registry, Item, ...entryIs(entry) } };
    }
    case 'tombstone': {
      const Item = tombstoneItem(write.tombstone);
      return { Put: { TableName: tables.customers, Item, ...versionIs(write.expected) } };
    }
    case 'met': {
      const { identity, entry, personId } = write;
      const Item = { ...identityKey(identity), ...entry, met: [...entry.met, personId] };
      return { Put: { TableName: tables.registry, Item, ...entryIs(entry) } };
    }
    case 'waiting':
      return { Put: { TableName: tables.registry, Item: waitingItem(write.order) } };
    case 'waited': {
      const { currency, placedAt, interactionId } = write.order;
      return { Delete: { TableName: tables.registry, Key: waitingKey(currency, placedAt, interactionId) } };
    }
    case 'stub':
      return { Put: { TableName: tables.customers, Item: stubItem(write.stub), ...versionIs(write.expected) } };
    case 'merge': {
      const { line, personId } = write;
      const Item = { ...mergeKey(personId, line.at, line.mergeId, line.kind), ...line };
      return { Put: { TableName: tables.ledger, Item } };
    }
  }
}

function versionIs(version: number) {
  if (version === 0) return { ConditionExpression: 'attribute_not_exists(customerId)' };
  return { ConditionExpression: 'version = :read', ExpressionAttributeValues: { ':read': version } };
}

function revisionIs(revision: number) {
  if (revision === 0) return { ConditionExpression: 'attribute_not_exists(pk)' };
  return { ConditionExpression: 'revision = :read', ExpressionAttributeValues: { ':read': revision } };
}

function leadsNowhereElse(customerId: string) {
  return {
    ConditionExpression: '(attribute_not_exists(pk) OR customerId = :customer) AND attribute_not_exists(met)',
    ExpressionAttributeValues: { ':customer': customerId },
  };
}

function entryIs({ customerId, met }: IdentityEntry) {
  const isAsRead = met.length === 0 ? 'attribute_not_exists(met)' : 'met = :read';
  return {
    ConditionExpression: `customerId = :customer AND ${isAsRead}`,
    ExpressionAttributeValues: { ':customer': customerId, ...(met.length > 0 && { ':read': met }) },
  };
}
