import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `lost`: the connection ends instead of an answer; `silent`: none comes; `halting`: it begins and goes no further. */
export type PlannedAnswer =
  | { status?: number; body?: unknown; text?: string; headers?: Record<string, string> }
  | 'lost'
  | 'silent'
  | 'halting';

export interface ReceivedCall {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A service on the loopback that gives the answers that were planned, then empty ones. */
export async function startService() {
  const calls: ReceivedCall[] = [];
  const planned: PlannedAnswer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const answer = planned.shift() ?? {};
      if (answer === 'silent') return;
      if (answer === 'lost') return void request.socket.destroy();
      if (answer === 'halting') {
        response.writeHead(200, { 'content-length': 100 });
        return void response.write('{');
      }
      response.writeHead(answer.status ?? 200, answer.headers);
      response.end(answer.text ?? JSON.stringify(answer.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    planned,
    forget() {
      calls.length = 0;
      planned.length = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A refusal of DynamoDB. */
export function refusal(
  type: string,
  more: { status?: number; message?: string; fields?: object } = {},
): PlannedAnswer {
  const { status = 400, message = 'no', fields } = more;
  return { status, body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message, ...fields } };
}
