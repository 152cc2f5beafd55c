import { connect, type Socket } from 'node:net';
import { shop, signedOrder } from './shopify-orders.ts';
import { type PostingOptions, postingOf } from './storefronts/posting.ts';
import { type Headers, type Keys, type Message, signer } from './storefronts/signing.ts';

/** Who posts: a process of its own, so that it takes nothing of the server's threads. */
export interface LoadOrder {
  url: string;
  concurrency: number;
  what: Checkouts | Storefronts;
}

export interface Checkouts {
  secret: string;
  /** Numbers of the orders, from the first to before the last. */
  orders: { from: number; to: number };
  customers: number;
}

export interface Storefronts {
  posting: PostingOptions;
  keys: Keys;
}

export interface LoadResult {
  seconds: number;
  /** How many were answered with each status: `recorded`, `duplicate`, … or the HTTP status of a refusal. */
  answers: Record<string, number>;
  /** Milliseconds. */
  latency: { p50: number; p99: number; most: number };
}

interface Ready {
  path: string;
  headers: Headers;
  body: string;
}

process.once('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run({ url, concurrency, what }: LoadOrder): Promise<LoadResult> {
  // Written and, as far as no time is signed, signed before the time begins: that is the shop's work.
  const ready = 'orders' in what ? checkouts(what) : storefronts(what);
  const answers: Record<string, number> = {};
  const latencies: number[] = [];
  let next = 0;
  const work = async (connection: Connection) => {
    for (let order = ready[next++]; order; order = ready[next++]) {
      const sent = performance.now();
      const answer = await connection.post(order);
      latencies.push(performance.now() - sent);
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  };
  const connections = Array.from({ length: concurrency }, () => new Connection(url));
  const begun = performance.now();
  await Promise.all(connections.map(work));
  const seconds = (performance.now() - begun) / 1000;
  for (const connection of connections) connection.end();
  latencies.sort((a, b) => a - b);
  const share = (part: number) => latencies[Math.min(ready.length - 1, Math.floor(ready.length * part))] ?? 0;
  return { seconds, answers, latency: { p50: share(0.5), p99: share(0.99), most: share(1) } };
}

function checkouts({ secret, orders, customers }: Checkouts): Ready[] {
  // Up to now: known customers buy after they became known.
  const at = Date.now() - orders.to;
  return Array.from({ length: orders.to - orders.from }, (_, index) => {
    const number = orders.from + index;
    const { headers, body } = signedOrder(number, number % customers, at + number, secret);
    return { path: shop.path, headers: () => headers, body };
  });
}

function storefronts({ posting, keys }: Storefronts): Ready[] {
  const sign = signer(keys);
  const signed = new Map<Message, Ready>();
  return postingOf(posting).messages.map((message) => {
    const one = signed.get(message) ?? {
      path: `/v1/webhooks/${message.shop}`,
      headers: sign(message),
      body: message.body,
    };
    signed.set(message, one);
    return one;
  });
}

/**
 * A connection that posts one message at a time. Of HTTP it knows what the gateway answers with and no more: a client
 * that knows all of it takes a millisecond of the two cores for each message, a seventh of what is measured.
 */
class Connection {
  readonly #socket: Socket;
  #received = '';
  #waiting: { resolve(answer: string): void; reject(error: Error): void } | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('utf8').on('data', (chunk: string) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the gateway closed a connection')));
  }

  /** `recorded`, `duplicate`, … or the HTTP status of a refusal. */
  post({ path, headers, body }: Ready): Promise<string> {
    const signed = headers(Math.floor(Date.now() / 1000));
    const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = Buffer.byteLength(body);
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${length}\r\n${lines.join('')}\r\n`;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(head + body);
    });
  }

  end(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#received.slice(0, end);
    const text = this.#received.slice(end + 4);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
    if (Buffer.byteLength(text) < length) return;
    this.#received = '';
    const status = head.split(' ')[1] ?? '';
    if (Number.isNaN(length)) this.#waiting?.reject(new Error(`an answer ${status} without a content-length`));
    else this.#waiting?.resolve(status === '202' ? (JSON.parse(text) as { status: string }).status : status);
  }
}
