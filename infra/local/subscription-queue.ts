import type { LocalFunction } from './functions.ts';
import { failedItems } from './item-failures.ts';
import type { Log } from './log.ts';
import { md5, type Queue, type Received } from './queue.ts';
import { systemAttributes } from './sqs.ts';
import { backoff, type Ticker } from './ticker.ts';

export interface QueueSubscriptionSettings {
  batchSize: number;
  /** Seconds to wait for a full batch. */
  window: number;
  concurrency: number;
  reportsItemFailures: boolean;
  wants(record: unknown): boolean;
  region: string;
}

/** Subscribes a function to a queue, as an event source mapping: what the function did not fail is deleted. */
export class QueueSubscription {
  readonly #target: LocalFunction;
  readonly #queue: Queue;
  readonly #settings: QueueSubscriptionSettings;
  readonly #ticker: Ticker;
  readonly #log: Log;
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(
    target: LocalFunction,
    queue: Queue,
    settings: QueueSubscriptionSettings,
    parts: { ticker: Ticker; log: Log },
  ) {
    this.#target = target;
    this.#queue = queue;
    this.#settings = settings;
    this.#ticker = parts.ticker;
    this.#log = parts.log;
  }

  start(): void {
    this.#loops = Array.from({ length: this.#settings.concurrency }, () => this.#work());
  }

  /** To be called once the queue is halted, which ends the waiting. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #work(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        const batch = await this.#collect();
        if (batch.length === 0) continue;
        await this.#process(batch);
        failures = 0;
      } catch (error) {
        if (this.#stopped) return;
        this.#log.error(
          `${this.#target.settings.name}: queue ${this.#queue.settings.name}: ${(error as Error).message}`,
        );
        await this.#ticker.pause(backoff(++failures, 100, 10_000));
      }
    }
  }

  async #collect(): Promise<Received[]> {
    const { batchSize, window } = this.#settings;
    const batch = await this.#queue.receive(batchSize, 20_000);
    const end = performance.now() + window * 1000;
    while (batch.length > 0 && batch.length < batchSize && performance.now() < end && !this.#ticker.hurried) {
      await this.#ticker.pause(20);
      batch.push(...(await this.#queue.receive(batchSize - batch.length, 0)));
    }
    return batch;
  }

  async #process(batch: Received[]): Promise<void> {
    const wanted: Received[] = [];
    for (const message of batch) {
      // As Lambda does: what the filter leaves out is deleted.
      if (this.#settings.wants(this.#record(message, true))) wanted.push(message);
      else await this.#queue.delete(message.receiptHandle);
    }
    if (wanted.length === 0) return;
    const outcome = await this.#target.invoke({ Records: wanted.map((message) => this.#record(message, false)) });
    this.#ticker.wake();
    // Whatever the end of the stack cut short is tried again at the next start.
    if (this.#stopped && 'failure' in outcome) return;
    const failed = this.#failed(wanted, outcome);
    await Promise.all(
      wanted.map(async ({ id, receiptHandle }) => {
        if (failed.has(id)) this.#queue.leave(receiptHandle);
        else await this.#queue.delete(receiptHandle);
      }),
    );
  }

  #failed(batch: readonly Received[], outcome: Awaited<ReturnType<LocalFunction['invoke']>>): Set<string> {
    const all = () => new Set(batch.map(({ id }) => id));
    if ('failure' in outcome) {
      const { errorType } = outcome.failure;
      this.#log.error(`${this.#target.settings.name}: ${errorType} with ${batch.length} messages of a queue`);
      return all();
    }
    if (!this.#settings.reportsItemFailures) return new Set();
    const failures = failedItems(outcome.value);
    const known = failures !== 'malformed' && failures.every((id) => batch.some((message) => message.id === id));
    return known ? new Set(failures) : all();
  }

  /** @param forFilter filters look into a body that is JSON; functions get its text */
  #record(message: Received, forFilter: boolean): object {
    return {
      messageId: message.id,
      receiptHandle: message.receiptHandle,
      body: forFilter ? parsed(message.body) : message.body,
      attributes: systemAttributes(message),
      messageAttributes: Object.fromEntries(
        Object.entries(message.attributes ?? {}).map(([name, value]) => [name, attribute(value)]),
      ),
      md5OfBody: md5(message.body),
      eventSource: 'aws:sqs',
      eventSourceARN: this.#queue.settings.arn,
      awsRegion: this.#settings.region,
    };
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Lambda writes attributes with small first letters. */
function attribute(value: unknown): object {
  const { DataType, StringValue, BinaryValue } = value as Record<string, unknown>;
  return {
    dataType: DataType,
    ...(StringValue === undefined ? {} : { stringValue: StringValue }),
    ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
    stringListValues: [],
    binaryListValues: [],
  };
}
