import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Queue, type QueueSettings } from '../../infra/local/queue.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-queue-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, 'q.journal');
const open = (settings: Partial<QueueSettings> = {}, file = path()) =>
  Queue.open(file, { name: 'q', arn: 'arn:q', visibilityTimeout: 0.05, delay: 0, ...settings });
const bodies = (messages: { body: string }[]) => messages.map(({ body }) => body);

describe('a queue', () => {
  it('gives messages out in order, hides them, and gives them again when their time-out ends', async () => {
    const queue = await open();
    for (const body of ['a', 'b', 'c']) await queue.send(body);
    expect(bodies(await queue.receive(10, 0))).toEqual(['a', 'b', 'c']);
    expect(await queue.receive(10, 0)).toEqual([]);
    const again = await queue.receive(10, 500);
    expect(again.map(({ body, receiveCount }) => [body, receiveCount])).toEqual([
      ['a', 2],
      ['b', 2],
      ['c', 2],
    ]);
    for (const { receiptHandle } of again) await queue.delete(receiptHandle);
    expect(queue.counts().total).toBe(0);
    await queue.close();
  });

  it('wakes those who wait, and holds back what is delayed', async () => {
    const queue = await open({ visibilityTimeout: 30 });
    const waiting = queue.receive(1, 5_000);
    await queue.send('now');
    expect(bodies(await waiting)).toEqual(['now']);
    const since = performance.now();
    await queue.send('later', { delaySeconds: 0.2 });
    expect(queue.counts()).toMatchObject({ delayed: 1, inFlight: 1 });
    expect(bodies(await queue.receive(10, 5_000))).toEqual(['later']);
    expect(performance.now() - since).toBeGreaterThan(190);
    await queue.close();
  });

  it('moves what was received too often to the dead-letter queue', async () => {
    const dead = await open({}, join(folder, 'dead.journal'));
    const queue = await open({ visibilityTimeout: 0, redrive: { queue: () => dead, maxReceiveCount: 2 } });
    await queue.send('bad', { attributes: { a: { DataType: 'String', StringValue: 'x' } } });
    expect(await queue.receive(1, 0)).toHaveLength(1);
    expect(await queue.receive(1, 0)).toHaveLength(1);
    expect(await queue.receive(1, 0)).toHaveLength(0);
    expect(queue.counts().total).toBe(0);
    expect([...dead.peek()]).toMatchObject([{ body: 'bad', attributes: { a: { StringValue: 'x' } } }]);
    await queue.close();
    await dead.close();
  });

  it('gets its dead letters back, also after a restart, and nobody else does', async () => {
    const place = join(folder, 'dead.journal');
    const before = await open({}, place);
    const queue = await open({ visibilityTimeout: 0, redrive: { queue: () => before, maxReceiveCount: 1 } });
    await queue.send('bad', { attributes: { a: { DataType: 'String', StringValue: 'x' } } });
    await before.send('a place in a stream');
    await queue.receive(1, 0);
    await queue.receive(1, 0);
    await before.close();

    const dead = await open({}, place);
    expect(await dead.giveBack(() => undefined)).toBe(0);
    expect(await dead.giveBack((name) => (name === 'q' ? queue : undefined))).toBe(1);
    expect(bodies([...dead.peek()])).toEqual(['a place in a stream']);
    expect(await queue.receive(1, 0)).toMatchObject([
      { body: 'bad', receiveCount: 1, attributes: { a: { StringValue: 'x' } } },
    ]);
    await queue.close();
    await dead.close();
  });

  it('ignores a receipt that is outdated when it comes to visibility', async () => {
    const queue = await open({ visibilityTimeout: 0 });
    await queue.send('a');
    const [first] = await queue.receive(1, 0);
    await queue.receive(1, 0, 10);
    expect(queue.changeVisibility(first?.receiptHandle ?? '', 0)).toBe(false);
    await queue.close();
  });

  it('keeps over a restart what was put off', async () => {
    const queue = await open({ visibilityTimeout: 30 });
    for (const body of ['off', 'soon']) await queue.send(body);
    const [off, soon] = await queue.receive(2, 0);
    expect(queue.changeVisibility(off?.receiptHandle ?? '', 60)).toBe(true);
    expect(queue.changeVisibility(soon?.receiptHandle ?? '', 0.2)).toBe(true);
    await queue.close();
    const again = await open({ visibilityTimeout: 30 });
    expect(await again.receive(10, 0)).toEqual([]);
    expect((await again.receive(10, 2_000)).map(({ body, receiveCount }) => [body, receiveCount])).toEqual([
      ['soon', 2],
    ]);
    expect(await again.receive(10, 0)).toEqual([]);
    await again.close();
  });

  it('keeps messages, counts and delays over a restart', async () => {
    const queue = await open({ visibilityTimeout: 30 });
    await queue.send('taken');
    await queue.receive(1, 0);
    await queue.send('delayed', { delaySeconds: 60 });
    const { id } = await queue.send('gone');
    const [gone] = await queue.receive(1, 0);
    expect(gone?.id).toBe(id);
    await queue.delete(gone?.receiptHandle ?? '');
    await queue.close();

    const again = await open();
    expect(again.counts()).toMatchObject({ visible: 1, delayed: 1, total: 2 });
    expect(await again.receive(10, 0)).toMatchObject([{ body: 'taken', receiveCount: 2 }]);
    await again.close();
  });
});

describe('the journal of a queue', () => {
  it('loses nothing acknowledged wherever the last write was cut', async () => {
    const queue = await open();
    const sent = ['first', 'Grüße 🎉', 'third'];
    for (const body of sent) await queue.send(body);
    await queue.close();
    const whole = readFileSync(path());
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([index]) => index + 1);
    for (let cut = 0; cut <= whole.length; cut += 7) {
      writeFileSync(path(), whole);
      truncateSync(path(), cut);
      const survivor = await open({ visibilityTimeout: 30 });
      // A line without its end can be read where only the end is missing.
      const complete = ends.filter((end) => end - 1 <= cut).length;
      expect(bodies(await survivor.receive(10, 0))).toEqual(sent.slice(0, complete));
      await survivor.send('after');
      await survivor.close();
      const next = await open();
      expect(bodies([...next.peek()])).toContain('after');
      await next.close();
    }
  });

  it('skips what cannot be read and keeps what follows', async () => {
    const queue = await open();
    await queue.send('before');
    await queue.close();
    const put = readFileSync(path(), 'utf8').split('\n')[0] ?? '';
    appendFileSync(
      path(),
      `\0\0\0{"put":\n${put.replaceAll('before', 'behind').replace(/"id":"[^"]+"/, '"id":"x"')}\n`,
    );
    const again = await open();
    expect(bodies(await again.receive(10, 0))).toEqual(['before', 'behind']);
    await again.close();
  });

  it('grows no further than what it holds', async () => {
    const queue = await open({ visibilityTimeout: 30 });
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 1000 }, (_, index) => queue.send(`m${index}`)));
      for (let taken = await queue.receive(1000, 0); taken.length > 0; taken = await queue.receive(1000, 0))
        await Promise.all(taken.map(({ receiptHandle }) => queue.delete(receiptHandle)));
    }
    await queue.send('last');
    await queue.close();
    expect(readFileSync(path(), 'utf8').split('\n').length).toBeLessThan(20_000);
    const again = await open();
    expect(bodies(await again.receive(10, 0))).toEqual(['last']);
    await again.close();
  });

  it('holds, after any sequence of operations and restarts, what a list would hold', async () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), body: fc.string({ minLength: 1 }) }),
      fc.record({ kind: fc.constant('delete' as const), index: fc.nat(5) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        const file = join(folder, `${run++}.journal`);
        let queue = await open({ visibilityTimeout: 0 }, file);
        const model: string[] = [];
        for (const step of operations) {
          if (step.kind === 'send') {
            await queue.send(step.body);
            model.push(step.body);
          } else if (step.kind === 'restart') {
            await queue.close();
            queue = await open({ visibilityTimeout: 0 }, file);
          } else {
            const found = [...queue.peek()][step.index];
            if (!found) continue;
            await queue.delete(`${found.id}:1`);
            model.splice(step.index, 1);
          }
        }
        await queue.close();
        queue = await open({ visibilityTimeout: 0 }, file);
        expect(bodies([...queue.peek()])).toEqual(model);
        await queue.close();
      }),
      { numRuns: 40 },
    );
  });
});
