import { canonicalText } from '../domain/canonical.ts';
import { type Consent, consentKey } from '../domain/consent.ts';
import { type Customer, newCustomer } from '../domain/customer.ts';
import {
  customersPerAddress,
  type Identity,
  identitiesOf,
  type Person,
  withoutIdentities,
} from '../domain/identity.ts';
import { type Instant, later } from '../domain/instant.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import type { Frame } from './draft.ts';
import type { Who } from './fact.ts';
import { customerIdFrom, type Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { IdentityEntry, Write } from './record-store.ts';

/** An identity that is to lead to a person; `from` is who was erased, where it still leads there. */
export interface Attachment {
  identity: Identity;
  from?: Tombstone;
}

/** Somebody who was erased, after what is said. */
export interface Erased {
  erased: Tombstone;
}

/** The person that somebody is, and the identities that should lead there from now on. */
export interface Found {
  /** `version` 0 where the customer is new. */
  customer: Customer;
  /** What is said of the person, without what turned out to identify nobody. */
  person: Person;
  attach: Attachment[];
  /** The identities that lead to somebody else. */
  elsewhere: { identity: Identity; entry: IdentityEntry }[];
}

/**
 * Finds the person by source id, then by e-mail, then by phone; else it is a new one. Nothing where nobody is named.
 * Two ids of one source are two customers by the shop's own word, even where they share an address. Who was erased is
 * known again by the tombstones at the ids that are minted from the identities: what is said of a time up to the erasure
 * is said of that one, and who comes back later is somebody new.
 * @param at of what time it speaks
 * @throws Problem `customer_not_found`, `customer_erased`
 */
export async function resolve(
  known: Known,
  who: Who,
  at: Instant,
  frame: Frame,
): Promise<Found | Erased | Stale | undefined> {
  if ('customerId' in who) {
    const customer = await known.customer(who.customerId);
    if (customer === 'stale') return 'stale';
    const erased = known.tombstone(who.customerId);
    if (erased && at <= erased.erasedAt) return { erased };
    if (erased) throw customerErased();
    if (!customer) throw new Problem(404, 'customer_not_found', 'There is no customer with this id.');
    return { customer, person: {}, attach: [], elsewhere: [] };
  }
  const identities = identitiesOf(who, frame.sourceId);
  const shared: Identity[] = [];
  let found: Customer | undefined;
  for (const identity of identities) {
    const erased = await known.erasedBy(identity, frame);
    if (erased && (await isBefore(erased, at, frame)) && !isErasedOther(who, erased, identity, frame))
      return { erased };
    const entry = await known.identity(identity);
    if (entry && identifiesNobody(entry)) shared.push(identity);
    if (!entry || identifiesNobody(entry) || known.tombstone(entry.customerId)) continue;
    const customer = await known.customer(entry.customerId);
    if (!customer || customer === 'stale') return 'stale';
    const another = who.externalId !== undefined && isAnother(customer, identity, frame.sourceId);
    if (another) continue;
    found = customer;
    break;
  }
  if (!found) {
    const [first] = identities.filter((identity) => !shared.includes(identity));
    if (!first) return undefined;
    const id = newIdFrom(first, await known.erasedBy(first, frame), frame);
    const made = await known.customer(id);
    if (made === 'stale') return 'stale';
    const others = identities.filter((identity) => identity !== first).map((other) => customerIdFrom(other, frame));
    if (!made && !(await known.noneErased(others.filter((other) => !known.tombstone(other))))) return 'stale';
    found = made ?? newCustomer(id, frame.receivedAt);
  }
  const leads = await leadsOf(known, identities, found, frame);
  const person = withoutIdentities(who, [...shared, ...leads.shared]);
  return { customer: found, person, attach: leads.attach, elsewhere: leads.elsewhere };
}

/** What was heard before the erasure is of the one who was erased, also where a clock that runs ahead dated it later. */
async function isBefore({ erasedAt }: Tombstone, at: Instant, { firstHeardAt }: Frame): Promise<boolean> {
  if (at <= erasedAt) return true;
  const heardAt = await firstHeardAt?.();
  return heardAt !== undefined && heardAt <= erasedAt;
}

/**
 * What somebody agreed to or not, without what was said up to an erasure of whoever had one of the identities: who came to
 * be after it has said nothing before. Looked for only where something would be new that was said before there was anybody.
 */
export async function saidSinceErasure(
  known: Known,
  { customer, person }: Pick<Found, 'customer' | 'person'>,
  consents: readonly Consent[],
  frame: Frame,
): Promise<Consent[]> {
  const isOldNews = (consent: Consent) =>
    consent.occurredAt <= customer.createdAt &&
    canonicalText(consent) !== canonicalText(customer.consents[consentKey(consent)] ?? null);
  if (!consents.some(isOldNews)) return [...consents];
  const identities = identitiesOf(person, frame.sourceId);
  await known.fetch({ identities, customers: identities.map((identity) => customerIdFrom(identity, frame)) });
  let erasedAt: Instant | undefined;
  for (const identity of identities) {
    const erased = await known.erasedBy(identity, frame);
    if (!erased || erased.erasedAt > customer.createdAt || isErasedOther(person, erased, identity, frame)) continue;
    erasedAt = later(erasedAt, erased.erasedAt);
  }
  return consents.filter(({ occurredAt }) => erasedAt === undefined || occurredAt > erasedAt);
}

/** Who comes back after an erasure is somebody new: by nothing but the salt would anybody know one id by the other. */
function newIdFrom(identity: Identity, erased: Tombstone | undefined, { mint }: Frame): string {
  if (!erased) return mint('cus', identity.namespace, identity.value);
  return mint('cus', identity.namespace, identity.value, erased.erasedAt);
}

export function customerErased(): Problem {
  return new Problem(410, 'customer_erased', 'This customer was erased.');
}

/** As {@link isAnother}, of somebody who was erased. */
function isErasedOther(who: Person, { sources }: Tombstone, by: Identity, { sourceId }: Frame): boolean {
  return who.externalId !== undefined && by.namespace !== sourceId && sources.includes(sourceId);
}

/** Lets identities lead to a person, and leaves a tombstone behind each that is taken from somebody who was erased. */
export function attachWrites(known: Known, attach: readonly Attachment[], customerId: string, frame: Frame): Write[] {
  const { sourceId } = frame;
  return attach.flatMap(({ identity, from }): Write[] => {
    if (!from) return [{ kind: 'identity', identity, customerId, sourceId }];
    const id = customerIdFrom(identity, frame);
    const left: Write = { kind: 'tombstone', tombstone: { ...from, id, version: 1 }, expected: 0 };
    const taken: Write = { kind: 'identity', identity, customerId, sourceId, from: from.id };
    return known.tombstone(id) ? [taken] : [left, taken];
  });
}

/** More customers came with it than one person can be. */
export function identifiesNobody({ met }: IdentityEntry): boolean {
  return met.length >= customersPerAddress;
}

/** Found by an address, but known to this source under another id. */
function isAnother(customer: Customer, by: Identity, sourceId: string): boolean {
  return by.namespace !== sourceId && Object.hasOwn(customer.sourceIds, sourceId);
}

/**
 * Where the identities lead that are new in this customer. An address that the profile shows was looked at before: it
 * was attached then, or is somebody else's.
 */
async function leadsOf(known: Known, identities: Identity[], customer: Customer, frame: Frame) {
  const asked = identities.filter(
    ({ namespace, value }) =>
      !(namespace === 'email' && customer.profile.email?.value === value) &&
      !(namespace === 'phone' && customer.profile.phone?.value === value),
  );
  await known.fetch({ identities: asked });
  const attach: Attachment[] = [];
  const shared: Identity[] = [];
  const elsewhere: Found['elsewhere'] = [];
  for (const identity of asked) {
    const entry = await known.identity(identity);
    if (!entry) attach.push({ identity });
    else if (identifiesNobody(entry)) shared.push(identity);
    else if (entry.customerId !== customer.id) elsewhere.push({ identity, entry });
  }
  await known.fetch({ customers: elsewhere.map(({ entry }) => entry.customerId) });
  const living: Found['elsewhere'] = [];
  for (const { identity, entry } of elsewhere) {
    const from = known.tombstone(entry.customerId);
    if (!from) living.push({ identity, entry });
    // The erasure hands it over to those who share it, or takes it away.
    else if (entry.met.length === 0) {
      await known.fetch({ customers: [customerIdFrom(identity, frame)] });
      attach.push({ identity, from });
    }
  }
  return { attach, shared, elsewhere: living };
}
