import type { Engine } from './engine.ts';
import { deliveryOf, tillSecret, webshopSecret } from './messages.ts';
import { Chance, type Happening, type Simulation } from './simulation.ts';

export interface Progress {
  /** 0 to 1. */
  done: number;
  /** The simulated day, `2027-03-14`. */
  day: string;
  deliveries: number;
}

export interface Played {
  deliveries: number;
  /** Deliveries that the engine had seen before, by its own word. */
  duplicates: number;
}

const day = 86_400_000;
const atOnce = 8;

/**
 * Plays the year into the engine, day by day: the clock moves to the end of the day, so that nights fall due on the
 * way, then the day's deliveries come in disorder and some of them twice. What they set off is done before the clock
 * moves on.
 */
export async function playYear(
  engine: Engine,
  simulation: Simulation,
  year: { start: number; days: number; seed: number; onProgress(progress: Progress): void },
): Promise<Played> {
  const chance = new Chance(year.seed + 1);
  const played: Played = { deliveries: 0, duplicates: 0 };
  await putSources(engine);
  const days = byDay(simulation.happenings, year.start);
  for (let index = 0; index < year.days; index++) {
    const today = days.get(index);
    if (!today) continue;
    const evening = year.start + (index + 1) * day - 1000;
    await engine.put('/v1/test-clock', { now: new Date(evening).toISOString() });
    const sent = chance.shuffled([...today, ...today.filter(() => chance.happens(0.03))]);
    for (let i = 0; i < sent.length; i += atOnce) {
      const answers = sent.slice(i, i + atOnce).map((happening) => engine.deliver(deliveryOf(happening, evening)));
      for (const status of await Promise.all(answers)) {
        played.deliveries += 1;
        if (status === 'duplicate') played.duplicates += 1;
      }
    }
    year.onProgress({
      done: (index + 1) / year.days,
      day: new Date(evening).toISOString().slice(0, 10),
      deliveries: played.deliveries,
    });
  }
  const afterwards = year.start + (year.days + 8) * day;
  await engine.put('/v1/test-clock', { now: new Date(afterwards).toISOString() });
  return played;
}

async function putSources(engine: Engine): Promise<void> {
  const common = { currency: 'EUR', timeZone: 'Europe/Berlin' };
  await engine.put('/v1/sources/webshop', { platform: 'shopify', secrets: [webshopSecret], ...common });
  await engine.put('/v1/sources/till', { platform: 'standard', secrets: [tillSecret], ...common });
}

function byDay(happenings: readonly Happening[], start: number): Map<number, Happening[]> {
  const days = new Map<number, Happening[]>();
  for (const happening of happenings) {
    const index = Math.floor((happening.at - start) / day);
    const list = days.get(index);
    if (list) list.push(happening);
    else days.set(index, [happening]);
  }
  return days;
}
