import fc from 'fast-check';
import { expect, it } from 'vitest';
import { standingReceipts } from '../../shared/domain/standing-receipts.ts';

interface Receipt {
  runId: string;
  previousRunId?: string | null;
}

async function standing(receipts: readonly Receipt[], runId: string | null | undefined): Promise<string[]> {
  const found: string[] = [];
  for await (const receipt of standingReceipts(receipts, runId)) found.push(receipt.runId);
  return found;
}

it('are those that lead back from the standing, whatever nights died in between', async () => {
  const nights = fc.array(fc.boolean(), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(nights, async (reached) => {
      const all: Receipt[] = [];
      let last: string | null = null;
      for (const [index, isReached] of reached.entries()) {
        const runId = `run_${index}`;
        all.unshift({ runId, previousRunId: last });
        if (isReached) last = runId;
      }
      const right = reached.flatMap((isReached, index) => (isReached ? [`run_${index}`] : [])).reverse();
      expect(await standing(all, last)).toEqual(right);
      // From the last of a page on, too.
      const from = all.findIndex(({ runId }) => runId === right[1]);
      if (from >= 0) expect(await standing(all.slice(from), undefined)).toEqual(right.slice(1));
    }),
  );
});

it('are found where nights were held ahead of the clock, and the next one is dated before them', async () => {
  const ahead = [
    { runId: 'far', previousRunId: 'ahead' },
    { runId: 'died', previousRunId: 'ahead' },
    { runId: 'ahead', previousRunId: 'second' },
    { runId: 'third', previousRunId: 'far' },
    { runId: 'second', previousRunId: 'first' },
    { runId: 'died too', previousRunId: 'first' },
    { runId: 'first', previousRunId: null },
  ];
  expect(await standing(ahead, 'third')).toEqual(['third', 'far', 'ahead', 'second', 'first']);
  expect(await standing(ahead.slice(2), undefined)).toEqual(['ahead', 'second', 'first']);
});

it('are believed as they come where a link is missing', async () => {
  expect(await standing([{ runId: 'c', previousRunId: 'b' }, { runId: 'b' }, { runId: 'a' }], 'c')).toEqual([
    'c',
    'b',
    'a',
  ]);
});
