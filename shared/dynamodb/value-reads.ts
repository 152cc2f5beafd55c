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

/** Nearly always one of the latest is the one: others were left by runs that did not come to the customer in the end. */
const receiptsPerPage = 20;

/** The receipt of what a run made of a customer; one that a run left behind before it reached the customer is passed over. */
export async function findReceipt(
  client: Client,
  ledger: string,
  customerId: string,
  runId: string,
): Promise<Receipt | undefined> {
  let start: Record<string, unknown> | undefined;
  do {
    const page = await client.query({
      TableName: ledger,
      KeyConditionExpression: 'pk = :receipts',
      ExpressionAttributeValues: { ':receipts': receiptKey(customerId, '', '').pk },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: receiptsPerPage,
      ...(start && { ExclusiveStartKey: start }),
    });
    const found = page.Items?.find((item) => item.runId === runId);
    if (found) return receiptOf(found);
    start = page.LastEvaluatedKey;
  } while (start);
  return undefined;
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

function standingOf({ tier, previousTier, group, scores, runId, asOf, held }: Receipt): Standing {
  return {
    tier,
    previousTier,
    group,
    ...(scores && { scores }),
    runId,
    since: asOf,
    ...(held && { fallingSince: held.since }),
  };
}
