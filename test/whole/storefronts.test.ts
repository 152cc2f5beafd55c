import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRunningStack, type RunningStack } from '../../infra/local/bench/running-stack.ts';
import { checkTotals } from '../../infra/local/bench/storefronts/check.ts';
import type { Sale } from '../../infra/local/bench/storefronts/history.ts';
import { runStorefronts, startOf } from '../../infra/local/bench/storefronts.ts';

let folder: string;
let running: RunningStack;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-storefronts-'));
  running = await openRunningStack(folder);
}, 60_000);
afterAll(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('eight shops at once, one delivery in ten twice, one in twenty too early: every total to the cent', async () => {
  const run = await runStorefronts(running, { seed: 7, count: 600, customers: 60, start: startOf() });
  expect(run.differences).toEqual([]);
  expect(run.posting.messages).toHaveLength(600);
  expect({ repeated: run.posting.repeated, disordered: run.posting.disordered }).toEqual({
    repeated: 55,
    disordered: 28,
  });
  for (const { orders, spent } of Object.values(run.expected.shops)) expect(Math.min(orders, spent)).toBeGreaterThan(0);

  // A comparison that finds nothing must be able to find something.
  const counts = ({ buyer, test: isTest, edited, refunds, cancelledAt }: Sale) =>
    buyer !== undefined && !isTest && !edited && !cancelledAt && refunds.length === 0;
  const wrong = run.posting.sales.find(counts);
  const history = run.posting.sales.map((sale) => (sale === wrong ? { ...sale, cents: sale.cents + 100 } : sale));
  const { differences } = await checkTotals(running.api, history);
  expect(differences).toEqual([
    expect.stringMatching(/^customer \d+: spent is/),
    expect.stringMatching(/^[a-z]+: spent is/),
    expect.stringMatching(/^in all: spent is/),
  ]);
}, 120_000);
