import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalFunction, Outcome } from '../../infra/local/functions.ts';
import { silentLog } from '../../infra/local/log.ts';
import { Positions } from '../../infra/local/positions.ts';
import { Queue } from '../../infra/local/queue.ts';
import { QueueSubscription } from '../../infra/local/subscription-queue.ts';
import { type StreamSettings, StreamSubscription } from '../../infra/local/subscription-stream.ts';
import { Ticker } from '../../infra/local/ticker.ts';
import type { JsonCall } from '../../shared/aws/json-call.ts';

let folder: string;
let ending: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-subscription-'));
  ending = [];
});
afterEach(async () => {
  for (const end of ending.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

interface Call {
  Records: { dynamodb: { SequenceNumber: string }; body?: string; messageId?: string }[];
}

/** A function that notes the sequence numbers of each call and answers as it is told. */
function aFunction(answer: (numbers: string[], event: Call) => unknown) {
  const calls: string[][] = [];
  const invoke = async (event: unknown): Promise<Outcome> => {
    const records = (event as Call).Records;
    const numbers = records.map(({ dynamodb, body }) => dynamodb?.SequenceNumber ?? body ?? '');
    calls.push(numbers);
    try {
      return { value: answer(numbers, event as Call) };
    } catch (error) {
      return { failure: { errorType: 'Error', errorMessage: (error as Error).message, trace: [] } };
    }
  };
  return { calls, target: { invoke, settings: { name: 'f', arn: 'arn:f' } } as unknown as LocalFunction };
}

/** One shard with the sequence numbers 1 to `length`. */
function aStream(length: number, trimmedTo = 0): JsonCall {
  const record = (number: number) => ({
    eventID: `e${number}`,
    eventName: number % 2 ? 'INSERT' : 'MODIFY',
    dynamodb: { SequenceNumber: String(number), ApproximateCreationDateTime: 1_700_000_000 },
  });
  return (async (
    target: string,
    input: { ShardIteratorType?: string; SequenceNumber?: string; ShardIterator?: string },
  ) => {
    if (target.endsWith('DescribeStream')) return { StreamDescription: { Shards: [{ ShardId: 'shard' }] } };
    if (target.endsWith('GetShardIterator'))
      return { ShardIterator: input.ShardIteratorType === 'TRIM_HORIZON' ? String(trimmedTo) : input.SequenceNumber };
    const from = Number(input.ShardIterator);
    const Records = Array.from({ length: Math.max(0, length - from) }, (_, index) => record(from + index + 1));
    return { Records, NextShardIterator: String(Math.max(from, length)) };
  }) as JsonCall;
}

const deadLetters = async () => {
  const queue = await Queue.open(join(folder, 'dead.journal'), {
    name: 'dead',
    arn: 'arn:dead',
    visibilityTimeout: 30,
    delay: 0,
  });
  ending.push(() => queue.close());
  return queue;
};

async function subscribe(target: LocalFunction, engine: JsonCall, settings: Partial<StreamSettings> = {}) {
  const positions = await Positions.open(join(folder, 'positions'), silentLog);
  const ticker = new Ticker();
  const subscription = new StreamSubscription(
    target,
    {
      streamArn: 'arn:stream',
      batchSize: 4,
      window: 0,
      retries: -1,
      maximumAge: -1,
      bisect: false,
      reportsItemFailures: true,
      wants: () => true,
      onFailure: undefined,
      ...settings,
    },
    { engine, positions, ticker, log: silentLog },
  );
  subscription.start();
  const stop = async () => {
    const ended = subscription.stop();
    ticker.stop();
    await ended;
    await positions.close();
  };
  return { subscription, stop };
}

const within = (milliseconds: number) => performance.now() + milliseconds;

describe('a subscription to a stream', () => {
  it('hands over batches in order and goes on where it stopped', async () => {
    const first = aFunction(() => null);
    const one = await subscribe(first.target, aStream(6));
    expect(await one.subscription.drained(within(5_000))).toBe(true);
    expect(first.calls).toEqual([
      ['1', '2', '3', '4'],
      ['5', '6'],
    ]);
    await one.stop();

    const second = aFunction(() => null);
    const two = await subscribe(second.target, aStream(8));
    await two.subscription.drained(within(5_000));
    expect(second.calls).toEqual([['7', '8']]);
    await two.stop();
  });

  it('hands over only what the filter wants, and passes over the rest for good', async () => {
    const { calls, target } = aFunction(() => null);
    const { subscription, stop } = await subscribe(target, aStream(5), {
      wants: (record) => (record as { eventName: string }).eventName === 'INSERT',
    });
    await subscription.drained(within(5_000));
    expect(calls).toEqual([['1', '3'], ['5']]);
    await stop();
  });

  it('comes again from the lowest record that failed', async () => {
    let failures = 1;
    const { calls, target } = aFunction((numbers) => {
      if (failures-- > 0)
        return { batchItemFailures: [{ itemIdentifier: numbers[3] }, { itemIdentifier: numbers[2] }] };
      return { batchItemFailures: [] };
    });
    const { subscription, stop } = await subscribe(target, aStream(4));
    await expect.poll(() => calls.length).toBe(2);
    await subscription.drained(within(5_000));
    expect(calls).toEqual([
      ['1', '2', '3', '4'],
      ['3', '4'],
    ]);
    await stop();
  });

  it('takes an answer that it cannot read for a failure of the whole batch', async () => {
    let failures = 1;
    const { calls, target } = aFunction(() => (failures-- > 0 ? { batchItemFailures: [{}] } : null));
    const { stop } = await subscribe(target, aStream(2));
    await expect
      .poll(() => calls)
      .toEqual([
        ['1', '2'],
        ['1', '2'],
      ]);
    await stop();
  });

  it('halves a batch that fails, gives the bad record up after its tries, and tells where it lies', async () => {
    const dead = await deadLetters();
    const { calls, target } = aFunction((numbers) => {
      if (numbers.includes('3')) throw new Error('bad');
      return null;
    });
    const { stop } = await subscribe(target, aStream(4), { bisect: true, retries: 1, onFailure: dead });
    await expect.poll(() => dead.counts().total, { timeout: 5_000 }).toBe(1);
    await expect.poll(() => calls.at(-1)).toEqual(['4']);
    expect(calls).toEqual([['1', '2', '3', '4'], ['1', '2'], ['3', '4'], ['3'], ['3'], ['4']]);
    const [message] = [...dead.peek()];
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      version: '1.0',
      requestContext: { functionArn: 'arn:f', condition: 'RetryAttemptsExhausted', approximateInvokeCount: 2 },
      DDBStreamBatchInfo: {
        shardId: 'shard',
        startSequenceNumber: '3',
        endSequenceNumber: '3',
        batchSize: 1,
        streamArn: 'arn:stream',
      },
    });
    await stop();
  });

  it('gives nothing up where tries are without end', async () => {
    let failures = 4;
    const { calls, target } = aFunction(() => {
      if (failures-- > 0) throw new Error('not yet');
      return null;
    });
    const { stop } = await subscribe(target, aStream(1));
    await expect.poll(() => calls.length, { timeout: 5_000 }).toBe(5);
    await stop();
  });

  it('repeats what was under way when it was cut short', async () => {
    const never = { invoke: () => new Promise(() => undefined), settings: { name: 'f', arn: 'arn:f' } };
    const cut = await subscribe(never as unknown as LocalFunction, aStream(2));
    await new Promise((resolve) => setTimeout(resolve, 60));
    void cut.stop();
    const { calls, target } = aFunction(() => null);
    const { subscription, stop } = await subscribe(target, aStream(2));
    await subscription.drained(within(5_000));
    expect(calls).toEqual([['1', '2']]);
    await stop();
  });
});

describe('a subscription to a queue', () => {
  async function subscribeQueue(
    target: LocalFunction,
    settings: { maxReceiveCount?: number; reports?: boolean; hidden?: number } = {},
  ) {
    const dead = await deadLetters();
    const queue = await Queue.open(join(folder, 'work.journal'), {
      name: 'work',
      arn: 'arn:work',
      visibilityTimeout: settings.hidden ?? 0.05,
      delay: 0,
      redrive: { queue: () => dead, maxReceiveCount: settings.maxReceiveCount ?? 2 },
    });
    const ticker = new Ticker();
    const subscription = new QueueSubscription(
      target,
      queue,
      {
        batchSize: 10,
        window: 0,
        concurrency: 1,
        reportsItemFailures: settings.reports ?? true,
        wants: (record) => (record as { body: unknown }).body !== 'unwanted',
        region: 'r',
      },
      { ticker, log: silentLog },
    );
    ending.push(async () => {
      queue.halt();
      await subscription.stop();
      await queue.close();
    });
    return { queue, dead, start: () => subscription.start() };
  }

  it('deletes what succeeded and lets the rest come again until the dead-letter queue has it', async () => {
    const { calls, target } = aFunction((_numbers, { Records }) => ({
      batchItemFailures: Records.filter(({ body }) => body === 'bad').map(({ messageId }) => ({
        itemIdentifier: messageId,
      })),
    }));
    const { queue, dead, start } = await subscribeQueue(target);
    for (const body of ['good', 'bad', 'unwanted']) await queue.send(body);
    start();
    await expect.poll(() => dead.counts().total, { timeout: 5_000 }).toBe(1);
    expect(calls).toEqual([['good', 'bad'], ['bad']]);
    await expect.poll(() => queue.counts().total).toBe(0);
  });

  it('lets the whole batch come again when the function fails, and does not count it as pending meanwhile', async () => {
    let failures = 1;
    const { calls, target } = aFunction(() => {
      if (failures-- > 0) throw new Error('not yet');
      return undefined;
    });
    const { queue, start } = await subscribeQueue(target, { reports: false, maxReceiveCount: 5, hidden: 0.7 });
    await queue.send('a');
    expect(queue.counts().pending).toBe(1);
    start();
    await expect.poll(() => calls.length).toBe(1);
    expect(queue.counts()).toMatchObject({ total: 1, pending: 0 });
    await expect.poll(() => queue.counts().total, { timeout: 5_000 }).toBe(0);
    expect(calls).toEqual([['a'], ['a']]);
  });
});
