import type { Customer } from '../domain/customer.ts';
import type { Day, Rate } from '../domain/exchange-rate.ts';
import type { PurchaseBounds } from '../domain/facts.ts';
import type { Identity } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Interaction } from '../domain/interaction.ts';
import type { MergeLine, MergeSuggestion, Stub } from '../domain/merge.ts';
import type { Order } from '../domain/order.ts';
import type { Stored, Tombstone } from '../domain/tombstone.ts';

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
  /** Whoever comes with the order was erased: it is kept without a person. */
  faceless?: Tombstone;
}

/** The order line of a ledger with what guards it. */
export interface OrderLine {
  order: Order;
  receivedAt: Instant;
  backfill: boolean;
  first: boolean;
  /** By which it is counted in the base currency. */
  rate?: Rate;
  /** Since when, where the line is older. */
  ratedAt?: Instant;
  countsSince?: Instant;
  changedAt?: Instant;
  revision: number;
}

/** Where a line stands. */
export interface OrderPlace {
  customerId: string;
  occurredAt: Instant;
  interactionId: string;
}

/** An order that cannot be counted in the base currency yet. */
export interface WaitingOrder {
  currency: string;
  placedAt: Instant;
  interactionId: string;
  /** The name under which it is kept. */
  natural: NaturalRef;
}

/** Where an identity leads. */
export interface IdentityEntry {
  /** A person: merging customers moves no identity. */
  customerId: string;
  /** Other persons with ids of their own who came with this address or number. */
  met: string[];
  /** The source by whose word it came to lead there; absent where it was inherited from somebody who was erased. */
  sourceId?: string;
}

export interface Reads {
  naturals?: NaturalRef[];
  identities?: Identity[];
  customers?: string[];
  orders?: OrderPlace[];
  /** Ids of suggestions. */
  suggestions?: string[];
}

export interface Answers {
  naturals: (NaturalEntry | undefined)[];
  identities: (IdentityEntry | undefined)[];
  customers: (Stored | undefined)[];
  orders: (OrderLine | undefined)[];
  suggestions: (SuggestionEntry | undefined)[];
}

/** A suggestion that was ever made: what was dismissed is not suggested again. */
export interface SuggestionEntry extends MergeSuggestion {
  status: 'open' | 'dismissed' | 'merged';
}

/** One write of the transaction. `expected` and `revision` are what was read; 0 where there was nothing. */
export type Write =
  | { kind: 'customer'; customer: Customer; expected: number }
  /**
   * `moved`: it stood elsewhere and is no news; `begins`: it was known as one that does not count, and counts now;
   * `arrives`: an order's line comes to a place where there is none of it, and counts its revisions on.
   */
  | {
      kind: 'interaction';
      customerId: string;
      interaction: Interaction;
      revision?: number;
      moved: boolean;
      arrives?: true;
      begins?: true;
    }
  /** `revision`: of an order's line what was read. */
  | { kind: 'removal'; customerId: string; occurredAt: Instant; interactionId: string; revision?: number }
  | ({ kind: 'natural'; natural: NaturalRef } & NaturalEntry)
  /** `from`: who was erased, where the identity still leads there. */
  | { kind: 'identity'; identity: Identity; customerId: string; sourceId: string; from?: string }
  /** Takes an identity away from who was erased; `heir` goes on with what is left in it. */
  | { kind: 'forgotten'; identity: Identity; entry: IdentityEntry; heir?: IdentityEntry }
  | { kind: 'tombstone'; tombstone: Tombstone; expected: number }
  /** Adds to the persons who came with an identity; `entry` is what was read. */
  | { kind: 'met'; identity: Identity; entry: IdentityEntry; personId: string }
  /** Puts an order on the list of those that wait for a rate, or takes it off. */
  | { kind: 'waiting' | 'waited'; order: WaitingOrder }
  | { kind: 'stub'; stub: Stub; expected: number }
  /** One line in the journal of each of the persons. */
  | { kind: 'merge'; line: MergeLine; personId: string }
  | { kind: 'suggestion'; suggestion: MergeSuggestion }
  | { kind: 'settled'; suggestion: MergeSuggestion; status: 'dismissed' | 'merged' };

export interface WantedRate {
  currency: string;
  base: string;
  day: Day;
}

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
  /** The last rate of a currency up to a day, if it is not too old; one trip at most, none for what was read lately. */
  rate(wanted: WantedRate, options: { consistent: boolean }): Promise<Rate | undefined>;
  /** One line of a ledger; always consistent. */
  line(place: OrderPlace): Promise<Interaction | undefined>;
  /** Every merge and its undoing that a person was part of. */
  merges(personId: string): Promise<MergeLine[]>;
  /** All or nothing; `conflict` where something read had changed. */
  commit(writes: Write[]): Promise<'committed' | 'conflict'>;
  /** Waits a little, longer with each attempt. */
  pause(attempt: number): Promise<void>;
}
