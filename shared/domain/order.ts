import { canonicalText } from './canonical.ts';
import { type Consents, withConsents } from './consent.ts';
import { earlier, type Instant } from './instant.ts';
import { type Money, scale } from './money.ts';

/** What was sold in one line of an order. */
export interface OrderedItem {
  title: string;
  /** Pieces, or a measure such as 1.5 kg. */
  quantity: number;
  /** Of one piece, in minor units of the total's currency, before discounts of the whole order. */
  unitPrice: bigint;
  sku?: string;
  category?: string;
  /** What all pieces of it cost the merchant, in minor units of the total's currency. */
  cost?: bigint;
}

/** What a source said of an order at one time. Amounts without a currency are minor units of the total's currency. */
export interface Snapshot {
  /** The source's own time of this state: of two snapshots the later counts. */
  updatedAt: Instant;
  /**
   * Where a platform tells one sale in several forms (an invoice, a session, a charge): the form with the higher rank
   * counts, whenever it was said. 0 where absent. No form takes a rank that another had: kept states bear theirs.
   */
  rank?: number;
  /** By which reading it was understood, where the reading was mended since: of one state the later counts. 0 where absent. */
  reading?: number;
  /** What the customer pays in all, tax and shipping included, in the shop's currency, before refunds. */
  total: Money;
  /** The same in the currency that the customer saw, where that is another one. */
  presentment?: Money;
  /** Parts of the total, as far as the source says them. */
  tax?: bigint;
  shipping?: bigint;
  /** What was taken off the prices, a positive amount: the total is without it. */
  discount?: bigint;
  items?: OrderedItem[];
  test: boolean;
  /** By the source's setting no purchase before it is paid. */
  awaitsPayment?: true;
}

export interface Refund {
  amount: Money;
  refundedAt: Instant;
  /** Announced, and not paid back in the end; or taken back, and given again. */
  failed?: true;
  /** Taken back by the payer's bank: no figure of what the shop paid back includes it. */
  disputed?: true;
}

/**
 * An order as everything that was ever said of it, joined. {@link joinOrders} is commutative, associative and
 * idempotent, so deliveries may come in any order and any number of times. Without `snapshot` it is a stub: a refund
 * or a cancellation whose order has not arrived yet.
 */
export interface Order {
  snapshot?: Snapshot;
  placedAt?: Instant;
  paidAt?: Instant;
  cancelledAt?: Instant;
  /** By the source's own id of the refund. */
  refunds: Record<string, Refund>;
  /** What the source says was paid back in all: it includes the listed refunds and never adds to them. */
  refundedInAll?: Refund;
  /** What the customer agreed to at the checkout. */
  consents: Consents;
}

/** More refunds than this in one order are refused: one order is written in one transaction. */
export const refundsPerOrder = 40;

/** More items than this are cut off: they are kept for proposals, and an item of the store is bounded. */
export const itemsPerOrder = 100;

export function joinOrders(a: Order, b: Order): Order {
  const snapshot = newerSnapshot(a.snapshot, b.snapshot);
  const placedAt = earlier(a.placedAt, b.placedAt);
  const paidAt = earlier(a.paidAt, b.paidAt);
  const cancelledAt = earlier(a.cancelledAt, b.cancelledAt);
  const refundedInAll = joinRefund(a.refundedInAll, b.refundedInAll);
  return {
    ...(snapshot && { snapshot }),
    ...(placedAt && { placedAt }),
    ...(paidAt && { paidAt }),
    ...(cancelledAt && { cancelledAt }),
    refunds: joinRefunds(a.refunds, b.refunds),
    ...(refundedInAll && { refundedInAll }),
    consents: withConsents(a.consents, Object.values(b.consents)),
  };
}

/**
 * Of two snapshots the one of the higher rank, then the later one; of the same time the one of the later reading, then the
 * one whose text is greater, so that the order of arrival does not matter.
 */
function newerSnapshot(a: Snapshot | undefined, b: Snapshot | undefined): Snapshot | undefined {
  if (!a || !b) return a ?? b;
  const [rankOfA, rankOfB] = [a.rank ?? 0, b.rank ?? 0];
  if (rankOfA !== rankOfB) return rankOfA > rankOfB ? a : b;
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt ? a : b;
  const [readingOfA, readingOfB] = [a.reading ?? 0, b.reading ?? 0];
  if (readingOfA !== readingOfB) return readingOfA > readingOfB ? a : b;
  return canonicalText(a) >= canonicalText(b) ? a : b;
}

function joinRefunds(a: Order['refunds'], b: Order['refunds']): Order['refunds'] {
  const joined = { ...a };
  for (const [id, refund] of Object.entries(b)) {
    joined[id] = joinRefund(Object.hasOwn(joined, id) ? joined[id] : undefined, refund) as Refund;
  }
  return joined;
}

/** A refund may be seen first while it is pending, with nothing paid back yet: the larger amount counts. */
function joinRefund(a: Refund | undefined, b: Refund | undefined): Refund | undefined {
  if (!a || !b) return a ?? b;
  return {
    amount: larger(a.amount, b.amount),
    refundedAt: earlier(a.refundedAt, b.refundedAt) as Instant,
    ...((a.failed || b.failed) && { failed: true }),
    ...((a.disputed || b.disputed) && { disputed: true }),
  };
}

function larger(a: Money, b: Money): Money {
  if (a.currency !== b.currency) return a.currency < b.currency ? a : b;
  return a.minor >= b.minor ? a : b;
}

/**
 * What was paid back, in the shop's currency: the listed refunds, or all in all where that is more, and what banks took
 * back beside them.
 */
export function refundedOf(order: Order, snapshot: Snapshot): bigint {
  return Object.values(takenBack(order, snapshot)).reduce((sum, { minor }) => sum + minor, byShop(order, snapshot));
}

function byShop({ refunds, refundedInAll }: Order, snapshot: Snapshot): bigint {
  const listed = Object.values(refunds).filter(({ disputed }) => !disputed);
  const paid = inShopCurrency(
    listed.filter(({ failed }) => !failed),
    snapshot,
  );
  return paid + restOf(listed, refundedInAll, snapshot);
}

/**
 * What banks took back, by the id of the dispute: at most what the shop had not paid back itself. A dispute may be about
 * the whole of a payment that was refunded in part, and that part is returned to the shop however it ends.
 */
export function takenBack(order: Order, snapshot: Snapshot): Record<string, Money> {
  const { total } = snapshot;
  const taken: Record<string, Money> = {};
  let left = total.minor - byShop(order, snapshot);
  for (const [id, refund] of Object.entries(order.refunds).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!refund.disputed || refund.failed) continue;
    const asked = inShopCurrency([refund], snapshot);
    const minor = asked < left ? asked : left;
    if (minor <= 0n) continue;
    taken[id] = { minor, currency: total.currency };
    left -= minor;
  }
  return taken;
}

/** What the figure for all refunds says beyond the listed ones; failed ones may have been counted in it. */
function restOf(listed: readonly Refund[], inAll: Refund | undefined, snapshot: Snapshot): bigint {
  if (!inAll) return 0n;
  const rest = inShopCurrency([inAll], snapshot) - inShopCurrency(listed, snapshot);
  return rest > 0n ? rest : 0n;
}

/** How many refunds the customer was paid. */
export function refundLines(order: Order, snapshot: Snapshot): number {
  const taken = takenBack(order, snapshot);
  const listed = Object.entries(order.refunds).filter(([id, { amount, failed, disputed }]) =>
    disputed ? Object.hasOwn(taken, id) : !failed && amount.minor > 0n,
  );
  return listed.length + (unlistedRefund(order) ? 1 : 0);
}

/** The part of all refunds that no listed refund shows; nothing where there is none. */
export function unlistedRefund({ snapshot, refunds, refundedInAll }: Order): Refund | undefined {
  if (!snapshot || !refundedInAll) return undefined;
  const listed = Object.values(refunds).filter(({ disputed }) => !disputed);
  const minor = restOf(listed, refundedInAll, snapshot);
  return minor > 0n ? { ...refundedInAll, amount: { minor, currency: snapshot.total.currency } } : undefined;
}

/**
 * Refunds paid in the customer's currency count by the order's own rate, together, so that all of them make up the
 * whole; one in a third currency cannot be counted.
 */
function inShopCurrency(refunds: readonly Refund[], { total, presentment }: Snapshot): bigint {
  const paidIn = (currency: string) =>
    refunds.reduce((sum, { amount }) => (amount.currency === currency ? sum + amount.minor : sum), 0n);
  const inShop = paidIn(total.currency);
  if (!presentment || presentment.currency === total.currency || presentment.minor <= 0n) return inShop;
  return inShop + scale(paidIn(presentment.currency), total.minor, presentment.minor);
}
