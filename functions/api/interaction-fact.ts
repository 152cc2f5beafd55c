import type { Person } from '../../shared/domain/identity.ts';
import type { OrderedItem } from '../../shared/domain/order.ts';
import type { Fact, Who } from '../../shared/engine/fact.ts';
import {
  currencyFaults,
  type InteractionGiven,
  interactionIn,
  whoFault,
} from '../../shared/http/schemas/interactions.ts';
import { invalid, validate } from '../../shared/http/validate.ts';

type ItemGiven = NonNullable<(InteractionGiven & { type: 'order' })['items']>[number];

/**
 * One interaction as it was given.
 * @param place where it stands in the request
 * @throws Problem `invalid_request`
 */
export function checkedInteraction(item: unknown, place = ''): InteractionGiven {
  const given = validate(interactionIn, item, place);
  const detail = whoFault(given);
  if (detail !== undefined) throw invalid([{ pointer: `${place}/customer`, detail }]);
  const faults = currencyFaults(given).map((fault) => ({ ...fault, pointer: `${place}${fault.pointer}` }));
  if (faults.length > 0) throw invalid(faults);
  return given;
}

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

function itemOf({ title, quantity, unitPrice, sku, category, cost }: ItemGiven): OrderedItem {
  return {
    title,
    quantity,
    unitPrice: unitPrice.minor,
    ...(sku !== undefined && { sku }),
    ...(category !== undefined && { category }),
    ...(cost !== undefined && { cost: cost.minor }),
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
