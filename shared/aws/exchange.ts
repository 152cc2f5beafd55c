import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { urlToHttpOptions } from 'node:url';
import aws4 from 'aws4';
import { AwsError, noAnswer } from './aws-error.ts';
import type { Access } from './json-call.ts';

/** Times in milliseconds. */
export interface Patience {
  /** Until the whole answer to one attempt is there. */
  requestTimeout: number;
  /** Until a new connection of one attempt is there. */
  connectionTimeout: number;
  maxAttempts: number;
  /** The first wait between attempts is up to this long, each further one up to twice as long as the one before. */
  firstPause: number;
}

export interface Exchange {
  /** What errors call it. */
  target: string;
  method: 'DELETE' | 'GET' | 'POST' | 'PUT';
  /** Behind the path of the service's own address, percent-encoded; empty for that itself. */
  path: string;
  headers: Record<string, string>;
  body?: string | Buffer;
}

export interface Exchanged {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Exchanger {
  /** One attempt, whatever the answer says. @throws AwsError `NoAnswer` */
  exchange(request: Exchange): Promise<Exchanged>;
  /** Ends all connections. */
  close(): void;
}

const longestPause = 5_000;

/** Tries again what passes, after a wait with full jitter. */
export async function repeated<Answer>(
  { maxAttempts, firstPause }: Patience,
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AwsError && error.passing) || count >= maxAttempts) throw error;
    }
    await wait(Math.random() * Math.min(longestPause, firstPause * 2 ** (count - 1)));
  }
}

/**
 * Signed calls (Signature Version 4) over connections that are kept.
 * @param terms `largestAnswer` in bytes
 */
export function exchanger(service: string, access: Access, terms: Patience & { largestAnswer: number }): Exchanger {
  const url = new URL(access.url);
  const protocol = url.protocol === 'https:' ? https : http;
  const agent = new protocol.Agent({ keepAlive: true, maxSockets: 50 });
  const place = { ...urlToHttpOptions(url), agent };
  const root = url.pathname.replace(/\/$/, '');

  function exchange({ target, path: below, method, headers: own, body }: Exchange): Promise<Exchanged> {
    const path = root + below || '/';
    const wanted = { method, path, service, region: access.region, headers: { Host: url.host, ...own } };
    const { headers } = aws4.sign({ ...wanted, ...(body !== undefined && { body }) }, access.credentials());
    return new Promise((resolve, reject) => {
      const request = protocol.request({ ...place, path, method, headers });
      const end = setTimeout(() => giveUp('ETIMEDOUT'), terms.requestTimeout);
      const giveUp = (cause: Error | string) => {
        clearTimeout(end);
        reject(noAnswer(target, cause));
        request.destroy();
      };
      request.on('error', giveUp);
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const connecting = setTimeout(() => giveUp('ETIMEDOUT'), terms.connectionTimeout);
        socket.once(protocol === https ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
        socket.once('close', () => clearTimeout(connecting));
      });
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > terms.largestAnswer) giveUp('EMSGSIZE');
          else chunks.push(chunk);
        });
        response.on('error', giveUp);
        response.once('end', () => {
          clearTimeout(end);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      request.end(body);
    });
  }

  return { exchange, close: () => agent.destroy() };
}
