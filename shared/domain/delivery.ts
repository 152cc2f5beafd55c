import type { Instant } from './instant.ts';

export const deliveryStatuses = ['recorded', 'duplicate', 'ignored', 'quarantined'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What came of a delivery. */
export interface Outcome {
  status: DeliveryStatus;
  /** Why it was ignored; or what was not understood, and where. Without values of the body. */
  reason?: string;
  /**
   * The person whom it was recorded for, where that is known: what is merged and taken apart later moves no delivery.
   * Whoever shows it says which customer that is by now.
   */
  customerId?: string;
  interactionId?: string;
  /** The source's own time of what it says. */
  occurredAt?: Instant;
  /** The request for a person's rights that it is. */
  privacyRequestId?: string;
  /** Kept without its body: it speaks of somebody who was erased, or asks for that. */
  withheld?: true;
}

/** An authentic delivery as it is kept, beside its body. */
export interface KeptDelivery extends Outcome {
  id: string;
  sourceId: string;
  /** Those headers that translation needs. */
  headers: Record<string, string>;
  /** When it came; where the shop sent it again, when the one that was kept first came. */
  receivedAt: Instant;
  /** As of when the outcome holds. */
  decidedAt: Instant;
  replayedAt?: Instant;
  bytes: number;
}

/**
 * What takes the place of what, where the same delivery came again or was replayed: what was recorded once stays
 * recorded, and what nobody could read before may have become readable. Among equals the later word counts.
 */
export const standing: Record<DeliveryStatus, { outranks: DeliveryStatus[]; equals: DeliveryStatus[] }> = {
  recorded: { outranks: ['duplicate', 'ignored', 'quarantined'], equals: ['recorded'] },
  duplicate: { outranks: ['ignored', 'quarantined'], equals: ['duplicate'] },
  ignored: { outranks: [], equals: ['ignored', 'quarantined'] },
  quarantined: { outranks: [], equals: ['ignored', 'quarantined'] },
};
