import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

export interface EngineAddress {
  /** `http://127.0.0.1:8000` */
  url: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** An answer with a status other than 200. `code` is the type without its namespace, as `ResourceNotFoundException`. */
export class EngineError extends Error {
  override name = 'EngineError';
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export type EngineCall = <Answer>(target: string, input: object) => Promise<Answer>;

/**
 * Calls DynamoDB and its streams in their JSON 1.0 protocol, without the SDK: a stream record in that form is, field by
 * field, what a Lambda function is given, so nothing has to be taken apart and put together again.
 * Signed (Signature Version 4), as other engines than the embedded one may check.
 */
export function engineClient(engine: EngineAddress): { call: EngineCall; close(): void } {
  const url = new URL(engine.url);
  const transport = url.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: 16 });

  const call: EngineCall = (target, input) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify(input);
      const request = transport.request(
        {
          agent,
          host: url.hostname,
          port: url.port,
          path: url.pathname,
          method: 'POST',
          timeout: 15_000,
          headers: { 'content-length': Buffer.byteLength(body), ...sign(engine, url.host, target, body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            try {
              const text = Buffer.concat(chunks).toString('utf8');
              if (response.statusCode === 200) resolve(JSON.parse(text));
              else reject(failure(response.statusCode ?? 0, text));
            } catch (cause) {
              reject(cause);
            }
          });
        },
      );
      request.on('timeout', () => request.destroy(new Error(`${target} had no answer within 15 s`)));
      request.on('error', reject);
      request.end(body);
    });

  return { call, close: () => agent.destroy() };
}

function failure(status: number, text: string): EngineError {
  const start = text.trimStart();
  if (!start.startsWith('{')) return new EngineError('Unknown', status, `status ${status}`);
  const { __type = 'Unknown', message, Message } = JSON.parse(start) as Record<string, string | undefined>;
  return new EngineError(__type.split('#').pop() ?? __type, status, message ?? Message ?? __type);
}

const contentType = 'application/x-amz-json-1.0';

function sign(engine: EngineAddress, host: string, target: string, body: string): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    'content-type': contentType,
    host,
    'x-amz-date': time,
    ...(engine.sessionToken ? { 'x-amz-security-token': engine.sessionToken } : {}),
    'x-amz-target': target,
  };
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(';');
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    signedHeaders,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
  const scope = `${time.slice(0, 8)}/${engine.region}/dynamodb/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope
    .split('/')
    .reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${engine.secretAccessKey}`);
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${engine.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${hmac(key, toSign).toString('hex')}`,
  };
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
