import type { KeptDelivery } from '../domain/delivery.ts';
import type { Mint } from '../domain/interaction.ts';
import type { PersonalData } from './erase-person.ts';
import { namedIn } from './names-person.ts';
import { orderId } from './sale-names.ts';

export type ListedDelivery = Pick<KeptDelivery, 'id' | 'customerId' | 'interactionId'>;

/** The body as it was parsed, text where it is no JSON; and the headers that were kept with it. */
export type DeliveryContent = { body: unknown; headers: Readonly<Record<string, string>> };

/** Persons whose deliveries are looked for among those of one source. */
export interface Sought {
  personIds: readonly string[];
  /** Customers of whom the persons are a part, beside others. */
  homeIds: readonly string[];
  /** Ids that are minted from the identities of the persons. */
  marks: readonly string[];
  /** The source's own ids of orders that are the persons', with whomever they stand. */
  orders: readonly string[];
  sourceId: string;
  mint: Mint;
  phoneOf(text: string): string | undefined;
}

export interface DeliveryReads {
  data: Pick<PersonalData, 'lines'>;
  content(deliveryId: string): Promise<DeliveryContent>;
}

/**
 * Tells whose a delivery is: of a person's order, by whose ledger the order stands in; else by the customer that it was
 * recorded for. Where that is nobody, its body tells, by an identity or by an order; so it does where that is a customer
 * of several persons, by an identity.
 */
export function whoseDelivery({ data, content }: DeliveryReads, sought: Sought) {
  const { personIds, homeIds, marks } = sought;
  const ids = new Set([...marks, ...personIds]);
  let reading: Promise<Sales> | undefined;
  const sales = () => (reading ??= salesOf(data, sought));
  return async ({ id, customerId, interactionId }: ListedDelivery): Promise<boolean> => {
    const isShared = customerId !== undefined && homeIds.includes(customerId);
    if (customerId !== undefined && !isShared && personIds.includes(customerId)) return true;
    if (interactionId !== undefined && (await sales()).lines.has(interactionId)) return true;
    if (customerId !== undefined && !isShared) return false;
    const { body, headers } = await content(id);
    const named = namedIn(body, headers, { ...sought, ids });
    if (named.byId || named.addresses.length > 0) return true;
    if (customerId !== undefined || named.orders.size === 0) return false;
    const { names } = await sales();
    return [...named.orders].some((order) => names.has(order));
  };
}

interface Sales {
  /** Ids of their lines. */
  lines: Set<string>;
  /** The source's own ids of those of the source. */
  names: Set<string>;
}

/** The lines of sales stay in the ledgers of persons who were erased. */
async function salesOf(data: DeliveryReads['data'], { personIds, orders, sourceId, mint }: Sought): Promise<Sales> {
  const names = new Set(orders);
  const lines = new Set(orders.map((name) => orderId(name, { mint, sourceId })));
  for (const personId of personIds) {
    let after: string | undefined;
    do {
      const page = await data.lines(personId, after);
      for (const { interaction } of page.lines) {
        if (interaction.type !== 'order') continue;
        lines.add(interaction.id);
        if (interaction.sourceId === sourceId) names.add(interaction.externalId);
      }
      after = page.next;
    } while (after !== undefined);
  }
  return { lines, names };
}
