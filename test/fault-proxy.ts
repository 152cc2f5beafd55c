import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with one call between a client and its DynamoDB. */
export type Fault =
  | 'none'
  | 'throttled'
  | 'server-error'
  | 'conflict'
  | 'lost-answer'
  /** The same from an engine that ends with it: the token of a transaction is forgotten as well. */
  | 'forgotten-answer'
  | 'unprocessed'
  | 'refused'
  /** Takes the call and never answers. */
  | 'hanging';

export interface FaultProxy {
  endpoint: string;
  /** Asked once for each call, with the operation's name and what it says. */
  plan: (operation: string, body: string) => Fault;
  /** Calls that reached the engine, by operation. */
  calls: Map<string, number>;
  stop(): Promise<void>;
}

/**
 * A proxy before the embedded engine that can throttle, fail, report a conflict, leave reads unprocessed, or do the
 * work and lose the answer.
 */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const calls = new Map<string, number>();
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const operation = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
      const said = Buffer.concat(chunks);
      const fault = proxy.plan(operation, said.toString());
      const body = fault === 'forgotten-answer' ? withoutToken(said) : said;
      const failed = failure(fault, operation, body);
      if (fault === 'refused') return void incoming.socket.destroy();
      if (fault === 'hanging') return;
      if (failed) {
        answer.writeHead(failed.status, { 'content-type': 'application/x-amz-json-1.0' });
        return void answer.end(JSON.stringify(failed.body));
      }
      calls.set(operation, (calls.get(operation) ?? 0) + 1);
      const headers = { ...incoming.headers, host: new URL(target).host, 'content-length': body.length };
      const onward = forward(target, { method: incoming.method, headers }, (reply) => {
        if (fault === 'lost-answer' || fault === 'forgotten-answer') {
          reply.resume();
          return void reply.on('end', () => incoming.socket.destroy());
        }
        answer.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(answer);
      });
      onward.on('error', () => incoming.socket.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan: () => 'none',
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function withoutToken(body: Buffer): Buffer {
  const { ClientRequestToken: _, ...input } = JSON.parse(body.toString()) as Record<string, unknown>;
  return Buffer.from(JSON.stringify(input));
}

function failure(fault: Fault, operation: string, body: Buffer): { status: number; body: unknown } | undefined {
  const type = (name: string) => `com.amazonaws.dynamodb.v20120810#${name}`;
  if (fault === 'throttled') {
    return { status: 400, body: { __type: type('ProvisionedThroughputExceededException'), message: 'slow down' } };
  }
  if (fault === 'server-error') return { status: 500, body: { __type: type('InternalServerError'), message: 'oh' } };
  if (fault === 'conflict' && operation === 'TransactWriteItems') {
    const CancellationReasons = [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }];
    return {
      status: 400,
      body: { __type: type('TransactionCanceledException'), message: 'cancelled', CancellationReasons },
    };
  }
  if (fault === 'unprocessed' && operation === 'BatchGetItem') {
    return { status: 200, body: { Responses: {}, UnprocessedKeys: JSON.parse(body.toString()).RequestItems } };
  }
  return undefined;
}
