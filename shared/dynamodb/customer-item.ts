import type { Customer, Part, Standing } from '../domain/customer.ts';
import type { Facts } from '../domain/facts.ts';
import type { Stub } from '../domain/merge.ts';
import type { Stored, Tombstone } from '../domain/tombstone.ts';
import { contactsText, daysText, readContacts, readDays, readSales, salesText } from './days-text.ts';

/** What is known of one person, as it lies in the table. */
interface PersonItem {
  createdAt: string;
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
  /** By `daysText`; absent where there are none. */
  days?: string;
  /** By `salesText`; absent where there are none. */
  sales?: string;
  /** By `contactsText`; absent where there are none. */
  contacts?: string;
  /** Absent where nothing waits. */
  waiting?: Record<string, StoredFacts>;
  standing?: Standing;
  left?: NonNullable<Customer['left']>;
  ahead?: NonNullable<Customer['ahead']>;
}

/**
 * A customer as it lies in the table. Every night reads all of them, so the item is lean: short names, no lists that
 * grow, and what the night measures at the top level, where a projection reaches it.
 */
export interface CustomerItem extends PersonItem {
  customerId: string;
  version: number;
  updatedAt: string;
  /** Of a customer who is several persons. */
  parts?: Record<string, PersonItem & Pick<Part, 'into' | 'mergeId'>>;
}

/** In the place of a customer who was merged into another: the night, which looks for `live`, passes it over. */
export interface StubItem {
  customerId: string;
  version: number;
  mergedInto: string;
}

/** In the place of somebody who was erased; the night passes it over as it does a {@link StubItem}. */
export interface TombstoneItem {
  customerId: string;
  version: number;
  erasedAt: string;
  sources: string[];
}

/** Whatever lies in the table. */
export type StoredItem = CustomerItem | StubItem | TombstoneItem;

/** Amounts come back as numbers or, beyond 2^53, as bigint. */
type StoredFacts = Omit<Facts, 'totalSpent' | 'totalRefunded' | 'days' | 'sales'> &
  Record<'totalSpent' | 'totalRefunded', number | bigint> & { days?: string; sales?: string };

export function itemOf({ id, facts, waiting, contacts, parts, ...customer }: Customer): CustomerItem {
  return {
    customerId: id,
    ...customer,
    ...factsItem(facts),
    ...waitingItem(waiting),
    ...contactsItem(contacts),
    ...(parts && {
      parts: Object.fromEntries(Object.entries(parts).map(([person, part]) => [person, partItem(part)])),
    }),
  };
}

function partItem({ facts, waiting, contacts, ...part }: Part): PersonItem {
  return { ...part, ...factsItem(facts), ...waitingItem(waiting), ...contactsItem(contacts) };
}

function contactsItem(contacts: Customer['contacts']): Pick<PersonItem, 'contacts'> {
  return contacts.length > 0 ? { contacts: contactsText(contacts) } : {};
}

function waitingItem(waiting: Customer['waiting']): Pick<PersonItem, 'waiting'> {
  const entries = Object.entries(waiting);
  if (entries.length === 0) return {};
  return { waiting: Object.fromEntries(entries.map(([currency, facts]) => [currency, factsItem(facts)])) };
}

function factsItem({ days, sales, ...facts }: Facts): StoredFacts {
  return {
    ...facts,
    ...(days.length > 0 && { days: daysText(days) }),
    ...(sales.length > 0 && { sales: salesText(sales) }),
  };
}

export function stubItem({ id, version, mergedInto }: Stub): StubItem {
  return { customerId: id, version, mergedInto };
}

export function tombstoneItem({ id, version, erasedAt, sources }: Tombstone): TombstoneItem {
  return { customerId: id, version, erasedAt, sources };
}

export function isStubItem(item: StoredItem): item is StubItem {
  return 'mergedInto' in item;
}

export function isTombstoneItem(item: StoredItem): item is TombstoneItem {
  return 'erasedAt' in item;
}

export function customerOf({ customerId, parts, ...item }: CustomerItem): Customer {
  return {
    id: customerId,
    ...stateOf(item),
    ...(parts && { parts: Object.fromEntries(Object.entries(parts).map(([person, part]) => [person, stateOf(part)])) }),
  };
}

/** A customer, or what is left in the place of one who was merged into another or erased. */
export function storedCustomerOf(item: StoredItem): Stored {
  if (isTombstoneItem(item)) {
    const { customerId: id, version, erasedAt, sources } = item;
    return { id, version, erasedAt, sources };
  }
  if (!isStubItem(item)) return customerOf(item);
  const { customerId, version, mergedInto } = item;
  return { id: customerId, version, mergedInto };
}

function stateOf<Item extends PersonItem>({
  purchaseCount,
  totalSpent,
  totalRefunded,
  firstPurchaseAt,
  lastPurchaseAt,
  days,
  sales,
  contacts = '',
  waiting = {},
  ...state
}: Item) {
  const facts = factsOf({
    purchaseCount,
    totalSpent,
    totalRefunded,
    ...(firstPurchaseAt && { firstPurchaseAt }),
    ...(lastPurchaseAt && { lastPurchaseAt }),
    ...(days && { days }),
    ...(sales && { sales }),
  });
  return {
    ...state,
    facts,
    contacts: readContacts(contacts),
    waiting: Object.fromEntries(Object.entries(waiting).map(([currency, stored]) => [currency, factsOf(stored)])),
  };
}

function factsOf(item: StoredFacts): Facts {
  const { purchaseCount, firstPurchaseAt, lastPurchaseAt, days = '', sales = '' } = item;
  return {
    purchaseCount,
    totalSpent: BigInt(item.totalSpent),
    totalRefunded: BigInt(item.totalRefunded),
    ...(firstPurchaseAt && { firstPurchaseAt }),
    ...(lastPurchaseAt && { lastPurchaseAt }),
    days: readDays(days),
    sales: readSales(sales),
  };
}
