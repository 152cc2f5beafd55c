import { createHash } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { expect } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { type Embedded, sdkClient, startEmbedded } from '../embedded.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { answerSchemas } from './answer-schemas.ts';

export const adminKey = 'rk_test_admin_key_of_more_than_thirty_two_characters';

type Field =
  | 'code'
  | 'createdAt'
  | 'currency'
  | 'customerId'
  | 'data'
  | 'errors'
  | 'facts'
  | 'frozen'
  | 'id'
  | 'identities'
  | 'key'
  | 'nextCursor'
  | 'now'
  | 'paths'
  | 'problem'
  | 'receipt'
  | 'report'
  | 'requestId'
  | 'secretCount'
  | 'sourceId'
  | 'status'
  | 'totalSpent';

/** The body of an answer, as it was parsed: tests say what they expect of it. */
export type Body = { [Name in Field]: Body } & { [name: string]: Body } & Body[] & string;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Body;
}

export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string>;
  rawQuery?: string;
  /** Written as JSON; text and bytes go as they are. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Empty for none. */
  key?: string;
}

/** The API function with an engine of its own behind a proxy that can fail. */
export interface ApiDoor {
  embedded: Embedded;
  proxy: FaultProxy;
  /** Straight to the engine, past the proxy's plan. */
  client: DynamoDBDocumentClient;
  /** As {@link client}, for stores. */
  store: Client;
  call(routeKey: string, call?: Call): Promise<Answer>;
  /** A partner's key. */
  keyFor(partner: string, scopes: string[], more?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

/** NDJSON stays text. */
function isLines(headers: Record<string, unknown> | undefined): boolean {
  return headers?.['content-type'] === 'application/x-ndjson';
}

export const nightSchedule = { hour: 3, minute: 0, timeZone: 'Europe/Berlin' };

export async function openApi(environment: Record<string, string> = {}): Promise<ApiDoor> {
  const embedded = await startEmbedded();
  const client = sdkClient(embedded);
  const store = connect();
  const proxy = await startFaultProxy(embedded.endpoint);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
    [variables.adminKeyHash]: createHash('sha256').update(adminKey).digest('hex'),
    [variables.nightSchedule]: JSON.stringify(nightSchedule),
    [variables.segments]: '2',
    [variables.valueRunMachine]: 'arn:aws:states:eu-west-1:123456789012:stateMachine:value-run',
    ...environment,
  });
  const { handler } = await import('../../functions/api/api.ts');

  async function call(routeKey: string, { params, query, rawQuery, body, headers, key = adminKey }: Call = {}) {
    const plain = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const event = httpEvent({
      routeKey,
      ...(params && { params }),
      ...(query && { query }),
      ...(body !== undefined && { body: plain ? (body as string | Uint8Array) : JSON.stringify(body) }),
      headers: {
        ...(key !== '' && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    if (rawQuery !== undefined) event.rawQueryString = rawQuery;
    const result = await handler(event, lambdaContext());
    const answer: Answer = {
      status: Number(result.statusCode),
      headers: result.headers as Record<string, string>,
      body: isLines(result.headers) || result.body === undefined ? result.body : JSON.parse(result.body),
    };
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    (await answerSchemas()).check(routeKey, answer);
    return answer;
  }

  return {
    embedded,
    proxy,
    client,
    store,
    call,
    async keyFor(partner, scopes, more = {}) {
      const { body } = await call('POST /v1/keys', { body: { partner, scopes, ...more } });
      return body.key as string;
    },
    async stop() {
      client.destroy();
      store.close();
      await proxy.stop();
      await embedded.stop();
    },
  };
}
