import type { Money } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';

/** An order as it was stored: amounts come back as numbers or, beyond 2^53, as bigint. */
export function readOrder(stored: Order): Order {
  const { snapshot, refunds } = stored;
  return {
    ...stored,
    ...(snapshot && {
      snapshot: {
        ...snapshot,
        total: readMoney(snapshot.total),
        ...(snapshot.presentment && { presentment: readMoney(snapshot.presentment) }),
      },
    }),
    refunds: Object.fromEntries(
      Object.entries(refunds).map(([id, refund]) => [id, { ...refund, amount: readMoney(refund.amount) }]),
    ),
  };
}

export function readMoney({ minor, currency }: Money): Money {
  return { minor: BigInt(minor), currency };
}
