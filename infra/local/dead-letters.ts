import type { Queue } from './queue.ts';

/** A queue whose messages nobody works off. */
export interface DeadLetters {
  queue: string;
  messages: number;
  /** Of its messages, those that a queue of work gave up: they can go back there. The others hold a place in a stream. */
  returnable: number;
  /** RFC 3339; when the oldest of them came here. */
  oldest?: string;
}

/** The dead letters of the stack: to be seen, and to be given back once the cause is mended. */
export class DeadLetterOffice {
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #consumed: ReadonlySet<string>;

  /** @param consumed names of the queues that somebody works off */
  constructor(queues: ReadonlyMap<string, Queue>, consumed: ReadonlySet<string>) {
    this.#queues = queues;
    this.#consumed = consumed;
  }

  list(): DeadLetters[] {
    return [...this.#queues.values()].filter((queue) => this.#isEnd(queue)).map(lettersOf);
  }

  /**
   * How many went back to the queues that they came from; nothing where there is no such dead-letter queue.
   * @param name in full, or as the template calls its place: `OutreachPlanDeadLetters`
   */
  async redrive(name: string): Promise<number | undefined> {
    const queue = [...this.#queues.values()].find(
      (one) => this.#isEnd(one) && (one.settings.name === name || one.settings.name.includes(`-${name}Queue`)),
    );
    return queue?.giveBack((from) => this.#queues.get(from));
  }

  #isEnd({ settings }: Queue): boolean {
    return !this.#consumed.has(settings.name);
  }
}

function lettersOf(queue: Queue): DeadLetters {
  const letters = [...queue.peek()];
  const oldest = letters.reduce((least, { sentAt }) => Math.min(least, sentAt), Number.POSITIVE_INFINITY);
  return {
    queue: queue.settings.name,
    messages: letters.length,
    returnable: letters.filter(({ from }) => from !== undefined).length,
    ...(letters.length > 0 ? { oldest: new Date(oldest).toISOString() } : {}),
  };
}
