import type { Calendar } from './calendar.ts';
import { countedOf } from './exchange-rate.ts';
import { foldFacts } from './facts.ts';
import type { Instant } from './instant.ts';
import type { Interaction } from './interaction.ts';
import type { Order } from './order.ts';
import type { PurchaseDays } from './purchase-days.ts';

/** What a run may know. */
export interface Knowledge {
  /** Nothing that was received later. */
  knownBy: Instant;
  currency: string | undefined;
  calendar: Calendar;
}

/**
 * The purchases of a customer as they were known at a time: without orders, refunds and cancellations that were told
 * later. What a shop changed in the order itself later, its total for one, cannot be told from what it always said.
 * @param lines of the ledgers of all persons of the customer
 */
export function daysKnown(lines: readonly Interaction[], { knownBy, currency, calendar }: Knowledge): PurchaseDays {
  const receivedAt = new Map<string, Instant>();
  for (const line of lines) {
    if (line.type === 'refund') receivedAt.set(partOf(line, line.orderExternalId, line.externalId), line.receivedAt);
    if (line.type === 'cancellation') receivedAt.set(partOf(line, line.orderExternalId), line.receivedAt);
  }
  const contributions = lines.flatMap((line) => {
    if (line.type !== 'order' || line.receivedAt > knownBy) return [];
    const isKnown = (at: Instant, ...part: string[]) =>
      (receivedAt.get(partOf(line, line.externalId, ...part)) ?? at) <= knownBy;
    const contribution = countedOf(orderKnown(line.order, knownBy, isKnown), line.rate);
    return contribution.currency === currency ? [contribution] : [];
  });
  return foldFacts(contributions, calendar).days;
}

const partOf = ({ sourceId }: Interaction, ...names: string[]) => JSON.stringify([sourceId, ...names]);

function orderKnown(
  { paidAt, cancelledAt, refunds, refundedInAll, ...order }: Order,
  knownBy: Instant,
  isKnown: (at: Instant, ...part: string[]) => boolean,
): Order {
  const told = Object.entries(refunds).filter(([id, { refundedAt }]) => isKnown(refundedAt, id));
  return {
    ...order,
    ...(paidAt !== undefined && paidAt <= knownBy && { paidAt }),
    ...(cancelledAt !== undefined && isKnown(cancelledAt) && { cancelledAt }),
    refunds: Object.fromEntries(told),
    ...(refundedInAll && isKnown(refundedInAll.refundedAt, 'in all') && { refundedInAll }),
  };
}
