import type { Decision, SilenceReason } from './decision.ts';
import type { Instant } from './instant.ts';
import type { OutreachChannel, Trigger } from './play.ts';

/**
 * Where a job stands.
 * - `silent`: decided not to write
 * - `requested`: waits for its channel
 * - `sending`: claimed by one attempt; whether the provider has the message is not known yet
 * - `sent`: the provider took it
 * - `failed`: the provider refused it for ever
 * - `unconfirmed`: the provider may have it or not; never sent again by itself
 * - `withdrawn`: the customer's word or a suppression came before the message left
 */
export const jobStatuses = ['silent', 'requested', 'sending', 'sent', 'failed', 'unconfirmed', 'withdrawn'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** One intention to reach one customer, with its decision. */
export interface OutreachJob {
  id: string;
  customerId: string;
  play: { id: string; version: number };
  trigger: Trigger;
  decision: Decision;
  /** The chosen channel; absent where silence was. */
  channel?: OutreachChannel;
  status: JobStatus;
  /** Why it stands where it stands, for every status that is not simply on its way. */
  reason?: string;
  /** The attempt that has claimed it, or that last had. */
  claim?: string;
  /** The provider's own id of the message, once sent. */
  providerMessageId?: string;
  sentAt?: Instant;
  createdAt: Instant;
  updatedAt: Instant;
}

export function newJob(job: Pick<OutreachJob, 'id' | 'customerId' | 'play' | 'trigger' | 'decision'>): OutreachJob {
  const { chosen, silence, decidedAt } = job.decision;
  const at = { createdAt: decidedAt, updatedAt: decidedAt };
  if (chosen === null)
    return { ...job, ...at, status: 'silent', reason: silence ?? ('no_address' satisfies SilenceReason) };
  return { ...job, ...at, status: 'requested', channel: chosen };
}
