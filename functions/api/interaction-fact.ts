import type { Person } from '../../shared/domain/identity.ts';
import type { Fact, Who } from '../../shared/engine/fact.ts';
import type { InteractionGiven } from '../../shared/http/schemas/interactions.ts';

/** What a partner reports, in the words of the engine. */
export function factOf(given: InteractionGiven): Fact {
  const { externalId, occurredAt } = given;
  switch (given.type) {
    case 'order': {
      const { total, cancelledAt, test = false, updatedAt = occurredAt } = given;
      return {
        kind: 'order',
        externalId,
        order: {
          snapshot: { updatedAt, total, test },
          placedAt: occurredAt,
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
