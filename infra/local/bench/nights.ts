import { join } from 'node:path';
import { type CountedNight, costFigure, countNight } from './cost.ts';
import type { Bench, Figure, FigureName } from './figure.ts';
import { shown } from './figure.ts';
import { fitFigure } from './fit.ts';
import { type MemoryAt, measureMemory, memoryEntry, memoryFigure } from './memory.ts';
import { measureNight, type NightAt, nightFigure, scanEntry } from './night.ts';
import { Population } from './population.ts';
import { openStage } from './stage.ts';

/** Everything about the night on one growing population: filling the table takes longer than what is measured. */
export async function measureNights(bench: Bench, wanted: ReadonlySet<FigureName>): Promise<Figure[]> {
  const sizes = bench.quick ? [10_000, 40_000] : [100_000, 1_000_000];
  const stage = await openStage({ folder: join(bench.folder, 'night'), entries: [scanEntry, memoryEntry] });
  try {
    const population = await Population.settle(stage, Date.now());
    bench.say(`night: the first one, of ${shown(population.size)} customers`);
    const first = population.nextNight();
    await stage.run('first', { asOf: first });
    const nights: NightAt[] = [];
    const memory: MemoryAt[] = [];
    const needsNight = (['night', 'cost', 'fit'] as const).some((name) => wanted.has(name));
    let counted: CountedNight | undefined;
    for (const size of sizes) {
      await population.growTo(size, (written) => {
        if (written % (size / 10) === 0) bench.say(`night: ${shown(written)} of ${shown(size)} customers are there`);
      });
      const timed = needsNight ? await measureNight(bench, stage, population) : undefined;
      if (timed) nights.push(timed);
      if (timed && wanted.has('cost') && size === sizes.at(-1))
        counted = await countNight(bench, stage, population, timed);
      if (wanted.has('memory')) memory.push(await measureMemory(bench, stage, population));
    }
    return [
      ...(wanted.has('night') ? nights.map(nightFigure) : []),
      ...(counted ? [costFigure(counted)] : []),
      ...(wanted.has('fit') ? nights.slice(-1).map(fitFigure) : []),
      ...(wanted.has('memory') ? [memoryFigure(memory)] : []),
    ];
  } finally {
    await stage.stop();
  }
}
