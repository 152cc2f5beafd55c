import { afterEach, expect, it } from 'vitest';
import { plainReportCounts } from '../../shared/domain/reports/report-counts.ts';
import type { TierMigration } from '../../shared/domain/reports/tier-migration.ts';
import { reportCountsStore, runResult } from '../../shared/dynamodb/run-results.ts';
import { dayOf, putCustomers, whoBoughtOn } from '../fixtures/purchase-histories.ts';
import { aNight, type Night } from './sequencer.ts';

let night: Night | undefined;
afterEach(() => night?.stop());

const nights = ['2026-03-30T01:00:00.000Z', '2026-04-29T01:00:00.000Z', '2026-05-29T01:00:00.000Z'];

const members = Array.from({ length: 140 }, (_, index) => {
  const first = dayOf('2025-06-01') + ((index * 53) % 300);
  const days = Array.from({ length: index % 6 }, (_, purchase) => first + purchase * (5 + (index % 61)));
  return whoBoughtOn(
    `c${index}`,
    days.map((day) => ({ day, purchases: 1, spent: BigInt(900 + ((index * 7_919) % 70_000)) })),
  );
});

/** What three nights counted for reports, and the moves from the first to the last. */
async function counted(segments: number, disturb?: (night: Night) => void) {
  const opened = await aNight({ segments });
  night = opened;
  await putCustomers(opened.client, opened.tables.customers, members);
  disturb?.(opened);
  const options = { remaining: disturb ? 0 : 60_000 };
  const ids: string[] = [];
  for (const asOf of nights) ids.push((await opened.run({ asOf }, options))?.id ?? '');
  const [from = '', , to = ''] = ids;
  const rehearsal = { kind: 'migration', from, to };
  const run = await opened.run({ asOf: nights[2], runId: 'migration_one', rehearsal }, options);
  expect(run?.state).toBe('succeeded');
  opened.watch((call) => call.send());
  const counts = reportCountsStore(opened.store, opened.tables.registry);
  const plain = [];
  for (const id of ids) {
    const found = await counts.read(id);
    plain.push(found && plainReportCounts(found));
  }
  const moves = await runResult<TierMigration>(opened.store, opened.tables.registry, 'result').read('migration_one');
  await opened.stop();
  night = undefined;
  return {
    plain,
    moves: Object.entries(moves?.migrations ?? {})
      .map(([tier, row]) => [tier, Object.entries(row).sort()])
      .sort(),
  };
}

it('counts for reports, and moves between tiers, are the same with any number of segments and after breaking off', async () => {
  const whole = await counted(1);
  expect(whole.plain.every((one) => (one?.cohorts.length ?? 0) > 20)).toBe(true);
  expect(JSON.stringify(whole.moves)).toMatch(/\["\w+",\[\["\w+",\d+\],\["\w+",\d+\]/);
  // Whom the night has written to already is looked up in the ledger; that is another test's matter.
  const counts = (operation: string) => operation !== 'Query';
  const broken = await counted(7, (opened) => {
    let number = 0;
    opened.watch(async (call) => {
      if (counts(call.operation)) number += 1;
      const at = counts(call.operation) ? number % 67 : -1;
      if (at === 20) throw new Error('broke off before');
      const answer = await call.send(call.operation === 'Scan' ? { ...call.input, Limit: 40 } : undefined);
      if (at === 50) throw new Error('broke off after');
      return answer;
    });
  });
  expect(broken).toEqual(whole);
});
