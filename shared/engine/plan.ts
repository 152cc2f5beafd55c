import type { Customer } from '../domain/customer.ts';
import { addressOf, decide } from '../domain/decision.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import { personsOf } from '../domain/merge.ts';
import { newJob, type OutreachJob } from '../domain/outreach-job.ts';
import {
  type NoOccasion,
  noOccasion,
  type OutreachChannel,
  occasionKey,
  type Play,
  type TierNames,
  type Trigger,
} from '../domain/play.ts';

/** What planning needs of the stores. */
export interface PlanStores {
  readCustomer(customerId: string): Promise<Customer | undefined>;
  /** The highest tier of the policy in force; nothing while there is none. */
  readTierNames(): Promise<TierNames | undefined>;
  isSuppressed(channel: OutreachChannel, address: string): Promise<boolean>;
  readJob(jobId: string): Promise<OutreachJob | undefined>;
  /** Keeps a job unless one with its id is there: then nothing changes. */
  addJob(job: OutreachJob): Promise<'added' | 'known'>;
}

export type Planned =
  | { play: string; outcome: 'no_occasion'; reason: NoOccasion | 'unknown_customer' }
  | { play: string; outcome: 'added' | 'known'; job: OutreachJob };

/**
 * One decision for each play to which the trigger is an occasion, kept with its reasons also where the outcome is
 * silence. The id of a job comes from its play, customer and occasion, so a trigger that is delivered again adds
 * nothing, and the first decision stands; also that for another person whom the customer turned out to be.
 */
export async function planOutreach(
  { customerId, trigger }: { customerId: string; trigger: Trigger },
  plays: readonly Play[],
  stores: PlanStores,
  mint: Mint,
  now: Instant,
): Promise<Planned[]> {
  const customer = await stores.readCustomer(customerId);
  const tiers = trigger.kind === 'tier' ? await stores.readTierNames() : undefined;
  const planned: Planned[] = [];
  for (const play of plays) {
    const reason = customer ? noOccasion(play, trigger, customer, tiers, now) : 'unknown_customer';
    if (!customer || reason !== undefined) {
      planned.push({ play: play.id, outcome: 'no_occasion', reason: reason ?? 'unknown_customer' });
      continue;
    }
    const jobId = (person: string) => mint('job', person, ...occasionKey(play, trigger));
    const earlier = await jobOfOthers(customer, customerId, jobId, stores);
    if (earlier) {
      planned.push({ play: play.id, outcome: 'known', job: earlier });
      continue;
    }
    const decision = decide(play, customer, await suppressedChannels(play.channels, customer, stores), now);
    const job = newJob({
      id: jobId(customerId),
      customerId,
      play: { id: play.id, version: play.version },
      trigger,
      decision,
    });
    planned.push({ play: play.id, outcome: await stores.addJob(job), job });
  }
  return planned;
}

/** The decision on the same occasion that stands for another of the customer's persons. */
async function jobOfOthers(
  customer: Customer,
  customerId: string,
  jobId: (person: string) => string,
  { readJob }: PlanStores,
): Promise<OutreachJob | undefined> {
  const others = personsOf(customer).filter((person) => person !== customerId);
  const jobs = await Promise.all(others.map((person) => readJob(jobId(person))));
  return jobs.find((job) => job !== undefined);
}

/** The channels on which the customer's present address must not be written to. */
export async function suppressedChannels(
  channels: readonly OutreachChannel[],
  customer: Customer,
  stores: Pick<PlanStores, 'isSuppressed'>,
): Promise<Set<OutreachChannel>> {
  const suppressed = new Set<OutreachChannel>();
  for (const channel of channels) {
    const address = addressOf(customer, channel);
    if (address !== undefined && (await stores.isSuppressed(channel, address))) suppressed.add(channel);
  }
  return suppressed;
}
