import { type Around, tiersAround } from '../domain/reports/tier-migration.ts';
import type { MigrationPopulation, Span } from '../engine/migration-run.ts';
import type { Client, TableNames } from './client.ts';
import { readCustomer } from './customer-reads.ts';
import { scanCustomers } from './customer-scan.ts';
import { mergesOf } from './merge-reads.ts';
import { receiptsOf } from './value-reads.ts';

const attributes = ['customerId', 'live', 'standing', 'mergedInto'];

/** So many customers are looked up in the ledger at once. */
const lookUps = 8;

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
        const { tier, since, runId } = standing?.M ?? {};
        if (mergedInto) unknown.push(() => aroundMerged(id, span, count));
        // Of somebody erased there is nothing left; who has no tier yet had none before.
        else if (live?.BOOL !== true || !tier?.S) continue;
        else if ((since?.S ?? '') <= span.from) rows.push({ before: tier.S, after: tier.S });
        else {
          const explained = { customerId: id, runId: runId?.S };
          unknown.push(() => tiersAround(receiptsOf(client, ledger, explained, { count }), span));
        }
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
    // Its standing of then is kept beside the person that it is now.
    const runId = (await readCustomer(client, customers, id))?.parts?.[id]?.standing?.runId;
    const { before, after } = await tiersAround(receiptsOf(client, ledger, { customerId: id, runId }, { count }), span);
    return {
      ...(before !== undefined && { before }),
      ...(after !== undefined && mergedAt > span.to && { after }),
    };
  }
}
