import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalFunction, Outcome } from '../../infra/local/functions.ts';
import { Gateway } from '../../infra/local/gateway.ts';
import { router } from '../../infra/local/gateway-routes.ts';
import { silentLog } from '../../infra/local/log.ts';
import { StartError } from '../../infra/local/start-error.ts';

let gateway: Gateway;
let events: APIGatewayProxyEventV2[];
let outcome: Outcome;
const target = {
  settings: { timeout: 1 },
  invoke: async (event: APIGatewayProxyEventV2) => {
    events.push(event);
    return outcome;
  },
} as unknown as LocalFunction;

beforeAll(async () => {
  gateway = await Gateway.listen({ port: 0, apiId: 'local', account: '0', log: silentLog });
  const keys = ['POST /a/{id}', 'GET /a/{id}', 'PUT /b', 'GET /a/fixed', 'GET /files/{path+}'];
  gateway.open(
    keys.map((key) => ({ key, target })),
    async () => false,
  );
});
beforeEach(() => {
  events = [];
  outcome = { value: { statusCode: 200 } };
});
afterAll(() => gateway.close(0));

const call = (path: string, init: RequestInit = {}) => fetch(gateway.url + path, init);

/** Sends bytes as they are and gives what comes back. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    setTimeout(() => socket.end(), 300);
  });
}

describe('the event', () => {
  it('is of payload 2.0', async () => {
    await raw(
      'POST /a/x%2Fy?b=1&a=2&a=3&c HTTP/1.1\r\nHost: h.example:80\r\nX-Two: one\r\nx-two:  two \r\nCookie: p=1; q=2\r\nUser-Agent: me\r\n' +
        'Content-Type: application/json; charset=utf-8\r\nContent-Length: 9\r\n\r\n{"ü":1}\n'.replace('9', '9'),
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      version: '2.0',
      routeKey: 'POST /a/{id}',
      rawPath: '/a/x%2Fy',
      rawQueryString: 'b=1&a=2&a=3&c',
      cookies: ['p=1', 'q=2'],
      queryStringParameters: { a: '2,3', b: '1', c: '' },
      pathParameters: { id: 'x/y' },
      headers: { 'x-two': 'one,two', 'user-agent': 'me', host: 'h.example:80' },
      body: '{"ü":1}\n',
      isBase64Encoded: false,
      requestContext: {
        routeKey: 'POST /a/{id}',
        stage: '$default',
        http: { method: 'POST', path: '/a/x%2Fy', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'me' },
      },
    });
    const { time, timeEpoch } = events[0]?.requestContext ?? expect.fail();
    expect(time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(Math.abs(timeEpoch - Date.now())).toBeLessThan(10_000);
  });

  it.each<[string, string | undefined, Buffer, boolean]>([
    ['JSON as text', 'application/json', Buffer.from('{}'), false],
    ['a vendor type of JSON as text', 'application/vnd.x+json', Buffer.from('{}'), false],
    ['a form as text', 'application/x-www-form-urlencoded', Buffer.from('a=b'), false],
    ['bytes in base64', 'application/octet-stream', Buffer.from([1, 2, 255]), true],
    ['JSON that is no UTF-8 in base64', 'application/json', Buffer.from([0x7b, 0xff, 0x7d]), true],
    ['what has no type in base64', undefined, Buffer.from('{}'), true],
  ])('carries %s without damage', async (_name, type, body, base64) => {
    await call('/a/1', { method: 'POST', body: new Uint8Array(body), headers: type ? { 'content-type': type } : {} });
    const [event] = events;
    expect(event?.isBase64Encoded).toBe(base64);
    expect(Buffer.from(event?.body ?? '', base64 ? 'base64' : 'utf8')).toEqual(body);
  });

  it('has no body where there is none, and no parameters where there are none', async () => {
    await call('/a/fixed');
    expect(events[0]).not.toHaveProperty('body');
    expect(events[0]).not.toHaveProperty('pathParameters');
    expect(events[0]).not.toHaveProperty('queryStringParameters');
    expect(events[0]?.routeKey).toBe('GET /a/fixed');
  });
});

describe('the answer', () => {
  it('has the status, headers, cookies and bytes of the result', async () => {
    outcome = {
      value: {
        statusCode: 201,
        headers: { 'X-A': 'b', 'content-type': 'image/png' },
        cookies: ['a=1', 'b=2'],
        body: '/wA=',
        isBase64Encoded: true,
      },
    };
    const response = await call('/a/1');
    expect(response.status).toBe(201);
    expect(response.headers.get('x-a')).toBe('b');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([255, 0]));
  });

  it('is 200 with JSON where the result has no status', async () => {
    outcome = { value: { a: 1 } };
    const response = await call('/a/1');
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
  });

  it('says nothing of what failed within', async () => {
    outcome = { failure: { errorType: 'Secret', errorMessage: 'secret', trace: ['secret'] } };
    const response = await call('/a/1');
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}']);
  });

  it.each([
    ['/nowhere', 'GET', 404, null],
    ['/a', 'GET', 404, null],
    ['/a/', 'GET', 404, null],
    ['/b', 'GET', 405, 'PUT'],
    ['/a/1', 'DELETE', 405, 'GET, POST'],
  ])('to %s with %s is %i', async (path, method, status, allow) => {
    const response = await call(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([status, allow]);
    expect(events).toEqual([]);
  });

  it('refuses more than 10 MB, declared or not', async () => {
    const large = new Uint8Array(10 * 1024 * 1024 + 1);
    expect((await call('/a/1', { method: 'POST', body: large })).status).toBe(413);
    const chunked = await new Promise<number | undefined>((resolve) => {
      const sending = httpRequest(`${gateway.url}/a/1`, { method: 'POST' }, (response) => resolve(response.statusCode));
      sending.on('error', () => resolve(undefined));
      for (let sent = 0; sent <= 10; sent++) sending.write(Buffer.alloc(1024 * 1024 + 1));
      sending.end();
    });
    expect([413, undefined]).toContain(chunked);
    expect(events).toEqual([]);
    expect((await call('/a/1', { method: 'POST', body: large.subarray(1) })).status).toBe(200);
  });

  it.each([
    ['garbage', 'hello\r\n\r\n'],
    ['a header without a name', 'GET /a/1 HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n'],
    ['two lengths', 'POST /a/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST /a/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['headers without end', `GET /a/1 HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`],
    ['half a request', 'POST /a/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'],
    ['an escape that is none', 'GET /a/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['an absolute address', 'GET http://evil.example/a/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ])('to %s leaves the gateway alive', async (_name, bytes) => {
    expect(await raw(bytes)).not.toMatch(/^HTTP\/1\.1 5/);
    expect((await call('/a/1')).status).toBe(200);
  });

  it('names a port that is taken', async () => {
    const port = Number(new URL(gateway.url).port);
    const second = Gateway.listen({ port, apiId: 'x', account: '0', log: silentLog });
    await expect(second).rejects.toThrow(StartError);
    await expect(second).rejects.toThrow(`port ${port} is in use`);
  });
});

describe('routes', () => {
  const find = router(
    ['GET /a/{id}', 'ANY /a/{id}', 'GET /a/b', 'GET /{all+}', '$default'].map((key) => ({ key, target: key })),
  );
  it.each([
    ['GET', '/a/b', 'GET /a/b'],
    ['GET', '/a/c', 'GET /a/{id}'],
    ['PUT', '/a/c', 'ANY /a/{id}'],
    ['GET', '/x/y/z', 'GET /{all+}'],
    ['PUT', '/x/y/z', '$default'],
  ])('%s %s is answered by %s', (method, path, key) => {
    expect(find(method, path)).toMatchObject({ kind: 'route', target: key });
  });
});
