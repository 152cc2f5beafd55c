/** The shortest time between two reads of a stream: what comes meanwhile is worked off as one batch. */
const shortest = 100;
const longest = 500;

/** The rhythm of those who poll: slower the longer nothing comes, at once when somebody knows of something new. */
export class Ticker {
  readonly #sleepers = new Set<() => void>();
  #hurries = 0;
  #stopped = false;

  /** Something was written, probably. */
  wake(): void {
    for (const awake of [...this.#sleepers]) awake();
  }

  /** True while somebody waits for everything to be worked off: nobody waits for more to come. */
  get hurried(): boolean {
    return this.#hurries > 0;
  }

  async hurry<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#hurries++;
    try {
      return await work();
    } finally {
      this.#hurries--;
    }
  }

  /** @param empty how many reads in a row found nothing */
  async idle(empty: number): Promise<void> {
    if (!this.hurried) await this.pause(shortest);
    const more = Math.min(longest, shortest * 1.2 ** empty) - shortest;
    if (empty > 0 && more > 0) await this.#sleep(more, true);
  }

  /** Milliseconds; cut short only when everything stops. */
  pause(milliseconds: number): Promise<void> {
    return this.#sleep(milliseconds, false);
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
    for (const end of [...this.#pauses]) end();
  }

  readonly #pauses = new Set<() => void>();

  #sleep(milliseconds: number, wakeable: boolean): Promise<void> {
    if (this.#stopped) return new Promise((resolve) => setImmediate(resolve));
    const among = wakeable ? this.#sleepers : this.#pauses;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        among.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      among.add(end);
    });
  }
}

/** Twice as long each time, in milliseconds. */
export function backoff(failures: number, first: number, most: number): number {
  return Math.min(most, first * 2 ** Math.max(0, failures - 1));
}
