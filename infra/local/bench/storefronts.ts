import { join } from 'node:path';
import type { Engine } from '../demo/engine.ts';
import { type Bench, type Figure, mean, rounded, shown } from './figure.ts';
import { concurrency, type Loaded, openRunningStack, type RunningStack } from './running-stack.ts';
import { type AllTotals, checkTotals } from './storefronts/check.ts';
import { days, rateOn, shops } from './storefronts/history.ts';
import { type Posting, type PostingOptions, postingOf } from './storefronts/posting.ts';
import { openKeys, sourcesOf } from './storefronts/signing.ts';

const day = 86_400_000;
const bound = 0.5;

export interface StorefrontsRun extends Loaded {
  posting: Posting;
  expected: AllTotals;
  /** What the engine says in another way than the history does, in words. */
  differences: string[];
}

/** Deliveries of eight shops at once into the whole local stack; then every total must be that of the history. */
export async function measureStorefronts(bench: Bench): Promise<Figure[]> {
  const count = bench.quick ? 2_000 : 50_000;
  const seconds = bench.quick ? 2 : 10;
  const running = await openRunningStack(join(bench.folder, 'storefronts'));
  try {
    const bareRates: number[] = [];
    const bareRound = async () => {
      bench.say(`storefronts: bare transactions of two items through the SDK, ${seconds} s`);
      bareRates.push(await running.bare(seconds));
    };
    await running.bare(1);
    await bareRound();
    bench.say(`storefronts: ${shown(count)} deliveries of ${shops.length} shops, then every total`);
    const run = await runStorefronts(running, { seed: 1, count, customers: Math.ceil(count / 6), start: startOf() });
    await bareRound();
    return [figureOf(run, mean(bareRates), bareRates)];
  } finally {
    await running.stop();
  }
}

/** The history ends some days ago. */
export function startOf(): number {
  return (Math.floor(Date.now() / day) - days - 3) * day;
}

export async function runStorefronts(
  { api, load }: Pick<RunningStack, 'api' | 'load'>,
  posting: PostingOptions,
): Promise<StorefrontsRun> {
  const { keys, stop } = await openKeys();
  try {
    for (const [id, source] of sourcesOf(keys)) await api.put(`/v1/sources/${id}`, source);
    await putRates(api, posting.start);
    const loaded = await load({ posting, keys });
    const posted = postingOf(posting);
    const { expected, differences } = await checkTotals(api, posted.sales);
    return { ...loaded, posting: posted, expected, differences: [...answersOff(loaded, posted), ...differences] };
  } finally {
    stop();
  }
}

async function putRates(api: Engine, start: number): Promise<void> {
  const rates = Array.from({ length: days + 1 }, (_, index) => {
    const { date, tenThousandths } = rateOn(start + index * day);
    return { date, currency: 'USD', rate: (tenThousandths / 10_000).toFixed(4) };
  });
  await api.put('/v1/exchange-rates', { base: 'EUR', rates });
}

/** An exact repetition changes nothing; nor, often, does what comes after what follows from it. */
function answersOff({ answers }: Loaded, { expected, repeated }: Posting): string[] {
  const { recorded = 0, duplicate = 0, ignored = 0, quarantined = 0, ...refused } = answers;
  const wrong = Object.entries(refused).map(([status, count]) => `${count} deliveries were answered ${status}`);
  const told = { taken: recorded + duplicate, ignored, quarantined };
  for (const [what, count] of Object.entries(expected)) {
    const found = told[what as keyof typeof told];
    if (found !== count) wrong.push(`${found} deliveries ${what} instead of ${count}`);
  }
  const known = repeated - expected.ignored - expected.quarantined;
  if (duplicate < known) wrong.push(`${duplicate} duplicates where at least ${known} were sent twice`);
  return wrong;
}

function figureOf(run: StorefrontsRun, bareRate: number, bareRates: number[]): Figure {
  const { rate, answers, latency, lag, posting, expected, differences } = run;
  const { repeated, disordered, messages, sales } = posting;
  const ratio = rate / bareRate;
  const came = ['recorded', 'duplicate', 'ignored', 'quarantined'].map(
    (name) => `${shown(answers[name] ?? 0)} ${name}`,
  );
  const [first = '', ...others] = differences;
  const totals =
    differences.length === 0
      ? `every total exact: ${shown(expected.customers)} customers, ${shown(sales.length)} orders, ` +
        `${shown(expected.purchases)} purchases, ${euros(expected.spent)} spent, ${euros(expected.refunded)} refunded`
      : `TOTALS DIFFER: ${first}${others.length > 0 ? `, and ${others.length} more` : ''}`;
  return {
    name: 'storefronts',
    what:
      `${shown(messages.length)} deliveries of ${shops.length} shops in two currencies, ${shown(repeated)} of them twice ` +
      `and ${shown(disordered)} too early, concurrency ${concurrency}, on disk`,
    bound:
      'every total exact, of each customer, each shop and in all; ≥ 0.5 of bare two-item transactions of the same ' +
      'engine; the stream keeps up',
    measured:
      `${totals} (${came.join(', ')}); ${rounded(ratio)} × (${shown(rate)} a second; p50 ${shown(latency.p50)} ms, ` +
      `p99 ${shown(latency.p99)} ms); stream behind by ${shown(lag.during)} s at most, at rest ${shown(lag.after)} s after the last`,
    comparedWith: `${shown(bareRate)} bare two-item transactions a second (${bareRates.map(shown).join(', ')})`,
    over: differences.length > 0 || ratio < bound,
    wrong: differences,
    values: {
      ratio: rounded(ratio, 3),
      perSecond: rounded(rate, 1),
      barePerSecond: rounded(bareRate, 1),
      answers,
      latencyMs: latency,
      lagSeconds: lag,
    },
  };
}

const euros = (cents: number) => `${shown(Math.round(cents / 100))} EUR`;
