import type { Instant } from './instant.ts';
import { type Order, refundedOf } from './order.ts';
import { type Sale, saleOf } from './sales.ts';

/** What one order adds to the facts of its customer, in its own currency. */
export interface OrderFacts {
  /** ISO 4217; empty where the order adds nothing. */
  currency: string;
  purchase: boolean;
  spent: bigint;
  refunded: bigint;
  /** The time of the purchase, where it is one. */
  purchasedAt?: Instant;
  /** What was sold, and when; absent where the order adds nothing. */
  sale?: Sale & { at: Instant };
}

export const noOrderFacts: OrderFacts = { currency: '', purchase: false, spent: 0n, refunded: 0n };

/**
 * Test orders and those that still await payment add nothing; cancelled and fully refunded ones are no purchases, though
 * what was paid back stays known.
 */
export function orderFactsOf(order: Order): OrderFacts {
  const { snapshot, placedAt } = order;
  if (!snapshot || !placedAt || snapshot.test) return noOrderFacts;
  if (snapshot.awaitsPayment && !order.paidAt) return noOrderFacts;
  const { currency } = snapshot.total;
  const refunded = refundedOf(order, snapshot);
  const fullyRefunded = refunded > 0n && refunded >= snapshot.total.minor;
  const sale = { ...saleOf(order, snapshot, order.cancelledAt !== undefined), at: placedAt };
  if (order.cancelledAt || fullyRefunded) return { currency, purchase: false, spent: 0n, refunded, sale };
  return { currency, purchase: true, spent: snapshot.total.minor - refunded, refunded, purchasedAt: placedAt, sale };
}
