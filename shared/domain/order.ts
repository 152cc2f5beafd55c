import { canonicalText } from './canonical.ts';
import { type Consents, withConsents } from './consent.ts';
import { earlier, type Instant } from './instant.ts';
import { type Money, scale } from './money.ts';

/** What a source said of an order at one time. */
export interface Snapshot {
  /** The source's own time of this state: of two snapshots the later counts. */
  updatedAt: Instant;
  /** What the customer pays in all, tax and shipping included, in the shop's currency, before refunds. */
  total: Money;
  /** The same in the currency that the customer saw, where that is another one. */
  presentment?: Money;
  test: boolean;
}

export interface Refund {
  amount: Money;
  refundedAt: Instant;
}

/**
 * An order as everything that was ever said of it, joined. {@link joinOrders} is commutative, associative and
 * idempotent, so deliveries may come in any order and any number of times. Without `snapshot` it is a stub: a refund
 * or a cancellation whose order has not arrived yet.
 */
export interface Order {
  snapshot?: Snapshot;
  placedAt?: Instant;
  cancelledAt?: Instant;
  /** By the source's own id of the refund. */
  refunds: Record<string, Refund>;
  /** What the customer agreed to at the checkout. */
  consents: Consents;
}

/** More refunds than this in one order are refused: one order is written in one transaction. */
export const refundsPerOrder = 40;

export function joinOrders(a: Order, b: Order): Order {
  const snapshot = newerSnapshot(a.snapshot, b.snapshot);
  const placedAt = earlier(a.placedAt, b.placedAt);
  const cancelledAt = earlier(a.cancelledAt, b.cancelledAt);
  return {
    ...(snapshot && { snapshot }),
    ...(placedAt && { placedAt }),
    ...(cancelledAt && { cancelledAt }),
    refunds: joinRefunds(a.refunds, b.refunds),
    consents: withConsents(a.consents, Object.values(b.consents)),
  };
}

/** Of two snapshots with the same time the one whose text is greater, so that the order of arrival does not matter. */
function newerSnapshot(a: Snapshot | undefined, b: Snapshot | undefined): Snapshot | undefined {
  if (!a || !b) return a ?? b;
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt ? a : b;
  return canonicalText(a) >= canonicalText(b) ? a : b;
}

/** A refund may be seen first while it is pending, with nothing paid back yet: the larger amount counts. */
function joinRefunds(a: Order['refunds'], b: Order['refunds']): Order['refunds'] {
  const joined = { ...a };
  for (const [id, refund] of Object.entries(b)) {
    const known = Object.hasOwn(joined, id) ? joined[id] : undefined;
    joined[id] = known
      ? {
          amount: larger(known.amount, refund.amount),
          refundedAt: earlier(known.refundedAt, refund.refundedAt) as Instant,
        }
      : refund;
  }
  return joined;
}

function larger(a: Money, b: Money): Money {
  if (a.currency !== b.currency) return a.currency < b.currency ? a : b;
  return a.minor >= b.minor ? a : b;
}

/** What one order adds to the facts of its customer, in its own currency. */
export interface Contribution {
  /** ISO 4217; empty where the order adds nothing. */
  currency: string;
  purchase: boolean;
  spent: bigint;
  refunded: bigint;
  /** The time of the purchase, where it is one. */
  purchasedAt?: Instant;
}

export const noContribution: Contribution = { currency: '', purchase: false, spent: 0n, refunded: 0n };

/** Test orders add nothing; cancelled and fully refunded ones are no purchases, though what was paid back stays known. */
export function contributionOf(order: Order): Contribution {
  const { snapshot, placedAt } = order;
  if (!snapshot || !placedAt || snapshot.test) return noContribution;
  const { currency } = snapshot.total;
  const refunded = refundedOf(Object.values(order.refunds), snapshot);
  const fullyRefunded = refunded > 0n && refunded >= snapshot.total.minor;
  if (order.cancelledAt || fullyRefunded) return { currency, purchase: false, spent: 0n, refunded };
  return { currency, purchase: true, spent: snapshot.total.minor - refunded, refunded, purchasedAt: placedAt };
}

/**
 * What was paid back, in the shop's currency. Refunds paid in the customer's currency count by the order's own rate,
 * together, so that all of them make up the whole; one in a third currency cannot be counted.
 */
function refundedOf(refunds: readonly Refund[], { total, presentment }: Snapshot): bigint {
  const paidIn = (currency: string) =>
    refunds.reduce((sum, { amount }) => (amount.currency === currency ? sum + amount.minor : sum), 0n);
  const inShop = paidIn(total.currency);
  if (!presentment || presentment.currency === total.currency || presentment.minor <= 0n) return inShop;
  return inShop + scale(paidIn(presentment.currency), total.minor, presentment.minor);
}
