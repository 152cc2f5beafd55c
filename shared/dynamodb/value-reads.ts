import type { Standing } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import { standingReceipts } from '../domain/standing-receipts.ts';
import type { Receipt, ValueRun } from '../domain/value-run.ts';
import type { Client } from './client.ts';
import { receiptKey, runListKey } from './keys.ts';
import { receiptOf } from './receipt-store.ts';
import { readRuns, valueRunStore } from './value-run-store.ts';

/**
 * A page of the value runs, the latest `asOf` first.
 * @param after the `next` of the page before
 */
export async function listValueRuns(
  client: Client,
  registry: string,
  from: { limit: number; after?: string },
): Promise<{ runs: ValueRun[]; next?: string }> {
  const { ids, next } = await listRunIds(client, registry, from);
  const found = await readRuns(client, registry, ids);
  const runs = ids.flatMap((id) => found.get(id) ?? []);
  return { runs, ...(next !== undefined && { next }) };
}

/** The latest run that has succeeded, of the last few. */
export async function latestRun(client: Client, registry: string): Promise<ValueRun | undefined> {
  const { ids } = await listRunIds(client, registry, { limit: 10 });
  for (const id of ids) {
    const run = await valueRunStore(client, registry).read(id);
    if (run?.state === 'succeeded') return run;
  }
  return undefined;
}

async function listRunIds(
  client: Client,
  registry: string,
  { limit, after }: { limit: number; after?: string },
): Promise<{ ids: string[]; next?: string }> {
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
  const ids = items.map(({ id }) => String(id));
  return { ids, ...(Items.length > limit && last && { next: String(last.sk) }) };
}

/** So many receipts are read at once, at least: most customers have changed less often, and pay for what they have. */
const receiptsAtOnce = 25;

/** The customer whose receipts are read, and the standing that they explain. */
interface Explained {
  customerId: string;
  /** Of the standing; absent where there is none. */
  runId: string | undefined;
}

/**
 * The receipts that a customer's standing came of, the latest first: what a run left behind before it reached the customer
 * is not among them.
 * @param from where to begin instead of the latest: `next` of a page, the key of a receipt that is among them
 * @param wanted how many will be needed, where that is known
 * @param count is told the read units
 */
export async function* receiptsOf(
  client: Client,
  ledger: string,
  { customerId, runId }: Explained,
  { from, wanted = 0, count }: { from?: string; wanted?: number; count?: (units: number) => void } = {},
): AsyncGenerator<Receipt> {
  yield* standingReceipts(all(), from === undefined ? (runId ?? null) : undefined);

  async function* all(): AsyncGenerator<Receipt> {
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.query({
        TableName: ledger,
        KeyConditionExpression: from === undefined ? 'pk = :receipts' : 'pk = :receipts AND sk <= :from',
        ExpressionAttributeValues: {
          ':receipts': receiptKey(customerId, '', '').pk,
          ...(from !== undefined && { ':from': from }),
        },
        ScanIndexForward: false,
        ConsistentRead: true,
        Limit: Math.max(wanted, receiptsAtOnce),
        ReturnConsumedCapacity: 'TOTAL',
        ...(start && { ExclusiveStartKey: start }),
      });
      count?.(page.ConsumedCapacity?.CapacityUnits ?? 0);
      yield* (page.Items ?? []).map(receiptOf);
      start = page.LastEvaluatedKey;
    } while (start);
  }
}

/**
 * A page of the receipts that a customer's standing came of, the latest first, and the one before them, by which the last
 * is explained.
 * @param after the `next` of the page before: the last receipt of it
 */
export async function listReceipts(
  client: Client,
  ledger: string,
  { limit, after, ...explained }: Explained & { limit: number; after?: string },
): Promise<{ receipts: Receipt[]; before?: Receipt; next?: string }> {
  const found: Receipt[] = [];
  const place = { wanted: limit + 2, ...(after !== undefined && { from: after }) };
  for await (const receipt of receiptsOf(client, ledger, explained, place)) {
    if (placeOf(receipt) !== after) found.push(receipt);
    if (found.length > limit) break;
  }
  const [receipts, before] = [found.slice(0, limit), found[limit]];
  const last = receipts.at(-1);
  return { receipts, ...(before && last && { before, next: placeOf(last) }) };
}

const placeOf = ({ customerId, asOf, runId }: Receipt) => receiptKey(customerId, asOf, runId).sk;

/** What a run made of a customer, and the standing before that, by the receipts. */
export async function standingsAround(
  client: Client,
  ledger: string,
  explained: Explained,
  { runId, asOf }: { runId: string; asOf: Instant },
): Promise<{ around: { standing?: Standing; judged?: Standing }; units: number }> {
  const place = receiptKey(explained.customerId, asOf, runId).sk;
  const upTo: Receipt[] = [];
  let units = 0;
  const count = (more: number) => {
    units += more;
  };
  for await (const receipt of receiptsOf(client, ledger, explained, { count })) {
    if (placeOf(receipt) <= place) upTo.push(receipt);
    if (upTo.length === 2) break;
  }
  const [last, before] = upTo.map(standingOf);
  const standing = last?.runId === runId ? before : last;
  return { around: { ...(standing && { standing }), ...(last && { judged: last }) }, units };
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
