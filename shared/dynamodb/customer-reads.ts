import type { tables as layout } from '../contracts/tables.ts';
import type { Customer } from '../domain/customer.ts';
import type { Identity } from '../domain/identity.ts';
import type { Interaction } from '../domain/interaction.ts';
import { type Client, pageSize, type TableNames } from './client.ts';
import { type CustomerItem, customerOf } from './customer-item.ts';
import { identityKey, interactionKey } from './keys.ts';
import { readMoney, readOrder } from './order-item.ts';

/** Consistent: who has been told that something is recorded finds it. */
export async function readCustomer(client: Client, table: string, customerId: string): Promise<Customer | undefined> {
  const { Item } = await client.get({ TableName: table, Key: { customerId }, ConsistentRead: true });
  return Item && customerOf(Item as CustomerItem);
}

/** The customer that an identity leads to. */
export async function findCustomer(
  client: Client,
  tables: Pick<TableNames, 'customers' | 'registry'>,
  identity: Identity,
): Promise<Customer | undefined> {
  const { Item } = await client.get({ TableName: tables.registry, Key: identityKey(identity), ConsistentRead: true });
  return Item && (await readCustomer(client, tables.customers, String(Item.customerId)));
}

/** At most this many identities of one customer are shown. */
const mostIdentities = 1000;

/** The identities that lead to a customer. The index follows the table after a moment. */
export async function identitiesOfCustomer(client: Client, registry: string, customerId: string): Promise<Identity[]> {
  const found: Identity[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: registry,
      IndexName: 'identitiesByCustomer' satisfies keyof typeof layout.registry.indexes,
      KeyConditionExpression: 'customerId = :customer AND begins_with(pk, :identity)',
      ExpressionAttributeValues: { ':customer': customerId, ':identity': 'identity#' },
      Limit: pageSize,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const { pk } of page.Items ?? []) {
      const [, namespace = '', value = ''] = String(pk).split('#');
      found.push({ namespace, value });
    }
    start = page.LastEvaluatedKey;
  } while (start && found.length < mostIdentities);
  return found;
}

/**
 * A page of a customer's ledger, newest first.
 * @param after the `next` of the page before
 */
export async function listInteractions(
  client: Client,
  ledger: string,
  { customerId, limit, after }: { customerId: string; limit: number; after?: string },
): Promise<{ interactions: Interaction[]; next?: string }> {
  const { Items = [] } = await client.query({
    TableName: ledger,
    KeyConditionExpression: 'pk = :customer',
    ExpressionAttributeValues: { ':customer': customerId },
    ScanIndexForward: false,
    ConsistentRead: true,
    // One more than wanted tells whether there is a next page.
    Limit: limit + 1,
    ...(after !== undefined && { ExclusiveStartKey: { pk: customerId, sk: after } }),
  });
  const interactions = Items.slice(0, limit).map((item) => readInteraction(item as unknown as Interaction));
  const last = interactions.at(-1);
  return {
    interactions,
    ...(Items.length > limit && last && { next: interactionKey(customerId, last.occurredAt, last.id).sk }),
  };
}

function readInteraction(stored: Interaction): Interaction {
  if (stored.type === 'order') return { ...stored, order: readOrder(stored.order) };
  if (stored.type === 'refund') return { ...stored, amount: readMoney(stored.amount) };
  return stored;
}
