import type { Customer } from '../domain/customer.ts';
import type { Mint } from '../domain/interaction.ts';
import type { MergeSuggestion } from '../domain/merge.ts';
import type { Frame } from './draft.ts';
import type { Known, Stale } from './known.ts';
import type { Write } from './record-store.ts';
import { type Found, identifiesNobody } from './resolve.ts';

/** The id of the suggestion that two persons are one, whichever of them is named first. */
export function suggestionId(a: string, b: string, mint: Mint): string {
  return mint('sug', ...[a, b].sort());
}

/**
 * What follows where identities of one message lead to different customers: a suggestion, once for ever; and the
 * address or number that brought it about remembers whom else it came with.
 * @param isNamed whether the message names the customer by a source's own id
 */
export async function conflictWrites(
  known: Known,
  { customer, elsewhere }: Pick<Found, 'customer' | 'elsewhere'>,
  isNamed: boolean,
  frame: Frame,
): Promise<Write[] | Stale> {
  const others = elsewhere.map(({ entry }) => entry.customerId);
  const suggestions = others.map((other) => suggestionId(customer.id, other, frame.mint));
  await known.fetch({ customers: others, suggestions });
  const writes: Write[] = [];
  const suggested = new Set<string>();
  for (const { identity, entry } of elsewhere) {
    if (identity.namespace !== 'email' && identity.namespace !== 'phone') continue;
    const other = await known.home(entry.customerId);
    if (known.tombstone(entry.customerId)) continue;
    if (other === 'stale' || !other) return 'stale';
    if (other.id === known.homeId(customer.id)) continue;
    const isNew = isNamed && !entry.met.includes(customer.id);
    if (isNew) writes.push({ kind: 'met', identity, entry, personId: customer.id });
    if (isNew && identifiesNobody({ ...entry, met: [...entry.met, customer.id] })) continue;
    const id = suggestionId(customer.id, entry.customerId, frame.mint);
    if (suggested.has(id) || (await known.suggestion(id))) continue;
    suggested.add(id);
    writes.push({
      kind: 'suggestion',
      suggestion: suggestionOf(id, customer, entry.customerId, identity.namespace, frame),
    });
  }
  return writes;
}

function suggestionOf(
  id: string,
  customer: Customer,
  otherId: string,
  namespace: 'email' | 'phone',
  { receivedAt }: Frame,
): MergeSuggestion {
  const [a, b] = [customer.id, otherId].sort() as [string, string];
  return { id, customerIds: [a, b], reason: `same_${namespace}`, since: receivedAt };
}
