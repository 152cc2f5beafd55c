import { canonicalText } from '../domain/canonical.ts';
import { type Consents, withConsents } from '../domain/consent.ts';
import { type Customer, type Heard, heardOf, withHistory, withLiveOrder, withWord } from '../domain/customer.ts';
import { countedOf, type Rate, waitsForRate } from '../domain/exchange-rate.ts';
import { earlier, type Instant } from '../domain/instant.ts';
import { type Interaction, interactionsOf } from '../domain/interaction.ts';
import { joinOrders, type Order, refundsPerOrder } from '../domain/order.ts';
import { noOrderFacts, type OrderFacts } from '../domain/order-facts.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import type { Draft, Frame } from './draft.ts';
import { type Fact, Unintelligible, type Who } from './fact.ts';
import type { Known } from './known.ts';
import { rateOf, waitingWrites } from './order-rate.ts';
import type { OrderLine, Write } from './record-store.ts';
import { attachWrites, type Erased, type Found, resolve, saidSinceErasure } from './resolve.ts';
import { followNames, type Home, isShadow, orderId, orderRef, shadowOf } from './sale-names.ts';
import { conflictWrites } from './suggest.ts';
import { Touched } from './touched.ts';

const stub: Order = { refunds: {}, consents: {} };

/**
 * Joins what is said of an order with what is known of it, under whichever of its names, and works out what that
 * changes.
 */
export async function draftOrder(known: Known, fact: Fact & { kind: 'order' }, frame: Frame): Promise<Draft> {
  const names = [fact.externalId, ...(fact.alsoKnownAs ?? [])];
  const naturals = names.map((name) => orderRef(name, frame));
  await known.fetchCheckout(naturals, orderId(fact.externalId, frame), fact.who, fact.order.placedAt, frame);
  const followed = await followNames(known, names, frame);
  if (followed === 'stale') return 'stale';
  const { home, others, aliases } = followed;

  const before = [home, ...others].flatMap(({ order }) => order ?? []).reduce(joinOrders, stub);
  const joined = joinOrders(before, fact.order);
  if (Object.keys(joined.refunds).length > refundsPerOrder) {
    throw new Unintelligible(`order has more than ${refundsPerOrder} refunds`);
  }

  const holders = [home, ...others].flatMap((one) => one.holder ?? []);
  const holder = holders.find(isShadow) ?? holders[0];
  const found = await whoseOf(known, fact, joined, holder, frame);
  if (found === 'stale') return 'stale';
  const named = found && 'erased' in found ? undefined : atHome(found, holder, fact.who, frame);
  const isNews = joined.snapshot !== before.snapshot;
  const erased = found && 'erased' in found ? found.erased : undefined;
  const marked = frame.withoutPerson ?? [home, ...others].find(({ entry }) => entry?.faceless)?.entry?.faceless;
  const heir = marked && !(holder && isShadow(holder)) ? shadowOf(marked) : undefined;
  const owner = heir ?? (holder && !(named && isNews) ? holder : erased ? shadowOf(erased) : named?.customer);
  const isFaceless = owner !== undefined && isShadow(owner);
  const said = named?.customer.id === owner?.id ? named : undefined;
  const heard = heardIn(fact, owner, said, frame);
  const agreed = isFaceless ? [] : await agreedTo(known, withConsents(before.consents, heard.consents), said, frame);
  const after = { ...joined, consents: withConsents({}, agreed) };
  if (!owner || !after.snapshot) return held(home, after, { aliases, found, marked }, frame);

  const touched = new Touched(
    known.store,
    frame,
    [home, ...others].map((one) => one.interactionId),
  );
  if (said) touched.set(owner, withWords(owner, heard, after));
  const rate = await rateOf(known, after, [home, ...others], frame);
  const is = countedOf(after, rate);
  await recount(touched, home, others, owner, is);

  const line = home.line ?? others.find((other) => other.line)?.line;
  const counted = [home, ...others].some((one) => standing(one).currency !== '');
  const begins = line !== undefined && !counted && is.currency !== '';
  const heardAt = frame.playedAt ?? frame.receivedAt;
  const ratedAt = line?.ratedAt ?? (line && !line.rate ? (frame.ratedAt ?? heardAt) : undefined);
  const first = after.placedAt === known.firstPurchaseAt(touched.of(owner));
  const isHistory = begins && (after.paidAt ?? after.placedAt ?? '') < (frame.backfillBefore ?? '');
  const fixed = {
    ...(line ?? { first }),
    rate,
    ratedAt,
    ...(begins && { first, backfill: line.backfill || isHistory, countsSince: heardAt }),
    ...(line && isNews && { changedAt: heardAt }),
  };
  const lines = linesOf(after, fixed, home.name, frame);
  const isLate = isHistory || cameLate(lines, line, frame);
  if (isLate) known.cameLate(owner.id);
  touched.set(owner, isLate ? withHistory(touched.of(owner)) : withSale(touched.of(owner), lines, line, holder));

  const writes = lineChanges(home, owner.id, lines, { stood: line !== undefined, begins }, frame);
  for (const other of others) writes.push(...lineChanges(other, owner.id, [], { stood: true, begins: false }, frame));
  const left = [home, ...others].flatMap((one) => (one.holder && one.holder.id !== owner.id ? [one.holder.id] : []));
  writes.push(...waitingWrites([home, ...others], home, after, rate, frame));
  const conflicts = said ? await conflictWrites(known, said, said.person.externalId !== undefined, frame) : [];
  if (conflicts === 'stale') return 'stale';
  const beside = [...attachWrites(known, said?.attach ?? [], owner.id, frame), ...conflicts];
  // These too are written on condition that the customer is as it was read: it might have been erased.
  const isGuarded = writes.length > 0 || beside.length > 0;
  writes.push(...touched.writes(heardAt, isGuarded ? [owner.id, ...left] : left), ...beside);
  const { entry } = home;
  const { placedAt: occurredAt } = after;
  if (occurredAt && (entry?.customerId !== owner.id || entry.occurredAt !== occurredAt)) {
    const natural = orderRef(home.name, frame);
    writes.push({ kind: 'natural', natural, customerId: owner.id, occurredAt, revision: entry?.revision ?? 0 });
  }
  const interactionId = home.interactionId;
  const about = {
    customerId: owner.id,
    interactionId,
    ...(erased && { erased: true as const }),
    ...(named && !said && { namedId: named.customer.id }),
  };
  if (!isFaceless) return { writes: [...writes, ...aliases], about };
  return { writes: [...writes.flatMap(faceless), ...aliases], about: { interactionId, erased: true } };
}

/** Whom an order names; where it stands with somebody who was erased, whatever it says changes only amounts. */
async function whoseOf(
  known: Known,
  { who, at }: Fact & { kind: 'order' },
  { placedAt }: Order,
  holder: Customer | undefined,
  frame: Frame,
) {
  return holder && isShadow(holder) ? undefined : resolve(known, who, placedAt ?? earlier(at, frame.receivedAt), frame);
}

/** What it says of its customer; where nobody is known for it, what was agreed to is dated all the same. */
function heardIn(
  { at, order }: Fact & { kind: 'order' },
  owner: Customer | undefined,
  said: Found | undefined,
  { sourceId, receivedAt }: Frame,
): Heard {
  const consents = Object.values(order.consents);
  const words = { person: said?.person ?? {}, sourceId, at, consents };
  return heardOf(owner ?? {}, words, receivedAt);
}

/** What was agreed to with an order, without what somebody did who was erased before. */
async function agreedTo(known: Known, consents: Consents, said: Found | undefined, frame: Frame) {
  const all = Object.values(consents);
  return said ? saidSinceErasure(known, said, all, frame) : all;
}

/** Of somebody who was erased no customer is written, and no line is news. */
function faceless(write: Write): Write[] {
  if (write.kind === 'customer' && write.expected < 0) return [];
  if (write.kind !== 'interaction') return [write];
  const { begins: _, ...rest } = write;
  return [{ ...rest, moved: true }];
}

/** Kept under its natural key alone: an order that nobody is known for, or a refund or cancellation before its order. */
function held(
  { name, interactionId, entry, order }: Home,
  joined: Order,
  { aliases, found, marked }: { aliases: Write[]; found: Found | Erased | undefined; marked: Tombstone | undefined },
  frame: Frame,
): Draft {
  const isErased = marked !== undefined || (found !== undefined && 'erased' in found);
  const after = isErased ? { ...joined, consents: {} } : joined;
  const isMarked = marked === undefined || entry?.faceless !== undefined;
  const same = isMarked && order !== undefined && canonicalText(order) === canonicalText(after);
  const natural = orderRef(name, frame);
  const revision = entry?.revision ?? 0;
  const write: Write = { kind: 'natural', natural, order: after, revision, ...(marked && { faceless: marked }) };
  return {
    writes: [...(same ? [] : [write]), ...aliases],
    about: { interactionId, ...(isErased && { erased: true as const }) },
  };
}

/** Takes the sale out of every ledger that it stood in, and counts it once in its owner's. */
async function recount(touched: Touched, home: Home, others: readonly Home[], owner: Customer, is: OrderFacts) {
  for (const other of others) {
    if (other.holder) await touched.count(other.holder, standing(other), noOrderFacts);
  }
  const was = standing(home);
  if (home.holder && home.holder.id !== owner.id) {
    await touched.count(home.holder, was, noOrderFacts);
    await touched.count(owner, noOrderFacts, is);
  } else await touched.count(owner, was, is);
}

/** What a sale adds where it stands now. */
function standing({ holder, order, line }: Home): OrderFacts {
  return holder && order ? countedOf(order, line?.rate) : noOrderFacts;
}

/**
 * Somebody unknown in an order that has its customer already is that customer by another address, unless the source
 * knows the customer by another id.
 */
function atHome(named: Found | undefined, holder: Customer | undefined, who: Who, frame: Frame): Found | undefined {
  if (!named || !holder || named.customer.version > 0 || 'customerId' in who) return named;
  const knownAs = Object.hasOwn(holder.sourceIds, frame.sourceId) ? holder.sourceIds[frame.sourceId] : undefined;
  const isAnother = knownAs !== undefined && who.externalId !== undefined && knownAs !== who.externalId;
  return isAnother ? named : { ...named, customer: holder, elsewhere: [] };
}

/** Test orders speak of nobody's wishes. */
function withWords(owner: Customer, heard: Heard, { snapshot, consents }: Order): Customer {
  const test = snapshot?.test ?? true;
  return withWord(owner, { ...heard, test, consents: test ? [] : Object.values(consents) });
}

/**
 * History that comes in explains what follows it, until there is a live order again; so does an order that waited for a
 * rate and is counted now.
 */
function cameLate(lines: Interaction[], line: OrderLine | undefined, { baseCurrency }: Frame): boolean {
  const sale = lines.find((next) => next.type === 'order');
  if (sale?.type !== 'order' || sale.order.snapshot?.test) return false;
  if (!line) return sale.backfill;
  return (
    waitsForRate(line.order, line.rate, baseCurrency) && countedOf(sale.order, sale.rate).currency === baseCurrency
  );
}

/**
 * An order that was known before is no live one, whatever is said of it: one that moves to another customer counts there
 * as it still did where it was.
 */
function withSale(
  customer: Customer,
  lines: Interaction[],
  line: OrderLine | undefined,
  holder: Customer | undefined,
): Customer {
  const sale = lines.find((next) => next.type === 'order');
  if (sale?.type !== 'order' || sale.order.snapshot?.test) return customer;
  if (sale.backfill) return customer;
  const isKnown = line !== undefined && !line.order.snapshot?.test;
  const stillCounts = !isKnown || (holder?.lastLiveOrderAt ?? '') >= sale.occurredAt;
  return stillCounts ? withLiveOrder(customer, sale.occurredAt) : customer;
}

type Fixed = Pick<OrderLine, 'first' | 'countsSince' | 'changedAt'> &
  Partial<Pick<OrderLine, 'receivedAt' | 'backfill'>> & {
    rate?: Rate | undefined;
    ratedAt?: Instant | undefined;
  };

/**
 * What was fixed when the order's line was first written stays: when it came, whether it was history then, and whether
 * it was the customer's first purchase; the last two are looked at again where it did not count before. The rate is
 * fixed when it is first counted.
 */
function linesOf(order: Order, fixed: Fixed, externalId: string, frame: Frame) {
  return interactionsOf(order, { ...frame, externalId, rate: fixed.rate, ratedAt: fixed.ratedAt }).map(
    (next): Interaction => {
      if (next.type !== 'order') return next;
      const { receivedAt = next.receivedAt, backfill = next.backfill, first, countsSince, changedAt } = fixed;
      const since = { ...(countsSince && { countsSince }), ...(changedAt && { changedAt }) };
      return { ...next, receivedAt, backfill, first, ...since };
    },
  );
}

/**
 * @param how.stood whether the sale stood in a ledger before: what only moves is no news
 * @param how.begins whether it counts from now on, and did not there
 */
function lineChanges(
  home: Home,
  to: string,
  after: Interaction[],
  { stood, begins }: { stood: boolean; begins: boolean },
  frame: Frame,
): Write[] {
  const from = home.holder?.id ?? to;
  const before = home.line && home.order ? linesOf(home.order, home.line, home.name, frame) : [];
  const revision = home.line?.revision ?? 0;
  const place = (customerId: string, line: Interaction) => `${customerId}#${line.occurredAt}#${line.id}`;
  const text = (line: Interaction) => canonicalText({ ...line, receivedAt: '' });
  const were = new Map(before.map((line) => [place(from, line), line]));
  const moved = from !== to || (stood && !home.line);
  const writes: Write[] = [];
  for (const interaction of after) {
    const was = were.get(place(to, interaction));
    were.delete(place(to, interaction));
    if (was && text(was) === text(interaction)) continue;
    const isSale = interaction.type === 'order';
    const guard = isSale ? { revision, ...(!was && { arrives: true as const }) } : {};
    const news = isSale && begins ? { begins } : {};
    writes.push({ kind: 'interaction', customerId: to, interaction, moved, ...guard, ...news });
  }
  // The line may have been read before what the customer was read after: it goes as it was read, or not at all.
  for (const { occurredAt, id, type } of were.values()) {
    const guard = type === 'order' ? { revision } : {};
    writes.push({ kind: 'removal', customerId: from, occurredAt, interactionId: id, ...guard });
  }
  return writes;
}
