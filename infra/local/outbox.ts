import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeaders } from './mail.ts';
import { ServiceError } from './services.ts';

export interface OutboxEntry {
  id: string;
  to: string;
  from: string;
  subject: string;
  date: string;
  /** When SES took it, by the wall clock; RFC 3339. */
  receivedAt: string;
  href: string;
}

/** The end of every e-mail on one machine: a folder of messages, as they would have left. */
export class Outbox {
  readonly #folder: string;
  /** By identifier, in the order of arrival; what an earlier process kept is read when somebody asks for it. */
  readonly #entries: Map<string, OutboxEntry | undefined>;
  #next: number;

  private constructor(folder: string, ids: readonly string[]) {
    this.#folder = folder;
    this.#entries = new Map(ids.map((id) => [id, undefined]));
    this.#next = Math.max(0, ...ids.slice(-1).map((id) => Number(id.split('-')[0]))) + 1;
  }

  static async open(folder: string): Promise<Outbox> {
    await mkdir(folder, { recursive: true });
    const files = (await readdir(folder)).filter((name) => /^\d+-[\w-]+\.eml$/.test(name));
    const number = (name: string) => Number(name.split('-')[0]);
    return new Outbox(
      folder,
      files.sort((a, b) => number(a) - number(b)).map((name) => name.slice(0, -4)),
    );
  }

  /** Newest first. */
  async list(): Promise<OutboxEntry[]> {
    for (const [id, entry] of this.#entries)
      if (!entry) this.#entries.set(id, entryOf(id, await readFile(join(this.#folder, `${id}.eml`))));
    return [...this.#entries.values()].filter((entry) => entry !== undefined).reverse();
  }

  get count(): number {
    return this.#entries.size;
  }

  async read(id: string): Promise<Buffer | undefined> {
    const path = join(this.#folder, `${id}.eml`);
    return /^\d+-[\w-]+$/.test(id) && existsSync(path) ? readFile(path) : undefined;
  }

  /** SES v2's `SendEmail` with a raw message: `POST /v2/email/outbound-emails`. */
  readonly service = async (_action: string, input: unknown): Promise<object> => {
    const { Content } = input as { Content?: { Raw?: { Data?: string } } };
    const data = Content?.Raw?.Data;
    if (!data) throw new ServiceError('BadRequestException', 'the local SES takes raw messages only');
    const message = Buffer.from(data, 'base64');
    if (message.length > 40 * 1024 * 1024) throw new ServiceError('BadRequestException', 'a message has at most 40 MB');
    const { to, from } = readHeaders(message);
    if (!to || !from) throw new ServiceError('BadRequestException', 'a message has a sender and a recipient');
    return { MessageId: await this.#keep(message) };
  };

  /** Complete or not at all: written beside its place, made durable, then renamed. */
  async #keep(message: Buffer): Promise<string> {
    const kept = stamped(message);
    const messageId = randomUUID();
    const id = `${String(this.#next++).padStart(6, '0')}-${messageId}`;
    const path = join(this.#folder, `${id}.eml`);
    const file = await open(`${path}.part`, 'w');
    try {
      await file.writeFile(kept);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
    this.#entries.set(id, entryOf(id, kept));
    return messageId;
  }
}

/** SES adds headers of its own in front as well; this one says when it took the message. */
function stamped(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`X-Local-Received: ${new Date().toISOString()}\r\n`), message]);
}

function entryOf(id: string, message: Buffer): OutboxEntry {
  const headers = readHeaders(message);
  return {
    id,
    to: headers.to,
    from: headers.from,
    subject: headers.subject,
    date: headers.date,
    receivedAt: headers['x-local-received'],
    href: `/_local/outbox/${id}`,
  };
}
