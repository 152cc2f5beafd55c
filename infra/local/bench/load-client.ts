import { Agent, request } from 'node:http';
import { type SignedOrder, signedOrder } from './shopify-orders.ts';

/** Who posts: a process of its own, so that it takes nothing of the server's threads. */
export interface LoadOrder {
  url: string;
  secret: string;
  concurrency: number;
  /** Numbers of the orders, from the first to before the last. */
  orders: { from: number; to: number };
  customers: number;
}

export interface LoadResult {
  seconds: number;
  /** How many were answered with each status: `recorded`, `duplicate`, … or the HTTP status of a refusal. */
  answers: Record<string, number>;
  /** Milliseconds. */
  latency: { p50: number; p99: number; most: number };
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

async function run({ url, secret, concurrency, orders, customers }: LoadOrder): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const at = Date.now() - 3_600_000;
  const count = orders.to - orders.from;
  // Signed before the time begins: that is the shop's work.
  const ready = Array.from({ length: count }, (_, index) => {
    const number = orders.from + index;
    return signedOrder(number, number % customers, at + number, secret);
  });
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
  const share = (part: number) => latencies[Math.min(count - 1, Math.floor(count * part))] ?? 0;
  return { seconds, answers, latency: { p50: share(0.5), p99: share(0.99), most: share(1) } };
}

function post(url: string, { headers, body }: SignedOrder, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', headers, agent }, (answer) => {
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
