import { type Identity, identitiesOf, type Person, withoutPlaceholders } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import { personIn, wereParted } from '../domain/merge.ts';
import { newPrivacyRequest, type PrivacyRequest } from '../domain/privacy-request.ts';
import type { Source } from '../domain/source.ts';
import type { PrivacyWord } from './fact.ts';
import { customerIdFrom, Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { RecordStore } from './record-store.ts';
import { identifiesNobody } from './resolve.ts';

/** Where requests are kept and handed to the worker. */
export interface PrivacyRequests {
  /** Keeps a request; where one with its id is there, that one stays and is answered. */
  open(request: PrivacyRequest): Promise<PrivacyRequest>;
  /** Hands an erasure to the worker. @throws Problem `store_unavailable` where the queue does not take it */
  handOver(requestId: string): Promise<void>;
  /** Nothing comes in by a source any more, where it is what it was at the revision. Repeatable. */
  switchOff(sourceId: string, at: Instant, revision: number): Promise<void>;
}

export interface Asked {
  source: Pick<Source, 'id' | 'nobody' | 'revision'>;
  deliveryId: string;
  receivedAt: Instant;
  mint: Mint;
}

/**
 * Takes down what a source asks for a person, or for all of whom it spoke: then it is switched off at once, so that whoever
 * puts it anew once this is acknowledged begins anew. The same delivery makes one request, however often it comes.
 * @returns the id of the request; of several, of the first
 */
export async function openRequest(
  store: RecordStore,
  requests: PrivacyRequests,
  word: PrivacyWord,
  asked: Asked,
): Promise<string> {
  const { source, deliveryId, receivedAt: requestedAt, mint } = asked;
  const given = {
    id: mint('prv', deliveryId),
    type: word.type,
    from: { sourceId: source.id, deliveryId },
    requestedAt,
  };
  const whom =
    word.type === 'source_erasure'
      ? { erasedAt: requestedAt, sourceRevision: source.revision }
      : await whomOf(store, word.person, asked);
  const orders = word.type === 'erasure' ? word.orders : [];
  for (let part = 0; part === 0 || part * ordersPerRequest < orders.length; part++) {
    const some = orders.slice(part * ordersPerRequest, (part + 1) * ordersPerRequest);
    const id = part === 0 ? given.id : mint('prv', deliveryId, String(part));
    const kept = await requests.open(newPrivacyRequest({ ...given, ...whom, id, orders: some }));
    if (kept.type === 'export' || kept.status !== 'open') continue;
    if (kept.sourceRevision !== undefined)
      await requests.switchOff(source.id, kept.erasedAt ?? requestedAt, kept.sourceRevision);
    await requests.handOver(kept.id);
  }
  return given.id;
}

/** An item of the store should not hold more: what is beyond is a request of its own. */
const ordersPerRequest = 2_000;

/**
 * The person whom a source means: by its own id, else by an address that leads to nobody whom this source knows by
 * another id, and to nobody whom other sources know. With those of whom it said itself that they are this one.
 */
async function whomOf(store: RecordStore, given: Person, { source, mint }: Asked) {
  const identities = identitiesOf(withoutPlaceholders(given, source.nobody), source.id);
  if (identities.length === 0) throw nobodyNamed();
  for (let attempt = 0; attempt < 8; attempt++) {
    const known = new Known(store, true);
    const found = await lookUp(known, given, identities, source.id);
    const personIds = found === undefined || found === 'stale' ? [] : await withMerged(known, found, source.id);
    if (found !== 'stale' && personIds !== 'stale') {
      const marks: string[] = [];
      for (const identity of identities) {
        const entry = await known.identity(identity);
        if (!entry || personIds.includes(entry.customerId)) marks.push(customerIdFrom(identity, { mint }));
      }
      return found === undefined ? { marks } : { customerId: found, personIds, marks };
    }
    await store.pause(attempt + 1);
  }
  throw new Problem(503, 'too_busy', 'Too many writes to one customer at once. Try again.', { retryAfter: 1 });
}

function nobodyNamed(): Problem {
  return new Problem(422, 'nobody_named', 'Nobody is named: an id, an e-mail address or a phone number is needed.');
}

async function lookUp(known: Known, given: Person, identities: Identity[], sourceId: string) {
  for (const identity of identities) {
    const entry = await known.identity(identity);
    if (!entry || identifiesNobody(entry)) continue;
    const customer = await known.customer(entry.customerId);
    if (known.tombstone(entry.customerId)) continue;
    if (!customer || customer === 'stale') return 'stale' as const;
    if (identity.namespace === sourceId) return customer.id;
    const isOwn = Object.hasOwn(customer.sourceIds, sourceId);
    const isAlone = Object.keys(customer.sourceIds).length === 0;
    if (isAlone || (isOwn && given.externalId === undefined)) return customer.id;
  }
  return undefined;
}

/**
 * The person, and those of the same customer of whom the source itself said that they are this one, also by way of others:
 * it has no other id left by which it could ask for them. Whom it does not know by an id and another source does, that
 * other one has to ask for. What was taken back counts no more.
 */
async function withMerged(known: Known, personId: string, sourceId: string): Promise<string[] | Stale> {
  const home = await known.home(personId);
  if (!home || home === 'stale') return 'stale';
  const isToBeAskedFor = (other: string) => {
    const { sourceIds } = personIn(home, other) ?? {};
    return sourceIds && (Object.hasOwn(sourceIds, sourceId) || Object.keys(sourceIds).length === 0);
  };
  const found = [personId];
  // Goes on with those who are found meanwhile.
  for (const person of found) {
    const lines = await known.store.merges(person);
    for (const { said } of lines) {
      if (said?.sourceId !== sourceId || !said.persons.includes(person)) continue;
      const [other] = said.persons.filter((one) => !found.includes(one));
      if (other && isToBeAskedFor(other) && !wereParted(lines, [person], [other])) found.push(other);
    }
  }
  return found;
}
