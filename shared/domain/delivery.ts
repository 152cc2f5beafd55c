import type { Instant } from './instant.ts';

export type DeliveryStatus = 'recorded' | 'duplicate' | 'ignored' | 'quarantined';

/** An authentic delivery that could not be understood, kept until it is. */
export interface QuarantinedDelivery {
  id: string;
  sourceId: string;
  /** `quarantined`, or what a replay came to. */
  status: DeliveryStatus;
  /** What was not understood, and where; without values of the body. */
  reason: string;
  /** Those headers that translation needs. */
  headers: Record<string, string>;
  receivedAt: Instant;
  bytes: number;
}
