import { setTimeout as sleep } from 'node:timers/promises';
import { storeUnavailable } from '../engine/problem.ts';

/** Write calls take 25 items at most. */
const batchSize = 25;
/** So many calls are under way at once for one caller. */
const concurrency = 4;
const attempts = 8;

/**
 * Hands the items to `call` in batches. What a call answers is what it could not take: that is tried again, after a
 * pause that doubles and is spread by chance.
 * @throws Problem `store_unavailable` where something could still not be taken after some seconds
 */
export async function inBatches<Item>(items: readonly Item[], call: (batch: Item[]) => Promise<Item[]>): Promise<void> {
  let rest = [...items];
  for (let attempt = 1; rest.length > 0; attempt++) {
    if (attempt > attempts) throw storeUnavailable(new Error(`${rest.length} items were not taken`));
    if (attempt > 1) await sleep(25 * 2 ** attempt * (0.5 + Math.random() / 2));
    const batches: Item[][] = [];
    for (let start = 0; start < rest.length; start += batchSize) batches.push(rest.slice(start, start + batchSize));
    rest = [];
    const worker = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) rest.push(...(await call(batch)));
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, batches.length) }, worker));
  }
}
