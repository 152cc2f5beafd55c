import { join, resolve } from 'node:path';
import { AwsError } from '../../shared/aws/aws-error.ts';
import { clockRoutes } from '../../shared/contracts/routes.ts';
import { buildBus } from './build-bus.ts';
import { buildFunctions, entryOf } from './build-functions.ts';
import { buildMachines, buildSchedules, taskInvoker } from './build-machines.ts';
import { openQueues } from './build-queues.ts';
import { buildRoutes } from './build-routes.ts';
import { buildSubscriptions, type Subscriptions } from './build-subscriptions.ts';
import { bundleFunctions, bundleWorker } from './bundle.ts';
import { makeFolder } from './data-folder.ts';
import { DeadLetterOffice } from './dead-letters.ts';
import { startDynoxide } from './dynoxide.ts';
import { engineClient } from './engine-client.ts';
import { eventBridge } from './eventbus.ts';
import type { LocalFunction } from './functions.ts';
import { Gateway } from './gateway.ts';
import { lockFolder } from './lock.ts';
import { type Log, silentLog } from './log.ts';
import { ObjectEndpoint } from './objects.ts';
import { Outbox } from './outbox.ts';
import { localPages } from './pages.ts';
import { Positions } from './positions.ts';
import type { Queue } from './queue.ts';
import { Scheduler } from './scheduler.ts';
import { ServiceEndpoint } from './services.ts';
import { sqs } from './sqs.ts';
import { StartError } from './start-error.ts';
import { StateMachines } from './state-machine.ts';
import { dynamodbTarget, joinedInserts } from './statements.ts';
import { Settling, type Status } from './status.ts';
import { StreamTrim } from './stream-trim.ts';
import { synthesise } from './synth.ts';
import { createTables } from './tables.ts';
import { Template } from './template.ts';
import { Ticker } from './ticker.ts';

export interface LocalStackOptions {
  /** Everything that lasts: tables, objects, queues, positions, executions, the outbox. Made where it is not there. */
  dataFolder: string;
  /** 0 chooses a free one. */
  port: number;
  /** Context of the CDK app; `stage`, `testStage` and `adminKeyHash` among it. */
  context?: Record<string, unknown>;
  /** `file:` URL of the module that exports `createApp`; default `infra/app.ts`. */
  app?: string;
  /** Another DynamoDB-compatible engine instead of the embedded one. */
  engine?: { url: string; credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } };
  log?: Log;
}

export interface LocalStack {
  /** `http://127.0.0.1:8787` */
  url: string;
  engineUrl: string;
  outbox: Outbox;
  /** How long the parts of the start took, in milliseconds. */
  timings: Record<string, number>;
  status(): Promise<Status>;
  /** Seconds by which the slowest stream subscription is behind, by the age of what it works on. */
  streamAge(): number;
  /** Resolves when everything that was accepted has been worked off: true; or false after so many milliseconds. */
  settled(options?: { timeoutMs?: number }): Promise<boolean>;
  /** Takes no more calls, lets what is under way end, and ends everything. */
  stop(): Promise<void>;
}

const region = 'eu-west-1';
const account = '000000000000';
const localSender = 'My shop <hello@localhost>';
/** A night is worked on by one thread, and the embedded engine pages through a table in one piece many times as fast. */
export const localSegments = 1;
const drainPatience = 5_000;
const settlePatience = 60_000;

/**
 * Runs the CDK app on this machine.
 * @throws StartError for whatever the person who starts it can do something about
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const log = options.log ?? silentLog;
  const undo: (() => unknown)[] = [];
  try {
    return await start({ ...options, dataFolder: resolve(options.dataFolder) }, log, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function start(options: LocalStackOptions, log: Log, undo: (() => unknown)[]): Promise<LocalStack> {
  const { dataFolder } = options;
  const timings: Record<string, number> = {};
  const begun = performance.now();
  const timed = async <Result>(name: string, work: Promise<Result>): Promise<Result> => {
    const result = await work;
    timings[name] = Math.round(performance.now() - begun);
    return result;
  };
  const journals = join(dataFolder, 'queues');
  const functionFolder = join(dataFolder, 'functions');
  makeFolder(journals);
  const lock = lockFolder(dataFolder);
  undo.push(() => lock.release());
  const gateway = await Gateway.listen({ port: options.port, apiId: 'local', account, log });
  undo.push(() => gateway.close(0));
  const services = await ServiceEndpoint.listen();
  undo.push(() => services.close());

  const embedded = options.engine ? undefined : startDynoxide(dataFolder, log);
  undo.push(async () => (await embedded?.catch(() => undefined))?.stop());
  const [stacks, embeddedEngine, worker] = await Promise.all([
    timed(
      'synth',
      synthesise({
        app: options.app ?? new URL('../app.ts', import.meta.url).href,
        context: {
          stage: 'local',
          testStage: true,
          segments: localSegments,
          sender: localSender,
          ...options.context,
          'aws:cdk:bundling-stacks': [],
        },
        outdir: join(dataFolder, 'cdk.out'),
      }),
    ),
    timed('engine', embedded ?? Promise.resolve(undefined)),
    timed('worker', bundleWorker(functionFolder)),
  ]);
  const template = new Template(stacks, { region, account, servicesUrl: services.url, apiUrl: gateway.url });

  const objects = await ObjectEndpoint.open(template, join(dataFolder, 'objects'));
  undo.push(() => objects.close());

  const credentials = options.engine?.credentials ?? { accessKeyId: 'local', secretAccessKey: 'local' };
  const engineUrl = options.engine?.url ?? embeddedEngine?.url ?? '';
  const engine = engineClient({ url: engineUrl, region, credentials });
  undo.push(() => engine.close());
  const entries = template.of('AWS::Lambda::Function').map(entryOf);
  const [bundles] = await Promise.all([
    timed('bundles', bundleFunctions(join(functionFolder, 'bundles'), entries)),
    timed('tables', createTables(template, engine.call).catch(unreachable(engineUrl))),
  ]);

  const endpoints = {
    region,
    dynamodb: engineUrl,
    ...(embeddedEngine && { inserts: services.url }),
    objects: objects.url,
    services: services.url,
    credentials,
    noFile: join(dataFolder, 'none'),
  };
  const functions = buildFunctions(template, bundles, worker, endpoints, log);
  const routes = buildRoutes(template, functions);
  for (const { target } of routes) target.warm();
  undo.push(() => Promise.all([...functions.values()].map((one) => one.stop())));

  const queues = await openQueues(template, journals);
  const positions = await Positions.open(join(dataFolder, 'positions.journal'), log);
  const outbox = await Outbox.open(join(dataFolder, 'outbox'));
  const ticker = new Ticker();
  const bus = buildBus({ template, queues });
  const subscriptions = buildSubscriptions({
    template,
    functions,
    queues,
    engine: engine.call,
    positions,
    ticker,
    region,
    log,
  });
  let settling: Settling | undefined;
  const machines = await StateMachines.open(join(dataFolder, 'executions.journal'), buildMachines(template), {
    invoke: taskInvoker(template, functions),
    settled: async () => settling?.settled(settlePatience),
    log,
  });
  settling = new Settling({ subscriptions, queues, ticker, executions: () => machines.running });
  const scheduler = new Scheduler(
    buildSchedules(template, () => machines, queues),
    positions,
    log,
  );

  services.add(dynamodbTarget, joinedInserts(engine.call));
  services.add(
    'AmazonSQS',
    sqs(queues, (name) => template.queueUrl(name)),
  );
  services.add('AWSEvents', eventBridge(bus.buses, bus.rules, { region, account }));
  services.add('AWSStepFunctions', machines.service);
  services.add('POST /v2/email/outbound-emails', outbox.service);

  const trim = embeddedEngine && new StreamTrim(subscriptions.streams, engine.call, log);
  for (const subscription of [...subscriptions.streams, ...subscriptions.queues]) subscription.start();
  machines.resume();
  scheduler.start();
  trim?.start();
  const known = settling;
  gateway.open(
    routes,
    localPages(outbox, new DeadLetterOffice(queues, subscriptions.consumed), () => known.status()),
    async (routeKey) => clockRoutes.includes(routeKey) && known.settled(settlePatience),
  );
  timings.open = Math.round(performance.now() - begun);

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await gateway.close(drainPatience);
    scheduler.stop();
    await trim?.stop();
    await endWork({ subscriptions, queues, ticker, machines, functions });
    await services.close();
    await objects.close();
    for (const queue of queues.values()) await queue.close();
    await positions.close();
    engine.close();
    await embeddedEngine?.stop();
    lock.release();
  };
  return {
    url: gateway.url,
    engineUrl,
    outbox,
    timings,
    status: () => known.status(),
    streamAge: () => Math.max(0, ...subscriptions.streams.map(({ age }) => age)),
    settled: ({ timeoutMs = 60_000 } = {}) => known.settled(timeoutMs),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** An engine that was named but does not answer is for the person who named it. */
function unreachable(url: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error instanceof AwsError && error.status > 0)
      throw new StartError(`the DynamoDB engine at ${url} refuses to make the tables: ${error.explanation}`);
    if (!['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH'].includes(error.code ?? '')) throw error;
    throw new StartError(`no DynamoDB engine answers at ${url} (${error.code})`);
  };
}

interface Working {
  subscriptions: Subscriptions;
  queues: ReadonlyMap<string, Queue>;
  ticker: Ticker;
  machines: StateMachines;
  functions: ReadonlyMap<string, LocalFunction>;
}

/** Nothing new is begun; invocations have a while to end, then they are ended. */
async function endWork({ subscriptions, queues, ticker, machines, functions }: Working): Promise<void> {
  for (const queue of queues.values()) queue.halt();
  const ends = [
    machines.stop(),
    ...subscriptions.streams.map((one) => one.stop()),
    ...subscriptions.queues.map((one) => one.stop()),
  ];
  ticker.stop();
  const all = [...functions.values()];
  const deadline = performance.now() + drainPatience;
  while (all.some(({ inFlight }) => inFlight > 0) && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await Promise.all(all.map((one) => one.stop()));
  await Promise.all(ends);
}
