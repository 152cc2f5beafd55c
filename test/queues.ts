import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Queues that keep what they are sent, as SQS answers: each by the last part of its address. */
export interface Queues {
  endpoint: string;
  /** What was sent to a queue and not taken away. */
  of(name: string): string[];
  /** Whether a call is answered. */
  plan: (name: string) => 'taken' | 'refused' | 'hanging';
  stop(): void;
}

export async function startQueues(): Promise<Queues> {
  const kept = new Map<string, string[]>();
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { QueueUrl, MessageBody } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      const name = QueueUrl?.split('/').at(-1) ?? '';
      const fate = queues.plan(name);
      if (fate === 'hanging') return;
      if (fate === 'refused') return void incoming.socket.destroy();
      const count = queues.of(name).push(MessageBody ?? '');
      const MD5OfMessageBody = createHash('md5')
        .update(MessageBody ?? '')
        .digest('hex');
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      answer.end(JSON.stringify({ MessageId: `m${count}`, MD5OfMessageBody }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const queues: Queues = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    of(name) {
      const messages = kept.get(name) ?? [];
      kept.set(name, messages);
      return messages;
    },
    plan: () => 'taken',
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return queues;
}
