import { Agent, request } from 'node:http';
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
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  // Written and, as far as no time is signed, signed before the time begins: that is the shop's work.
  const ready = 'orders' in what ? checkouts(what) : storefronts(what);
  const answers: Record<string, number> = {};
  const latencies: number[] = [];
  let next = 0;
  const work = async () => {
    for (let order = ready[next++]; order; order = ready[next++]) {
      const sent = performance.now();
      const answer = await post(url, order, agent);
      latencies.push(performance.now() - sent);
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, work));
  const seconds = (performance.now() - begun) / 1000;
  agent.destroy();
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

function post(url: string, { path, headers, body }: Ready, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const signed = headers(Math.floor(Date.now() / 1000));
    const call = request(url + path, { method: 'POST', headers: signed, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => {
        if (answer.statusCode !== 202) return resolve(String(answer.statusCode));
        resolve((JSON.parse(text) as { status: string }).status);
      });
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}
