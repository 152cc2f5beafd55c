import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleFunctions, bundleWorker } from '../bundle.ts';
import { Engine } from '../demo/engine.ts';
import { engineClient } from '../engine-client.ts';
import { LocalFunction } from '../functions.ts';
import { silentLog } from '../log.ts';
import { type LocalStack, startLocalStack } from '../stack.ts';
import type { BareTransactions } from './bare-transactions.ts';
import { type Bench, type Figure, mean, rounded, shown } from './figure.ts';
import type { LoadOrder, LoadResult } from './load-client.ts';
import { shop, shopSecret } from './shopify-orders.ts';
import { resultOf } from './stage.ts';

const concurrency = 32;
const bound = 0.5;
const entries = {
  client: 'infra/local/bench/load-client.ts',
  transactions: 'infra/local/bench/bare-transactions.ts',
};
const region = 'eu-west-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

interface Loaded {
  rate: number;
  latency: LoadResult['latency'];
  /** Seconds by which the stream was behind at most while orders came in, and until all was worked off afterwards. */
  lag: { during: number; after: number };
}

/** Checkouts over HTTP into the whole local stack, as `npm start` runs it, beside bare transactions of its engine. */
export async function measureLoad(bench: Bench): Promise<Figure[]> {
  const count = bench.quick ? 1_000 : 10_000;
  const seconds = bench.quick ? 2 : 10;
  const folder = join(bench.folder, 'load');
  mkdirSync(folder, { recursive: true });
  const key = `rk_${randomBytes(24).toString('base64url')}`;
  const adminKeyHash = createHash('sha256').update(key).digest('hex');
  const stack = await startLocalStack({ dataFolder: join(folder, 'stack'), port: 0, context: { adminKeyHash } });
  const api = new Engine(stack.url, key);
  const bundles = await bundleFunctions(join(folder, 'bundles'), Object.values(entries));
  const bare = await bareFunction(stack, bundles.get(entries.transactions) ?? '', folder);
  const load = async (orders: LoadOrder['orders']): Promise<Loaded> => {
    const url = `${stack.url}${shop.path}`;
    const client = bundles.get(entries.client) ?? '';
    return loaded(stack, client, { url, secret: shopSecret, concurrency, orders, customers: count });
  };
  try {
    await api.put('/v1/sources/bench-shop', shop.source);
    const bareRates: number[] = [];
    const bareRound = async () => {
      bench.say(`load: bare transactions of two items through the SDK, ${seconds} s`);
      bareRates.push(await bare.run(seconds, `round${bareRates.length}`));
    };
    await bare.run(1, 'warm');
    await load({ from: 0, to: 200 });
    await bareRound();
    bench.say(`load: ${shown(count)} checkouts of new customers`);
    const fresh = await load({ from: count, to: 2 * count });
    await bareRound();
    bench.say(`load: ${shown(count)} checkouts of known customers`);
    const known = await load({ from: 2 * count, to: 3 * count });
    await bareRound();
    const bareRate = mean(bareRates);
    return [
      figureOf('known customers', known, bareRate, bareRates),
      figureOf('new customers', fresh, bareRate, bareRates),
    ];
  } finally {
    api.close();
    await bare.stop();
    await stack.stop();
  }
}

function figureOf(whose: string, { rate, latency, lag }: Loaded, bareRate: number, bareRates: number[]): Figure {
  const ratio = rate / bareRate;
  return {
    name: 'load',
    what: `checkouts over HTTP, ${whose}, concurrency ${concurrency}, on disk`,
    bound: '≥ 0.5 of bare two-item transactions of the same engine; the stream keeps up',
    measured:
      `${rounded(ratio)} × (${shown(rate)} a second; p50 ${shown(latency.p50)} ms, p99 ${shown(latency.p99)} ms); ` +
      `stream behind by ${shown(lag.during)} s at most, at rest ${shown(lag.after)} s after the last`,
    comparedWith:
      `${shown(bareRate)} bare transactions a second (${bareRates.map(shown).join(', ')}); elsewhere: a peer accepts ` +
      '1,080 to 1,220 orders a second and stores 660 to 690',
    over: ratio < bound,
    values: {
      ratio: rounded(ratio, 3),
      perSecond: rounded(rate, 1),
      barePerSecond: rounded(bareRate, 1),
      latencyMs: latency,
      lagSeconds: lag,
    },
  };
}

async function loaded(stack: LocalStack, clientUrl: string, order: LoadOrder): Promise<Loaded> {
  const client = fork(fileURLToPath(clientUrl), { execArgv: [] });
  const ended = new Promise<LoadResult>((resolve, reject) => {
    client.once('message', (result) => resolve(result as LoadResult));
    client.once('exit', (code) => reject(new Error(`the load ended early with status ${code}`)));
  });
  client.send(order);
  let during = 0;
  const watch = setInterval(() => {
    during = Math.max(during, stack.streamAge());
  }, 200);
  const { seconds, answers, latency } = await ended.finally(() => clearInterval(watch));
  const count = order.orders.to - order.orders.from;
  if (answers.recorded !== count) throw new Error(`not every checkout was recorded: ${JSON.stringify(answers)}`);
  const stopped = performance.now();
  while (!(await stack.status()).idle) await wait(10);
  const after = (performance.now() - stopped) / 1000;
  return { rate: count / seconds, latency, lag: { during: rounded(during), after: rounded(after) } };
}

/** Two tables of their own in the stack's engine, with streams as its tables have, and who writes to them. */
async function bareFunction(stack: LocalStack, bundle: string, folder: string) {
  const engine = engineClient({ url: stack.engineUrl, region, credentials });
  const tables = ['bare-one', 'bare-two'] as const;
  for (const TableName of tables)
    await engine.call('DynamoDB_20120810.CreateTable', {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
  engine.close();
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: stack.engineUrl,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const settings = { name: 'bare', arn: 'bare', bundle, timeout: 300, memory: 1024, environment };
  const writer = new LocalFunction(settings, await bundleWorker(join(folder, 'worker')), silentLog);
  return {
    run(seconds: number, run: string): Promise<number> {
      const event: BareTransactions = { tables, concurrency, seconds, run };
      return resultOf<number>(writer.invoke(event));
    },
    stop: () => writer.stop(),
  };
}
