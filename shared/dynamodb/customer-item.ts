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
  /** Absent where nothing waits. */
  waiting?: Record<string, StoredFacts>;
  standing?: Standing;
}

/** Amounts come back as numbers or, beyond 2^53, as bigint. */
type StoredFacts = Omit<Facts, 'totalSpent' | 'totalRefunded'> &
  Record<'totalSpent' | 'totalRefunded', number | bigint>;

export function itemOf({ id, facts, waiting, ...customer }: Customer): CustomerItem {
  return { customerId: id, ...customer, ...facts, ...(Object.keys(waiting).length > 0 && { waiting }) };
}

export function customerOf(item: CustomerItem): Customer {
  const {
    customerId,
    waiting,
    purchaseCount,
    totalSpent,
    totalRefunded,
    firstPurchaseAt,
    lastPurchaseAt,
    ...customer
  } = item;
  return { id: customerId, ...customer, facts: factsOf(item), waiting: waitingOf(waiting) };
}

function waitingOf(stored: CustomerItem['waiting'] = {}): Customer['waiting'] {
  return Object.fromEntries(Object.entries(stored).map(([currency, facts]) => [currency, factsOf(facts)]));
}

/** The facts of an item, of which nothing else need have been read. */
export function factsOf(item: StoredFacts): Facts {
  const { purchaseCount, firstPurchaseAt, lastPurchaseAt } = item;
  return {
    purchaseCount,
    totalSpent: BigInt(item.totalSpent),
    totalRefunded: BigInt(item.totalRefunded),
    ...(firstPurchaseAt && { firstPurchaseAt }),
    ...(lastPurchaseAt && { lastPurchaseAt }),
  };
}
