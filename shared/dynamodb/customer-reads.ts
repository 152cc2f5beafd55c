import type { tables as layout } from '../contracts/tables.ts';
import type { Customer } from '../domain/customer.ts';
import { customersPerAddress, type Identity } from '../domain/identity.ts';
import type { Interaction } from '../domain/interaction.ts';
import { personIn } from '../domain/merge.ts';
import { storeUnavailable } from '../engine/problem.ts';
import { inBatches } from './batches.ts';
import { type Client, pageSize, type TableNames } from './client.ts';
import { customerOf, isStubItem, isTombstoneItem, type StoredItem } from './customer-item.ts';
import { identityKey, interactionKey } from './keys.ts';
import { newestOf } from './newest.ts';
import { readInteraction } from './order-item.ts';

/** How often somebody may be merged or parted between two reads. */
const mostMoves = 8;

/**
 * The customer, also by the id of one that was merged into it: the answer bears its own id. Nothing for one who was
 * erased. Consistent: who has been told that something is recorded finds it.
 */
export async function readCustomer(client: Client, table: string, customerId: string): Promise<Customer | undefined> {
  const found = await readStored(client, table, customerId);
  return found === 'erased' ? undefined : found;
}

/** As {@link readCustomer}, telling who was erased from who never was. */
export async function readStored(
  client: Client,
  table: string,
  customerId: string,
): Promise<Customer | 'erased' | undefined> {
  let asked = customerId;
  for (let read = 0; read < mostMoves; read++) {
    const { Item } = await client.get({ TableName: table, Key: { customerId: asked }, ConsistentRead: true });
    const stored = Item as StoredItem | undefined;
    if (!stored) return undefined;
    if (isTombstoneItem(stored)) return 'erased';
    const customer = isStubItem(stored) ? undefined : customerOf(stored);
    if (customer && personIn(customer, customerId)) return customer;
    asked = isStubItem(stored) ? stored.mergedInto : customerId;
  }
  throw storeUnavailable(new Error('a customer was merged and parted all the time'));
}

/** Those of the ids that somebody had who was erased. */
export async function erasedAmong(client: Client, table: string, ids: readonly string[]): Promise<Set<string>> {
  const found = await attributeOf('erasedAt', client, table, ids);
  return new Set(ids.filter((id) => found.get(id) !== undefined));
}

/** The customers that the persons are by now, but for those of whom nothing was ever written. */
export async function homesAmong(client: Client, table: string, ids: readonly string[]): Promise<Map<string, string>> {
  const found = await attributeOf('mergedInto', client, table, ids);
  return new Map([...found].map(([id, mergedInto]) => [id, mergedInto ?? id]));
}

async function attributeOf(name: 'erasedAt' | 'mergedInto', client: Client, table: string, ids: readonly string[]) {
  const found = new Map<string, string | undefined>();
  await inBatches([...new Set(ids)], async (batch) => {
    const Keys = batch.map((customerId) => ({ customerId }));
    const { Responses, UnprocessedKeys } = await client.batchGet({
      RequestItems: { [table]: { Keys, ProjectionExpression: `customerId, ${name}` } },
    });
    for (const { customerId, [name]: value } of Responses?.[table] ?? []) found.set(String(customerId), value);
    return (UnprocessedKeys?.[table]?.Keys ?? []).map((key) => String(key.customerId));
  });
  return found;
}

/** What more customers came with than one person can be leads to nobody. */
function identifies({ met }: { met?: unknown }): boolean {
  return !(Array.isArray(met) && met.length >= customersPerAddress);
}

/** The customer that an identity leads to. */
export async function findCustomer(
  client: Client,
  tables: Pick<TableNames, 'customers' | 'registry'>,
  identity: Identity,
): Promise<Customer | undefined> {
  const { Item } = await client.get({ TableName: tables.registry, Key: identityKey(identity), ConsistentRead: true });
  return Item && identifies(Item) ? readCustomer(client, tables.customers, String(Item.customerId)) : undefined;
}

/** At most this many identities of one person are shown. */
const mostIdentities = 1000;

/**
 * The identities that lead to a person. The index follows the table after a moment.
 * @param all also what more customers came with than one person can be
 */
export async function identitiesOfPerson(
  client: Client,
  registry: string,
  personId: string,
  { all = false }: { all?: boolean } = {},
): Promise<Identity[]> {
  const found: Identity[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      IndexName: 'identitiesByCustomer' satisfies keyof typeof layout.registry.indexes,
      KeyConditionExpression: 'customerId = :customer AND begins_with(pk, :identity)',
      ExpressionAttributeValues: { ':customer': personId, ':identity': 'identity#' },
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const { pk, met } of page.Items ?? []) {
      if (!all && !identifies({ met })) continue;
      const [, namespace = '', value = ''] = String(pk).split('#');
      found.push({ namespace, value });
    }
    start = page.LastEvaluatedKey;
  } while (start && found.length < mostIdentities);
  return found;
}

/**
 * A page of a customer's ledger, newest first: of the ledgers of all its persons.
 * @param after the `next` of the page before
 */
export async function listInteractions(
  client: Client,
  ledger: string,
  { personIds, limit, after }: { personIds: readonly string[]; limit: number; after?: string },
): Promise<{ interactions: Interaction[]; next?: string }> {
  const page = await newestOf(client, ledger, {
    partitions: personIds.map((id) => interactionKey(id, '', '').pk),
    limit,
    ...(after !== undefined && { after }),
  });
  return {
    interactions: page.items.map(readInteraction),
    ...(page.next !== undefined && { next: page.next }),
  };
}
