import type { Consent } from '../domain/consent.ts';
import type { Person } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Conversation, ConversationType } from '../domain/interaction.ts';
import type { Order } from '../domain/order.ts';

/** What a delivery or a partner says, translated into the words of the design. */
export type Fact =
  | {
      kind: 'order';
      externalId: string;
      /** What was said of the order: joined with what is known. A refund or cancellation alone is a stub. */
      order: Order;
      /** The person behind it, where the message says so. */
      person: Person;
      /** The source's own time of these words. */
      at: Instant;
      consents: readonly Consent[];
    }
  | { kind: 'customer'; person: Person; at: Instant; test: boolean; consents: readonly Consent[] }
  | {
      kind: 'conversation';
      type: ConversationType;
      externalId: string;
      person: Person | { customerId: string };
      occurredAt: Instant;
      conversation: Conversation;
    };

/** What a storefront's message came to. A message that cannot be understood is an {@link Unintelligible}. */
export type Translation = { kind: 'fact'; fact: Fact } | { kind: 'ignored'; reason: string };

/** An authentic message that cannot be understood. `reason` names the place and what is wrong, without its value. */
export class Unintelligible extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'Unintelligible';
    this.reason = reason;
  }
}
