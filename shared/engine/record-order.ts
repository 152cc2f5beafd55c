import { canonicalText } from '../domain/canonical.ts';
import {
  type Customer,
  factsIn,
  firstPurchaseAt,
  withFactsIn,
  withHistory,
  withLiveOrder,
  withWord,
} from '../domain/customer.ts';
import { uncoversBound, withContribution } from '../domain/facts.ts';
import type { Instant } from '../domain/instant.ts';
import { type Interaction, interactionsOf } from '../domain/interaction.ts';
import {
  type Contribution,
  contributionOf,
  joinOrders,
  noContribution,
  type Order,
  refundsPerOrder,
} from '../domain/order.ts';
import { customerWrite, type Draft, type Frame, isChanged } from './draft.ts';
import { type Fact, Unintelligible, type Who } from './fact.ts';
import type { Known, NaturalEntry, NaturalRef, OrderLine, Write } from './record-store.ts';
import { type Found, personOf, resolve } from './resolve.ts';

const stub: Order = { refunds: {}, consents: {} };

/** Joins what is said of an order with what is known of it, and works out what that changes. */
export async function draftOrder(known: Known, fact: Fact & { kind: 'order' }, frame: Frame): Promise<Draft> {
  const natural: NaturalRef = { sourceId: frame.sourceId, type: 'order', externalId: fact.externalId };
  const interactionId = frame.mint('int', frame.sourceId, 'order', fact.externalId);
  await known.fetchCheckout(natural, interactionId, fact.who, fact.order.placedAt, frame);

  const entry = known.natural(natural);
  const line = entry?.customerId ? await known.orderLine(entry.customerId, entry.occurredAt, interactionId) : undefined;
  const holder = entry?.customerId ? await known.customer(entry.customerId) : undefined;
  if (entry?.customerId && !(line && holder)) return 'stale';

  const before = line?.order ?? entry?.order ?? stub;
  const after = joinOrders(before, fact.order);
  if (Object.keys(after.refunds).length > refundsPerOrder) {
    throw new Unintelligible(`order has more than ${refundsPerOrder} refunds`);
  }

  const named = atHome(await resolve(known, fact.who, frame), holder, fact.who, frame);
  if (named && !named.customer) return 'stale';
  const isNews = after.snapshot !== before.snapshot;
  const owner = holder && !(named && isNews) ? holder : named?.customer;
  if (!owner || !after.snapshot) return held(entry, natural, before, after, interactionId);

  const attach = named?.customer?.id === owner.id ? named.attach : undefined;
  const from = holder && holder.id !== owner.id ? holder : undefined;
  const was = contributionOf(before);
  const is = contributionOf(after);
  const wereLines = line ? linesOf(before, line, fact.externalId, frame) : [];
  const told = attach ? withWords(owner, fact, after, frame) : owner;
  const counted = await withChange(
    known,
    told,
    { was: holder && !from ? was : noContribution, is },
    interactionId,
    frame,
  );
  const lines = linesOf(after, line ?? { firstAt: firstPurchaseAt(counted) }, fact.externalId, frame);
  const customer = withSale(counted, lines, line);

  const writes = lineChanges(holder?.id ?? owner.id, wereLines, owner.id, lines, line?.revision ?? 0);
  if (writes.length > 0 || isChanged(owner, customer)) writes.push(customerWrite(owner, customer, frame.receivedAt));
  if (from) {
    const left = await withChange(known, from, { was, is: noContribution }, interactionId, frame);
    writes.push(customerWrite(from, left, frame.receivedAt));
  }
  for (const identity of attach ?? []) writes.push({ kind: 'identity', identity, customerId: owner.id });
  const { placedAt: occurredAt } = after;
  if (occurredAt && (entry?.customerId !== owner.id || entry.occurredAt !== occurredAt)) {
    writes.push({ kind: 'natural', natural, customerId: owner.id, occurredAt, revision: entry?.revision ?? 0 });
  }
  return { writes, about: { customerId: owner.id, interactionId } };
}

/** Kept under its natural key alone: an order that nobody is known for, or a refund or cancellation before its order. */
function held(
  entry: NaturalEntry | undefined,
  natural: NaturalRef,
  before: Order,
  after: Order,
  interactionId: string,
): Draft {
  const same = entry !== undefined && canonicalText(before) === canonicalText(after);
  return {
    writes: same ? [] : [{ kind: 'natural', natural, order: after, revision: entry?.revision ?? 0 }],
    about: { interactionId },
  };
}

/**
 * Somebody unknown in an order that has its customer already is that customer by another address, unless the source
 * knows the customer by another id.
 */
function atHome(named: Found | undefined, holder: Customer | undefined, who: Who, frame: Frame): Found | undefined {
  if (!named?.customer || !holder || named.customer.version > 0 || 'customerId' in who) return named;
  const knownAs = Object.hasOwn(holder.sourceIds, frame.sourceId) ? holder.sourceIds[frame.sourceId] : undefined;
  const isAnother = knownAs !== undefined && who.externalId !== undefined && knownAs !== who.externalId;
  return isAnother ? named : { customer: holder, attach: named.attach };
}

/** Test orders speak of nobody's wishes. */
function withWords(
  owner: Customer,
  fact: Fact & { kind: 'order' },
  { snapshot, consents }: Order,
  frame: Frame,
): Customer {
  const test = snapshot?.test ?? true;
  return withWord(owner, {
    person: personOf(fact.who),
    sourceId: frame.sourceId,
    at: fact.at,
    test,
    consents: test ? [] : Object.values(consents),
  });
}

/** History that comes in explains what follows it, until there is a live order again. */
function withSale(customer: Customer, lines: Interaction[], line: OrderLine | undefined): Customer {
  const sale = lines.find((next) => next.type === 'order');
  if (sale?.type !== 'order' || sale.order.snapshot?.test) return customer;
  if (!sale.backfill) return withLiveOrder(customer, sale.occurredAt);
  return line ? customer : withHistory(customer);
}

interface Change {
  was: Contribution;
  is: Contribution;
}

/** The customer after an order's contribution changed; one that changed its currency leaves one sum and joins another. */
async function withChange(
  known: Known,
  customer: Customer,
  { was, is }: Change,
  orderId: string,
  frame: Frame,
): Promise<Customer> {
  const moves = was.currency !== '' && was.currency !== is.currency;
  const changes = moves
    ? [
        { was, is: noContribution },
        { was: noContribution, is },
      ]
    : [{ was, is }];
  let changed = customer;
  for (const change of changes) {
    const currency = change.is.currency || change.was.currency;
    if (currency === '') continue;
    const facts = factsIn(changed, currency, frame.baseCurrency);
    const uncovered = uncoversBound(facts, change.was, change.is);
    const rest = uncovered ? await known.store.purchaseBounds(customer.id, currency, orderId) : undefined;
    changed = withFactsIn(changed, currency, frame.baseCurrency, withContribution(facts, change.was, change.is, rest));
  }
  return changed;
}

/**
 * What was fixed when the order's line was first written stays: when it came, whether it was history then, and whether
 * it was the customer's first purchase.
 */
function linesOf(order: Order, fixed: OrderLine | { firstAt: Instant | undefined }, externalId: string, frame: Frame) {
  return interactionsOf(order, { ...frame, externalId }).map((next): Interaction => {
    if (next.type !== 'order') return next;
    if ('firstAt' in fixed) return { ...next, first: next.occurredAt === fixed.firstAt };
    return { ...next, receivedAt: fixed.receivedAt, backfill: fixed.backfill, first: fixed.first };
  });
}

function lineChanges(from: string, before: Interaction[], to: string, after: Interaction[], revision: number): Write[] {
  const place = (customerId: string, line: Interaction) => `${customerId}#${line.occurredAt}#${line.id}`;
  const text = (line: Interaction) => canonicalText({ ...line, receivedAt: '' });
  const were = new Map(before.map((line) => [place(from, line), line]));
  const writes: Write[] = [];
  for (const interaction of after) {
    const was = were.get(place(to, interaction));
    were.delete(place(to, interaction));
    if (was && text(was) === text(interaction)) continue;
    const guard = interaction.type === 'order' ? { revision: was ? revision : 0 } : {};
    writes.push({ kind: 'interaction', customerId: to, interaction, moved: from !== to, ...guard });
  }
  for (const { occurredAt, id } of were.values()) {
    writes.push({ kind: 'removal', customerId: from, occurredAt, interactionId: id });
  }
  return writes;
}
