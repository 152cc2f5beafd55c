import type { Person } from '../../shared/domain/identity.ts';
import type { OrderedItem } from '../../shared/domain/order.ts';
import type { Fact, Who } from '../../shared/engine/fact.ts';
import type { InteractionGiven } from '../../shared/http/schemas/interactions.ts';

type ItemGiven = NonNullable<(InteractionGiven & { type: 'order' })['items']>[number];

/** What a partner reports, in the words of the engine. */
export function factOf(given: InteractionGiven, sourceId: string): Fact {
  const { externalId, occurredAt } = given;
  switch (given.type) {
    case 'order': {
      const { total, paidAt, cancelledAt, test = false, updatedAt = occurredAt } = given;
      return {
        kind: 'order',
        externalId,
        order: {
          snapshot: { updatedAt, total, ...partsOf(given), test },
          placedAt: occurredAt,
          ...(paidAt !== undefined && { paidAt }),
          ...(cancelledAt !== undefined && { cancelledAt }),
          refunds: {},
          consents: {},
        },
        who: whoOf(given),
        at: updatedAt,
      };
    }
    case 'refund':
      return {
        kind: 'order',
        externalId: given.orderExternalId,
        order: { refunds: { [externalId]: { amount: given.amount, refundedAt: occurredAt } }, consents: {} },
        who: {},
        at: occurredAt,
      };
    case 'consent': {
      const { channel, purpose = 'marketing', state } = given;
      return {
        kind: 'consent',
        externalId,
        who: whoOf(given),
        consent: { channel, purpose, state, occurredAt, sourceId },
      };
    }
    default: {
      const { type, direction, channel, rating, text } = given;
      return {
        kind: 'conversation',
        type,
        externalId,
        who: whoOf(given),
        occurredAt,
        conversation: {
          ...(direction !== undefined && { direction }),
          ...(channel !== undefined && { channel }),
          ...(rating !== undefined && { rating }),
          ...(text !== undefined && { text }),
        },
      };
    }
  }
}

function partsOf({ tax, shipping, discount, items }: InteractionGiven & { type: 'order' }) {
  return {
    ...(tax && { tax: tax.minor }),
    ...(shipping && { shipping: shipping.minor }),
    ...(discount && { discount: discount.minor }),
    ...(items && items.length > 0 && { items: items.map(itemOf) }),
  };
}

function itemOf({ title, quantity, unitPrice, sku, category }: ItemGiven): OrderedItem {
  return {
    title,
    quantity,
    unitPrice: unitPrice.minor,
    ...(sku !== undefined && { sku }),
    ...(category !== undefined && { category }),
  };
}

function whoOf({
  customerId,
  customer,
}: {
  customerId?: string | undefined;
  customer?: Loose<Person> | undefined;
}): Who {
  if (customerId !== undefined) return { customerId };
  return Object.fromEntries(Object.entries(customer ?? {}).filter(([, value]) => value !== undefined)) as Person;
}

type Loose<T> = { [Field in keyof T]?: T[Field] | undefined };
