import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { Customer } from '../domain/customer.ts';
import { type Client, storeFault } from './client.ts';
import { type CustomerItem, customerOf } from './customer-item.ts';

/** The customer as the last write left it; nothing where there is none. */
export async function readCustomer(client: Client, table: string, customerId: string): Promise<Customer | undefined> {
  try {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { customerId }, ConsistentRead: true }));
    return Item && customerOf(Item as CustomerItem);
  } catch (error) {
    throw storeFault(error);
  }
}
