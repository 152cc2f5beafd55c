import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { Problem } from '../engine/problem.ts';

/** One HTTP request, as API Gateway's payload 2.0 gives it. */
export interface HttpRequest {
  id: string;
  /** `GET /v1/customers/{customerId}` */
  routeKey: string;
  method: string;
  path: string;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Names in lower case; a header that was sent twice is joined by commas. */
  headers: Readonly<Record<string, string>>;
  /** Exactly the bytes that came. */
  body: Uint8Array;
  /** Milliseconds until the function is cut off. */
  remaining(): number;
}

export interface HttpAnswer {
  status: number;
  /** Written as JSON; absent for an answer without a body. */
  body?: unknown;
  /** Written as it is, under the `content-type` of the headers, instead of a body in JSON. */
  text?: string;
  headers?: Record<string, string>;
}

export function requestOf(event: APIGatewayProxyEventV2, context: Partial<Context>): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.headers ?? {}))
    if (value !== undefined) headers[name.toLowerCase()] = value;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.pathParameters ?? {})) if (value !== undefined) params[name] = value;
  return {
    id: event.requestContext.requestId,
    routeKey: event.routeKey,
    method: event.requestContext.http.method,
    path: event.rawPath,
    params,
    query: new URLSearchParams(event.rawQueryString ?? ''),
    headers,
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    remaining: () => context.getRemainingTimeInMillis?.() ?? 29_000,
  };
}

/**
 * Compressed bodies are not taken: they would have to be unpacked before their size is known.
 * @throws Problem `unsupported_content_encoding`
 */
export function refuseEncodedBody({ headers }: HttpRequest): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  if (encoding && encoding !== 'identity')
    throw new Problem(415, 'unsupported_content_encoding', 'Send the body as it is, without a Content-Encoding.');
}

/** @throws Problem `unsupported_media_type` where the body is not declared to be JSON */
export function requireJson(request: HttpRequest): void {
  requireType(request, /^application\/([a-z0-9.-]+\+)?json$/, 'JSON in UTF-8', 'application/json');
}

/** @throws Problem `unsupported_media_type` where the body is not declared to be of the type */
export function requireFile(request: HttpRequest, type: string): void {
  requireType(request, { test: (given) => given === type }, 'the file in UTF-8', type);
}

/** Whether the body is declared to be JSON. */
export function isJson({ headers }: HttpRequest): boolean {
  return /^application\/json\b/i.test((headers['content-type'] ?? '').trim());
}

function requireType(
  { headers }: HttpRequest,
  wanted: { test(type: string): boolean },
  what: string,
  example: string,
): void {
  const [type = '', ...parameters] = (headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (!wanted.test(type) || (charset && !/^charset="?utf-?8"?$/.test(charset)))
    throw new Problem(415, 'unsupported_media_type', `Send ${what} with the header content-type: ${example}.`);
}

/** Whether the body is declared to be CSV. */
export function isCsv({ headers }: HttpRequest): boolean {
  return /^text\/csv\s*(;|$)/i.test(headers['content-type']?.trim() ?? '');
}

/** The body as text. @throws Problem `malformed_text` where it is not UTF-8 */
export function readText({ body }: HttpRequest): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Problem(400, 'malformed_text', 'The body is not valid UTF-8.');
  }
}

/** @throws Problem `body_too_large` */
export function boundBody({ body }: HttpRequest, bytes: number): void {
  if (body.byteLength > bytes)
    throw new Problem(413, 'body_too_large', `The body has ${body.byteLength} bytes; at most ${bytes} are taken.`);
}
