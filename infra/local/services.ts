import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer in the way of AWS's JSON protocols: status 400 and `__type`. */
export class ServiceError extends Error {
  override name = 'ServiceError';
  readonly code: string;
  readonly status: number;
  /** The code of SQS's older protocol, which its clients still look for. */
  readonly query: string | undefined;
  /** What the answer holds beside its type and its message. */
  readonly fields: Record<string, unknown>;
  constructor(
    code: string,
    message: string,
    options: { status?: number; query?: string; fields?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status ?? 400;
    this.query = options.query;
    this.fields = options.fields ?? {};
  }
}

/** @param input the parsed body of the call */
export type Service = (action: string, input: unknown) => Promise<object>;

const maximumBody = 12 * 1024 * 1024;

/**
 * The one server behind the `AWS_ENDPOINT_URL_…` variables. In the JSON protocols `X-Amz-Target` says the service and
 * the action (`AmazonSQS.SendMessage`); REST calls are found by method and path (`POST /v2/email/outbound-emails`).
 */
export class ServiceEndpoint {
  readonly url: string;
  readonly #server: http.Server;
  readonly #services = new Map<string, Service>();

  private constructor(server: http.Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async listen(): Promise<ServiceEndpoint> {
    let endpoint: ServiceEndpoint | undefined;
    const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      endpoint?.handle(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    endpoint = new ServiceEndpoint(server);
    return endpoint;
  }

  /** @param name the target's prefix (`AmazonSQS`), or method and path of a REST call */
  add(name: string, service: Service): void {
    this.#services.set(name, service);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const target = String(request.headers['x-amz-target'] ?? '');
    const dot = target.lastIndexOf('.');
    const rest = `${request.method} ${request.url?.split('?')[0]}`;
    const service = target === '' ? this.#services.get(rest) : this.#services.get(target.slice(0, dot));
    try {
      // Only an SDK signs: a page in a browser cannot set this header on another origin without asking first.
      if (!request.headers.authorization)
        throw new ServiceError('MissingAuthenticationToken', 'the call is not signed', { status: 403 });
      if (!service) throw new ServiceError('UnknownOperationException', `nothing answers ${target || rest} locally`);
      const input = parse(await read(request));
      answer(response, 200, request, await service(target === '' ? rest : target.slice(dot + 1), input));
    } catch (error) {
      const known = error instanceof ServiceError;
      const code = known ? error.code : 'InternalFailure';
      const message = known ? error.message : 'the local service failed';
      if (known && error.query) response.setHeader('x-amzn-query-error', `${error.query};Sender`);
      response.setHeader('x-amzn-errortype', code);
      answer(response, known ? error.status : 500, request, { ...(known && error.fields), __type: code, message });
    }
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw new ServiceError('SerializationException', 'the body is not JSON');
  }
}

async function read(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBody) throw new ServiceError('RequestEntityTooLarge', 'the call is too large', { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: http.ServerResponse, status: number, request: http.IncomingMessage, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': request.headers['content-type'] ?? 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
