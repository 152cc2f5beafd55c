import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

export interface Waiting {
  messageId: string;
  body: string;
  tries: number;
  /** Seconds that it was put off by, try after try. */
  waits: number[];
}

type Worker = (event: SQSEvent) => Promise<SQSBatchResponse>;

/** The retry queue without its waits: keeps what it is sent, and notes how long each try was put off. */
export interface RetryQueue {
  endpoint: string;
  waiting: Waiting[];
  /** Puts a message in that no function sent. */
  put(body: string): void;
  /** Gives each waiting message out once, and drops those that succeed. */
  work(worker?: Worker): Promise<void>;
  /** Until nothing waits any more. */
  workAll(worker?: Worker): Promise<void>;
  stop(): Promise<void>;
}

export async function startRetryQueue(): Promise<RetryQueue> {
  let sent = 0;
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      answer.end(JSON.stringify(act(String(incoming.headers['x-amz-target']), input)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const put = (body: string) => queue.waiting.push({ messageId: `m${sent++}`, body, tries: 0, waits: [] });
  const act = (target: string, input: Record<string, string>): object => {
    if (target.endsWith('.SendMessage')) {
      // What is to be kept goes to a queue of its own, which nobody works off here.
      if (input.QueueUrl?.endsWith('/retry')) put(input.MessageBody ?? '');
      return {
        MessageId: `m${sent}`,
        MD5OfMessageBody: createHash('md5')
          .update(input.MessageBody ?? '')
          .digest('hex'),
      };
    }
    const message = queue.waiting.find(({ messageId }) => messageId === input.ReceiptHandle);
    message?.waits.push(Number(input.VisibilityTimeout));
    return {};
  };
  const queue: RetryQueue = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting: [],
    put,
    async work(worker = retryWorker) {
      for (const message of [...queue.waiting]) {
        message.tries++;
        const { messageId, body, tries } = message;
        const record = {
          messageId,
          receiptHandle: messageId,
          body,
          attributes: { ApproximateReceiveCount: `${tries}` },
        };
        const { batchItemFailures } = await worker({ Records: [record] } as unknown as SQSEvent);
        // Another worker may have been given it at the same time.
        if (batchItemFailures.length === 0 && queue.waiting.includes(message))
          queue.waiting.splice(queue.waiting.indexOf(message), 1);
      }
    },
    async workAll(worker) {
      for (let round = 0; queue.waiting.length > 0; round++) {
        if (round === 12) throw new Error('the queue is never worked off');
        await queue.work(worker);
      }
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return queue;
}

const retryWorker: Worker = async (event) => (await import('../../functions/webhooks/retry.ts')).handler(event);
