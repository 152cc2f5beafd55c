import { join } from 'node:path';
import { type Bench, type Figure, mean, rounded, shown } from './figure.ts';
import type { Checkouts } from './load-client.ts';
import { concurrency, type Loaded, openRunningStack } from './running-stack.ts';
import { shop, shopSecret } from './shopify-orders.ts';

const bound = 0.5;

/** Checkouts over HTTP into the whole local stack, as `npm start` runs it, beside bare transactions of its engine. */
export async function measureLoad(bench: Bench): Promise<Figure[]> {
  const count = bench.quick ? 1_000 : 10_000;
  const seconds = bench.quick ? 2 : 10;
  const running = await openRunningStack(join(bench.folder, 'load'));
  const load = async (orders: Checkouts['orders']): Promise<Loaded> => {
    const loaded = await running.load({ secret: shopSecret, orders, customers: count });
    if (loaded.answers.recorded !== orders.to - orders.from)
      throw new Error(`not every checkout was recorded: ${JSON.stringify(loaded.answers)}`);
    return loaded;
  };
  try {
    await running.api.put('/v1/sources/bench-shop', shop.source);
    const rounds = { bare: [] as number[], withoutTokens: [] as number[], ownCalls: [] as number[] };
    const bareRound = async () => {
      bench.say(`load: bare transactions of two items through the SDK, then a checkout's own calls, ${seconds} s each`);
      rounds.bare.push(await running.bare(seconds));
      rounds.withoutTokens.push(await running.bare(seconds, false));
      rounds.ownCalls.push(await running.bareCheckouts(seconds));
    };
    await running.bare(1);
    await running.bareCheckouts(1);
    await load({ from: 0, to: 200 });
    await bareRound();
    bench.say(`load: ${shown(count)} checkouts of new customers`);
    const fresh = await load({ from: count, to: 2 * count });
    await bareRound();
    bench.say(`load: ${shown(count)} checkouts of known customers`);
    const known = await load({ from: 2 * count, to: 3 * count });
    await bareRound();
    const bare = {
      rate: mean(rounds.bare),
      rates: rounds.bare,
      withoutTokens: mean(rounds.withoutTokens),
      ownCalls: mean(rounds.ownCalls),
    };
    return [figureOf('known customers', known, bare), figureOf('new customers', fresh, bare)];
  } finally {
    await running.stop();
  }
}

interface Bare {
  /** Bare transactions a second: the mean, and each round. */
  rate: number;
  rates: number[];
  /** The same where no tokens go along, as the stack has it. */
  withoutTokens: number;
  /** What the engine does a second of the calls of a checkout of a known customer, with nothing around them. */
  ownCalls: number;
}

function figureOf(whose: string, { rate, latency, lag }: Loaded, bare: Bare): Figure {
  const ratio = rate / bare.rate;
  return {
    name: 'load',
    what: `checkouts over HTTP, ${whose}, concurrency ${concurrency}, on disk`,
    bound: '≥ 0.5 of bare two-item transactions of the same engine; the stream keeps up',
    measured:
      `${rounded(ratio)} × (${shown(rate)} a second; p50 ${shown(latency.p50)} ms, p99 ${shown(latency.p99)} ms); ` +
      `stream behind by ${shown(lag.during)} s at most, at rest ${shown(lag.after)} s after the last`,
    comparedWith:
      `${shown(bare.rate)} bare transactions a second (${bare.rates.map(shown).join(', ')}: the engine looks ` +
      `through the SDK's tokens; ${shown(bare.withoutTokens)} without, ${rounded(rate / bare.withoutTokens)} ×); of the ` +
      `calls of a checkout of a known customer, with nothing around them, it does ${shown(bare.ownCalls)}; elsewhere: a ` +
      'peer accepts 1,080 to 1,220 orders a second and stores 660 to 690',
    over: ratio < bound,
    values: {
      ratio: rounded(ratio, 3),
      perSecond: rounded(rate, 1),
      barePerSecond: rounded(bare.rate, 1),
      bareWithoutTokensPerSecond: rounded(bare.withoutTokens, 1),
      ownCallsPerSecond: rounded(bare.ownCalls, 1),
      latencyMs: latency,
      lagSeconds: lag,
    },
  };
}
