import * as z from 'zod/mini';
import { type Customer, leftAt, profileFields } from '../../shared/domain/customer.ts';
import type { Facts } from '../../shared/domain/facts.ts';
import type { Identity } from '../../shared/domain/identity.ts';
import { personsOf } from '../../shared/domain/merge.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import {
  findCustomer,
  identitiesOfPerson,
  listInteractions,
  readStored,
} from '../../shared/dynamodb/customer-reads.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { customerErased } from '../../shared/engine/resolve.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { customer, customerFilters, customers, interactions } from '../../shared/http/schemas/customers.ts';
import { invalid } from '../../shared/http/validate.ts';
import { shownInteraction, shownMoney } from './answers.ts';
import { type Door, pagingOf } from './door.ts';

const params = z.strictObject({ customerId: keyText });

export const findCustomers = route({
  summary: 'Finds the customer that an identity leads to',
  scope: 'customers:read',
  query: z.extend(customerFilters, paging),
  answers: { 200: { description: 'None or one', schema: customers } },
  async answer(door: Door, { query: { limit, cursor, ...filters } }) {
    const { page } = await pagingOf(door, { limit, cursor }, filters);
    const found = await findCustomer(door.client, door.tables, identityOf(filters));
    return { status: 200, body: page(found ? [await shown(door, found)] : [], undefined) };
  },
});

export const showCustomer = route({
  summary: 'Shows a customer, also by the id of one that was merged into it',
  scope: 'customers:read',
  params,
  answers: { 200: { description: 'The customer', schema: customer } },
  async answer(door: Door, { params: { customerId } }) {
    return { status: 200, body: await shown(door, await existing(door, customerId)) };
  },
});

export const showInteractions = route({
  summary: 'Lists the ledger of a customer, newest first',
  scope: 'interactions:read',
  params,
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of interactions', schema: interactions } },
  async answer(door: Door, { params: { customerId }, query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listInteractions(door.client, door.tables.ledger, {
      personIds: personsOf(await existing(door, customerId)),
      limit,
      ...(after !== undefined && { after }),
    });
    return { status: 200, body: page(found.interactions.map(shownInteraction), found.next) };
  },
});

/**
 * The customer, also by the id of one that was merged into it.
 * @throws Problem `customer_not_found`, `customer_erased`
 */
export async function existing({ client, tables }: Door, customerId: string): Promise<Customer> {
  const found = await readStored(client, tables.customers, customerId);
  if (found === 'erased') throw customerErased();
  if (!found) throw new Problem(404, 'customer_not_found', 'There is no such customer.');
  return found;
}

function identityOf({ email, phone, externalId }: z.infer<typeof customerFilters>): Identity {
  const given: Identity[] = [];
  if (email !== undefined) given.push({ namespace: 'email', value: email });
  if (phone !== undefined) given.push({ namespace: 'phone', value: phone });
  if (externalId !== undefined) {
    const colon = externalId.indexOf(':');
    given.push({ namespace: externalId.slice(0, colon), value: externalId.slice(colon + 1) });
  }
  const [only, ...more] = given;
  if (!only || more.length > 0)
    throw invalid([{ pointer: '/query', detail: 'must have exactly one of email, phone and externalId' }]);
  return only;
}

async function shown(door: Door, customer: Customer) {
  const { id, profile, standing, waiting } = customer;
  const [, ...mergedIds] = personsOf(customer);
  const [{ baseCurrency }, ...identities] = await Promise.all([
    door.settings(),
    ...[id, ...mergedIds].map((person) => identitiesOfPerson(door.client, door.tables.registry, person)),
  ]);
  const main = mainFacts(customer, baseCurrency ?? noCurrency);
  return {
    id,
    mergedIds,
    createdAt: customer.createdAt,
    updatedAt: customer.updatedAt,
    ...Object.fromEntries(profileFields.flatMap((field) => (profile[field] ? [[field, profile[field].value]] : []))),
    identities: identities.flat(),
    facts: {
      ...shownFacts(main.facts, main.currency),
      waiting: Object.entries(waiting)
        .filter(([currency]) => currency !== main.currency)
        .map(([currency, facts]) => shownFacts(facts, currency)),
    },
    tier: standing?.tier ?? null,
    previousTier: standing?.previousTier ?? null,
    tierSince: standing?.since ?? null,
    consents: Object.values(customer.consents),
    leftAt: leftAt(customer) ?? null,
  };
}

/** Who only ever bought in one other currency is shown in that one. */
function mainFacts({ facts, waiting }: Customer, baseCurrency: string): { facts: Facts; currency: string } {
  const [only, ...more] = Object.entries(waiting);
  const hasBase = facts.purchaseCount > 0 || facts.totalRefunded > 0n;
  return !hasBase && only && more.length === 0
    ? { facts: only[1], currency: only[0] }
    : { facts, currency: baseCurrency };
}

export function shownFacts(facts: Facts, currency: string) {
  return {
    purchaseCount: facts.purchaseCount,
    totalSpent: shownMoney({ minor: facts.totalSpent, currency }),
    totalRefunded: shownMoney({ minor: facts.totalRefunded, currency }),
    firstPurchaseAt: facts.firstPurchaseAt ?? null,
    lastPurchaseAt: facts.lastPurchaseAt ?? null,
  };
}
