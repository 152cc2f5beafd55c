import type { FunctionFailure } from './function-messages.ts';
import type { LocalFunction } from './functions.ts';
import type { Log } from './log.ts';
import type { Queue, Received } from './queue.ts';

export interface AsyncSettings {
  /** Further attempts after the first; 2 unless the function says otherwise. */
  retries: number;
  /** Seconds; after that an event is given up. */
  maximumAge: number;
  /** Where an event goes that is given up. */
  deadLetters: { kind: 'event' | 'record'; queue: Queue };
  /** Waits before the second and the third attempt, in seconds. Lambda's own: a minute, then two. */
  waits: readonly number[];
}

const atATime = 10;

/**
 * Lambda's asynchronous invocation: events wait in a durable queue; one that fails is tried again after a while, and
 * goes to the function's dead-letter queue or failure destination when its tries are used up.
 */
export class AsyncInvocation {
  readonly #target: LocalFunction;
  readonly #queue: Queue;
  readonly #settings: AsyncSettings;
  readonly #log: Log;
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(target: LocalFunction, queue: Queue, settings: AsyncSettings, log: Log) {
    this.#target = target;
    this.#queue = queue;
    this.#settings = settings;
    this.#log = log;
  }

  /** Resolves once the event is durable. */
  async accept(event: unknown): Promise<void> {
    await this.#queue.send(JSON.stringify(event));
  }

  start(): void {
    this.#loops = Array.from({ length: atATime }, () => this.#work());
  }

  /** To be called once the queue is halted, which ends the waiting. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const [message] = await this.#queue.receive(1, 20_000);
      if (!message) continue;
      try {
        await this.#deliver(message);
      } catch (error) {
        // The journal could not be written: the message comes again when its time-out ends.
        if (!this.#stopped) this.#log.error(`events for ${this.#target.settings.name}: ${(error as Error).message}`);
        this.#queue.leave(message.receiptHandle);
      }
    }
  }

  async #deliver(message: Received): Promise<void> {
    const outcome = await this.#target.invoke(JSON.parse(message.body), message.id);
    if ('value' in outcome) return this.#queue.delete(message.receiptHandle);
    // Whatever the end of the stack cut short is tried again at the next start.
    if (this.#stopped) return;
    const { retries, waits, maximumAge } = this.#settings;
    const wait = waits[Math.min(message.receiveCount, waits.length) - 1] ?? 0;
    const age = (Date.now() - message.sentAt) / 1000 + wait;
    const name = this.#target.settings.name;
    if (message.receiveCount <= retries && age <= maximumAge) {
      this.#log.error(`${name}: ${outcome.failure.errorType}; attempt ${message.receiveCount}, again in ${wait} s`);
      this.#queue.changeVisibility(message.receiptHandle, wait);
      return;
    }
    this.#log.error(`${name}: ${outcome.failure.errorType}; given up after ${message.receiveCount} attempts`);
    await this.#giveUp(message, outcome.failure);
    await this.#queue.delete(message.receiptHandle);
  }

  async #giveUp(message: Received, failure: FunctionFailure): Promise<void> {
    const { kind, queue } = this.#settings.deadLetters;
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    if (kind === 'event') {
      await queue.send(message.body, {
        attributes: {
          RequestID: text(message.id),
          ErrorCode: { DataType: 'Number', StringValue: '200' },
          ErrorMessage: text(failure.errorMessage.slice(0, 1024) || failure.errorType),
        },
      });
      return;
    }
    const record = {
      version: '1.0',
      timestamp: new Date().toISOString(),
      requestContext: {
        requestId: message.id,
        functionArn: `${this.#target.settings.arn}:$LATEST`,
        condition: message.receiveCount > this.#settings.retries ? 'RetriesExhausted' : 'EventAgeExceeded',
        approximateInvokeCount: message.receiveCount,
      },
      requestPayload: JSON.parse(message.body),
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: failure,
    };
    await queue.send(JSON.stringify(record));
  }
}
