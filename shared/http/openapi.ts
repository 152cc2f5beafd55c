import * as z from 'zod/mini';
import type { Route } from './route.ts';
import { components } from './schemas/common.ts';
import { problem } from './schemas/problem.ts';

type Json = Record<string, unknown>;
type Schema = z.core.$ZodType;

/** A route that is answered elsewhere: what the document says of it. */
export interface Described {
  summary: string;
  description?: string;
  body?: Schema;
  query?: z.ZodMiniObject;
  headers?: Record<string, string>;
  answers: Record<number, { description: string; schema?: Schema; type?: string }>;
  /** Problem answers, by status. */
  problems: Record<number, string>;
}

/**
 * The OpenAPI 3.1 document of the API, from the schemas that validate its requests.
 * @param routes by route key: `GET /v1/customers/{customerId}`
 */
export function openApiDocument(
  routes: Record<string, Route<never>>,
  elsewhere: Record<string, Described>,
  { version }: { version: string },
): Json {
  const paths: Record<string, Json> = {};
  for (const [routeKey, route] of Object.entries(routes)) add(paths, routeKey, operationOf(routeKey, route));
  for (const [routeKey, described] of Object.entries(elsewhere)) add(paths, routeKey, describedOf(routeKey, described));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Rapport',
      version,
      description:
        'Relationship marketing that a merchant owns. Times are RFC 3339 in UTC, money is exact decimal text, ' +
        'identifiers are opaque, errors are RFC 9457 problems with a stable code. Fields that are not named are refused.',
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key that begins with rk_; each route names its scope.' },
      },
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          description:
            'Kept 24 hours: the same request is answered as the first time, with idempotent-replayed: true; ' +
            '422 where the request differs, 409 while the first is under way.',
          schema: { type: 'string', minLength: 1, maxLength: 255 },
        },
      },
      headers: rateHeaders,
      responses: Object.fromEntries(
        Object.entries(problemResponses).map(([status, description]) => [`Problem${status}`, problemOf(description)]),
      ),
      schemas: schemasOf(),
    },
  };
}

function add(paths: Record<string, Json>, routeKey: string, operation: Json): void {
  const [method = '', path = ''] = routeKey.split(' ');
  paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
}

const integer = { type: 'integer', minimum: 0 };

const rateHeaders = {
  'RateLimit-Limit': { description: 'Requests that the key may send a minute', schema: integer },
  'RateLimit-Remaining': { description: 'How many of them are left', schema: integer },
  'RateLimit-Reset': { description: 'Seconds until the next window', schema: integer },
  'RateLimit-Policy': {
    description: 'The limit as in draft-ietf-httpapi-ratelimit-headers: a quota (q) in a window of seconds (w)',
    schema: { type: 'string' },
  },
};

const problemResponses: Record<number, string> = {
  400: 'The request cannot be taken as it is: malformed_json, invalid_request, invalid_cursor …',
  401: 'The key is missing, unknown, revoked or expired: unauthenticated',
  403: 'The key lacks the scope, or does not reach the sources: insufficient_scope, sources_not_allowed …',
  404: 'There is none, or none that the key may see',
  410: 'It was erased for good: customer_erased, delivery_withheld',
  409: 'It does not fit what is there, or is under way: Retry-After says whether to try again',
  413: 'Too large: body_too_large, item_too_large',
  415: 'unsupported_media_type, unsupported_content_encoding',
  422: 'Understood, but it cannot be done: idempotency_key_reused …',
  429: 'rate_limited: Retry-After says when to go on',
  500: 'internal: the request id leads to it',
  503: 'Not available now: Retry-After says when to try again',
};

function problemOf(description: string): Json {
  return {
    description,
    headers: { 'Retry-After': { description: 'Seconds', schema: integer } },
    content: { 'application/problem+json': { schema: refOf(problem) } },
  };
}

function operationOf(routeKey: string, route: Route<never>): Json {
  const { summary, scope, answers, files = [], bodyMayLack = false } = route;
  const body = route.bodyShown ?? route.body;
  const content = {
    ...(body && contentOf(body, route)),
    ...Object.fromEntries(files.map((type) => [type, { schema: { type: 'string' } }])),
  };
  const hasBody = Object.keys(content).length > 0;
  const writes = !routeKey.startsWith('GET ');
  const parameters: Json[] = [
    ...parametersOf(route.params, 'path'),
    ...parametersOf(route.query, 'query'),
    ...(writes ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
  ];
  const problems = [400, 500, 503, ...(scope ? [401, 403, 429] : [])];
  // A path or a filter may name what is not there.
  if (writes || parameters.some(({ name }) => String(name).endsWith('Id'))) problems.push(404, 410);
  if (writes) problems.push(409, 422);
  if (hasBody) problems.push(413, 415);
  for (const status of route.problems ?? []) if (!problems.includes(status)) problems.push(status);
  return {
    operationId: operationIdOf(routeKey),
    summary,
    ...(scope ? { description: `Scope: \`${scope}\``, security: [{ key: [] }] } : { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && { requestBody: { required: !bodyMayLack, content } }),
    responses: {
      ...responsesOf(answers, scope !== undefined),
      ...Object.fromEntries(
        problems.sort((a, b) => a - b).map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
      ),
    },
  };
}

function contentOf(body: Schema, { csv }: Pick<Route<never>, 'csv'>): Json {
  return {
    'application/json': { schema: jsonSchemaOf(body) },
    ...(csv && { 'text/csv': { schema: jsonSchemaOf(csv.schema) } }),
  };
}

function describedOf(routeKey: string, described: Described): Json {
  const { summary, description, body, query, headers = {}, answers, problems } = described;
  return {
    operationId: operationIdOf(routeKey),
    summary,
    ...(description && { description }),
    security: [],
    parameters: [
      ...[...routeKey.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
      ...parametersOf(query, 'query'),
      ...Object.entries(headers).map(([name, text]) => ({
        name,
        in: 'header',
        description: text,
        schema: { type: 'string' },
      })),
    ],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: jsonSchemaOf(body) } } } }),
    responses: {
      ...responsesOf(answers, false),
      ...Object.fromEntries(Object.entries(problems).map(([status, text]) => [status, problemOf(text)])),
    },
  };
}

function responsesOf(answers: Described['answers'], limited: boolean): Json {
  const headers = Object.fromEntries(
    Object.keys(rateHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, type = 'application/json' }]) => [
      status,
      {
        description,
        ...(limited && { headers }),
        ...(schema && { content: { [type]: { schema: jsonSchemaOf(schema) } } }),
      },
    ]),
  );
}

function parametersOf(schema: z.ZodMiniObject | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchemaOf(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: property,
  }));
}

function operationIdOf(routeKey: string): string {
  const [method = '', path = ''] = routeKey.split(' ');
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'v1');
  return method.toLowerCase() + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}

const reference = '#/components/schemas/';

/** A reference for a schema that has a name; the schema itself for one that has none. */
function jsonSchemaOf(schema: Schema): Json {
  if (components.has(schema)) return refOf(schema);
  return cleaned(z.toJSONSchema(schema, { io: 'input', metadata: components })) as Json;
}

function refOf(schema: Schema): Json {
  return { $ref: `${reference}${components.get(schema)?.id}` };
}

function schemasOf(): Json {
  const { schemas } = z.toJSONSchema(components, { io: 'input', uri: (id) => `${reference}${id}` });
  return cleaned(schemas) as Json;
}

/** Without what belongs to a document of its own: the named parts stand under the components. */
function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleaned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key === '$schema' || key === '$id' || key === '$defs') return [];
      if (key === '$ref' && typeof inner === 'string') return [[key, inner.replace('#/$defs/', reference)]];
      return [[key, cleaned(inner)]];
    }),
  );
}
