import { addressOf, verdictOf } from '../domain/decision.ts';
import type { Instant } from '../domain/instant.ts';
import type { OutreachJob } from '../domain/outreach-job.ts';
import { type Message, messageOf, type OutreachChannel, type Play } from '../domain/play.ts';
import { type PlanStores, suppressedChannels } from './plan.ts';

/** What a provider made of a message. */
export type Sending =
  | { outcome: 'accepted'; providerMessageId: string }
  /** Known not to have been taken: trying again is right. */
  | { outcome: 'not_accepted'; reason: string }
  /** Refused, and would be again. */
  | { outcome: 'refused'; reason: string }
  /** The answer was lost: the provider may have taken it. */
  | { outcome: 'unknown'; reason: string };

/** A message on its way out. */
export interface Outgoing {
  jobId: string;
  address: string;
  message: Message;
  date: Instant;
}

/** One way out: who speaks, and the call that sends. A call sends at most once, whatever happens. */
export interface Sender {
  shopName: string;
  send(outgoing: Outgoing): Promise<Sending>;
}

/** A job's next status, with what belongs to it. */
export type Step =
  | { status: 'sent'; providerMessageId: string; sentAt: Instant }
  | { status: 'failed' | 'unconfirmed' | 'withdrawn'; reason: string }
  | { status: 'requested'; reason: string };

export type SentJob = OutreachJob & { channel: OutreachChannel; sentAt: Instant };

/** What delivering needs of the stores. */
export interface DeliverStores extends Pick<PlanStores, 'readCustomer' | 'isSuppressed'> {
  readJob(jobId: string): Promise<OutreachJob | undefined>;
  /** `requested` → `sending` under the name of this attempt; false where the job no longer waits. */
  claim(jobId: string, claim: string, now: Instant): Promise<boolean>;
  /**
   * Takes the step where the job still waits (`claim` absent), or was last claimed under this name and is not settled
   * yet; false where neither holds.
   */
  step(jobId: string, claim: string | undefined, step: Step, now: Instant): Promise<boolean>;
  /** Keeps the message out in the customer's ledger; repeatable. */
  recordMessage(job: SentJob): Promise<void>;
}

/** One attempt at a job. */
export interface Attempt {
  jobId: string;
  /** Unlike that of any other attempt. */
  name: string;
  /** True where this very request was handed out before and its time to work ran out since. */
  repeated: boolean;
}

export type Delivered =
  | { outcome: 'sent' | 'settled' | 'unknown_job' }
  | { outcome: 'failed' | 'withdrawn' | 'unconfirmed'; reason: string }
  /** The request has to come again. */
  | { outcome: 'again'; reason: string };

/**
 * Takes one job a step further, however often and by however many it is asked to.
 *
 *     requested ── claim ──► sending ── provider ──► sent ── ledger
 *
 * Only `requested` can be claimed, so of all attempts one sends. A job that a repeated request finds in `sending` may
 * have left or not; it is not sent again but becomes `unconfirmed`. A claim goes back to `requested` only where the
 * provider is known not to have taken the message.
 */
export async function deliver(
  attempt: Attempt,
  plays: readonly Play[],
  senders: Record<OutreachChannel, Sender>,
  stores: DeliverStores,
  now: Instant,
): Promise<Delivered> {
  const job = await stores.readJob(attempt.jobId);
  if (!job) return { outcome: 'unknown_job' };
  if (job.status === 'sent') return recorded(job, stores);
  if (job.status === 'sending') return foundSending(job, attempt, stores, now);
  if (job.status !== 'requested' || !job.channel) return { outcome: 'settled' };

  const sender = senders[job.channel];
  const ready = await prepare(job, job.channel, plays, sender.shopName, stores, now);
  if ('withdrawn' in ready) {
    const step = { status: 'withdrawn', reason: ready.withdrawn } as const;
    const taken = await stores.step(job.id, undefined, step, now);
    return taken ? { outcome: 'withdrawn', reason: step.reason } : { outcome: 'again', reason: 'claimed_elsewhere' };
  }

  if (!(await stores.claim(job.id, attempt.name, now))) return { outcome: 'again', reason: 'claimed_elsewhere' };
  return settle(job, attempt, await sender.send(ready), stores, now);
}

/** Another attempt may be at work at this moment: only time tells whether it still lives. */
async function foundSending(
  job: OutreachJob,
  { repeated }: Attempt,
  stores: DeliverStores,
  now: Instant,
): Promise<Delivered> {
  if (!repeated) return { outcome: 'again', reason: 'claimed_elsewhere' };
  const step = { status: 'unconfirmed', reason: 'attempt_ended_early' } as const;
  const taken = await stores.step(job.id, job.claim, step, now);
  return taken ? { outcome: 'unconfirmed', reason: step.reason } : { outcome: 'again', reason: 'claimed_elsewhere' };
}

/** Consent, suppression and address as they are at this moment, not as they were when the job was planned. */
async function prepare(
  job: OutreachJob,
  channel: OutreachChannel,
  plays: readonly Play[],
  shopName: string,
  stores: DeliverStores,
  now: Instant,
): Promise<Outgoing | { withdrawn: string }> {
  const play = plays.find(({ id }) => id === job.play.id);
  if (!play) return { withdrawn: 'unknown_play' };
  const customer = await stores.readCustomer(job.customerId);
  if (!customer) return { withdrawn: 'unknown_customer' };
  const verdict = verdictOf(channel, play, customer, await suppressedChannels([channel], customer, stores));
  const address = addressOf(customer, channel);
  if (!verdict.possible || address === undefined) return { withdrawn: verdict.reason };
  return { jobId: job.id, address, message: messageOf(play, job.trigger, customer, shopName), date: now };
}

async function settle(
  job: OutreachJob,
  { name }: Attempt,
  sending: Sending,
  stores: DeliverStores,
  now: Instant,
): Promise<Delivered> {
  switch (sending.outcome) {
    case 'accepted': {
      const sent = { status: 'sent', providerMessageId: sending.providerMessageId, sentAt: now } as const;
      await stores.step(job.id, name, sent, now);
      return recorded({ ...job, ...sent }, stores);
    }
    case 'not_accepted':
      await stores.step(job.id, name, { status: 'requested', reason: sending.reason }, now);
      return { outcome: 'again', reason: sending.reason };
    case 'refused':
      await stores.step(job.id, name, { status: 'failed', reason: sending.reason }, now);
      return { outcome: 'failed', reason: sending.reason };
    case 'unknown':
      await stores.step(job.id, name, { status: 'unconfirmed', reason: sending.reason }, now);
      return { outcome: 'unconfirmed', reason: sending.reason };
  }
}

async function recorded(job: OutreachJob, stores: DeliverStores): Promise<Delivered> {
  const { channel, sentAt } = job;
  if (channel && sentAt) await stores.recordMessage({ ...job, channel, sentAt });
  return { outcome: 'sent' };
}
