import { type Customer, newCustomer } from '../domain/customer.ts';
import { type Identity, identitiesOf, type Person } from '../domain/identity.ts';
import type { Frame } from './draft.ts';
import type { Who } from './fact.ts';
import { Problem } from './problem.ts';
import { customerIdFrom, type Known } from './record-store.ts';

/** The customer that somebody is, and the identities that should lead there from now on. */
export interface Found {
  /** `version` 0 where the customer is new; absent where a read was stale and should be repeated. */
  customer: Customer | undefined;
  attach: Identity[];
}

/** Of a customer who is named by identifier nothing new is said. */
export function personOf(who: Who): Person {
  return 'customerId' in who ? {} : who;
}

/**
 * Finds the customer by source id, then by e-mail, then by phone; else it is a new one. Nothing where nobody is named.
 * Two ids of one source are two customers by the shop's own word, even where they share an address.
 * @throws Problem `customer_not_found`
 */
export async function resolve(known: Known, who: Who, frame: Frame): Promise<Found | undefined> {
  if ('customerId' in who) {
    const customer = await known.customer(who.customerId);
    if (!customer) throw new Problem(404, 'customer_not_found', 'There is no customer with this id.');
    return { customer, attach: [] };
  }
  const identities = identitiesOf(who, frame.sourceId);
  const [first] = identities;
  if (!first) return undefined;

  let found: Customer | undefined;
  for (const identity of identities) {
    const customerId = await known.identity(identity);
    if (customerId === undefined) continue;
    const customer = await known.customer(customerId);
    if (!customer) return { customer: undefined, attach: [] };
    const another = who.externalId !== undefined && isAnother(customer, identity, frame.sourceId);
    if (another) continue;
    found = customer;
    break;
  }
  if (!found) {
    const id = customerIdFrom(first, frame);
    found = (await known.customer(id)) ?? newCustomer(id, frame.receivedAt);
  }
  return { customer: found, attach: await unattached(known, identities, found) };
}

/** Found by an address, but known to this source under another id. */
function isAnother(customer: Customer, by: Identity, sourceId: string): boolean {
  return by.namespace !== sourceId && Object.hasOwn(customer.sourceIds, sourceId);
}

/** The identities that lead nowhere yet. An address that the profile shows was attached, or is somebody else's, already. */
async function unattached(known: Known, identities: Identity[], customer: Customer): Promise<Identity[]> {
  const asked = identities.filter(
    ({ namespace, value }) =>
      !(namespace === 'email' && customer.profile.email?.value === value) &&
      !(namespace === 'phone' && customer.profile.phone?.value === value),
  );
  await known.fetch({ identities: asked });
  const attach: Identity[] = [];
  for (const identity of asked) if ((await known.identity(identity)) === undefined) attach.push(identity);
  return attach;
}
