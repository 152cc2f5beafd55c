import type { Customer } from '../domain/customer.ts';
import type { PurchaseBounds } from '../domain/facts.ts';
import { type Identity, identitiesOf } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Interaction } from '../domain/interaction.ts';
import type { Order } from '../domain/order.ts';
import type { Frame } from './draft.ts';
import type { Who } from './fact.ts';

/** A source's own name for a fact: what makes every write repeatable. */
export interface NaturalRef {
  sourceId: string;
  type: string;
  externalId: string;
}

/** Where a fact stands, or the order itself while nobody is known for it, or the name under which it is kept. */
export interface NaturalEntry {
  revision: number;
  aliasOf?: string;
  customerId?: string;
  occurredAt?: Instant;
  order?: Order;
}

/** The order line of a ledger with what guards it. */
export interface OrderLine {
  order: Order;
  receivedAt: Instant;
  backfill: boolean;
  first: boolean;
  revision: number;
}

export interface OrderPlace {
  customerId: string;
  occurredAt: Instant;
  interactionId: string;
}

export interface Reads {
  naturals?: NaturalRef[];
  identities?: Identity[];
  customers?: string[];
  orders?: OrderPlace[];
}

export interface Answers {
  naturals: (NaturalEntry | undefined)[];
  /** The customer that each identity leads to. */
  identities: (string | undefined)[];
  customers: (Customer | undefined)[];
  orders: (OrderLine | undefined)[];
}

/** One write of the transaction. `expected` and `revision` are what was read; 0 where there was nothing. */
export type Write =
  | { kind: 'customer'; customer: Customer; expected: number }
  | { kind: 'interaction'; customerId: string; interaction: Interaction; revision?: number; moved: boolean }
  | { kind: 'removal'; customerId: string; occurredAt: Instant; interactionId: string }
  | ({ kind: 'natural'; natural: NaturalRef } & NaturalEntry)
  | { kind: 'identity'; identity: Identity; customerId: string };

/** What {@link record} needs of a store. */
export interface RecordStore {
  /** One round trip, whatever is asked for. */
  read(reads: Required<Reads>, options: { consistent: boolean }): Promise<Answers>;
  /** The first and last purchase of one currency in a customer's ledger, some orders left out; always consistent. */
  purchaseBounds(
    customerId: string,
    currency: string,
    exceptInteractionIds: readonly string[],
  ): Promise<PurchaseBounds>;
  /** All or nothing; `conflict` where something read had changed. */
  commit(writes: Write[]): Promise<'committed' | 'conflict'>;
  /** Waits a little, longer with each attempt. */
  pause(attempt: number): Promise<void>;
}

/** What was read so far for one attempt: nothing is read twice. */
export class Known {
  readonly store: RecordStore;
  readonly #consistent: boolean;
  readonly #naturals = new Map<string, NaturalEntry | undefined>();
  readonly #identities = new Map<string, string | undefined>();
  readonly #customers = new Map<string, Customer | undefined>();
  readonly #orders = new Map<string, OrderLine | undefined>();

  constructor(store: RecordStore, consistent: boolean) {
    this.store = store;
    this.#consistent = consistent;
  }

  async fetch({ naturals = [], identities = [], customers = [], orders = [] }: Reads): Promise<void> {
    const reads = {
      naturals: naturals.filter((ref) => !this.#naturals.has(naturalText(ref))),
      identities: identities.filter((identity) => !this.#identities.has(identityText(identity))),
      customers: customers.filter((id) => !this.#customers.has(id)),
      orders: orders.filter((place) => !this.#orders.has(orderText(place))),
    };
    if (Object.values(reads).every((list) => list.length === 0)) return;
    const answers = await this.store.read(reads, { consistent: this.#consistent });
    reads.naturals.forEach((ref, i) => void this.#naturals.set(naturalText(ref), answers.naturals[i]));
    reads.identities.forEach((identity, i) => void this.#identities.set(identityText(identity), answers.identities[i]));
    reads.customers.forEach((id, i) => void this.#customers.set(id, answers.customers[i]));
    reads.orders.forEach((place, i) => void this.#orders.set(orderText(place), answers.orders[i]));
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

  async identity(identity: Identity): Promise<string | undefined> {
    await this.fetch({ identities: [identity] });
    return this.#identities.get(identityText(identity));
  }

  async customer(id: string): Promise<Customer | undefined> {
    await this.fetch({ customers: [id] });
    return this.#customers.get(id);
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
}

export function customerIdFrom(identity: Identity, { mint }: Pick<Frame, 'mint'>): string {
  return mint('cus', identity.namespace, identity.value);
}

const naturalText = ({ sourceId, type, externalId }: NaturalRef) => `${sourceId}#${type}#${externalId}`;
const identityText = ({ namespace, value }: Identity) => `${namespace}#${value}`;
const orderText = ({ customerId, occurredAt, interactionId }: OrderPlace) =>
  `${customerId}#${occurredAt}#${interactionId}`;
