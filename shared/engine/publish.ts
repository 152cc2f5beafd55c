import { consentKey } from '../domain/consent.ts';
import type { Customer } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import type { InteractionType } from '../domain/interaction.ts';
import type { OutreachJob } from '../domain/outreach-job.ts';
import type { OutreachChannel } from '../domain/play.ts';

/** What events depend on in a customer. */
export type CustomerState = Pick<Customer, 'id' | 'createdAt' | 'updatedAt' | 'consents' | 'standing'>;

/** What events say of a new line of the ledger. */
export interface Recorded {
  customerId: string;
  interactionId: string;
  type: InteractionType;
  sourceId: string;
  occurredAt: Instant;
  /** When it was heard; of an order that was known before, when it was heard that it counts. */
  at: Instant;
  backfill: boolean;
  first: boolean;
  test: boolean;
  /** Of an order that was known as unpaid before, where its payment is what is told. */
  paidAt?: Instant;
}

/** What events depend on in a job. */
export type JobState = Pick<OutreachJob, 'id' | 'customerId' | 'status' | 'channel' | 'createdAt'>;

/** What changed in a table. */
export type Change =
  | { kind: 'customer'; before: CustomerState | undefined; after: CustomerState }
  | { kind: 'erasure'; customerId: string; at: Instant }
  | { kind: 'interaction'; interaction: Recorded }
  | { kind: 'job'; job: JobState };

/** What the bus is told: identifiers and times, never personal data. */
export type Event =
  | { type: 'CustomerCreated'; detail: { customerId: string; at: Instant } }
  | { type: 'CustomerErased'; detail: { customerId: string; at: Instant } }
  | {
      type: 'InteractionRecorded';
      detail: Recorded;
    }
  | {
      type: 'ConsentChanged';
      detail: { customerId: string; channel: string; purpose: string; state: 'granted' | 'refused'; at: Instant };
    }
  | {
      type: 'TierChanged';
      detail: { customerId: string; tier: string; previousTier: string | null; runId: string; at: Instant };
    }
  | {
      type: 'OutreachRequested';
      detail: { jobId: string; customerId: string; channel: OutreachChannel; at: Instant };
    };

/** What a change says to the rest of the engine. A change may say nothing. */
export function eventsOf(change: Change): Event[] {
  switch (change.kind) {
    case 'customer':
      return customerEvents(change.before, change.after);
    case 'erasure':
      return [{ type: 'CustomerErased', detail: { customerId: change.customerId, at: change.at } }];
    case 'interaction':
      return [{ type: 'InteractionRecorded', detail: change.interaction }];
    case 'job':
      return jobEvents(change.job);
  }
}

function customerEvents(before: CustomerState | undefined, after: CustomerState): Event[] {
  const customerId = after.id;
  const at = after.updatedAt;
  const events: Event[] = [];
  if (!before) events.push({ type: 'CustomerCreated', detail: { customerId, at: after.createdAt } });
  for (const consent of Object.values(after.consents)) {
    const { channel, purpose, state } = consent;
    if (before?.consents[consentKey(consent)]?.state !== state)
      events.push({ type: 'ConsentChanged', detail: { customerId, channel, purpose, state, at } });
  }
  const previousTier = before?.standing?.tier ?? null;
  if (after.standing && after.standing.tier !== previousTier) {
    const { tier, runId } = after.standing;
    events.push({ type: 'TierChanged', detail: { customerId, tier, previousTier, runId, at } });
  }
  return events;
}

function jobEvents({ id, customerId, status, channel, createdAt }: JobState): Event[] {
  if (status !== 'requested' || !channel) return [];
  return [{ type: 'OutreachRequested', detail: { jobId: id, customerId, channel, at: createdAt } }];
}
