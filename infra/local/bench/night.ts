import type { ShownRun } from '../demo/check.ts';
import type { BareScan } from './bare-scan.ts';
import { type Bench, type Figure, mean, rounded, shown } from './figure.ts';
import type { Population } from './population.ts';
import { resultOf, type Stage, type StepTime } from './stage.ts';

const bound = 3;
export const scanEntry = 'infra/local/bench/bare-scan.ts';

export interface NightAt {
  customers: number;
  /** By the report of the run. */
  changed: number;
  /** Seconds. */
  whole: number;
  measure: number;
  fit: number;
  assign: number;
  /** Seconds of the bare scans, before and after the night. */
  scans: number[];
  steps: StepTime[];
}

/** A night after some have bought, between two bare scans of the same table. */
export async function measureNight(bench: Bench, stage: Stage, population: Population): Promise<NightAt> {
  const { size } = population;
  const asOf = population.nextNight();
  const buyers = await population.buy();
  const scans: number[] = [];
  const scan = async () => {
    bench.say(`night: a bare scan of ${shown(size)} customers`);
    const seconds = await bareScan(stage, size);
    bench.say(`night: … took ${shown(seconds)} s`);
    scans.push(seconds);
  };
  await scan();
  bench.say(`night: ${shown(buyers)} of ${shown(size)} customers have bought; their night`);
  const steps = await stage.run(`night-${asOf.slice(0, 10)}`, { asOf });
  bench.say(`night: … took ${shown(span(steps))} s`);
  // At a million one scan takes minutes: the one before has to do.
  if (size < 1_000_000) await scan();
  const { data } = await stage.api.get<{ data: ShownRun[] }>('/v1/value-runs?limit=1');
  const report = data[0]?.report;
  if (data[0]?.asOf !== asOf || report?.customers !== size)
    throw new Error(`the night counted ${report?.customers} customers instead of ${size}`);
  return {
    customers: size,
    changed: report.changed,
    whole: span(steps),
    measure: span(steps, 'measure'),
    fit: span(steps, 'fit'),
    assign: span(steps, 'assign'),
    scans,
    steps,
  };
}

export function nightFigure(night: NightAt): Figure {
  const { customers, changed, whole, measure, fit, assign, scans } = night;
  const scan = mean(scans);
  const ratio = whole / scan;
  return {
    name: 'night',
    what: `a night, ${shown(customers)} customers, ${shown((changed / customers) * 100)} % of them changing`,
    bound: '≤ 3 × one bare scan of the same table with as many workers',
    measured:
      `${rounded(ratio)} × (${shown(whole)} s: measure ${shown(measure)}, fit ${shown(fit)}, ` +
      `assign ${shown(assign)})`,
    comparedWith: `a bare scan: ${shown(scan)} s (${scans.map(shown).join(' before the night, ')}${scans.length > 1 ? ' after it' : ' before the night'})`,
    over: ratio > bound,
    values: {
      customers,
      changed,
      ratio: rounded(ratio, 3),
      seconds: { whole: rounded(whole), measure: rounded(measure), fit: rounded(fit, 3), assign: rounded(assign) },
      scanSeconds: rounded(scan),
    },
  };
}

/** From the beginning of the first step to the end of the last, in seconds. */
function span(steps: readonly StepTime[], name?: string): number {
  const of = name === undefined ? steps : steps.filter(({ entry }) => entry === `functions/nightly/${name}.ts`);
  return (Math.max(...of.map(({ ended }) => ended)) - Math.min(...of.map(({ begun }) => begun))) / 1000;
}

/** In a thread like that of a nightly function, with as many segments side by side. */
async function bareScan(stage: Stage, size: number): Promise<number> {
  const like = stage.settingsOf('functions/nightly/measure.ts');
  const segments = Number(stage.settingsOf('functions/nightly/begin.ts').environment.SEGMENTS);
  const scanner = stage.start({ ...like, name: 'bare-scan', bundle: stage.bundle(scanEntry), timeout: 3_600 });
  const event: BareScan = { table: stage.tables.customers, segments };
  const { items, seconds } = await resultOf<{ items: number; seconds: number }>(scanner.invoke(event));
  await scanner.stop();
  if (items !== size) throw new Error(`the bare scan read ${items} customers instead of ${size}`);
  return seconds;
}
