import { type Customer, newCustomer } from '../domain/customer.ts';
import {
  customersPerAddress,
  type Identity,
  identitiesOf,
  type Person,
  withoutIdentities,
} from '../domain/identity.ts';
import type { Frame } from './draft.ts';
import type { Who } from './fact.ts';
import { customerIdFrom, type Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { IdentityEntry } from './record-store.ts';

/** The person that somebody is, and the identities that should lead there from now on. */
export interface Found {
  /** `version` 0 where the customer is new. */
  customer: Customer;
  /** What is said of the person, without what turned out to identify nobody. */
  person: Person;
  attach: Identity[];
  /** The identities that lead to somebody else. */
  elsewhere: { identity: Identity; entry: IdentityEntry }[];
}

/**
 * Finds the person by source id, then by e-mail, then by phone; else it is a new one. Nothing where nobody is named.
 * Two ids of one source are two customers by the shop's own word, even where they share an address.
 * @throws Problem `customer_not_found`
 */
export async function resolve(known: Known, who: Who, frame: Frame): Promise<Found | Stale | undefined> {
  if ('customerId' in who) {
    const customer = await known.customer(who.customerId);
    if (customer === 'stale') return 'stale';
    if (!customer) throw new Problem(404, 'customer_not_found', 'There is no customer with this id.');
    return { customer, person: {}, attach: [], elsewhere: [] };
  }
  const identities = identitiesOf(who, frame.sourceId);
  const shared: Identity[] = [];
  let found: Customer | undefined;
  for (const identity of identities) {
    const entry = await known.identity(identity);
    if (entry && identifiesNobody(entry)) shared.push(identity);
    if (!entry || identifiesNobody(entry)) continue;
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
    const id = customerIdFrom(first, frame);
    const made = await known.customer(id);
    if (made === 'stale') return 'stale';
    found = made ?? newCustomer(id, frame.receivedAt);
  }
  const leads = await leadsOf(known, identities, found);
  const person = withoutIdentities(who, [...shared, ...leads.shared]);
  return { customer: found, person, attach: leads.attach, elsewhere: leads.elsewhere };
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
async function leadsOf(known: Known, identities: Identity[], customer: Customer) {
  const asked = identities.filter(
    ({ namespace, value }) =>
      !(namespace === 'email' && customer.profile.email?.value === value) &&
      !(namespace === 'phone' && customer.profile.phone?.value === value),
  );
  await known.fetch({ identities: asked });
  const attach: Identity[] = [];
  const shared: Identity[] = [];
  const elsewhere: Found['elsewhere'] = [];
  for (const identity of asked) {
    const entry = await known.identity(identity);
    if (!entry) attach.push(identity);
    else if (identifiesNobody(entry)) shared.push(identity);
    else if (entry.customerId !== customer.id) elsewhere.push({ identity, entry });
  }
  return { attach, shared, elsewhere };
}
