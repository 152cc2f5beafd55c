import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routes } from '../../shared/contracts/routes.ts';
import { type ApiDoor, type Body, openApi } from './door.ts';

let api: ApiDoor;
let document: Body;
beforeAll(async () => {
  api = await openApi();
  document = (await api.call('GET /openapi.json', { key: '' })).body;
});
afterAll(() => api.stop());

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

test('every route has an operation, and every operation is a route', () => {
  const shown = Object.entries(document.paths as Record<string, Body>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(shown.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
});

test('every reference leads somewhere, and operations have names of their own', () => {
  const text = JSON.stringify(document);
  for (const [, pointer = ''] of text.matchAll(/"\$ref":"#([^"]+)"/g)) {
    const target = pointer
      .split('/')
      .slice(1)
      .reduce<Body | undefined>((inner, part) => inner?.[part.replaceAll('~1', '/')], document);
    expect(target, pointer).toBeDefined();
  }
  const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('writes take an Idempotency-Key, guarded routes name their scope and the headers of the rate limit', () => {
  for (const [path, operations] of Object.entries(document.paths as Record<string, Body>)) {
    for (const [method, operation] of Object.entries(operations as Record<string, Body>)) {
      if (path.startsWith('/v1/webhooks/')) continue;
      const parameters = JSON.stringify(operation.parameters ?? []);
      expect(parameters.includes('IdempotencyKey'), `${method} ${path}`).toBe(method !== 'get');
      if (!path.startsWith('/v1/')) continue;
      expect(operation.description).toMatch(/^Scope: `[a-z-]+:(read|write)`$/);
      expect(JSON.stringify(operation.responses)).toContain('RateLimit-Remaining');
    }
  }
});

test('the body of the standard webhook is in it', () => {
  const body = JSON.stringify(document.paths?.['/v1/webhooks/{sourceId}']);
  for (const type of ['order.created', 'refund.created', 'customer.updated']) expect(body).toContain(type);
});
