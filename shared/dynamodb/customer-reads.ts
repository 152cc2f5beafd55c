import type { tables as layout } from '../contracts/tables.ts';
import type { Customer } from '../domain/customer.ts';
import { customersPerAddress, type Identity } from '../domain/identity.ts';
import type { Interaction } from '../domain/interaction.ts';
import { personIn } from '../domain/merge.ts';
import { storeUnavailable } from '../engine/problem.ts';
import { type Client, pageSize, type TableNames } from './client.ts';
import { type CustomerItem, customerOf, isStubItem, type StubItem } from './customer-item.ts';
import { identityKey, interactionKey } from './keys.ts';
import { newestOf } from './newest.ts';
import { readInteraction } from './order-item.ts';

/** How often somebody may be merged or parted between two reads. */
const mostMoves = 8;

/**
 * The customer, also by the id of one that was merged into it: the answer bears its own id. Consistent: who has been
 * told that something is recorded finds it.
 */
export async function readCustomer(client: Client, table: string, customerId: string): Promise<Customer | undefined> {
  let asked = customerId;
  for (let read = 0; read < mostMoves; read++) {
    const { Item } = await client.get({ TableName: table, Key: { customerId: asked }, ConsistentRead: true });
    const stored = Item as CustomerItem | StubItem | undefined;
    if (!stored) return undefined;
    const customer = isStubItem(stored) ? undefined : customerOf(stored);
    if (customer && personIn(customer, customerId)) return customer;
    asked = isStubItem(stored) ? stored.mergedInto : customerId;
  }
  throw storeUnavailable(new Error('a customer was merged and parted all the time'));
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

/** The identities that lead to a person. The index follows the table after a moment. */
export async function identitiesOfPerson(client: Client, registry: string, personId: string): Promise<Identity[]> {
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
      if (!identifies({ met })) continue;
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
