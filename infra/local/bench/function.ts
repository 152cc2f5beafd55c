import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleInto } from '../../bundling.ts';
import { type Bench, type Figure, median, rounded } from './figure.ts';

const bounds = { bytes: 460_000, ratio: 1.3 };

/** Size of the webhook function's bundle, and how long a fresh process takes to load it. */
export async function measureFunction(bench: Bench): Promise<Figure[]> {
  const rounds = bench.quick ? 9 : 25;
  bench.say(`function: loading the webhook function and a bare handler in ${rounds} fresh processes each`);
  const webhook = bundled(bench, 'webhook', 'functions/webhooks/receive.ts');
  const bare = bundled(bench, 'bare', 'infra/local/bench/bare-handler.ts');
  const times = { webhook: [] as number[], bare: [] as number[] };
  // Taken in turns, so that whatever else the machine does meanwhile is the same for both.
  for (let round = -1; round < rounds; round++) {
    const [bareTime, webhookTime] = [await initTime(bare.path), await initTime(webhook.path)];
    // The first round reads the files from disk.
    if (round === -1) continue;
    times.bare.push(bareTime);
    times.webhook.push(webhookTime);
  }
  const init = { webhook: median(times.webhook), bare: median(times.bare) };
  const ratio = init.webhook / init.bare;
  const least = { webhook: Math.min(...times.webhook), bare: Math.min(...times.bare) };
  return [
    {
      name: 'function',
      what: 'webhook function: its bundle',
      bound: '≤ 460 kB',
      measured: `${rounded(webhook.bytes / 1000, 0)} kB`,
      comparedWith: `a handler with the DynamoDB client alone: ${rounded(bare.bytes / 1000, 0)} kB`,
      over: webhook.bytes > bounds.bytes,
      values: { bytes: webhook.bytes, bareBytes: bare.bytes },
    },
    {
      name: 'function',
      what: 'webhook function: its init',
      bound: '≤ 1.3 × that of a handler with the DynamoDB client alone',
      measured: `${rounded(ratio)} × (${rounded(init.webhook, 1)} ms)`,
      comparedWith: `that handler: ${rounded(init.bare, 1)} ms; medians of ${rounds} fresh processes; the fastest of each: ${rounded(least.webhook / least.bare)} ×`,
      over: ratio > bounds.ratio,
      values: {
        ratio: rounded(ratio, 3),
        medianMs: { webhook: rounded(init.webhook), bare: rounded(init.bare) },
        leastMs: { webhook: rounded(least.webhook), bare: rounded(least.bare) },
      },
    },
  ];
}

function bundled(bench: Bench, name: string, entry: string): { path: string; bytes: number } {
  const folder = join(bench.folder, 'bundles', name);
  bundleInto(folder, entry);
  const path = join(folder, 'index.mjs');
  return { path, bytes: statSync(path).size };
}

/** Milliseconds from the import of the bundle to its handler being there. */
async function initTime(path: string): Promise<number> {
  const code = `const begun = performance.now();
    const { handler } = await import(${JSON.stringify(pathToFileURL(path).href)});
    if (typeof handler !== 'function') throw new Error('no handler');
    process.stdout.write(String(performance.now() - begun));
    process.exit(0);`;
  const env = {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    CUSTOMERS_TABLE: 'customers',
    DELIVERIES_TABLE: 'deliveries',
    DELIVERY_DAYS: '30',
    LEDGER_TABLE: 'ledger',
    REGISTRY_TABLE: 'registry',
    RETRY_QUEUE_URL: 'http://127.0.0.1:9/retry',
    KEEP_QUEUE_URL: 'http://127.0.0.1:9/keep',
    STAGE: 'bench',
  };
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`the bundle ${path} does not load`);
  return Number(output);
}
