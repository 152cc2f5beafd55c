import type { Consent } from '../domain/consent.ts';
import { latestSaid } from '../domain/hearing.ts';
import { type Person, withoutPlaceholders } from '../domain/identity.ts';
import { earlier, type Instant } from '../domain/instant.ts';
import type { Conversation, ConversationType } from '../domain/interaction.ts';
import type { Order } from '../domain/order.ts';

/** Whom a fact is about: what a source says of the person, or a customer that the engine knows already. */
export type Who = Person | { customerId: string };

/** What a delivery or a partner says, translated into the words of the design. */
export type Fact =
  | {
      kind: 'order';
      externalId: string;
      /** Other ids under which the platform may speak of the same sale: it counts once, under whichever came first. */
      alsoKnownAs?: readonly string[];
      /** What was said of the order: joined with what is known. A refund or cancellation alone is a stub. */
      order: Order;
      /**
       * Of a file that has no word on payments: when it was cancelled, where it is known to have been paid. Otherwise it
       * came to nothing, and may still be paid.
       */
      cancelledIfPaid?: Instant;
      /**
       * Of such a file: the time of the state that its payment is read out of. Of an order in a later state of the same
       * second nobody has said that it was paid.
       */
      paidAsOf?: Instant;
      /** The person behind it; empty where the message names nobody. */
      who: Who;
      /** The source's own time of these words. */
      at: Instant;
    }
  | {
      kind: 'customer';
      person: Person;
      /** The shop has seen that the address belongs to the person. */
      emailVerified?: boolean;
      at: Instant;
      test: boolean;
      consents: readonly Consent[];
    }
  /** The shop made one customer of two; it names them by its own ids. */
  | { kind: 'merge'; kept: string; gone: string; test: boolean }
  /** The shop has deleted its customer; when it does not say since when, that is when it is heard. */
  | { kind: 'departure'; externalId: string; at?: Instant | undefined }
  | {
      kind: 'conversation';
      type: ConversationType;
      externalId: string;
      who: Who;
      occurredAt: Instant;
      conversation: Conversation;
    }
  /** A yes or a no that a partner heard from the customer. */
  | { kind: 'consent'; externalId: string; who: Who; consent: Consent };

/**
 * The fact with nothing dated long after it was heard: a clock that runs ahead would otherwise speak the last word for
 * years. What a source says of persons is dated once it is known of whom. States of an order are compared with that
 * source's own alone, by its own clock: were they dated by when each was heard, an old one that is sent again would count
 * before a newer one. When things happened stays as it was said.
 */
export function notAfter(fact: Fact, receivedAt: Instant): Fact {
  if (fact.kind === 'consent') {
    const { consent } = fact;
    return { ...fact, consent: { ...consent, occurredAt: earlier(consent.occurredAt, receivedAt) } };
  }
  if (fact.kind !== 'order' || !fact.order.snapshot) return fact;
  const { snapshot } = fact.order;
  const updatedAt = earlier(snapshot.updatedAt, latestSaid(receivedAt));
  return { ...fact, order: { ...fact.order, snapshot: { ...snapshot, updatedAt } } };
}

/** The fact without addresses and numbers that identify nobody. */
export function withoutNobody(fact: Fact, nobody: readonly string[] | undefined): Fact {
  if (fact.kind === 'merge' || fact.kind === 'departure') return fact;
  if (fact.kind === 'customer') return { ...fact, person: withoutPlaceholders(fact.person, nobody) };
  return 'customerId' in fact.who ? fact : { ...fact, who: withoutPlaceholders(fact.who, nobody) };
}

/** A thing of a shop by its own id, to be fetched from the shop's API. */
export interface Resource {
  type: 'order' | 'customer' | 'payment';
  id: string;
  /** Its state is at least as new as this, by the shop's own time: an older one is an answer that lags behind. */
  asOf?: Instant | undefined;
}

/** What the law lets a person ask for, as a source passes it on. */
export type PrivacyWord =
  | { type: 'export'; person: Person }
  /** `orders`: the source's own ids of orders that belong to the person. */
  | { type: 'erasure'; person: Person; orders: readonly string[] }
  /** The source itself goes: of whomever it spoke. */
  | { type: 'source_erasure' };

/** What a storefront's message came to. A message that cannot be understood is an {@link Unintelligible}. */
export type Translation =
  | { kind: 'fact'; fact: Fact }
  | { kind: 'fetch'; resource: Resource }
  | { kind: 'privacy'; word: PrivacyWord }
  | { kind: 'ignored'; reason: string };

/** An authentic message that cannot be understood. `reason` names the place and what is wrong, without its value. */
export class Unintelligible extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'Unintelligible';
    this.reason = reason;
  }
}
