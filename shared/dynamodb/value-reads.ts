import type { Standing } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import type { Receipt, ValueRun } from '../domain/value-run.ts';
import type { Client } from './client.ts';
import { receiptKey, runListKey } from './keys.ts';
import { receiptOf } from './receipt-store.ts';
import { valueRunOf } from './value-run-store.ts';

/**
 * A page of the value runs, the latest `asOf` first.
 * @param after the `next` of the page before
 */
export async function listValueRuns(
  client: Client,
  registry: string,
  { limit, after }: { limit: number; after?: string },
): Promise<{ runs: ValueRun[]; next?: string }> {
  const { Items = [] } = await client.query({
    TableName: registry,
    KeyConditionExpression: after === undefined ? 'pk = :runs' : 'pk = :runs AND sk < :after',
    ExpressionAttributeValues: { ':runs': runListKey('', '').pk, ...(after !== undefined && { ':after': after }) },
    ScanIndexForward: false,
    ConsistentRead: true,
    // One more than wanted tells whether there is a next page.
    Limit: limit + 1,
  });
  const items = Items.slice(0, limit);
  const last = items.at(-1);
  return { runs: items.map(valueRunOf), ...(Items.length > limit && last && { next: String(last.sk) }) };
}

/** The latest run that has succeeded, of the last few. */
export async function latestRun(client: Client, registry: string): Promise<ValueRun | undefined> {
  const { runs } = await listValueRuns(client, registry, { limit: 10 });
  return runs.find(({ state }) => state === 'succeeded');
}

/**
 * A page of the receipts of a customer, the latest first, and the one before them, by which the last is explained.
 * @param after the `next` of the page before
 */
export async function listReceipts(
  client: Client,
  ledger: string,
  { customerId, limit, after }: { customerId: string; limit: number; after?: string },
): Promise<{ receipts: Receipt[]; before?: Receipt; next?: string }> {
  const { pk } = receiptKey(customerId, '', '');
  const { Items = [] } = await client.query({
    TableName: ledger,
    KeyConditionExpression: after === undefined ? 'pk = :pk' : 'pk = :pk AND sk < :after',
    ExpressionAttributeValues: { ':pk': pk, ...(after !== undefined && { ':after': after }) },
    ScanIndexForward: false,
    ConsistentRead: true,
    Limit: limit + 1,
  });
  const [receipts, before] = [Items.slice(0, limit), Items[limit]];
  return {
    receipts: receipts.map(receiptOf),
    ...(before && { before: receiptOf(before), next: String(receipts.at(-1)?.sk) }),
  };
}

/** What a run made of a customer, and the standing before that, by the receipts. */
export async function standingsAround(
  client: Client,
  ledger: string,
  customerId: string,
  runId: string,
  asOf: Instant,
): Promise<{ standing?: Standing; judged?: Standing }> {
  const { pk, sk } = receiptKey(customerId, asOf, runId);
  const { Items = [] } = await client.query({
    TableName: ledger,
    KeyConditionExpression: 'pk = :receipts AND sk <= :last',
    ExpressionAttributeValues: { ':receipts': pk, ':last': sk },
    ScanIndexForward: false,
    ConsistentRead: true,
    Limit: 2,
  });
  const [last, before] = Items.map((item) => standingOf(receiptOf(item)));
  const standing = last?.runId === runId ? before : last;
  return { ...(standing && { standing }), ...(last && { judged: last }) };
}

function standingOf({ tier, previousTier, group, scores, runId, asOf, held, limitedTo }: Receipt): Standing {
  return {
    tier,
    previousTier,
    group,
    ...(scores && { scores }),
    runId,
    since: asOf,
    ...(held && { fallingSince: held.since }),
    ...(held?.scoresBefore && { fallingFrom: held.scoresBefore }),
    ...(limitedTo && { limitedTo }),
  };
}
