import { Journal } from './journal.ts';
import type { Log } from './log.ts';

interface Entry {
  key: string;
  value: string;
}

/** How far each subscription has come in its stream, kept over the end of the process. */
export class Positions {
  readonly #values: Map<string, string>;
  readonly #journal: Journal<Entry>;
  readonly #log: Log;

  private constructor(values: Map<string, string>, journal: Journal<Entry>, log: Log) {
    this.#values = values;
    this.#journal = journal;
    this.#log = log;
  }

  static async open(path: string, log: Log): Promise<Positions> {
    const values = new Map<string, string>();
    const journal = await Journal.open<Entry>(path, {
      replay: ({ key, value }) => values.set(key, value),
      snapshot: () => Array.from(values, ([key, value]) => ({ key, value })),
    });
    return new Positions(values, journal, log);
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Returns before the position is written: after a crash, what came since the last one is done once more. */
  set(key: string, value: string): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    this.#journal
      .jot({ key, value })
      .catch((error: Error) => this.#log.error(`a stream's position could not be kept: ${error.message}`));
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}
