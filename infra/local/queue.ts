import { createHash, randomUUID } from 'node:crypto';
import { type Place, pop, push } from './heap.ts';
import { Journal } from './journal.ts';

export interface QueueSettings {
  name: string;
  arn: string;
  /** Seconds that a received message is hidden from others. */
  visibilityTimeout: number;
  /** Seconds. */
  delay: number;
  /** Where a message goes that was received `maxReceiveCount` times and not deleted. */
  redrive?: { queue: () => Queue; maxReceiveCount: number };
}

export interface Message {
  id: string;
  body: string;
  /** Message attributes in their wire form, untouched. */
  attributes: Record<string, unknown> | undefined;
  /** Milliseconds since 1970. */
  sentAt: number;
  /** Milliseconds since 1970; before it the message is not given out. */
  notBefore: number;
  receiveCount: number;
  firstReceivedAt: number | undefined;
  /** Of a dead letter: name of the queue that gave it up. */
  from?: string;
}

export interface Received extends Message {
  receiptHandle: string;
}

type Entry =
  | { put: Omit<Message, 'receiveCount' | 'firstReceivedAt'> & Partial<Message> }
  | { received: string; count: number; at: number }
  | { hidden: string; until: number }
  | { deleted: string }
  | { purged: true };

interface Held {
  message: Message;
  /** Monotonic milliseconds from which the message may be given out. */
  due: number;
  /** Rises with every change of `due`: older places in the heap no longer count. */
  turn: number;
  inFlight: boolean;
  /** It failed at least once and waits for its next turn. */
  retried: boolean;
}

/** SQS's quota for one message and for one batch. */
export const maximumMessageBytes = 1_048_576;

/**
 * A queue as SQS has it (at least once, visibility time-out, receive count, redrive), on a journal: a message that was
 * accepted survives the end of the process. What was in flight then is given out again at once, but for what somebody had
 * put off by changing its visibility.
 */
export class Queue {
  readonly settings: QueueSettings;
  readonly #held = new Map<string, Held>();
  readonly #heap: (Place & { id: string; turn: number })[] = [];
  #journal!: Journal<Entry>;
  #order = 0;
  #waiters: { wake(): void }[] = [];
  #closed = false;
  /** Rises with every message that is sent. */
  sent = 0;

  private constructor(settings: QueueSettings) {
    this.settings = settings;
  }

  static async open(path: string, settings: QueueSettings): Promise<Queue> {
    const queue = new Queue(settings);
    const messages = new Map<string, Message>();
    queue.#journal = await Journal.open<Entry>(path, {
      replay: (entry) => replay(messages, entry),
      snapshot: () => (queue.#held.size > 0 || messages.size === 0 ? queue.#snapshot() : puts(messages.values())),
    });
    const now = Date.now();
    for (const message of messages.values()) {
      // The clock may have been set back since: nothing waits longer than it was meant to.
      const wait = Math.min(Math.max(0, message.notBefore - now), Math.max(0, message.notBefore - message.sentAt));
      queue.#hold(message, performance.now() + wait);
    }
    messages.clear();
    return queue;
  }

  /** Resolves once the message is durable. */
  async send(
    body: string,
    options: { delaySeconds?: number; attributes?: Record<string, unknown> | undefined; from?: string } = {},
  ) {
    const delay = (options.delaySeconds ?? this.settings.delay) * 1000;
    const sentAt = Date.now();
    const message: Message = {
      id: randomUUID(),
      body,
      attributes: options.attributes,
      sentAt,
      notBefore: sentAt + delay,
      receiveCount: 0,
      firstReceivedAt: undefined,
      ...(options.from === undefined ? {} : { from: options.from }),
    };
    const held: Held = { message, due: Number.POSITIVE_INFINITY, turn: 0, inFlight: false, retried: false };
    this.#held.set(message.id, held);
    try {
      await this.#journal.append({ put: message });
    } catch (error) {
      this.#held.delete(message.id);
      throw error;
    }
    this.sent++;
    this.#place(held, performance.now() + delay);
    return { id: message.id, md5: md5(body) };
  }

  /** Up to `max` messages; waits up to `waitMs` for the first. Messages past their last receipt go to the dead-letter queue instead. */
  async receive(max: number, waitMs: number, visibilityTimeout = this.settings.visibilityTimeout): Promise<Received[]> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      if (this.#closed) return [];
      const taken = await this.#take(max, visibilityTimeout);
      if (taken.length > 0 || performance.now() >= deadline) return taken;
      await this.#wait(deadline);
    }
  }

  /** Resolves once the deletion is written; an unknown or outdated receipt is no error, as with SQS. */
  async delete(receiptHandle: string): Promise<void> {
    const { id } = readReceipt(receiptHandle);
    if (this.#held.delete(id)) await this.#journal.jot({ deleted: id });
  }

  /** @returns false where the message is no longer in flight under this receipt */
  changeVisibility(receiptHandle: string, seconds: number): boolean {
    const held = this.#inFlight(receiptHandle);
    if (!held) return false;
    held.retried = true;
    held.message.notBefore = Date.now() + seconds * 1000;
    this.#place(held, performance.now() + seconds * 1000, seconds > 0);
    // Not awaited: a wait that is lost with the process only means that the next try comes early.
    this.#journal.jot({ hidden: held.message.id, until: held.message.notBefore }).catch(() => undefined);
    return true;
  }

  /** Whoever received the message will not delete it: it comes again when its time-out ends, and until then nobody works on it. */
  leave(receiptHandle: string): void {
    const held = this.#inFlight(receiptHandle);
    if (held) held.retried = true;
  }

  #inFlight(receiptHandle: string): Held | undefined {
    const { id, receipt } = readReceipt(receiptHandle);
    const held = this.#held.get(id);
    return held?.inFlight && held.message.receiveCount === receipt ? held : undefined;
  }

  async purge(): Promise<void> {
    this.#held.clear();
    await this.#journal.append({ purged: true });
  }

  /** `pending` are the messages that will be worked off without waiting: due and never failed, or just being worked on. */
  counts(): { visible: number; inFlight: number; delayed: number; pending: number; total: number } {
    const now = performance.now();
    const counts = { visible: 0, inFlight: 0, delayed: 0, pending: 0, total: this.#held.size };
    for (const { due, inFlight, retried } of this.#held.values()) {
      const hidden = due > now;
      if (hidden && inFlight) counts.inFlight++;
      else if (hidden) counts.delayed++;
      else counts.visible++;
      if (hidden ? inFlight && !retried : true) counts.pending++;
    }
    return counts;
  }

  /** Of a dead-letter queue: gives each message back to the queue that gave it up, and tells how many; others stay. */
  async giveBack(find: (name: string) => Queue | undefined): Promise<number> {
    let back = 0;
    for (const held of [...this.#held.values()]) {
      const target = held.message.from === undefined ? undefined : find(held.message.from);
      if (!target || held.due === Number.POSITIVE_INFINITY) continue;
      held.due = Number.POSITIVE_INFINITY;
      held.turn++;
      await this.#move(held, target, {});
      back++;
    }
    return back;
  }

  /** Messages in the order in which they were sent, without receiving them. */
  *peek(): Iterable<Message> {
    for (const { message } of this.#held.values()) yield message;
  }

  /** Gives nothing out any more; what was given out can still be deleted. */
  halt(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.wake();
  }

  async close(): Promise<void> {
    this.halt();
    await this.#journal.close();
  }

  async #take(max: number, visibilityTimeout: number): Promise<Received[]> {
    const now = performance.now();
    const taken: Received[] = [];
    const spent: Held[] = [];
    while (taken.length < max) {
      const next = this.#heap[0];
      if (!next || next.due > now) break;
      pop(this.#heap);
      const held = this.#held.get(next.id);
      if (!held || held.turn !== next.turn) continue;
      if (this.settings.redrive && held.message.receiveCount >= this.settings.redrive.maxReceiveCount) {
        held.due = Number.POSITIVE_INFINITY;
        spent.push(held);
        continue;
      }
      taken.push(this.#give(held, now + visibilityTimeout * 1000));
    }
    for (const held of spent) await this.#redrive(held);
    return taken;
  }

  #give(held: Held, until: number): Received {
    const { message } = held;
    held.retried = false;
    message.receiveCount++;
    message.firstReceivedAt ??= Date.now();
    this.#place(held, until, true);
    // Not awaited: a count that is lost with the process only means one more try.
    this.#journal
      .jot({ received: message.id, count: message.receiveCount, at: message.firstReceivedAt })
      .catch(() => undefined);
    return { ...message, receiptHandle: `${message.id}:${message.receiveCount}` };
  }

  async #redrive(held: Held): Promise<void> {
    const target = this.settings.redrive?.queue();
    if (target) await this.#move(held, target, { from: this.settings.name });
  }

  async #move({ message: { id, body, attributes } }: Held, target: Queue, options: { from?: string }): Promise<void> {
    await target.send(body, { attributes, ...options });
    this.#held.delete(id);
    await this.#journal.jot({ deleted: id });
  }

  #hold(message: Message, due: number): void {
    const held = { message, due, turn: 0, inFlight: false, retried: message.receiveCount > 0 };
    this.#held.set(message.id, held);
    this.#place(held, due);
  }

  #place(held: Held, due: number, inFlight = false): void {
    held.due = due;
    held.turn++;
    held.inFlight = inFlight;
    push(this.#heap, { due, order: this.#order++, id: held.message.id, turn: held.turn });
    for (const waiter of this.#waiters.splice(0)) waiter.wake();
  }

  /** Until a message is sent, the next one falls due, or the deadline. */
  #wait(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const next = Math.min(deadline, this.#heap[0]?.due ?? deadline);
      const timer = setTimeout(() => wake(), Math.max(1, Math.min(next - performance.now(), 60_000)));
      const wake = () => {
        clearTimeout(timer);
        const index = this.#waiters.findIndex((waiter) => waiter.wake === wake);
        if (index !== -1) this.#waiters.splice(index, 1);
        resolve();
      };
      this.#waiters.push({ wake });
    });
  }

  *#snapshot(): Iterable<Entry> {
    yield* puts([...this.#held.values()].map(({ message }) => message));
  }
}

function* puts(messages: Iterable<Message>): Iterable<Entry> {
  for (const message of messages) yield { put: message };
}

function replay(messages: Map<string, Message>, entry: Entry): void {
  if ('put' in entry) {
    const { put } = entry;
    messages.set(put.id, {
      ...put,
      attributes: put.attributes,
      receiveCount: put.receiveCount ?? 0,
      firstReceivedAt: put.firstReceivedAt,
    });
  } else if ('received' in entry) {
    const message = messages.get(entry.received);
    if (message) {
      message.receiveCount = entry.count;
      message.firstReceivedAt = entry.at;
    }
  } else if ('hidden' in entry) {
    const message = messages.get(entry.hidden);
    if (message) message.notBefore = entry.until;
  } else if ('deleted' in entry) messages.delete(entry.deleted);
  else messages.clear();
}

function readReceipt(handle: string): { id: string; receipt: number } {
  const [id = '', receipt] = handle.split(':');
  return { id, receipt: Number(receipt) };
}

export function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex');
}
