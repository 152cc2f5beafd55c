import type { Subscriptions } from './build-subscriptions.ts';
import type { Queue } from './queue.ts';
import type { Ticker } from './ticker.ts';

/** What the stack says of itself. */
export interface Status {
  /** Everything that was accepted and is not worked off, but for what waits for its time or for another try. */
  pending: { streams: number; queues: number; executions: number };
  /** Messages that wait for their time or for another try. */
  waiting: number;
  /** Nothing is pending, and nothing waits. */
  idle: boolean;
  /** Messages in queues that nobody works off, by queue. */
  deadLetters: Record<string, number>;
}

export interface SettlingParts {
  subscriptions: Subscriptions;
  queues: ReadonlyMap<string, Queue>;
  ticker: Ticker;
  /** How many executions run. */
  executions(): number;
}

/** Tells when all that was accepted has been worked off: streams and queues, in which the bus leaves its events. */
export class Settling {
  readonly #parts: SettlingParts;

  constructor(parts: SettlingParts) {
    this.#parts = parts;
  }

  /**
   * What is worked off may set off more, so it goes round until one round met nothing at all: a function that was at
   * work when a round began may have written to a table whose stream that round had read already.
   * Executions are not waited for: they themselves wait here.
   */
  async settled(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    return this.#parts.ticker.hurry(async () => {
      for (;;) {
        const before = this.#activity();
        let worked = this.#handedOver() > 0;
        if (!(await this.#drained(deadline))) return false;
        while (this.#handedOver() > 0) {
          worked = true;
          if (performance.now() > deadline) return false;
          await this.#parts.ticker.pause(4);
        }
        if (!worked && this.#activity() === before) return true;
      }
    });
  }

  async status(): Promise<Status> {
    const { subscriptions, queues } = this.#parts;
    const before = this.#activity();
    const worked = this.#handedOver() > 0;
    const drained = await this.#parts.ticker.hurry(() => this.#drained(performance.now() + 250));
    const quiet = drained && !worked && this.#activity() === before;
    const read = subscriptions.streams.reduce((sum, { busy }) => sum + busy, 0);
    const consumed = [...queues.values()].filter(({ settings }) => subscriptions.consumed.has(settings.name));
    const others = [...queues.values()].filter(({ settings }) => !subscriptions.consumed.has(settings.name));
    const pending = {
      streams: drained ? read : Math.max(1, read),
      queues: pendingOf(consumed),
      executions: this.#parts.executions(),
    };
    const waiting = consumed.reduce((sum, queue) => sum + queue.counts().total, 0) - pending.queues;
    return {
      pending,
      waiting,
      idle: quiet && waiting === 0 && Object.values(pending).every((count) => count === 0),
      deadLetters: Object.fromEntries(others.map((queue) => [queue.settings.name, queue.counts().total])),
    };
  }

  async #drained(deadline: number): Promise<boolean> {
    const all = await Promise.all(this.#parts.subscriptions.streams.map((stream) => stream.drained(deadline)));
    return all.every(Boolean);
  }

  #handedOver(): number {
    const { subscriptions, queues } = this.#parts;
    return pendingOf([...queues.values()].filter(({ settings }) => subscriptions.consumed.has(settings.name)));
  }

  #activity(): number {
    const { subscriptions, queues } = this.#parts;
    const sent = [...queues.values()].reduce((sum, queue) => sum + queue.sent, 0);
    return subscriptions.streams.reduce((sum, { read }) => sum + read, sent);
  }
}

function pendingOf(queues: readonly Queue[]): number {
  return queues.reduce((sum, queue) => sum + queue.counts().pending, 0);
}
