import { addCounts, type ImportCounts, type ImportError, noCounts } from '../domain/history-import.ts';
import { type Instant, later } from '../domain/instant.ts';
import type { Money } from '../domain/money.ts';
import { type Order, refundedOf, type Snapshot } from '../domain/order.ts';
import type { Frame } from './draft.ts';
import { type Fact, type Translation, Unintelligible } from './fact.ts';
import { Known } from './known.ts';
import { Problem, StoreRefusal } from './problem.ts';
import { record } from './record.ts';
import type { RecordStore } from './record-store.ts';
import { orderId, orderRef } from './sale-names.ts';

/** One item of a file. */
export interface ImportItem {
  line: number;
  /**
   * What it says.
   * @throws Unintelligible
   * @throws Problem of a status below 500
   */
  read(): Translation;
}

export interface ImportPorts {
  records: RecordStore;
  /** Milliseconds that may still be spent. */
  remaining(): number;
  /** Told of a fault in a translation, so that somebody mends it. */
  onFault(error: unknown): void;
}

export interface ImportRules {
  frame: Frame;
  /** Where the file says less than the shop's own messages: of an order that is known it adds only what is missing. */
  fillsIn: boolean;
}

export interface ImportProgress {
  /** The item to go on with. */
  next: number;
  counts: ImportCounts;
  errors: ImportError[];
  /** What stopped it before its end: to be tried again. */
  fault?: Problem;
}

/** Whatever is imported is history, whenever it happened: later than any time there is. */
const everything: Instant = '2200-01-01T00:00:00.000Z';

/** So many items are under way at once: they seldom speak of one customer. */
const atOnce = 8;

/**
 * Records the items of a part from one of them on, as history: it sets off no outreach. Ends early, between two items,
 * where time runs out or the store is away.
 */
export async function importItems(
  ports: ImportPorts,
  items: readonly ImportItem[],
  from: number,
  rules: ImportRules,
): Promise<ImportProgress> {
  let counts = noCounts;
  const errors: ImportError[] = [];
  let next = from;
  while (next < items.length && (next === from || ports.remaining() > 0)) {
    const batch = items.slice(next, next + atOnce);
    const outcomes = await Promise.all(batch.map((item) => outcomeOf(ports, item, rules)));
    for (const outcome of outcomes) {
      if (outcome instanceof Problem) return { next, counts, errors, fault: outcome };
      counts = addCounts(counts, outcome.counts);
      if (outcome.error) errors.push(outcome.error);
      next += 1;
    }
  }
  return { next, counts, errors };
}

interface Outcome {
  counts: ImportCounts;
  error?: ImportError;
}

/** A problem where trying again may help. */
async function outcomeOf(ports: ImportPorts, item: ImportItem, rules: ImportRules): Promise<Outcome | Problem> {
  try {
    const said = item.read();
    if (said.kind !== 'fact') return { counts: { ...noCounts, ignored: 1 } };
    const outcome = await recordHistory(ports.records, said.fact, rules);
    return { counts: { ...noCounts, ...(outcome === 'recorded' ? { recorded: 1 } : { duplicates: 1 }) } };
  } catch (error) {
    if (error instanceof Problem && error.status >= 500) return error;
    if (error instanceof StoreRefusal && !error.unstorable) throw error;
    const { code, detail } = faultOf(error, ports);
    return { counts: { ...noCounts, failed: 1 }, error: { line: item.line, code, detail } };
  }
}

function faultOf(error: unknown, ports: ImportPorts): Omit<ImportError, 'line'> {
  if (error instanceof Unintelligible) return { code: 'not_understood', detail: error.reason };
  if (error instanceof Problem) {
    const faults = error.faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
    return { code: error.code, detail: faults.length > 0 ? faults.join('; ') : error.message };
  }
  ports.onFault(error);
  return error instanceof StoreRefusal
    ? { code: 'not_storable', detail: 'the store refuses what it says' }
    : { code: 'internal', detail: 'reading it failed: a fault of the engine' };
}

async function recordHistory(store: RecordStore, fact: Fact, { frame, fillsIn }: ImportRules) {
  const news = fillsIn ? await withoutKnown(store, fact, frame) : fact;
  if (!news) return 'duplicate';
  return (await record(store, news, { ...frame, backfillBefore: everything })).outcome;
}

/**
 * What a file adds to an order that is known by a later word than the file's: that it was paid, cancelled or paid back,
 * where nobody said so. Nothing where it adds nothing: the shop's own word on everything else is fuller. Where the file's
 * word is the later one, or a later reading of what is known as history, it counts, but takes an order from nobody by an
 * address alone: two customers may share it.
 */
async function withoutKnown(store: RecordStore, fact: Fact, frame: Frame): Promise<Fact | undefined> {
  if (fact.kind !== 'order') return fact;
  const { order: known, isSomebodys, isLive } = await knownOrder(store, fact.externalId, frame);
  if (!known) return fact;
  const cancelledIfPaid = known.paidAt && fact.cancelledIfPaid && later(fact.cancelledIfPaid, known.paidAt);
  const cancelledAt = fact.order.cancelledAt ?? cancelledIfPaid;
  const order = { ...fact.order, ...(cancelledAt && { cancelledAt }) };
  const { snapshot, paidAt, refundedInAll } = order;
  const namesCustomer = 'customerId' in fact.who || fact.who.externalId !== undefined;
  const who = isSomebodys && !namesCustomer ? {} : fact.who;
  const isNews = (said: Snapshot, before: Snapshot) =>
    secondOf(said) > secondOf(before) || (!isLive && isReadAnew(said, before));
  if (!known.snapshot || (snapshot && isNews(snapshot, known.snapshot))) return { ...fact, who, order };
  const missing = {
    ...inLaterState(known, snapshot),
    ...(paidAt && !known.paidAt && !isPast(fact.paidAsOf, known.snapshot) && { paidAt }),
    ...(cancelledAt && !known.cancelledAt && { cancelledAt }),
    ...(refundedInAll && isMore(refundedInAll.amount, known, known.snapshot) && { refundedInAll }),
  };
  if (Object.keys(missing).length === 0) return undefined;
  return { ...fact, who: {}, order: { refunds: {}, consents: {}, ...missing } };
}

const secondOf = ({ updatedAt }: Pick<Snapshot, 'updatedAt'>) => updatedAt.slice(0, 19);

/** One state, read by other settings since: what a file said of it is read out of the file again. */
function isReadAnew(said: Snapshot, known: Snapshot): boolean {
  return said.updatedAt === known.updatedAt && (said.reading ?? 0) > (known.reading ?? 0);
}

/** Whether the order is known in a later state of the same second: what was read out of the earlier one adds nothing. */
function isPast(stateAt: Instant | undefined, known: Snapshot): boolean {
  return stateAt !== undefined && secondOf({ updatedAt: stateAt }) === secondOf(known) && known.updatedAt > stateAt;
}

/**
 * The order as it is known, but in the state of a file that says a later one of the same second: that it counts now, or
 * that its payment came to nothing, and nobody told of it since it was placed. It may still be paid, so this is no
 * cancellation, and any later word of the shop counts more.
 */
function inLaterState(known: Order, said: Snapshot | undefined): Pick<Order, 'snapshot'> {
  const { snapshot, paidAt } = known;
  if (!snapshot || !said || paidAt || said.updatedAt <= snapshot.updatedAt) return {};
  if (!said.awaitsPayment && !snapshot.awaitsPayment) return {};
  const { awaitsPayment: _, ...rest } = snapshot;
  return { snapshot: { ...rest, ...(said.awaitsPayment && { awaitsPayment: true }), updatedAt: said.updatedAt } };
}

function isMore({ minor, currency }: Money, known: Order, snapshot: Snapshot): boolean {
  return currency === snapshot.total.currency && minor > refundedOf(known, snapshot);
}

async function knownOrder(
  store: RecordStore,
  name: string,
  frame: Frame,
): Promise<{ order: Order | undefined; isSomebodys: boolean; isLive: boolean }> {
  const known = new Known(store, true);
  const ref = orderRef(name, frame);
  await known.fetch({ naturals: [ref] });
  const entry = known.natural(ref);
  if (!entry?.customerId) return { order: entry?.order, isSomebodys: false, isLive: false };
  const line = await known.orderLine(entry.customerId, entry.occurredAt, orderId(name, frame));
  return { order: line?.order, isSomebodys: true, isLive: line !== undefined && !line.backfill };
}
