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
import { rounded } from './figure.ts';
import type { LoadOrder, LoadResult } from './load-client.ts';
import { resultOf } from './stage.ts';

/** How many calls are under way at once. */
export const concurrency = 32;

const entries = {
  client: 'infra/local/bench/load-client.ts',
  transactions: 'infra/local/bench/bare-transactions.ts',
  checkouts: 'infra/local/bench/bare-checkouts.ts',
};
const region = 'eu-west-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

export interface Loaded {
  /** Deliveries a second, until each was answered. */
  rate: number;
  /** As the client has them. */
  answers: LoadResult['answers'];
  latency: LoadResult['latency'];
  /** Seconds by which the stream was behind at most while deliveries came in, and until all was worked off afterwards. */
  lag: { during: number; after: number };
}

/** The whole local stack, as `npm start` runs it, with somebody who posts and somebody who only writes to its engine. */
export interface RunningStack {
  api: Engine;
  load(what: LoadOrder['what']): Promise<Loaded>;
  /** Bare transactions of two items a second, through the SDK, with its tokens or without. */
  bare(seconds: number, tokens?: boolean): Promise<number>;
  /** What the engine does a second of a checkout's own calls. */
  bareCheckouts(seconds: number): Promise<number>;
  stop(): Promise<void>;
}

export async function openRunningStack(folder: string): Promise<RunningStack> {
  mkdirSync(folder, { recursive: true });
  const key = `rk_${randomBytes(24).toString('base64url')}`;
  const adminKeyHash = createHash('sha256').update(key).digest('hex');
  const stack = await startLocalStack({ dataFolder: join(folder, 'stack'), port: 0, context: { adminKeyHash } });
  const api = new Engine(stack.url, key);
  const bundles = await bundleFunctions(join(folder, 'bundles'), Object.values(entries));
  const bundleOf = (entry: string) => bundles.get(entry) ?? '';
  await createBareTables(stack);
  const writer = await bareFunction(stack, bundleOf(entries.transactions), folder);
  const buyer = await bareFunction(stack, bundleOf(entries.checkouts), folder);
  return {
    api,
    load: (what) => loaded(stack, bundleOf(entries.client), { url: stack.url, concurrency, what }),
    bare: writer.run,
    bareCheckouts: (seconds) => buyer.run(seconds),
    async stop() {
      api.close();
      await writer.stop();
      await buyer.stop();
      await stack.stop();
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
  const count = Object.values(answers).reduce((sum, number) => sum + number, 0);
  const stopped = performance.now();
  while (!(await stack.status()).idle) await wait(10);
  const after = (performance.now() - stopped) / 1000;
  return { rate: count / seconds, answers, latency, lag: { during: rounded(during), after: rounded(after) } };
}

const tables = ['bare-one', 'bare-two'] as const;

/** Two tables of their own in the stack's engine, with streams as its tables have. */
async function createBareTables(stack: LocalStack): Promise<void> {
  const engine = engineClient({ url: stack.engineUrl, region, credentials });
  for (const TableName of tables)
    await engine.call('DynamoDB_20120810.CreateTable', {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
  engine.close();
}

/** One that writes to the bare tables, in a thread of its own as the functions of the stack are. */
async function bareFunction(stack: LocalStack, bundle: string, folder: string) {
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: stack.engineUrl,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  const settings = { name: 'bare', arn: 'bare', bundle, timeout: 300, memory: 1024, environment };
  const bare = new LocalFunction(settings, await bundleWorker(join(folder, 'worker')), silentLog);
  let runs = 0;
  return {
    run(seconds: number, tokens = true): Promise<number> {
      const event: BareTransactions = { tables, concurrency, seconds, run: `run${runs++}`, tokens };
      return resultOf<number>(bare.invoke(event));
    },
    stop: () => bare.stop(),
  };
}
