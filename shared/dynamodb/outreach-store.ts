import { type Instant, millisecondsOf } from '../domain/instant.ts';
import type { OutreachJob } from '../domain/outreach-job.ts';
import type { Step } from '../engine/deliver.ts';
import type { Client } from './client.ts';
import { failedCondition, itemInTheWay } from './faults.ts';
import { jobDaysKey, jobIndexKeys, jobKey } from './keys.ts';

/** A job as it lies in the table. */
export type JobItem = Omit<OutreachJob, 'id'> & {
  jobId: string;
  dayShard: string;
  createdAtJob: string;
  /** In seconds since 1970. */
  expiresAt: number;
};

/** How long jobs are kept after they were made. */
const keptForDays = 2 * 365;

export function jobItemOf({ id, ...job }: OutreachJob): JobItem {
  const expiresAt = Math.floor(millisecondsOf(job.createdAt) / 1000) + keptForDays * 86_400;
  return { ...job, ...jobKey(id), ...jobIndexKeys(id, job.createdAt), expiresAt };
}

export function jobOf({ jobId, dayShard: _, createdAtJob: __, expiresAt: ___, ...job }: JobItem): OutreachJob {
  return { id: jobId, ...job };
}

/** Jobs of the Outreach table. Every write names the status that it starts from. */
export class OutreachStore {
  /** Days that this process has noted; noting one twice is harmless. */
  readonly #noted = new Set<string>();
  readonly #client: Client;
  readonly #table: string;

  constructor(client: Client, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async readJob(jobId: string): Promise<OutreachJob | undefined> {
    const { Item } = await this.#client.get({ TableName: this.#table, Key: jobKey(jobId), ConsistentRead: true });
    return Item && jobOf(Item as JobItem);
  }

  /** Keeps a job unless one with its id is there: then nothing changes. */
  async addJob(job: OutreachJob): Promise<'added' | 'known'> {
    try {
      await this.#noteDay(job.createdAt.slice(0, 10));
      const jobDoesNotExist = 'attribute_not_exists(jobId)';
      await this.#client.put({ TableName: this.#table, Item: jobItemOf(job), ConditionExpression: jobDoesNotExist });
      return 'added';
    } catch (error) {
      if (failedCondition(error)) return 'known';
      throw error;
    }
  }

  /** `requested` → `sending` under the name of this attempt; false where the job no longer waits. */
  async claim(jobId: string, claim: string, now: Instant): Promise<boolean> {
    const jobWaits = '#status = :requested';
    try {
      await this.#client.update({
        TableName: this.#table,
        Key: jobKey(jobId),
        UpdateExpression: 'SET #status = :sending, #claim = :claim, #updatedAt = :now REMOVE #reason',
        ConditionExpression: jobWaits,
        ExpressionAttributeNames: {
          '#status': 'status',
          '#claim': 'claim',
          '#updatedAt': 'updatedAt',
          '#reason': 'reason',
        },
        ExpressionAttributeValues: {
          ':requested': 'requested',
          ':sending': 'sending',
          ':claim': claim,
          ':now': now,
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      return true;
    } catch (error) {
      if (failedCondition(error)) return claimedBefore(itemInTheWay(error), claim);
      throw error;
    }
  }

  /**
   * Takes a step where the job still waits (`claim` absent), or was last claimed under this name and is not settled
   * yet; false where neither holds. The one who claimed it may still settle what others have called unconfirmed.
   */
  async step(jobId: string, claim: string | undefined, step: Step, now: Instant): Promise<boolean> {
    const jobWaits = '#status = :requested';
    const claimIsMine = '#claim = :claim AND #status IN (:sending, :unconfirmed)';
    const values = { ...step, updatedAt: now };
    const names = Object.keys(values);
    try {
      await this.#client.update({
        TableName: this.#table,
        Key: jobKey(jobId),
        UpdateExpression: `SET ${names.map((name) => `#${name} = :new_${name}`).join(', ')}${
          'reason' in step ? '' : ' REMOVE #reason'
        }`,
        ConditionExpression: claim === undefined ? jobWaits : claimIsMine,
        ExpressionAttributeNames: {
          ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
          ...(claim !== undefined && { '#claim': 'claim' }),
          ...(!('reason' in step) && { '#reason': 'reason' }),
        },
        ExpressionAttributeValues: {
          ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`:new_${name}`, value])),
          ...(claim === undefined
            ? { ':requested': 'requested' }
            : { ':claim': claim, ':sending': 'sending', ':unconfirmed': 'unconfirmed' }),
        },
      });
      return true;
    } catch (error) {
      if (failedCondition(error)) return false;
      throw error;
    }
  }

  /** The day is noted before its first job, so that no job can be without it. */
  async #noteDay(day: string): Promise<void> {
    if (this.#noted.has(day)) return;
    await this.#client.update({
      TableName: this.#table,
      Key: jobDaysKey,
      UpdateExpression: 'ADD #days :day',
      ExpressionAttributeNames: { '#days': 'days' },
      ExpressionAttributeValues: { ':day': new Set([day]) },
    });
    this.#noted.add(day);
  }
}

/** The client repeats a write whose answer was lost; then the claim that stands in the way is its own. */
function claimedBefore(job: Record<string, unknown> | undefined, claim: string): boolean {
  return job?.claim === claim && job.status === 'sending';
}
