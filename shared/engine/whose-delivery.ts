import type { KeptDelivery } from '../domain/delivery.ts';
import type { Mint } from '../domain/interaction.ts';
import type { PersonalData } from './erase-person.ts';
import { namesPerson } from './names-person.ts';

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
 * recorded for. Where that is nobody, or a customer of several persons, its body tells.
 */
export function whoseDelivery({ data, content }: DeliveryReads, sought: Sought) {
  const { personIds, homeIds, marks } = sought;
  const ids = new Set([...marks, ...personIds]);
  let sales: Promise<Set<string>> | undefined;
  return async ({ id, customerId, interactionId }: ListedDelivery): Promise<boolean> => {
    const isShared = customerId !== undefined && homeIds.includes(customerId);
    if (customerId !== undefined && !isShared && personIds.includes(customerId)) return true;
    if (interactionId !== undefined) {
      sales ??= salesOf(data, personIds);
      if ((await sales).has(interactionId)) return true;
    }
    if (customerId !== undefined && !isShared) return false;
    const { body, headers } = await content(id);
    return namesPerson(body, headers, { ...sought, ids });
  };
}

/** Ids of the lines of sales in the ledgers of persons: those stay where a person is erased. */
async function salesOf(data: DeliveryReads['data'], personIds: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const personId of personIds) {
    let after: string | undefined;
    do {
      const page = await data.lines(personId, after);
      for (const { interaction } of page.lines) if (interaction.type === 'order') found.add(interaction.id);
      after = page.next;
    } while (after !== undefined);
  }
  return found;
}
