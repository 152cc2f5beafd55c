import type { Calendar } from './calendar.ts';
import { type ContactDays, foldContacts } from './contacts.ts';
import { countedOf } from './exchange-rate.ts';
import { foldFacts } from './facts.ts';
import type { Instant } from './instant.ts';
import type { Interaction } from './interaction.ts';
import type { Order } from './order.ts';
import type { OrderFacts } from './order-facts.ts';
import type { PurchaseDays } from './purchase-days.ts';
import type { SalesDays } from './sales.ts';

/** What a run may know. */
export interface Knowledge {
  /** Nothing that was received later. */
  knownBy: Instant;
  currency: string | undefined;
  calendar: Calendar;
}

/** What a night looks at of a customer, by day. */
export interface Past {
  days: PurchaseDays;
  sales: SalesDays;
  contacts: ContactDays;
  /** Something that is no test was told. */
  live: boolean;
  /** Orders were told that waited for a rate. */
  waits: boolean;
}

/**
 * The past of a customer as it was known at a time: without orders, payments that made them count, refunds and
 * cancellations that were told later. What a shop changed in the order itself later, its total for one, cannot be told
 * from what it always said.
 * @param lines of the ledgers of all persons of the customer
 */
export function pastKnown(lines: readonly Interaction[], { knownBy, currency, calendar }: Knowledge): Past {
  const receivedAt = new Map<string, Instant>();
  for (const line of lines) {
    if (line.type === 'refund') receivedAt.set(partOf(line, line.orderExternalId, line.externalId), line.receivedAt);
    if (line.type === 'cancellation') receivedAt.set(partOf(line, line.orderExternalId), line.receivedAt);
  }
  const orders = lines.flatMap((line) => {
    if (line.type !== 'order' || line.receivedAt > knownBy || (line.countsSince ?? '') > knownBy) return [];
    const isKnown = (at: Instant, ...part: string[]) =>
      (receivedAt.get(partOf(line, line.externalId, ...part)) ?? at) <= knownBy;
    const rate = (line.ratedAt ?? line.receivedAt) <= knownBy ? line.rate : undefined;
    const counted = countedOf(orderKnown(line.order, isKnown), rate);
    return [counted];
  });
  const { days, sales } = foldFacts(
    orders.filter((order) => order.currency === currency),
    calendar,
  );
  const told = lines.filter((line) => line.receivedAt <= knownBy);
  return {
    days,
    sales,
    contacts: foldContacts(told, calendar),
    live: told.some((line) => 'conversation' in line || (line.type === 'order' && !line.order.snapshot?.test)),
    waits: orders.some((order) => order.currency !== currency && isSomething(order)),
  };
}

function isSomething({ purchase, refunded, sale }: OrderFacts): boolean {
  return purchase || refunded !== 0n || (sale !== undefined && (sale.refunds > 0 || sale.goods.length > 0));
}

const partOf = ({ sourceId }: Interaction, ...names: string[]) => JSON.stringify([sourceId, ...names]);

function orderKnown(
  { cancelledAt, refunds, refundedInAll, ...order }: Order,
  isKnown: (at: Instant, ...part: string[]) => boolean,
): Order {
  const told = Object.entries(refunds).filter(([id, { refundedAt }]) => isKnown(refundedAt, id));
  return {
    ...order,
    ...(cancelledAt !== undefined && isKnown(cancelledAt) && { cancelledAt }),
    refunds: Object.fromEntries(told),
    ...(refundedInAll && isKnown(refundedInAll.refundedAt, 'in all') && { refundedInAll }),
  };
}
