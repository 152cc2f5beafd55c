import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectEndpoint } from '../infra/local/objects.ts';

/** What goes wrong with one call of S3. `lost-answer`: it is done; `cut-short`: half of the answer's body comes. */
export type ObjectFault = 'none' | 'slow-down' | 'lost-answer' | 'cut-short' | 'refused';

export interface ObjectCall {
  method: string;
  /** `measure/9b2e…` */
  name: string;
}

/** The local imitation of S3 with one bucket, and whatever a test wants to go wrong before it. */
export interface Objects {
  url: string;
  bucket: string;
  calls: ObjectCall[];
  /** Asked once for each call; what it throws or rejects with breaks the connection before the call is done. */
  plan: (call: ObjectCall) => ObjectFault | Promise<ObjectFault>;
  /** Names of what is there. */
  names(): string[];
  stop(): Promise<void>;
}

export async function startObjects(bucket = 'run-parts'): Promise<Objects> {
  const folder = mkdtempSync(join(tmpdir(), 'rapport-objects-'));
  const endpoint = await ObjectEndpoint.listen(new Map([[bucket, { folder, longest: Number.POSITIVE_INFINITY }]]));
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const call = { method: incoming.method ?? '', name: String(incoming.url).slice(bucket.length + 2) };
      objects.calls.push(call);
      const fault = await Promise.resolve(call)
        .then(objects.plan)
        .catch(() => 'refused' as const);
      if (fault === 'refused') return void incoming.socket.destroy();
      if (fault === 'slow-down') {
        answer.writeHead(503, { 'content-type': 'application/xml' });
        return void answer.end(
          '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
        );
      }
      const { reply, body } = await passed(endpoint.url, incoming, Buffer.concat(chunks));
      if (fault === 'lost-answer') return void incoming.socket.destroy();
      answer.writeHead(reply.statusCode ?? 500, { ...reply.headers, 'content-length': body.length });
      if (fault !== 'cut-short') return void answer.end(body);
      answer.write(body.subarray(0, body.length / 2), () => incoming.socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const objects: Objects = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    calls: [],
    plan: () => 'none',
    names: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.object'))
        .map((name) => decodeURIComponent(name.slice(0, -'.object'.length)))
        .sort(),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await endpoint.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return objects;
}

function passed(
  url: string,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<{ reply: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method, headers, url: path } = incoming;
    const onward = forward(url + path, { method, headers }, (reply) => {
      const parts: Buffer[] = [];
      reply.on('data', (part: Buffer) => parts.push(part));
      reply.on('end', () => resolve({ reply, body: Buffer.concat(parts) }));
    });
    onward.on('error', reject);
    onward.end(body);
  });
}
