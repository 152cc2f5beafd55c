import type * as z from 'zod/mini';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { decimalText, type Money } from '../../shared/domain/money.ts';
import type { interaction } from '../../shared/http/schemas/customers.ts';

/** Money as the API writes it. */
export function shownMoney(money: Money): { amount: string; currency: string } {
  return { amount: decimalText(money), currency: money.currency };
}

/** A line of the ledger, field by field: what is kept beside them stays inside. */
export function shownInteraction(line: Interaction): z.infer<typeof interaction> {
  const { id, sourceId, externalId, occurredAt, receivedAt } = line;
  const common = { id, sourceId, externalId, occurredAt, receivedAt };
  switch (line.type) {
    case 'order': {
      const { snapshot, cancelledAt, refunds } = line.order;
      if (!snapshot) throw new Error('an order in the ledger has a snapshot');
      return {
        ...common,
        type: 'order',
        total: shownMoney(snapshot.total),
        ...(snapshot.presentment && { presentmentTotal: shownMoney(snapshot.presentment) }),
        updatedAt: snapshot.updatedAt,
        ...(cancelledAt !== undefined && { cancelledAt }),
        test: snapshot.test,
        backfill: line.backfill,
        purchase: line.purchaseIn !== undefined,
        refunds: Object.entries(refunds).map(([refundId, { amount, refundedAt }]) => ({
          externalId: refundId,
          amount: shownMoney(amount),
          refundedAt,
        })),
      };
    }
    case 'refund':
      return { ...common, type: line.type, orderExternalId: line.orderExternalId, amount: shownMoney(line.amount) };
    case 'cancellation':
      return { ...common, type: line.type, orderExternalId: line.orderExternalId };
    case 'consent': {
      const { channel, purpose, state } = line.consent;
      return { ...common, type: line.type, channel, purpose, state };
    }
    default: {
      const { direction, channel, rating, text, jobId } = line.conversation;
      return {
        ...common,
        type: line.type,
        ...(direction !== undefined && { direction }),
        ...(channel !== undefined && { channel }),
        ...(rating !== undefined && { rating }),
        ...(text !== undefined && { text }),
        ...(jobId !== undefined && { jobId }),
      };
    }
  }
}
