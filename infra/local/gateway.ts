import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { LocalFunction, Outcome } from './functions.ts';
import { gatewayEvent } from './gateway-event.ts';
import { type Match, type Route, router } from './gateway-routes.ts';
import type { Log } from './log.ts';
import { StartError } from './start-error.ts';

const maximumBody = 10 * 1024 * 1024;
/** The longest that an HTTP API waits for its integration, in milliseconds. Here it waits as long as the function may run. */
const integrationTimeout = 30_000;

/** Answers the stack's own pages below `/_local/`; false where there is no such page. */
export type LocalPages = (request: http.IncomingMessage, response: http.ServerResponse) => Promise<boolean>;

export interface GatewayOptions {
  /** 0 chooses a free one. */
  port: number;
  apiId: string;
  account: string;
  log: Log;
}

/** The HTTP API of the template on 127.0.0.1. */
export class Gateway {
  readonly #server: http.Server;
  readonly #options: GatewayOptions;
  #route: ((method: string, path: string) => Match<LocalFunction>) | undefined;
  #pages: LocalPages | undefined;
  #before: ((routeKey: string) => Promise<unknown>) | undefined;
  readonly #underWay = new Set<Promise<void>>();

  private constructor(options: GatewayOptions) {
    this.#options = options;
    this.#server = http.createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 });
    this.#server.maxHeadersCount = 200;
    this.#server.on('request', (request, response) => this.#accept(request, response));
  }

  /**
   * Listens at once, so that a port that is taken is known early; until {@link open} it answers 503.
   * @throws StartError where the port is taken
   */
  static async listen(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    await new Promise<void>((resolve, reject) => {
      gateway.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new StartError(`port ${options.port} is in use: stop what listens there, or choose another with PORT`)
            : error,
        ),
      );
      gateway.#server.listen(options.port, '127.0.0.1', resolve);
    });
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param before awaited before a call of this route is handed on */
  open(
    routes: readonly Route<LocalFunction>[],
    pages: LocalPages,
    before?: (routeKey: string) => Promise<unknown>,
  ): void {
    this.#route = router(routes);
    this.#pages = pages;
    this.#before = before;
  }

  /** Takes no more calls, and waits for those under way for so many milliseconds. */
  async close(patience: number): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await Promise.race([Promise.all(this.#underWay), new Promise((resolve) => setTimeout(resolve, patience).unref())]);
    this.#server.closeAllConnections();
    await closed;
  }

  #accept(request: http.IncomingMessage, response: http.ServerResponse): void {
    const work = this.#answer(request, response)
      .catch((error: unknown) => {
        this.#options.log.error(`gateway: ${error instanceof Error ? error.name : 'failure'} at ${request.method}`);
        if (response.headersSent) response.destroy();
        else reply(response, 500, 'Internal Server Error');
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (!this.#route || !this.#pages) return reply(response, 503, 'Service Unavailable');
    if (path.startsWith('/_local/') && (await this.#pages(request, response))) return;
    const match = this.#route(request.method ?? 'GET', path);
    if (match.kind === 'none') return refuse(request, response, 404, 'Not Found');
    if (match.kind === 'otherMethods') {
      response.setHeader('allow', match.allow.join(', '));
      return refuse(request, response, 405, 'Method Not Allowed');
    }
    const body = await readBody(request);
    if (body === 'aborted') return void response.destroy();
    if (body === 'tooLarge') return refuse(request, response, 413, 'Request Entity Too Large');
    const { apiId, account } = this.#options;
    const event = gatewayEvent(request, body, match.route, { apiId, account, now: new Date() });
    await this.#before?.(match.route.routeKey);
    const patience = Math.max(integrationTimeout, match.target.settings.timeout * 1000);
    const outcome = await inTime(match.target.invoke(event), patience);
    if (outcome === 'late') return reply(response, 503, 'Service Unavailable');
    if ('failure' in outcome) return reply(response, 500, 'Internal Server Error');
    send(response, outcome.value);
  }
}

function reply(response: http.ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ message });
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

/** Answers without having read the body: the connection cannot be used again. */
function refuse(request: http.IncomingMessage, response: http.ServerResponse, status: number, message: string): void {
  if (!request.complete) response.setHeader('connection', 'close');
  reply(response, status, message);
  request.resume();
}

async function readBody(request: http.IncomingMessage): Promise<Buffer | 'tooLarge' | 'aborted'> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBody) return 'tooLarge';
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maximumBody) {
        request.removeAllListeners('data');
        resolve('tooLarge');
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => resolve('aborted'));
    request.on('close', () => resolve('aborted'));
  });
}

async function inTime(invocation: Promise<Outcome>, patience: number): Promise<Outcome | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), patience);
  });
  return Promise.race([invocation, late]).finally(() => clearTimeout(timer));
}

/** A result with a status code is an answer; anything else is the body of a 200, as JSON. */
function send(response: http.ServerResponse, value: unknown): void {
  if (typeof value !== 'object' || value === null || !('statusCode' in value)) {
    const body = value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
    return;
  }
  const result = value as APIGatewayProxyStructuredResultV2;
  const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8');
  response.statusCode = Number(result.statusCode);
  response.setHeader('content-type', 'text/plain;charset=utf-8');
  for (const [name, header] of Object.entries(result.headers ?? {})) response.setHeader(name, String(header));
  if (result.cookies && result.cookies.length > 0) response.setHeader('set-cookie', result.cookies);
  if (response.statusCode !== 204 && response.statusCode !== 304) response.setHeader('content-length', body.length);
  response.end(body);
}
