import type { KeptDelivery } from '../domain/delivery.ts';
import type { Identity } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import type { PersonalData } from './erase-person.ts';
import { Known } from './known.ts';
import { type Named, namedIn } from './names-person.ts';
import type { RecordStore } from './record-store.ts';
import { identifiesNobody } from './resolve.ts';
import { orderId, orderRef } from './sale-names.ts';

export type ListedDelivery = Pick<KeptDelivery, 'id' | 'customerId' | 'interactionId' | 'receivedAt' | 'occurredAt'>;

/** The body as it was parsed, text where it is no JSON; and the headers that were kept with it. */
export type DeliveryContent = { body: unknown; headers: Readonly<Record<string, string>> };

/** Persons whose deliveries are looked for among those of one source. */
export interface Sought {
  personIds: readonly string[];
  /** Ids that are minted from the identities of the persons. */
  marks: readonly string[];
  /** The source's own ids of orders that are the persons', with whomever they stand. */
  orders: readonly string[];
  sourceId: string;
  /** What came later and was recorded for nobody is nobody's: who may have come back is somebody new. */
  upTo?: Instant;
  mint: Mint;
  phoneOf(text: string): string | undefined;
}

/** An export may not show what is another's; an erasure may not leave what is the person's. */
export type Purpose = 'export' | 'erasure';

export interface DeliveryReads {
  records: RecordStore;
  data: Pick<PersonalData, 'lines'>;
  content(deliveryId: string): Promise<DeliveryContent>;
}

/**
 * Tells whether a delivery is the persons': by the person that it was recorded for. What was told of an order that
 * somebody else has by now goes with either, and is shown to the one alone whom it was recorded for, also where nothing
 * else was known of that one: then it bears the id that would have been minted. Where it was recorded
 * for nobody, its body tells, by an identity or by an order. A body that bears an id of somebody else, or of an order in
 * somebody else's ledger, is that one's, and not theirs who share an address with that one. One that bears ids of both is
 * shown to neither, and goes with the first who is erased.
 */
export function whoseDelivery({ records, data, content }: DeliveryReads, sought: Sought, purpose: Purpose) {
  const { personIds, marks, upTo } = sought;
  const ids = new Set([...marks, ...personIds]);
  let reading: Promise<Sales> | undefined;
  const sales = () => (reading ??= salesOf(data, sought));
  const isUnwritten = async (id: string) => {
    if (!marks.includes(id)) return false;
    const known = new Known(records, true);
    await known.fetch({ customers: [id] });
    return !known.isThere(id);
  };
  return async ({ id, customerId, interactionId, receivedAt }: ListedDelivery): Promise<boolean> => {
    if (customerId !== undefined && (personIds.includes(customerId) || (await isUnwritten(customerId)))) return true;
    const isOfSale = interactionId !== undefined && (await sales()).lines.has(interactionId);
    if (isOfSale && purpose === 'erasure') return true;
    if (customerId !== undefined || (upTo !== undefined && receivedAt > upTo)) return false;
    const { body, headers } = await content(id);
    const named = namedIn(body, headers, { ...sought, ids });
    const isOrdered = async () => {
      if (named.orders.size === 0) return false;
      const { names } = await sales();
      return [...named.orders].some((order) => names.has(order));
    };
    const isById = named.byId || isOfSale || (await isOrdered());
    if (isById && purpose === 'erasure') return true;
    if (!isById && named.addresses.length === 0) return false;
    const others = await othersOf(records, named, sought);
    if (others === 'too many') return purpose === 'erasure';
    if (purpose === 'export') return others.length === 0;
    // Where the other one has nothing to do with the address, it stands there for the person.
    return !(await areShared(records, named.addresses, others));
  };
}

/** Of more ids than this in one body nobody looks up whose they are: no shop says so many of one thing. */
const mostIds = 1_000;

/** Other persons whom a body names by an id of theirs, or by an order in their ledgers. */
async function othersOf(
  records: RecordStore,
  { otherCustomers, orders }: Named,
  { personIds, sourceId }: Sought,
): Promise<string[] | 'too many'> {
  if (otherCustomers.size + orders.size > mostIds) return 'too many';
  const known = new Known(records, true);
  const found = new Set<string>();
  const identities = [...otherCustomers].map((value): Identity => ({ namespace: sourceId, value }));
  for (const some of hundreds(identities)) await known.fetch({ identities: some });
  for (const identity of identities) found.add((await known.identity(identity))?.customerId ?? '');
  let refs = [...orders].map((name) => orderRef(name, { sourceId }));
  // By one name after the other to where the order is kept.
  for (let names = 0; refs.length > 0 && names < 10; names++) {
    for (const some of hundreds(refs)) await known.fetch({ naturals: some });
    const entries = refs.map((ref) => known.natural(ref));
    for (const entry of entries) found.add(entry?.customerId ?? '');
    refs = entries.flatMap((entry) => (entry?.aliasOf === undefined ? [] : [orderRef(entry.aliasOf, { sourceId })]));
  }
  const others = [...found].filter((id) => id !== '' && !personIds.includes(id));
  for (const some of hundreds(others)) await known.fetch({ customers: some });
  return others.filter((id) => known.isThere(id));
}

function hundreds<One>(list: readonly One[]): One[][] {
  return Array.from({ length: Math.ceil(list.length / 100) }, (_, part) => list.slice(part * 100, (part + 1) * 100));
}

/** Whether each of the addresses leads to one of the others as well. */
async function areShared(records: RecordStore, addresses: Identity[], others: readonly string[]): Promise<boolean> {
  const known = new Known(records, true);
  await known.fetch({ identities: addresses });
  const entries = await Promise.all(addresses.map((address) => known.identity(address)));
  return entries.every(
    (entry) =>
      entry && (identifiesNobody(entry) || [entry.customerId, ...entry.met].some((person) => others.includes(person))),
  );
}

interface Sales {
  /** Ids of their lines. */
  lines: Set<string>;
  /** The source's own ids of those of the source. */
  names: Set<string>;
}

/** The lines of sales stay in the ledgers of persons who were erased. */
async function salesOf(data: DeliveryReads['data'], { personIds, orders, sourceId, mint }: Sought): Promise<Sales> {
  const names = new Set(orders);
  const lines = new Set(orders.map((name) => orderId(name, { mint, sourceId })));
  for (const personId of personIds) {
    let after: string | undefined;
    do {
      const page = await data.lines(personId, after);
      for (const { interaction } of page.lines) {
        if (interaction.type !== 'order') continue;
        lines.add(interaction.id);
        if (interaction.sourceId === sourceId) names.add(interaction.externalId);
      }
      after = page.next;
    } while (after !== undefined);
  }
  return { lines, names };
}
