import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCheckout } from './bench/checkout.ts';
import { type Bench, type Figure, type FigureName, figureNames } from './bench/figure.ts';
import { measureFunction } from './bench/function.ts';
import { measureLoad } from './bench/load.ts';
import { measureModels } from './bench/models.ts';
import { measureNights } from './bench/nights.ts';
import { printFigures } from './bench/print.ts';
import { measureStorefronts } from './bench/storefronts.ts';
import { StartError } from './start-error.ts';

const help = `npm run bench -- [options]

Measures the bounds of the design on generated data, each beside what it is compared with, and prints them.

  --only NAME   one of ${figureNames.join(', ')}; may be given several times
  --quick       small sizes: shows that everything runs; figures from it compare badly
  --json        a summary for machines on standard output
  --help        this text

RAPPORT_DATA (default .rapport) as for npm start; what the bench needs lies in its folder "bench" there and is taken
away at the end. In full it takes about three quarters of an hour and 2 GB of disk. Status 0 says that it ran, not that every
figure is within its bound: that depends on the machine, and on what else it does meanwhile. Status 1 says that a total
was not exact.`;

/** Of what is wrong. */
const mostTold = 50;

interface Options {
  only: ReadonlySet<FigureName>;
  quick: boolean;
  json: boolean;
}

/** @returns the exit status */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    console.log(help);
    return 0;
  }
  const folder = join(resolve(process.env.RAPPORT_DATA || '.rapport'), 'bench');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(130);
    });
  }
  const bench: Bench = { quick: options.quick, folder, say: (line) => console.error(line) };
  const begun = performance.now();
  const before = loadavg()[0] ?? 0;
  const figures: Figure[] = [];
  const wants = (name: FigureName) => options.only.has(name);
  if (wants('function')) figures.push(...(await measureFunction(bench)));
  if (wants('checkout')) figures.push(...(await measureCheckout(bench)));
  if (wants('load')) figures.push(...(await measureLoad(bench)));
  if (wants('storefronts')) figures.push(...(await measureStorefronts(bench)));
  if (['night', 'cost', 'fit', 'memory'].some((name) => wants(name as FigureName)))
    figures.push(...(await measureNights(bench, options.only)));
  if (wants('models')) figures.push(...(await measureModels(bench)));
  rmSync(folder, { recursive: true, force: true });
  const report = {
    node: process.version,
    processors: availableParallelism(),
    /** Runnable processes a minute, before the bench began and at its end. */
    load: { before, after: loadavg()[0] ?? 0 },
    quick: options.quick,
    seconds: Math.round((performance.now() - begun) / 1000),
    figures: figureNames.flatMap((name) => figures.filter((figure) => figure.name === name)),
  };
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else printFigures(report, console.log);
  const wrong = figures.flatMap((figure) => figure.wrong ?? []);
  for (const what of wrong.slice(0, mostTold)) console.error(what);
  return wrong.length === 0 ? 0 : 1;
}

function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const only = values.only.map((name) => {
    const known = figureNames.find((one) => one === name);
    if (known === undefined)
      throw new StartError(`--only takes one of ${figureNames.join(', ')}, not ${JSON.stringify(name)}`);
    return known;
  });
  return { ...values, only: new Set(only.length > 0 ? only : figureNames) };
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    const isUsage = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    const plain = error instanceof StartError || isUsage;
    console.error(plain ? (error as Error).message : error);
    if (isUsage) console.error('\nnpm run bench -- --help tells more.');
    process.exit(plain ? 2 : 1);
  },
);
