import type { Rate } from '../domain/exchange-rate.ts';
import type { Interaction } from '../domain/interaction.ts';
import type { Money } from '../domain/money.ts';
import type { Order, OrderedItem, Refund, Snapshot } from '../domain/order.ts';

/** An order as it was stored: amounts come back as numbers or, beyond 2^53, as bigint. */
export function readOrder(stored: Order): Order {
  const { snapshot, refunds, refundedInAll } = stored;
  return {
    ...stored,
    ...(snapshot && { snapshot: readSnapshot(snapshot) }),
    refunds: Object.fromEntries(Object.entries(refunds).map(([id, refund]) => [id, readRefund(refund)])),
    ...(refundedInAll && { refundedInAll: readRefund(refundedInAll) }),
  };
}

function readSnapshot(stored: Snapshot): Snapshot {
  const { presentment, tax, shipping, discount, items } = stored;
  return {
    ...stored,
    total: readMoney(stored.total),
    ...(presentment && { presentment: readMoney(presentment) }),
    ...(tax !== undefined && { tax: BigInt(tax) }),
    ...(shipping !== undefined && { shipping: BigInt(shipping) }),
    ...(discount !== undefined && { discount: BigInt(discount) }),
    ...(items && { items: items.map(readItem) }),
  };
}

function readItem({ cost, ...item }: OrderedItem): OrderedItem {
  return {
    ...item,
    unitPrice: BigInt(item.unitPrice),
    ...(cost !== undefined && { cost: BigInt(cost) }),
  };
}

function readRefund(stored: Refund): Refund {
  return { ...stored, amount: readMoney(stored.amount) };
}

/** The rate of an order's line, as it was stored: numbers or, beyond 2^53, bigint. */
export function readRate(stored: Rate): Rate {
  return { ...stored, numerator: BigInt(stored.numerator), denominator: BigInt(stored.denominator) };
}

export function readMoney({ minor, currency }: Money): Money {
  return { minor: BigInt(minor), currency };
}

/** A line of a ledger, as it was stored. */
export function readInteraction(item: Record<string, unknown>): Interaction {
  const stored = item as unknown as Interaction;
  if (stored.type === 'order') {
    const { order, rate, ...line } = stored;
    return { ...line, order: readOrder(order), ...(rate && { rate: readRate(rate) }) };
  }
  if (stored.type === 'refund') return { ...stored, amount: readMoney(stored.amount) };
  return stored;
}
