import { type Customer, newCustomer } from '../domain/customer.ts';
import type { Order } from '../domain/order.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import type { Frame } from './draft.ts';
import type { Known, Stale } from './known.ts';
import type { NaturalEntry, NaturalRef, OrderLine, Write } from './record-store.ts';

/** What is known of a sale under one of its names. */
export interface Home {
  name: string;
  /** Of the order's line in a ledger. */
  interactionId: string;
  entry: NaturalEntry | undefined;
  /** The order as it was; absent where nothing was said of it under this name. */
  order: Order | undefined;
  line: OrderLine | undefined;
  /** Whose ledger it stands in; of somebody who was erased the {@link shadowOf}. */
  holder: Customer | undefined;
}

/**
 * In the place of somebody who was erased: whose ledger keeps the amounts, and of whom nothing else is known. Never
 * written.
 */
export function shadowOf({ id, erasedAt }: Tombstone): Customer {
  return { ...newCustomer(id, erasedAt), version: -1 };
}

export function isShadow({ version }: Customer): boolean {
  return version < 0;
}

export interface SaleNames {
  /** Where the sale stands from now on. */
  home: Home;
  /** Where it stood as well, before anybody said that these are one sale. */
  others: Home[];
  /** So that each other name leads to the home. */
  aliases: Write[];
}

export function orderRef(name: string, { sourceId }: Pick<Frame, 'sourceId'>): NaturalRef {
  return { sourceId, type: 'order', externalId: name };
}

export function orderId(name: string, { mint, sourceId }: Pick<Frame, 'mint' | 'sourceId'>): string {
  return mint('int', sourceId, 'order', name);
}

/**
 * Follows the names of a sale to what is known of it. Most platforms have one name for an order; some tell one sale in
 * several forms, each with an id of its own, and say only later that they belong together.
 */
export async function followNames(known: Known, names: readonly string[], frame: Frame): Promise<SaleNames | Stale> {
  const leadTo = new Map<string, string>();
  for (const name of names) leadTo.set(name, await endOf(known, name, frame));
  const kept = [...new Set(leadTo.values())].filter((name) => known.natural(orderRef(name, frame)));
  const [first = names[0] as string, ...rest] = kept.sort();
  const home = await homeOf(known, first, frame);
  if (home === 'stale') return 'stale';
  const others: Home[] = [];
  for (const name of rest) {
    const other = await homeOf(known, name, frame);
    if (other === 'stale') return 'stale';
    others.push(other);
  }
  const aliases = [...names, ...rest]
    .filter((name, index, all) => name !== first && all.indexOf(name) === index)
    .filter((name) => known.natural(orderRef(name, frame))?.aliasOf !== first)
    .map((name): Write => {
      const natural = orderRef(name, frame);
      return { kind: 'natural', natural, aliasOf: first, revision: known.natural(natural)?.revision ?? 0 };
    });
  return { home, others, aliases };
}

/** The name at the end of what a name leads to. */
async function endOf(known: Known, name: string, frame: Frame): Promise<string> {
  await known.fetch({ naturals: [orderRef(name, frame)] });
  const { aliasOf } = known.natural(orderRef(name, frame)) ?? {};
  return aliasOf === undefined ? name : endOf(known, aliasOf, frame);
}

async function homeOf(known: Known, name: string, frame: Frame): Promise<Home | Stale> {
  const interactionId = orderId(name, frame);
  const entry = known.natural(orderRef(name, frame));
  if (!entry?.customerId)
    return { name, interactionId, entry, order: entry?.order, line: undefined, holder: undefined };
  const line = await known.orderLine(entry.customerId, entry.occurredAt, interactionId);
  const erased = known.tombstone(entry.customerId);
  const holder = erased ? shadowOf(erased) : await known.customer(entry.customerId);
  if (!line || !holder || holder === 'stale') return 'stale';
  return { name, interactionId, entry, order: line.order, line, holder };
}
