import type * as z from 'zod/mini';
import { convertedOf, ratioText } from '../../shared/domain/exchange-rate.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { decimalText, type Money } from '../../shared/domain/money.ts';
import { refundedOf } from '../../shared/domain/order.ts';
import type { interaction } from '../../shared/http/schemas/customers.ts';

/** Money as the API writes it. */
export function shownMoney(money: Money): { amount: string; currency: string } {
  return { amount: decimalText(money), currency: money.currency };
}

/** The order in the base currency, where its own is another one and it was converted. */
function shownInBase({ order, rate }: Interaction & { type: 'order' }) {
  const converted = convertedOf(order, rate);
  if (!converted || !rate) return {};
  const { total, refunded } = converted;
  return {
    inBase: {
      amount: shownMoney(total),
      refunded: shownMoney(refunded),
      rate: ratioText(rate),
      rateDate: rate.date,
    },
  };
}

/** A line of the ledger, field by field: what is kept beside them stays inside. */
export function shownInteraction(line: Interaction): z.infer<typeof interaction> {
  const { id, sourceId, externalId, occurredAt, receivedAt } = line;
  const common = { id, sourceId, externalId, occurredAt, receivedAt };
  switch (line.type) {
    case 'order': {
      const { snapshot, paidAt, cancelledAt, refunds } = line.order;
      if (!snapshot) throw new Error('an order in the ledger has a snapshot');
      const { currency } = snapshot.total;
      const inCurrency = (minor: bigint) => shownMoney({ minor, currency });
      const { tax, shipping, discount, items } = snapshot;
      return {
        ...common,
        type: 'order',
        total: shownMoney(snapshot.total),
        ...(snapshot.presentment && { presentmentTotal: shownMoney(snapshot.presentment) }),
        ...(tax !== undefined && { net: inCurrency(snapshot.total.minor - tax), tax: inCurrency(tax) }),
        ...(shipping !== undefined && { shipping: inCurrency(shipping) }),
        ...(discount !== undefined && { discount: inCurrency(discount) }),
        refunded: inCurrency(refundedOf(line.order, snapshot)),
        ...shownInBase(line),
        ...(items && {
          items: items.map(({ unitPrice, cost, ...item }) => ({
            ...item,
            unitPrice: inCurrency(unitPrice),
            ...(cost !== undefined && { cost: inCurrency(cost) }),
          })),
        }),
        updatedAt: snapshot.updatedAt,
        ...(paidAt !== undefined && { paidAt }),
        ...(cancelledAt !== undefined && { cancelledAt }),
        test: snapshot.test,
        backfill: line.backfill,
        purchase: line.purchaseIn !== undefined,
        refunds: Object.entries(refunds).map(
          ([refundId, { amount, refundedAt, failed = false, disputed = false }]) => ({
            externalId: refundId,
            amount: shownMoney(amount),
            refundedAt,
            failed,
            disputed,
          }),
        ),
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
