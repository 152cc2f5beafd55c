import { tables } from '../contracts/tables.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import type { JobStatus, OutreachJob } from '../domain/outreach-job.ts';
import { type Client, pageSize } from './client.ts';
import { dayShard, jobDaysKey, jobShards } from './keys.ts';
import { type JobItem, jobOf } from './outreach-store.ts';

export interface JobQuery {
  /** The persons of one customer. */
  customerIds?: readonly string[];
  status?: JobStatus;
  playId?: string;
  limit: number;
  /** `next` of the page before. */
  after?: string;
}

export interface JobPage {
  jobs: OutreachJob[];
  /** Where the next page begins; absent on the last one. Not signed: that is the API's business. */
  next?: string;
}

/**
 * Jobs, newest first. Indexes follow the table after a moment, so the newest job may be missing for that long.
 * @param now what has expired by then is left out, whether DynamoDB has removed it or not
 */
export async function listJobs(client: Client, table: string, query: JobQuery, now: Instant): Promise<JobPage> {
  const list = new JobList(client, table, query, now);
  const wanted = query.limit + 1;
  const found =
    query.customerIds === undefined ? await list.byDay(wanted) : await list.ofCustomers(wanted, query.customerIds);
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  return { jobs: items.map(jobOf), ...(found.length > query.limit && last && { next: last.createdAtJob }) };
}

class JobList {
  readonly #client: Client;
  readonly #table: string;
  readonly #query: JobQuery;
  readonly #now: Instant;

  constructor(client: Client, table: string, query: JobQuery, now: Instant) {
    this.#client = client;
    this.#table = table;
    this.#query = query;
    this.#now = now;
  }

  async ofCustomers(wanted: number, customerIds: readonly string[]): Promise<JobItem[]> {
    const found = await Promise.all(customerIds.map((id) => this.#newest(wanted, 'byCustomer', id)));
    return newestFirst(found.flat()).slice(0, wanted);
  }

  async byDay(wanted: number): Promise<JobItem[]> {
    const found: JobItem[] = [];
    for (const day of await this.#days()) {
      const shards = Array.from({ length: jobShards }, (_, shard) =>
        this.#newest(wanted - found.length, 'byDay', dayShard(day, shard)),
      );
      const items = newestFirst((await Promise.all(shards)).flat());
      found.push(...items.slice(0, wanted - found.length));
      if (found.length === wanted) break;
    }
    return found;
  }

  /** Days with jobs, the latest first, from the day where this page begins. */
  async #days(): Promise<string[]> {
    const { Item } = await this.#client.get({ TableName: this.#table, Key: jobDaysKey });
    const first = this.#query.after?.slice(0, 10);
    return [...((Item?.days as Set<string> | undefined) ?? [])]
      .filter((day) => first === undefined || day <= first)
      .sort()
      .reverse();
  }

  /** The newest matching items of one partition of an index. */
  async #newest(wanted: number, index: keyof typeof tables.outreach.indexes, key: string): Promise<JobItem[]> {
    const { after, status, playId } = this.#query;
    const filters = [
      '#expiresAt > :now',
      ...(status === undefined ? [] : ['#status = :status']),
      ...(playId === undefined ? [] : ['#play.#id = :playId']),
    ];
    const found: JobItem[] = [];
    let start: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.query({
        TableName: this.#table,
        IndexName: index,
        KeyConditionExpression: `#key = :key${after === undefined ? '' : ' AND #sort < :after'}`,
        FilterExpression: filters.join(' AND '),
        ExpressionAttributeNames: {
          '#key': tables.outreach.indexes[index].partitionKey,
          '#expiresAt': tables.outreach.timeToLive,
          ...(after !== undefined && { '#sort': tables.outreach.indexes[index].sortKey }),
          ...(status !== undefined && { '#status': 'status' }),
          ...(playId !== undefined && { '#play': 'play', '#id': 'id' }),
        },
        ExpressionAttributeValues: {
          ':key': key,
          ':now': Math.floor(millisecondsOf(this.#now) / 1000),
          ...(after !== undefined && { ':after': after }),
          ...(status !== undefined && { ':status': status }),
          ...(playId !== undefined && { ':playId': playId }),
        },
        ScanIndexForward: false,
        // Without filters nearly every item read is one wanted.
        Limit: status === undefined && playId === undefined ? wanted : pageSize,
        ...(start && { ExclusiveStartKey: start }),
      });
      found.push(...((page.Items ?? []) as JobItem[]));
      start = page.LastEvaluatedKey;
    } while (start && found.length < wanted);
    return found.slice(0, wanted);
  }
}

function newestFirst(items: JobItem[]): JobItem[] {
  return items.sort((a, b) => (a.createdAtJob < b.createdAtJob ? 1 : -1));
}
