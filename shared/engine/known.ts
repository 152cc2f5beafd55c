import { type Customer, firstPurchaseAt } from '../domain/customer.ts';
import type { Day, Rate } from '../domain/exchange-rate.ts';
import { type Identity, identitiesOf } from '../domain/identity.ts';
import { earlier, type Instant } from '../domain/instant.ts';
import { isStub, personIn, type Stub, withPersons } from '../domain/merge.ts';
import { isTombstone, type Stored, type Tombstone } from '../domain/tombstone.ts';
import type { Frame } from './draft.ts';
import type { Who } from './fact.ts';
import type {
  IdentityEntry,
  NaturalEntry,
  NaturalRef,
  OrderLine,
  OrderPlace,
  Reads,
  RecordStore,
  SuggestionEntry,
  Write,
} from './record-store.ts';

/** Reads that do not fit together: everything has to be read again. */
export type Stale = 'stale';

/**
 * What was read so far for one attempt: nothing is read twice. Who is one person of a merged customer is seen and
 * changed as a customer of its own; {@link folded} brings the changes back to where that person is kept.
 */
export class Known {
  readonly store: RecordStore;
  readonly #consistent: boolean;
  readonly #naturals = new Map<string, NaturalEntry | undefined>();
  readonly #identities = new Map<string, IdentityEntry | undefined>();
  readonly #customers = new Map<string, Stored | undefined>();
  readonly #orders = new Map<string, OrderLine | undefined>();
  readonly #suggestions = new Map<string, SuggestionEntry | undefined>();
  /** Persons for whose customers something came in late. */
  readonly #late = new Set<string>();

  constructor(store: RecordStore, consistent: boolean) {
    this.store = store;
    this.#consistent = consistent;
  }

  async fetch({ naturals = [], identities = [], customers = [], orders = [], suggestions = [] }: Reads): Promise<void> {
    const reads = {
      naturals: naturals.filter((ref) => !this.#naturals.has(naturalText(ref))),
      identities: identities.filter((identity) => !this.#identities.has(identityText(identity))),
      customers: [...new Set(customers)].filter((id) => !this.#customers.has(id)),
      orders: orders.filter((place) => !this.#orders.has(orderText(place))),
      suggestions: [...new Set(suggestions)].filter((id) => !this.#suggestions.has(id)),
    };
    if (Object.values(reads).every((list) => list.length === 0)) return;
    const answers = await this.store.read(reads, { consistent: this.#consistent });
    reads.naturals.forEach((ref, i) => void this.#naturals.set(naturalText(ref), answers.naturals[i]));
    reads.identities.forEach((identity, i) => void this.#identities.set(identityText(identity), answers.identities[i]));
    reads.customers.forEach((id, i) => void this.#customers.set(id, answers.customers[i]));
    reads.orders.forEach((place, i) => void this.#orders.set(orderText(place), answers.orders[i]));
    reads.suggestions.forEach((id, i) => void this.#suggestions.set(id, answers.suggestions[i]));
  }

  /**
   * Everything that the checkout of a known customer needs, in one round trip: a customer's identifier is minted from
   * the identity that first led to it, so the customer and the order's line can be asked for before either is found.
   */
  async fetchCheckout(
    naturals: NaturalRef[],
    orderId: string,
    who: Who,
    placedAt: Instant | undefined,
    frame: Frame,
  ): Promise<void> {
    const identity = 'customerId' in who ? undefined : identitiesOf(who, frame.sourceId)[0];
    const guess = 'customerId' in who ? who.customerId : identity && customerIdFrom(identity, frame);
    await this.fetch({
      naturals,
      identities: identity ? [identity] : [],
      customers: guess ? [guess] : [],
      orders: guess && placedAt ? [{ customerId: guess, occurredAt: placedAt, interactionId: orderId }] : [],
    });
  }

  natural(ref: NaturalRef): NaturalEntry | undefined {
    return this.#naturals.get(naturalText(ref));
  }

  async identity(identity: Identity): Promise<IdentityEntry | undefined> {
    await this.fetch({ identities: [identity] });
    return this.#identities.get(identityText(identity));
  }

  /**
   * Who was erased of those to whom an identity led: by the id that would be minted from it and, until the erasure has
   * come to the identity, by where it leads. Of several the last.
   */
  async erasedBy(identity: Identity, frame: Pick<Frame, 'mint'>): Promise<Tombstone | undefined> {
    const minted = customerIdFrom(identity, frame);
    await this.fetch({ identities: [identity], customers: [minted] });
    const entry = this.#identities.get(identityText(identity));
    const [own, lead] = [this.tombstone(minted), entry && (await this.leadsToErased(entry))];
    if (!own || !lead) return own ?? lead;
    return lead.erasedAt > own.erasedAt ? lead : own;
  }

  async leadsToErased({ customerId }: IdentityEntry): Promise<Tombstone | undefined> {
    await this.fetch({ customers: [customerId] });
    return this.tombstone(customerId);
  }

  /**
   * Whether none of these is a tombstone, read consistently: a condition of the write tells where one lies at the new
   * customer's own id, and at no other.
   */
  async noneErased(ids: readonly string[]): Promise<boolean> {
    if (this.#consistent || ids.length === 0) return true;
    const nothing = { naturals: [], identities: [], orders: [], suggestions: [] };
    const { customers } = await this.store.read({ ...nothing, customers: [...ids] }, { consistent: true });
    return customers.every((stored) => !stored || !isTombstone(stored));
  }

  /** Whether there is a person of this id, of what was read. */
  isThere(id: string): boolean {
    const stored = this.#customers.get(id);
    return stored !== undefined && !isTombstone(stored);
  }

  /** What is left in the place of somebody who was erased, of what was read. */
  tombstone(id: string): Tombstone | undefined {
    const stored = this.#customers.get(id);
    return stored && isTombstone(stored) ? stored : undefined;
  }

  /** One person, alone or of a merged customer. */
  async customer(id: string): Promise<Customer | Stale | undefined> {
    const home = await this.home(id);
    return home === 'stale' || home === undefined ? home : personIn(home, id);
  }

  /** The customer that a person is by now; nothing where there is none any more. */
  async home(id: string): Promise<Customer | Stale | undefined> {
    await this.fetch({ customers: [id] });
    const stored = this.#customers.get(id);
    if (!stored || isTombstone(stored)) return undefined;
    if (!isStub(stored)) return stored;
    await this.fetch({ customers: [stored.mergedInto] });
    return this.#homeOf(id) ?? 'stale';
  }

  /** What a person is kept in, of what was read; nothing where the reads do not fit together. */
  #homeOf(id: string): Customer | undefined {
    const stored = this.#customers.get(id);
    const home = stored && isStub(stored) ? this.#customers.get(stored.mergedInto) : stored;
    if (!home || isStub(home) || isTombstone(home)) return undefined;
    return personIn(home, id) ? home : undefined;
  }

  /** The id of the customer that a person is by now, of what was read. */
  homeId(id: string): string {
    return this.#homeOf(id)?.id ?? id;
  }

  /** Where persons are merged into customers, as they were read. */
  stub(id: string): Stub | undefined {
    const stored = this.#customers.get(id);
    return stored && isStub(stored) ? stored : undefined;
  }

  /** The first purchase of the customer that the person is, whichever person of it made it. */
  firstPurchaseAt(person: Customer): Instant | undefined {
    const { [person.id]: _, ...others } = this.#homeOf(person.id)?.parts ?? {};
    return Object.values(others).reduce(
      (first, other) => earlier(first, firstPurchaseAt(other)),
      firstPurchaseAt(person),
    );
  }

  async orderLine(
    customerId: string,
    occurredAt: Instant | undefined,
    interactionId: string,
  ): Promise<OrderLine | undefined> {
    if (!occurredAt) return undefined;
    const place = { customerId, occurredAt, interactionId };
    await this.fetch({ orders: [place], customers: [customerId] });
    return this.#orders.get(orderText(place));
  }

  /** The rate of a day to the base currency. */
  rate(currency: string, base: string, day: Day): Promise<Rate | undefined> {
    return this.store.rate({ currency, base, day }, { consistent: this.#consistent });
  }

  async suggestion(id: string): Promise<SuggestionEntry | undefined> {
    await this.fetch({ suggestions: [id] });
    return this.#suggestions.get(id);
  }

  /** History came in for a person: it explains what the customer does, whichever person of it did it. */
  cameLate(personId: string): void {
    this.#late.add(personId);
  }

  /** The writes with those of persons of one customer made one write of that customer. */
  folded(writes: readonly Write[]): Write[] {
    const changed = new Map<Customer, Customer[]>();
    const rest = writes.filter((write) => {
      const home = write.kind === 'customer' ? this.#homeOf(write.customer.id) : undefined;
      if (write.kind !== 'customer' || !home?.parts) return true;
      changed.set(home, [...(changed.get(home) ?? []), write.customer]);
      return false;
    });
    for (const [home, persons] of changed) {
      const { updatedAt = home.updatedAt } = persons[0] ?? {};
      const isHistory = persons.some(({ id }) => this.#late.has(id));
      const customer = { ...withPersons(home, persons, { isHistory }), version: home.version + 1, updatedAt };
      rest.push({ kind: 'customer', customer, expected: home.version });
    }
    return rest;
  }
}

export function customerIdFrom(identity: Identity, { mint }: Pick<Frame, 'mint'>): string {
  return mint('cus', identity.namespace, identity.value);
}

const naturalText = ({ sourceId, type, externalId }: NaturalRef) => `${sourceId}#${type}#${externalId}`;
const identityText = ({ namespace, value }: Identity) => `${namespace}#${value}`;
const orderText = ({ customerId, occurredAt, interactionId }: OrderPlace) =>
  `${customerId}#${occurredAt}#${interactionId}`;
