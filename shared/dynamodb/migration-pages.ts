import { type Around, type Turn, tiersAround } from '../domain/reports/tier-migration.ts';
import type { MigrationPopulation, Span } from '../engine/migration-run.ts';
import type { Client, TableNames } from './client.ts';
import { scanCustomers } from './customer-scan.ts';
import { receiptKey } from './keys.ts';
import { mergesOf } from './merge-reads.ts';

const attributes = ['customerId', 'live', 'standing', 'mergedInto'];

/** So many customers are looked up in the ledger at once. */
const lookUps = 8;
/** So many receipts are read at once: most customers have changed less often since. */
const receiptsPerPage = 10;

/**
 * The customers by their tiers after two runs. The item itself says since when a tier stands; of those whose tier is younger
 * than the first run, the receipts say what it was.
 */
export function migrationPages(
  client: Client,
  { customers, ledger }: Pick<TableNames, 'customers' | 'ledger'>,
): MigrationPopulation {
  return {
    async migrationPage(span, place, cursor) {
      const { items, next, ...scanned } = await scanCustomers(client, customers, place, { cursor, attributes });
      let { units } = scanned;
      const count = (more: number) => {
        units += more;
      };
      const rows: Around[] = [];
      const unknown: (() => Promise<Around>)[] = [];
      for (const { customerId, live, standing, mergedInto } of items) {
        const id = customerId?.S ?? '';
        const { tier, since } = standing?.M ?? {};
        if (mergedInto) unknown.push(() => aroundMerged(id, span, count));
        // Of somebody erased there is nothing left; who has no tier yet had none before.
        else if (live?.BOOL !== true || !tier?.S) continue;
        else if ((since?.S ?? '') <= span.from) rows.push({ before: tier.S, after: tier.S });
        else unknown.push(() => tiersAround(turnsOf(id, count), tier.S, span));
      }
      const worker = async () => {
        for (let look = unknown.pop(); look; look = unknown.pop()) rows.push(await look());
      };
      await Promise.all(Array.from({ length: Math.min(lookUps, unknown.length) }, worker));
      return { rows, ...(next !== undefined && { cursor: next }), units };
    },
  };

  /** A customer who was merged into another was one of its own until then. */
  async function aroundMerged(id: string, span: Span, count: (units: number) => void): Promise<Around> {
    const merges = await mergesOf(client, ledger, id);
    const mergedAt = merges.findLast(({ kind, from }) => kind === 'merge' && from === id)?.at ?? '';
    if (mergedAt <= span.from) return {};
    const { before, after } = await tiersAround(turnsOf(id, count), undefined, span);
    return {
      ...(before !== undefined && { before }),
      ...(after !== undefined && mergedAt > span.to && { after }),
    };
  }

  /** What became of a customer, the latest first. */
  async function* turnsOf(customerId: string, count: (units: number) => void): AsyncGenerator<Turn> {
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.query({
        TableName: ledger,
        KeyConditionExpression: 'pk = :receipts',
        ProjectionExpression: 'asOf, tier, previousTier',
        ExpressionAttributeValues: { ':receipts': receiptKey(customerId, '', '').pk },
        ScanIndexForward: false,
        ConsistentRead: true,
        Limit: receiptsPerPage,
        ReturnConsumedCapacity: 'TOTAL',
        ...(start && { ExclusiveStartKey: start }),
      });
      count(page.ConsumedCapacity?.CapacityUnits ?? 0);
      for (const item of page.Items ?? []) yield item as unknown as Turn;
      start = page.LastEvaluatedKey;
    } while (start);
  }
}
