import { createHash, randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Checked, checkRun, checkTotals, everyPage, type ShownJob, type ShownRun } from './demo/check.ts';
import { Engine } from './demo/engine.ts';
import { printSummary } from './demo/print.ts';
import { progressOn } from './demo/progress.ts';
import { simulate } from './demo/simulation.ts';
import { type Played, playYear } from './demo/year.ts';
import { lockFolder } from './lock.ts';
import { lineLog } from './log.ts';
import { readSettings } from './settings.ts';
import { startLocalStack } from './stack.ts';
import { StartError } from './start-error.ts';

const help = `npm run demo -- [options]

Starts the local stack with a folder of its own, plays a made-up shop's year into it through signed
webhooks, checks every total to the cent, and stays up for you to look around.

  --customers N   how many customers the shop has (default 150)
  --seed N        another year (default 1)
  --daily         every night of the year instead of one a week
  --exit          leave when it is done: status 0 only if every total agrees
  --json          print a summary for machines on standard output
  --help          this text

PORT (default 8787) and RAPPORT_DATA (default .rapport) as for npm start; the demo's data lies in
its folder "demo" there and is made anew each time.`;

const days = 365;

export interface Summary {
  ok: boolean;
  seed: number;
  url: string;
  seconds: number;
  deliveries: Played;
  totals: Checked;
  nights: number;
  lastNight: ShownRun | undefined;
  outreach: Record<string, number>;
  messages: number;
}

interface Options {
  customers: number;
  seed: number;
  daily: boolean;
  exit: boolean;
  json: boolean;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) return void console.log(help);
  const say = options.json ? console.error : console.log;
  const begun = performance.now();
  const settings = readSettings(process.env);
  const folder = join(settings.dataFolder, 'demo');
  emptyFolder(folder);

  say('Starting the local stack …');
  const key = `rk_${randomBytes(24).toString('base64url')}`;
  const stack = await startLocalStack({
    dataFolder: folder,
    port: settings.port,
    log: lineLog((line) => console.error(line)),
    context: {
      adminKeyHash: createHash('sha256').update(key).digest('hex'),
      nightSchedule: { hour: 3, minute: 0, timeZone: 'Europe/Berlin', ...(options.daily ? {} : { weekday: 1 }) },
    },
  });
  let interrupted = false;
  const leave = async (status: number) => {
    engine.close();
    await stack.stop();
    process.exit(status);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted) process.exit(130);
      interrupted = true;
      void leave(130);
    });
  }

  const engine = new Engine(stack.url, key);
  const { now } = await engine.get<{ now: string }>('/v1/test-clock');
  const start = Math.ceil(Date.parse(now) / 86_400_000) * 86_400_000;
  const simulation = simulate({ customers: options.customers, seed: options.seed, start, days });
  say(`A shop with ${options.customers} customers and ${simulation.orders.length} orders; its year goes by:`);
  const progress = progressOn(options.json ? process.stderr : process.stdout);
  const deliveries = await playYear(engine, simulation, { start, days, seed: options.seed, onProgress: progress.show });
  progress.end();

  const totals = await checkTotals(engine, simulation);
  const runs = await everyPage<ShownRun>(engine, '/v1/value-runs');
  const jobs = await everyPage<ShownJob>(engine, '/v1/outreach-jobs');
  totals.differences.push(...checkRun(runs[0], simulation));
  const summary: Summary = {
    ok: totals.differences.length === 0,
    seed: options.seed,
    url: stack.url,
    seconds: Math.round((performance.now() - begun) / 100) / 10,
    deliveries,
    totals,
    nights: runs.length,
    lastNight: runs[0],
    outreach: countBy(jobs, ({ status }) => status),
    messages: (await stack.outbox.list()).length,
  };
  if (options.json) console.log(JSON.stringify(summary, null, 2));
  else printSummary(summary, console.log);
  if (options.exit) return leave(summary.ok ? 0 : 1);
  say(`\nIt stays up until Ctrl-C. Look at:
  ${stack.url}/_local/outbox   the messages that went out
  curl -H 'authorization: Bearer ${key}' '${stack.url}/v1/customers?email=customer-1@example.com'
  curl -H 'authorization: Bearer ${key}' '${stack.url}/v1/value-runs?limit=1'
  RAPPORT_KEY=${key} npm run -s reports -- --url ${stack.url} --out report   who comes back, and who holds the value
  ${stack.url}/openapi.json   everything else`);
}

/** @throws StartError where another demo still runs there */
function emptyFolder(folder: string): void {
  if (existsSync(folder)) lockFolder(folder).release();
  rmSync(folder, { recursive: true, force: true });
}

function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      customers: { type: 'string', default: '150' },
      seed: { type: 'string', default: '1' },
      daily: { type: 'boolean', default: false },
      exit: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    ...values,
    customers: wholeNumber('--customers', values.customers, 1, 1_000_000),
    seed: wholeNumber('--seed', values.seed, 0, 4_294_967_294),
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new StartError(`${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  }
  return number;
}

function countBy<Item>(items: Item[], group: (item: Item) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[group(item)] = (counts[group(item)] ?? 0) + 1;
  return counts;
}

main().catch((error: unknown) => {
  const isUsage = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const plain = error instanceof StartError || isUsage;
  console.error(plain ? (error as Error).message : error);
  if (isUsage) console.error('\nnpm run demo -- --help tells more.');
  process.exit(plain ? 2 : 1);
});
