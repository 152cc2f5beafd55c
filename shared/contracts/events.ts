/** The events on the bus. Details carry identifiers and times, never personal data. */
export const eventSource = 'rapport';

export interface EventDetails {
  CustomerCreated: { customerId: string; at: string };
  /** Whoever keeps anything of this customer elsewhere has to erase it there. */
  CustomerErased: { customerId: string; at: string };
  /** Told once more of an order that did not count when it came, as it was not paid, and does now. */
  InteractionRecorded: {
    customerId: string;
    interactionId: string;
    type: string;
    sourceId: string;
    occurredAt: string;
    /** True for history (before the source's `backfillBefore`): never a reason for outreach. */
    backfill: boolean;
    /** True for an order that was the customer's first purchase when it came, or when it began to count. */
    first: boolean;
    /** True for a test order: never a reason for outreach. */
    test: boolean;
    /** When an order was paid that had been told of as unpaid. */
    paidAt?: string;
    /** When it was heard; where it is told once more, when it was heard that the order counts. */
    at: string;
  };
  ConsentChanged: { customerId: string; channel: string; purpose: string; state: 'granted' | 'refused'; at: string };
  TierChanged: { customerId: string; tier: string; previousTier: string | null; runId: string; at: string };
  OutreachRequested: { jobId: string; customerId: string; channel: Channel; at: string };
}

export type EventType = keyof EventDetails;

/** Channels that have a queue and a file under `shared/channels/`. */
export const channels = ['email'] as const;
export type Channel = (typeof channels)[number];
