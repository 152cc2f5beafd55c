import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { buildFunctions, entryOf } from '../build-functions.ts';
import { buildMachines, taskInvoker } from '../build-machines.ts';
import { buildRoutes } from '../build-routes.ts';
import { bundleFunctions, bundleWorker } from '../bundle.ts';
import { Engine } from '../demo/engine.ts';
import { startDynoxide } from '../dynoxide.ts';
import { engineClient } from '../engine-client.ts';
import { type FunctionSettings, LocalFunction } from '../functions.ts';
import { Gateway } from '../gateway.ts';
import { silentLog } from '../log.ts';
import { ObjectEndpoint } from '../objects.ts';
import { localSegments } from '../stack.ts';
import { StateMachines } from '../state-machine.ts';
import { synthesise } from '../synth.ts';
import { createTables } from '../tables.ts';
import { Template } from '../template.ts';
import { type CountedCall, startCountingProxy } from './counting-proxy.ts';

export type Call = <Answer>(action: string, input: object) => Promise<Answer>;

/** When a step of a state machine ran, in monotonic milliseconds. */
export interface StepTime {
  entry: string;
  begun: number;
  ended: number;
  /** Megabytes of the function. */
  memory: number;
}

/**
 * The template's tables, functions, routes and state machine over the embedded engine on disk, and nothing that
 * follows a stream or a queue: what is measured here runs alone.
 */
export interface Stage {
  /** The HTTP API, with the admin key. */
  api: Engine;
  /** DynamoDB itself, past whatever the functions go through. */
  call: Call;
  tables: { customers: string; ledger: string; registry: string };
  settingsOf(entry: string): FunctionSettings;
  /** A function of the template with variables of its own, or a handler of the bench with those of a function. */
  start(settings: FunctionSettings): LocalFunction;
  /** `file:` URL of the bundle of one of the entries of the bench. */
  bundle(entry: string): string;
  /** Runs the one state machine to its end. */
  run(name: string, input: object): Promise<StepTime[]>;
  /** The same with each call counted on its way, which takes time. */
  runCounted(name: string, input: object): Promise<Counted>;
  stop(): Promise<void>;
}

/** What a run asked for. */
export interface Counted {
  steps: StepTime[];
  calls: readonly CountedCall[];
  objects: { puts: number; gets: number };
  /** States entered, outside of maps and within. */
  transitions: { once: number; inSegment: number };
}

const region = 'eu-west-1';
const account = '000000000000';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

export interface StageOptions {
  folder: string;
  /** Entries beside the template's, bundled in the same way. */
  entries?: readonly string[];
  /** Address of a proxy before the engine that the functions go through. */
  through?: (engineUrl: string) => Promise<string>;
}

export async function openStage({ folder, entries = [], through }: StageOptions): Promise<Stage> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const key = `rk_${randomBytes(24).toString('base64url')}`;
  const context = {
    stage: 'bench',
    testStage: true,
    segments: localSegments,
    adminKeyHash: createHash('sha256').update(key).digest('hex'),
    'aws:cdk:bundling-stacks': [],
  };
  const app = new URL('../../app.ts', import.meta.url).href;
  const [stacks, embedded, worker, gateway] = await Promise.all([
    synthesise({ app, context, outdir: join(folder, 'cdk.out') }),
    startDynoxide(folder, silentLog),
    bundleWorker(join(folder, 'functions')),
    Gateway.listen({ port: 0, apiId: 'local', account, log: silentLog }),
  ]);
  // Whatever is sent to a queue or the bus fails: nothing that is measured here sends anything there.
  const servicesUrl = 'http://127.0.0.1:9';
  const template = new Template(stacks, { region, account, servicesUrl, apiUrl: gateway.url });
  const objects = await ObjectEndpoint.open(template, join(folder, 'objects'));
  const engine = engineClient({ url: embedded.url, region, credentials });
  const dynamodb = through ? await through(embedded.url) : embedded.url;
  const call: Call = (action, input) => engine.call(`DynamoDB_20120810.${action}`, input);
  await createTables(template, engine.call);

  const resources = template.of('AWS::Lambda::Function');
  const bundles = await bundleFunctions(join(folder, 'functions', 'bundles'), [...resources.map(entryOf), ...entries]);
  const endpoints = {
    region,
    dynamodb,
    objects: objects.url,
    services: servicesUrl,
    credentials,
    noFile: join(folder, 'none'),
  };
  const functions = buildFunctions(template, bundles, worker, endpoints, silentLog);
  gateway.open(buildRoutes(template, functions), async () => false);
  const entryOfArn = new Map(resources.map((resource) => [template.arn(resource), entryOf(resource)]));
  const settingsOf = (entry: string): FunctionSettings => {
    const resource = resources.find((one) => entryOf(one) === entry);
    const found = functions.get(resource?.name ?? '');
    if (!found) throw new Error(`the template has no function ${entry}`);
    return found.settings;
  };

  const steps: StepTime[] = [];
  const transitions = { once: 0, inSegment: 0 };
  const straight = taskInvoker(template, functions);
  let invoke = straight;
  const machines = await StateMachines.open(join(folder, 'executions.journal'), buildMachines(template), {
    async invoke(arn, input) {
      const begun = performance.now();
      const outcome = await invoke(arn, input);
      const memory = functions.get(template.find('AWS::Lambda::Function', arn)?.name ?? '')?.settings.memory ?? 0;
      steps.push({ entry: entryOfArn.get(arn) ?? arn, begun, ended: performance.now(), memory });
      return outcome;
    },
    entered(inMap) {
      transitions[inMap ? 'inSegment' : 'once'] += 1;
    },
    settled: async () => undefined,
    log: silentLog,
  });
  const [machine] = template.of('AWS::StepFunctions::StateMachine').map((resource) => template.arn(resource));

  const api = new Engine(gateway.url, key);
  const started: LocalFunction[] = [];
  const {
    CUSTOMERS_TABLE = '',
    LEDGER_TABLE = '',
    REGISTRY_TABLE = '',
  } = settingsOf('functions/nightly/assign.ts').environment;
  const run = async (name: string, input: object): Promise<StepTime[]> => {
    steps.length = 0;
    const { arn } = await machines.start(machine ?? '', name, JSON.stringify(input));
    for (;;) {
      const { status } = (await machines.service('DescribeExecution', { executionArn: arn })) as { status: string };
      if (status === 'SUCCEEDED') return [...steps];
      if (status !== 'RUNNING') throw new Error(`the execution ${name} ended as ${status}`);
      await wait(20);
    }
  };
  return {
    api,
    call,
    run,
    tables: { customers: CUSTOMERS_TABLE, ledger: LEDGER_TABLE, registry: REGISTRY_TABLE },
    settingsOf,
    start(settings) {
      const one = new LocalFunction(settings, worker, silentLog);
      started.push(one);
      return one;
    },
    bundle: (entry) => bundles.get(entry) ?? '',
    async runCounted(name, input) {
      const proxy = await startCountingProxy(dynamodb);
      const counted = buildFunctions(template, bundles, worker, { ...endpoints, dynamodb: proxy.url }, silentLog);
      const before = { ...objects.counted };
      Object.assign(transitions, { once: 0, inSegment: 0 });
      invoke = taskInvoker(template, counted);
      try {
        const done = await run(name, input);
        const { puts, gets } = objects.counted;
        const used = { puts: puts - before.puts, gets: gets - before.gets };
        return { steps: done, calls: proxy.calls, objects: used, transitions: { ...transitions } };
      } finally {
        invoke = straight;
        await Promise.all([...counted.values()].map((one) => one.stop()));
        await proxy.stop();
      }
    },
    async stop() {
      api.close();
      await gateway.close(1_000);
      await machines.stop();
      await Promise.all([...functions.values(), ...started].map((one) => one.stop()));
      engine.close();
      await objects.close();
      await embedded.stop();
    },
  };
}

/** @throws Error with what the handler failed of */
export async function resultOf<Value>(invocation: ReturnType<LocalFunction['invoke']>): Promise<Value> {
  const outcome = await invocation;
  if ('failure' in outcome) throw new Error(`${outcome.failure.errorType}: ${outcome.failure.errorMessage}`);
  return outcome.value as Value;
}
