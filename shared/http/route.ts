import type * as z from 'zod/mini';
import type { Scope } from '../domain/access.ts';
import { Problem } from '../engine/problem.ts';
import { readJson } from './json.ts';
import { boundBody, type HttpAnswer, type HttpRequest, isCsv, readText, requireJson } from './request.ts';
import { validate } from './validate.ts';

type Schema = z.core.$ZodType;
type ObjectSchema = z.ZodMiniObject;

/** What the OpenAPI document says of a route, and what its requests are held to. */
export interface RouteTerms {
  summary: string;
  /** Absent: no key is needed. */
  scope?: Scope;
  params?: ObjectSchema;
  query?: ObjectSchema;
  body?: Schema;
  /** Without a body it is taken for an empty object. */
  bodyMayLack?: true;
  /** For the document, where the body is validated in parts. */
  bodyShown?: Schema;
  /** Types of files that are taken as they are, beside the JSON of `body` or instead of it. */
  files?: readonly string[];
  /** 32 kB unless told. */
  bodyBytes?: number;
  /** The body may come as `text/csv` too: read from its text to the same as JSON is. */
  csv?: { schema: Schema; bytes: number };
  /** Statuses of problems that a route of its kind does not have. */
  problems?: readonly number[];
  /** Answers beside problems, by status. */
  answers: Record<number, { description: string; schema?: Schema; type?: string }>;
}

export interface Route<Door> extends RouteTerms {
  call(door: Door, request: HttpRequest): Promise<HttpAnswer>;
}

type Output<S extends Schema | undefined> = S extends Schema ? z.core.output<S> : undefined;

export const itemBytes = 32 * 1024;

/** One route: its terms, and what answers a request that keeps to them. */
export function route<
  Door,
  Params extends ObjectSchema | undefined = undefined,
  Query extends ObjectSchema | undefined = undefined,
  Body extends Schema | undefined = undefined,
>(
  terms: Omit<RouteTerms, 'params' | 'query' | 'body'> & {
    params?: Params;
    query?: Query;
    body?: Body;
    answer: (
      door: Door,
      input: { params: Output<Params>; query: Output<Query>; body: Output<Body> },
    ) => Promise<HttpAnswer>;
  },
): Route<Door> {
  const { answer, params, query, body, ...rest } = terms;
  return {
    ...rest,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    async call(door, request) {
      return answer(door, {
        params: (params && validate(params, request.params, '/path')) as Output<Params>,
        query: readQuery(query, request) as Output<Query>,
        body: (body && readBody(request, body, rest)) as Output<Body>,
      });
    },
  };
}

function readBody(
  request: HttpRequest,
  schema: Schema,
  { bodyBytes = itemBytes, bodyMayLack, csv }: Pick<RouteTerms, 'bodyBytes' | 'bodyMayLack' | 'csv'>,
) {
  if (bodyMayLack && request.body.byteLength === 0) return validate(schema, {});
  if (csv && isCsv(request)) {
    boundBody(request, csv.bytes);
    return validate(csv.schema, readText(request));
  }
  requireJson(request);
  boundBody(request, bodyBytes);
  return validate(schema, readJson(request.body));
}

function readQuery(schema: ObjectSchema | undefined, { query }: HttpRequest): unknown {
  const values: Record<string, string> = {};
  for (const [name, value] of query) {
    if (Object.hasOwn(values, name) || name === '__proto__') {
      const faults = [{ pointer: `/query/${name}`, detail: 'is given more than once' }];
      throw new Problem(400, 'invalid_request', 'A query parameter is given more than once.', { faults });
    }
    values[name] = value;
  }
  if (schema) return validate(schema, values, '/query');
  const faults = Object.keys(values).map((name) => ({ pointer: `/query/${name}`, detail: 'is not a known parameter' }));
  if (faults.length > 0) throw new Problem(400, 'invalid_request', 'This route takes no query.', { faults });
  return undefined;
}
