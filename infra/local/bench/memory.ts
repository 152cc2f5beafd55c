import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Bench, type Figure, rounded, shown } from './figure.ts';
import type { MemoryOrder, MemoryResult } from './memory-host.ts';
import type { Population } from './population.ts';
import { resultOf, type Stage } from './stage.ts';

export const memoryEntry = 'infra/local/bench/memory-host.ts';
/** What the pages at hand and the moment of looking leave to chance. */
const flat = 1.25;

export interface MemoryAt {
  customers: number;
  measure: MemoryResult;
  assign: MemoryResult;
}

/** A night whose one segment is the whole population, so that a worker that kept anything of it would show it. */
export async function measureMemory(bench: Bench, stage: Stage, population: Population): Promise<MemoryAt> {
  const customers = population.size;
  const asOf = population.nextNight();
  await population.buy();
  bench.say(`memory: measure and assign ${shown(customers)} customers, each in one process`);
  const begin = stage.settingsOf('functions/nightly/begin.ts');
  const opener = stage.start({ ...begin, environment: { ...begin.environment, SEGMENTS: '1' } });
  const { segments } = await resultOf<{ segments: object[] }>(opener.invoke({ asOf }));
  const [segment] = segments as [object & { runId: string }];
  const measure = await host(stage, 'functions/nightly/measure.ts', segment);
  const run = { runId: segment.runId, asOf };
  await step(stage, 'functions/nightly/fit.ts', run);
  const assign = await host(stage, 'functions/nightly/assign.ts', segment);
  await step(stage, 'functions/nightly/report.ts', run);
  await opener.stop();
  bench.say(`memory: … measure held ${megabytes(measure)}, assign ${megabytes(assign)}`);
  return { customers, measure, assign };
}

async function step(stage: Stage, entry: string, event: object): Promise<void> {
  const one = stage.start(stage.settingsOf(entry));
  await resultOf(one.invoke(event));
  await one.stop();
}

/** In a process with the heap that Lambda gives to a function of this size. */
async function host(stage: Stage, entry: string, event: object): Promise<MemoryResult> {
  const { bundle, environment, memory } = stage.settingsOf(entry);
  const execArgv = [
    '--no-warnings',
    '--expose-gc',
    `--max-old-space-size=${Math.floor(memory * 0.9)}`,
    `--max-semi-space-size=${Math.floor(memory * 0.05)}`,
  ];
  const child = fork(fileURLToPath(stage.bundle(memoryEntry)), { execArgv, env: environment });
  const result = new Promise<MemoryResult>((resolve, reject) => {
    child.once('message', (message) => resolve(message as MemoryResult));
    child.once('exit', (status) => reject(new Error(`${entry} ended early with status ${status}`)));
  });
  const order: MemoryOrder = { bundle, event };
  child.send(order);
  return result;
}

export function memoryFigure(sizes: readonly MemoryAt[]): Figure {
  const small = sizes[0];
  const large = sizes.at(-1);
  if (!small || !large) throw new Error('memory is compared at two sizes');
  const growth = Math.max(large.measure.heap / small.measure.heap, large.assign.heap / small.assign.heap);
  return {
    name: 'memory',
    what: `memory of a nightly worker, ${shown(small.customers)} to ${shown(large.customers)} customers`,
    bound: `flat: at most ${flat} × at ${shown(large.customers / small.customers)} times as many`,
    measured:
      `${rounded(growth)} ×: measure ${megabytes(large.measure)}, assign ${megabytes(large.assign)} ` +
      'of heap in use at most (resident)',
    comparedWith: `at ${shown(small.customers)}: measure ${megabytes(small.measure)}, assign ${megabytes(small.assign)}`,
    over: growth > flat,
    values: {
      growth: rounded(growth, 3),
      ...Object.fromEntries(
        sizes.map(({ customers, measure, assign }) => [
          `bytesAt${customers}`,
          {
            measureResident: measure.resident,
            measureHeap: measure.heap,
            assignResident: assign.resident,
            assignHeap: assign.heap,
          },
        ]),
      ),
    },
  };
}

function megabytes({ resident, heap }: MemoryResult): string {
  return `${shown(heap / 1e6)} MB (${shown(resident / 1e6)})`;
}
