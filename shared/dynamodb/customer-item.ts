import type { Customer, Standing } from '../domain/customer.ts';
import type { Facts } from '../domain/facts.ts';

/**
 * A customer as it lies in the table. Every night reads all of them, so the item is lean: short names, no lists that
 * grow, and what the night measures at the top level, where a projection reaches it.
 */
export interface CustomerItem {
  customerId: string;
  version: number;
  createdAt: string;
  updatedAt: string;
  profile: Customer['profile'];
  sourceIds: Customer['sourceIds'];
  consents: Customer['consents'];
  live: boolean;
  lastLiveOrderAt?: string;
  purchaseCount: number;
  totalSpent: number | bigint;
  totalRefunded: number | bigint;
  firstPurchaseAt?: string;
  lastPurchaseAt?: string;
  standing?: Standing;
}

export function itemOf({ id, facts, ...customer }: Customer): CustomerItem {
  return { customerId: id, ...customer, ...facts };
}

export function customerOf(item: CustomerItem): Customer {
  const { customerId, purchaseCount, totalSpent, totalRefunded, firstPurchaseAt, lastPurchaseAt, ...customer } = item;
  return { id: customerId, ...customer, facts: factsOf(item) };
}

/** The facts of an item, of which nothing else need have been read. */
export function factsOf(
  item: Pick<CustomerItem, 'purchaseCount' | 'totalSpent' | 'totalRefunded' | 'firstPurchaseAt' | 'lastPurchaseAt'>,
): Facts {
  const { purchaseCount, firstPurchaseAt, lastPurchaseAt } = item;
  return {
    purchaseCount,
    totalSpent: BigInt(item.totalSpent),
    totalRefunded: BigInt(item.totalRefunded),
    ...(firstPurchaseAt && { firstPurchaseAt }),
    ...(lastPurchaseAt && { lastPurchaseAt }),
  };
}
