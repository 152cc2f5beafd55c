import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { shopifySecret, signShopify } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openApi({ RETRY_QUEUE_URL: 'http://127.0.0.1:1/retry' });
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(() => api.stop());

async function deliver(topic: string, content: unknown, id: string): Promise<{ deliveryId: string; status: string }> {
  const { handler } = await import('../../functions/webhooks/receive.ts');
  const signed = signShopify(topic, content, { id });
  const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'shop' }, ...signed });
  const { statusCode, body = '' } = await handler(event, lambdaContext());
  expect(statusCode).toBe(202);
  return JSON.parse(body);
}

const list = (query: Record<string, string> = {}, key?: string) =>
  api.call('GET /v1/deliveries', { query: { status: 'quarantined', ...query }, ...(key !== undefined && { key }) });
const replay = (deliveryId: string, key?: string) =>
  api.call('POST /v1/deliveries/{deliveryId}/replay', { params: { deliveryId }, ...(key !== undefined && { key }) });

test('what could not be understood is listed with its reason, without its body', async () => {
  const sent: string[] = [];
  for (let i = 0; i < 5; i++) {
    const delivery = await deliver('orders/create', `{"id": ${i}, "email": "ada@example.com`, `w-${i}`);
    expect(delivery.status).toBe('quarantined');
    sent.push(delivery.deliveryId);
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const { body, status } = await list({ limit: '2', ...(cursor !== null && { cursor }) });
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain('ada@example.com');
    for (const delivery of body.data) {
      expect(delivery).toMatchObject({ sourceId: 'shop', status: 'quarantined', reason: expect.any(String) });
      seen.push(delivery.id);
    }
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect([...seen].sort()).toEqual([...sent].sort());
});

test('two bodies that a shop sent under one id are both kept; one that is sent again is not', async () => {
  const one = await deliver('orders/create', '{"a":1', 'w-same');
  const other = await deliver('orders/create', '{"second":2222', 'w-same');
  const again = await deliver('orders/create', '{"a":1', 'w-same');
  expect(other.deliveryId).not.toBe(one.deliveryId);
  expect(again.deliveryId).toBe(one.deliveryId);
  const ids = (await list({ limit: '100' })).body.data.map(({ id }) => id);
  expect(ids.filter((id) => id === one.deliveryId)).toHaveLength(1);
  expect(ids).toContain(other.deliveryId);
});

test('a replay before a fix leaves it where it is', async () => {
  const { deliveryId } = await deliver('orders/create', '{', 'w-again');
  const { status, body } = await replay(deliveryId);
  expect([status, body]).toEqual([200, { deliveryId, status: 'quarantined' }]);
  expect((await list()).body.data.map(({ id }) => id)).toContain(deliveryId);
});

test('a delivery that is not there is 404', async () => {
  for (const id of ['dlv_unknown', 'a'.repeat(255)]) {
    const { status, body } = await replay(id);
    expect([status, body.code]).toEqual([404, 'delivery_not_found']);
  }
  expect((await replay('dlv#body')).status).toBe(400);
});

test('reading and replaying are two scopes', async () => {
  const key = await api.keyFor('reader', ['deliveries:read']);
  expect((await list({}, key)).status).toBe(200);
  expect((await replay('dlv_unknown', key)).body.code).toBe('insufficient_scope');
});

test('an unknown status is refused, and without a source any but quarantined', async () => {
  expect((await list({ status: 'lost' })).body.errors[0]?.pointer).toBe('/query/status');
  expect((await list({ status: 'recorded' })).body.errors[0]?.pointer).toBe('/query/sourceId');
});
