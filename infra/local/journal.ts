import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * What a journal holds is the fold of its lines: `replay` takes one line, `snapshot` gives the lines that are still
 * needed. A change is made in the state first and then appended, so that a snapshot never lacks what waits to be written.
 */
export interface JournalState<Entry> {
  replay(entry: Entry): void;
  snapshot(): Iterable<Entry>;
}

/**
 * An append-only file of JSON lines. {@link append} resolves once the line is on the disk; lines that come together
 * share one write and one fdatasync. The file is written anew once most of its lines have become pointless.
 *
 * A line that cannot be read is what a power cut leaves of writes that were never acknowledged: it is skipped.
 */
export class Journal<Entry extends object> {
  readonly #path: string;
  readonly #state: JournalState<Entry>;
  #file: FileHandle;
  #waiting: { text: string; durable: boolean; done(): void; failed(error: unknown): void }[] = [];
  #flushing: Promise<void> | undefined;
  #lines = 0;
  #live = 0;
  #closed = false;
  /** After a failed write the file may end within a line: the next write begins a new one. */
  #torn = false;

  private constructor(path: string, state: JournalState<Entry>, file: FileHandle) {
    this.#path = path;
    this.#state = state;
    this.#file = file;
  }

  static async open<Entry extends object>(path: string, state: JournalState<Entry>): Promise<Journal<Entry>> {
    const found = existsSync(path) ? await readFile(path, 'utf8') : '';
    for (const line of found.split('\n')) {
      const entry = readLine<Entry>(line);
      if (entry) state.replay(entry);
    }
    const { file, lines } = await writeAnew(path, state.snapshot());
    const journal = new Journal(path, state, file);
    journal.#lines = lines;
    journal.#live = lines;
    return journal;
  }

  /** Resolves when the entry is durable; rejects where it could not be kept. */
  append(entry: Entry): Promise<void> {
    return this.#add(entry, true);
  }

  /**
   * Keeps what only spares repetition: it outlives this process once it is written, but a power cut may take it, so
   * that no write has to wait for the disk on its behalf.
   */
  jot(entry: Entry): Promise<void> {
    return this.#add(entry, false);
  }

  #add(entry: Entry, durable: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the journal is closed'));
    this.#lines++;
    const text = `${JSON.stringify(entry)}\n`;
    return new Promise((done, failed) => {
      this.#waiting.push({ text, durable, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    // Whatever is appended within the same turn of the event loop goes into the same write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#lines > 2 * this.#live + 10_000) await this.#compact();
        else
          await this.#write(
            group.map(({ text }) => text).join(''),
            group.some(({ durable }) => durable),
          );
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#flushing = undefined;
  }

  async #write(text: string, durable: boolean): Promise<void> {
    const start = this.#torn ? '\n' : '';
    this.#torn = true;
    await this.#file.appendFile(start + text);
    if (durable) await this.#file.datasync();
    this.#torn = false;
  }

  /** The state already includes the entries that wait to be written, so the snapshot stands for them. */
  async #compact(): Promise<void> {
    const { file, lines } = await writeAnew(this.#path, this.#state.snapshot());
    const old = this.#file;
    this.#file = file;
    this.#lines = lines;
    this.#live = lines;
    await old.close();
  }
}

function readLine<Entry>(line: string): Entry | undefined {
  if (line === '') return undefined;
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}

async function writeAnew(path: string, entries: Iterable<object>): Promise<{ file: FileHandle; lines: number }> {
  const next = `${path}.next`;
  const file = await open(next, 'w');
  let lines = 0;
  let part = '';
  for (const entry of entries) {
    part += `${JSON.stringify(entry)}\n`;
    lines++;
    if (part.length > 1_000_000) {
      await file.appendFile(part);
      part = '';
    }
  }
  if (part !== '') await file.appendFile(part);
  await file.datasync();
  await rename(next, path);
  await syncFolder(dirname(path));
  return { file, lines };
}

/** A rename is durable once its folder is; not every system lets a folder be opened (Windows). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
