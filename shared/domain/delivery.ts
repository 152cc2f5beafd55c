import type { Instant } from './instant.ts';

export const deliveryStatuses = ['recorded', 'duplicate', 'ignored', 'quarantined'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What came of a delivery. */
export interface Outcome {
  status: DeliveryStatus;
  /** Why it was ignored; or what was not understood, and where. Without values of the body. */
  reason?: string;
  /** Whom it was about, where that is known. */
  customerId?: string;
  interactionId?: string;
  /** The source's own time of what it says. */
  occurredAt?: Instant;
}

/** An authentic delivery as it is kept, beside its body. */
export interface KeptDelivery extends Outcome {
  id: string;
  sourceId: string;
  /** Those headers that translation needs. */
  headers: Record<string, string>;
  /** When it came for the first time. */
  receivedAt: Instant;
  /** As of when the outcome holds. */
  decidedAt: Instant;
  replayedAt?: Instant;
  bytes: number;
}

/**
 * The statuses that this one takes the place of when the same delivery came again or was replayed: what was recorded
 * once stays recorded, and what nobody could read before may have become readable.
 */
export const takesThePlaceOf: Record<DeliveryStatus, readonly DeliveryStatus[]> = {
  recorded: ['recorded', 'duplicate', 'ignored', 'quarantined'],
  duplicate: ['duplicate', 'ignored', 'quarantined'],
  ignored: ['ignored', 'quarantined'],
  quarantined: ['ignored', 'quarantined'],
};
