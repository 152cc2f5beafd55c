import type { ShownRun } from '../demo/check.ts';
import type { CountedCall } from './counting-proxy.ts';
import { type Bench, type Figure, rounded, shown } from './figure.ts';
import type { NightAt } from './night.ts';
import type { Population } from './population.ts';
import { prices } from './prices.ts';
import type { Stage, StepTime } from './stage.ts';

/** As many as the app deploys by default: what each segment costs beside its customers is counted for one, and so often. */
const deployedSegments = 16;
const million = 1_000_000;

/** What a night asked of AWS, as it was counted. */
export interface CountedNight {
  customers: number;
  /** By the report of the run. */
  changed: number;
  /** Units by table: `Customers`, `Ledger`, `Registry`. */
  units: Record<string, { read: number; write: number }>;
  objects: { puts: number; gets: number };
  /** States entered, outside of maps and in one segment. */
  transitions: { once: number; inSegment: number };
  invocations: { once: number; inSegment: number };
  /** Gigabytes × seconds of a night whose calls were not counted, which takes time of its own. */
  gigabyteSeconds: number;
}

/** One more night, with all its calls counted on their way. */
export async function countNight(bench: Bench, stage: Stage, population: Population, timed: NightAt) {
  const asOf = population.nextNight();
  await population.buy();
  bench.say(`cost: a night of ${shown(population.size)} customers, each call counted`);
  const { calls, objects, transitions, steps } = await stage.runCounted(`counted-${asOf.slice(0, 10)}`, { asOf });
  const { data } = await stage.api.get<{ data: ShownRun[] }>('/v1/value-runs?limit=1');
  const report = data[0]?.report;
  if (data[0]?.asOf !== asOf || !report) throw new Error('the counted night has no report');
  const perSegment = steps.filter(({ entry }) => isPerSegment(entry)).length;
  const counted: CountedNight = {
    customers: report.customers,
    changed: report.changed,
    units: unitsByTable(calls, stage.tables),
    objects,
    transitions,
    invocations: { once: steps.length - perSegment, inSegment: perSegment },
    gigabyteSeconds: gigabyteSecondsOf(timed.steps),
  };
  return counted;
}

function isPerSegment(entry: string): boolean {
  return /nightly\/(measure|assign|count-waiting)\.ts$/.test(entry);
}

function gigabyteSecondsOf(steps: readonly StepTime[]): number {
  return steps.reduce((sum, { begun, ended, memory }) => sum + ((ended - begun) / 1_000) * (memory / 1_024), 0);
}

function unitsByTable(calls: readonly CountedCall[], tables: Stage['tables']): CountedNight['units'] {
  const units: CountedNight['units'] = {};
  for (const [role, table] of Object.entries(tables)) {
    const name = `${role.charAt(0).toUpperCase()}${role.slice(1)}`;
    const of = calls.flatMap(({ tables: used }) => used.filter((one) => one.table === table));
    units[name] = {
      read: of.reduce((sum, { readUnits }) => sum + readUnits, 0),
      write: of.reduce((sum, { writeUnits }) => sum + writeUnits, 0),
    };
  }
  return units;
}

interface CostLine {
  what: string;
  count: number;
  price: number;
}

/** Lines that grow with the customers are brought to a million of them; the others are there once a night. */
export function costLines(night: CountedNight): CostLine[] {
  const { customers, units, objects, transitions, invocations, gigabyteSeconds } = night;
  const scale = million / customers;
  const many = (of: { once: number; inSegment: number }) => of.once + deployedSegments * of.inSegment;
  return [
    ...Object.entries(units).flatMap(([table, { read, write }]) => [
      { what: `read units of ${table}`, count: read * scale, price: prices.readUnit },
      { what: `write units of ${table}`, count: write * scale, price: prices.writeUnit },
    ]),
    { what: 'GB-seconds of Lambda', count: gigabyteSeconds * scale, price: prices.gigabyteSecond },
    { what: `calls of Lambda, ${deployedSegments} segments`, count: many(invocations), price: prices.invocation },
    {
      what: `state transitions, ${deployedSegments} segments`,
      count: many(transitions),
      price: prices.stateTransition,
    },
    {
      what: `objects put, ${deployedSegments} segments`,
      count: deployedSegments * objects.puts,
      price: prices.objectPut,
    },
    {
      what: `objects got, ${deployedSegments} segments`,
      count: deployedSegments * objects.gets,
      price: prices.objectGet,
    },
  ].filter(({ count }) => count > 0);
}

export function costFigure(night: CountedNight): Figure {
  const lines = costLines(night);
  const cost = lines.reduce((sum, { count, price }) => sum + count * price, 0);
  const { customers, changed } = night;
  return {
    name: 'cost',
    what: `a million customers in a night, ${shown((changed / customers) * 100)} % of them changing, at AWS prices`,
    bound: 'none; README says what it was',
    measured: `$${cost.toFixed(3)} a night, $${(cost * 30).toFixed(2)} in thirty`,
    comparedWith:
      `counted with ${shown(customers)} customers in one segment; the time of Lambda is that of this machine, where ` +
      'the engine takes part of it',
    over: false,
    values: {
      customers,
      changed,
      dollars: rounded(cost, 4),
      ...Object.fromEntries(lines.map(({ what, count }) => [what, rounded(count)])),
    },
    lines: [
      ...lines.map(({ what, count, price }) => {
        const each = `× $${(price * million).toFixed(3)} a million`;
        return `${shown(count).padStart(12)} ${what.padEnd(36)} ${each.padEnd(22)} = $${(count * price).toFixed(5)}`;
      }),
      `${''.padStart(12)} ${'in all'.padEnd(36)} ${''.padEnd(22)} = $${cost.toFixed(5)}`,
    ],
  };
}
