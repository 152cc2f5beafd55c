import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
const logged = vi.fn();
beforeAll(async () => {
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation(logged);
  api = await openApi();
});
afterAll(() => api.stop());

const name = 'ada.lovelace@example.com';
const order = `{"type":"order","externalId":"A-1","occurredAt":"2026-03-01T00:00:00Z","customer":{"email":"${name}"},"total":{"amount":"1.00","currency":"EUR"}}`;

const bodies: [string, string | Uint8Array, string][] = [
  ['no body', '', 'malformed_json'],
  ['half a body', order.slice(0, -10), 'malformed_json'],
  ['more than one value', `${order}${order}`, 'malformed_json'],
  ['a comment', `${order} // yes`, 'malformed_json'],
  ['single quotes', "{'type':'order'}", 'malformed_json'],
  ['a byte order mark of UTF-16', Buffer.from(order, 'utf16le'), 'malformed_json'],
  [
    'invalid UTF-8',
    Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    'malformed_json',
  ],
  ['17 levels', `${'['.repeat(17)}${']'.repeat(17)}`, 'malformed_json'],
  ['500 kB of brackets', '['.repeat(499_999), 'malformed_json'],
  ['10 MB of brackets', '['.repeat(10_000_000), 'body_too_large'],
  ['a key twice', order.replace('{', '{"type":"call",'), 'malformed_json'],
  ['the same key and value twice', order.replace('{', '{"type":"order",'), 'malformed_json'],
  ['a key twice, once escaped', order.replace('{', '{"\\u0074ype":"order",'), 'malformed_json'],
  ['__proto__', order.replace('{', '{"__proto__":{"admin":true},'), 'malformed_json'],
  ['__proto__, escaped', order.replace('{', '{"__\\u0070roto__":{"admin":true},'), 'malformed_json'],
  ['__proto__ deep inside', order.replace('"customer":{', '"customer":{"__proto__":1,'), 'malformed_json'],
  ['constructor', order.replace('{', '{"constructor":{"prototype":{}},'), 'invalid_request'],
  ['a number beyond all', order.replace('"1.00"', '1e400'), 'invalid_request'],
  ['a NUL in a string', order.replace('A-1', 'A\\u0000'), 'invalid_request'],
  ['a raw control character in a string', order.replace('A-1', 'A\u0001'), 'malformed_json'],
];

test.each(bodies)('%s', async (_, body, code) => {
  const answer = await api.call('POST /v1/interactions', { body });
  expect(answer.body.code).toBe(code);
  expect(answer.status).toBe(code === 'body_too_large' ? 413 : 400);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.body).toMatchObject({
    type: `urn:rapport:problem:${code}`,
    requestId: answer.headers['x-request-id'],
    title: expect.any(String),
  });
});

test.each([
  ['gzip', { 'content-encoding': 'gzip' }, 'unsupported_content_encoding'],
  ['gzip in capitals', { 'content-encoding': 'GZIP' }, 'unsupported_content_encoding'],
  ['two encodings', { 'content-encoding': 'identity, br' }, 'unsupported_content_encoding'],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'unsupported_media_type'],
  ['no content type', { 'content-type': '' }, 'unsupported_media_type'],
  ['text', { 'content-type': 'text/json' }, 'unsupported_media_type'],
  ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }, 'unsupported_media_type'],
])('%s is 415', async (_, headers, code) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  const { status, body } = await api.call('POST /v1/interactions', {
    body: 'content-encoding' in headers ? bomb : order,
    headers,
  });
  expect([status, body.code]).toEqual([415, code]);
});

test.each(['application/json; charset=utf-8', 'Application/JSON', 'application/vnd.acme+json;charset="UTF-8"'])(
  '%s is JSON',
  async (type) => {
    const { status } = await api.call('POST /v1/interactions', { body: order, headers: { 'content-type': type } });
    expect([200, 201]).toContain(status);
  },
);

test('an identity encoding changes nothing', async () => {
  const { status } = await api.call('POST /v1/interactions', {
    body: order,
    headers: { 'content-encoding': 'identity' },
  });
  expect(status).toBe(200);
});

test('a route that is not there is a problem as well', async () => {
  const { status, body } = await api.call('GET /v1/nothing');
  expect([status, body.code]).toEqual([404, 'route_not_found']);
});

test('a query on a route that takes none is refused', async () => {
  const { status, body } = await api.call('GET /v1/test-clock', { query: { now: '1' } });
  expect([status, body.errors[0]?.pointer]).toEqual([400, '/query/now']);
});

test('no more than twenty faults are told', async () => {
  const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, i]));
  const { body } = await api.call('POST /v1/value-runs', { body: unknown });
  expect(body.errors).toHaveLength(20);
});

test('nothing of all this reached the log, and a failure of our own logs names and places alone', async () => {
  expect(logged).not.toHaveBeenCalled();
  api.proxy.plan = (operation) => (operation === 'BatchGetItem' ? 'server-error' : 'none');
  const { status, body } = await api.call('POST /v1/interactions', { body: order });
  api.proxy.plan = () => 'none';
  expect([status, body.code]).toEqual([503, 'store_unavailable']);
  expect(logged).toHaveBeenCalledOnce();
  const line = String(logged.mock.calls[0]?.[0]);
  expect(JSON.parse(line)).toMatchObject({
    level: 'error',
    requestId: body.requestId,
    route: 'POST /v1/interactions',
    code: 'store_unavailable',
  });
  expect(line).not.toContain(name);
});
