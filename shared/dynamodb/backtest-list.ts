import type { Instant } from '../domain/instant.ts';
import type { ValueRun } from '../domain/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { backtestListKey, runResultKey } from './keys.ts';
import { rehearsalExpiry } from './rehearsal-expiry.ts';
import { readRuns } from './value-run-store.ts';

/** What was asked; how far it is, its run says. */
export interface RequestedBacktest {
  id: string;
  requestedAt: Instant;
  until: string;
  horizonDays: number;
}

/** Of the run of a backtest what a list shows. */
export type BacktestState = Pick<ValueRun, 'state' | 'finishedAt' | 'failure'>;

/**
 * Keeps what is asked; may be repeated under its id, and answers with what was asked first.
 * @param realTime milliseconds since 1970
 */
export async function keepBacktest(
  client: Client,
  registry: string,
  wanted: RequestedBacktest,
  realTime: number,
): Promise<RequestedBacktest> {
  const key = runResultKey(wanted.id, 'request');
  const expiresAt = rehearsalExpiry(realTime);
  const asked = await client
    .put({
      TableName: registry,
      Item: { ...key, ...wanted, expiresAt },
      ConditionExpression: 'attribute_not_exists(pk)',
    })
    .then(() => wanted)
    .catch(async (error: unknown) => {
      const known = failedCondition(error) ? await findBacktest(client, registry, wanted.id) : undefined;
      if (!known) throw error;
      return known;
    });
  await client.put({
    TableName: registry,
    Item: { ...backtestListKey(asked.requestedAt, asked.id), ...asked, expiresAt },
  });
  return asked;
}

export async function findBacktest(
  client: Client,
  registry: string,
  id: string,
): Promise<RequestedBacktest | undefined> {
  const { Item } = await client.get({ TableName: registry, Key: runResultKey(id, 'request'), ConsistentRead: true });
  return Item && requestOf(Item);
}

/**
 * A page of the backtests, the latest first.
 * @param after the `next` of the page before
 */
export async function listBacktests(
  client: Client,
  registry: string,
  { limit, after }: { limit: number; after?: string },
): Promise<{ backtests: (RequestedBacktest & { run?: BacktestState })[]; next?: string }> {
  const { Items = [] } = await client.query({
    TableName: registry,
    KeyConditionExpression: after === undefined ? 'pk = :all' : 'pk = :all AND sk < :after',
    ExpressionAttributeValues: { ':all': backtestListKey('', '').pk, ...(after !== undefined && { ':after': after }) },
    ScanIndexForward: false,
    ConsistentRead: true,
    // One more than wanted tells whether there is a next page.
    Limit: limit + 1,
  });
  const items = Items.slice(0, limit);
  const runs = await readRuns(
    client,
    registry,
    items.map(({ id }) => String(id)),
  );
  const backtests = items.map((item) => {
    const run = runs.get(String(item.id));
    return { ...requestOf(item), ...(run && { run }) };
  });
  const last = items.at(-1);
  return { backtests, ...(Items.length > limit && last && { next: String(last.sk) }) };
}

function requestOf({ id, requestedAt, until, horizonDays }: Record<string, unknown>): RequestedBacktest {
  return { id: String(id), requestedAt: String(requestedAt), until: String(until), horizonDays: Number(horizonDays) };
}
