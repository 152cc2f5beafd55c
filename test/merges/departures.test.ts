import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Platform } from '../../shared/domain/source.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { addSource, aSource } from '../webhooks/shop.ts';
import { type Engine, openEngine, today } from './engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
  await addSource(engine.door, aSource({ id: 'till', platform: 'standard', secrets: [`whsec_${btoa(secret)}`] }));
});
afterAll(() => engine.stop());

const secret = 'a secret of thirty-two characters';

async function till(type: string, data: unknown, timestamp = '2026-03-01T10:00:00Z'): Promise<string> {
  const body = Buffer.from(JSON.stringify({ type, timestamp, data }));
  const id = `msg_${Math.random().toString(36).slice(2)}`;
  const seconds = String(Date.parse(today) / 1000);
  const signature = createHmac('sha256', secret).update(`${id}.${seconds}.`).update(body).digest('base64');
  const headers = { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
  return String((await engine.door.deliver('till', { body, headers })).body.status);
}

const customerAt = (id: string, email: string, change: object = {}) => ({ id, email, ...change });
const order = (id: string, customer: object) => ({
  id,
  placedAt: '2026-02-01T10:00:00Z',
  total: { amount: '10.00', currency: 'EUR' },
  customer,
});

async function find(by: Record<string, string>) {
  const { handler } = await import('../../functions/api/api.ts');
  const { httpEvent, lambdaContext } = await import('../http-event.ts');
  const headers = { authorization: 'Bearer rk_test_admin_key_of_more_than_thirty_two_characters' };
  const answer = await handler(httpEvent({ routeKey: 'GET /v1/customers', query: by, headers }), lambdaContext());
  return JSON.parse(answer.body ?? '{}').data[0];
}

describe('standard', () => {
  test('customer.merged makes one customer of two, as an address that was verified does', async () => {
    await till('order.created', order('o1', customerAt('c1', 'ada@example.com')));
    await till('order.created', order('o2', customerAt('c2', 'ada2@example.com')));
    expect(await till('customer.merged', { keptId: 'c1', mergedId: 'c2' })).toBe('recorded');
    expect((await find({ externalId: 'till:c2' })).facts.purchaseCount).toBe(2);
    expect(await till('customer.merged', { keptId: 'c1' })).toBe('quarantined');

    await till('order.created', order('o3', { email: 'guest@house.example' }));
    await till('order.created', order('o4', customerAt('c4', 'old@house.example')));
    expect(await till('customer.updated', customerAt('c4', 'bea@house.example', { emailVerified: true }))).toBe(
      'recorded',
    );
    await till('order.created', order('o5', { email: 'carl@house.example' }));
    await till('customer.updated', customerAt('c4', 'carl@house.example', { updatedAt: '2026-03-02T00:00:00Z' }));
    expect((await find({ externalId: 'till:c4' })).facts.purchaseCount).toBe(1);
    const verified = { emailVerified: true, updatedAt: '2026-03-03T00:00:00Z' };
    await till('customer.updated', customerAt('c4', 'carl@house.example', verified));
    expect((await find({ externalId: 'till:c4' })).facts.purchaseCount).toBe(2);
  });
});

describe('a shop that has deleted its customer', () => {
  const at = '2026-03-05T10:00:00Z';
  const consents = [{ channel: 'email', state: 'granted', occurredAt: '2026-03-01T00:00:00Z' }];

  test('keeps what it bought and what leads to it, and says so; in whatever order it is told', async () => {
    const told = [
      () => till('customer.created', customerAt('d1', 'dora@example.com', { consents })),
      () => till('order.created', order('o10', customerAt('d1', 'dora@example.com'))),
      () => till('customer.deleted', { id: 'd1' }, at),
    ];
    for (const tell of told) expect(await tell()).toBe('recorded');
    for (const tell of told) expect(await tell()).toBe('duplicate');
    const dora = await find({ externalId: 'till:d1' });
    expect(dora).toMatchObject({ leftAt: '2026-03-05T10:00:00.000Z', consents: [{ state: 'granted' }] });
    expect(dora.facts.purchaseCount).toBe(1);

    expect(await till('customer.deleted', { id: 'd2' }, at)).toBe('recorded');
    await till('customer.created', customerAt('d2', 'emil@example.com', { consents }));
    await till('order.created', order('o11', customerAt('d2', 'emil@example.com')));
    expect(await find({ email: 'emil@example.com' })).toMatchObject({ leftAt: '2026-03-05T10:00:00.000Z' });
  });

  test('is not the only one: who is known to another shop stays; a merge of the two and its undoing too', async () => {
    await till('order.created', order('o12', customerAt('d3', 'fay@example.com')));
    await engine.told('customers/create', { id: 33, email: 'fay@example.com', updated_at: '2026-03-01T00:00:00Z' });
    await till('customer.deleted', { id: 'd3' }, at);
    expect((await find({ externalId: 'till:d3' })).leftAt).toBeNull();
    expect(await engine.told('customers/delete', { id: 33 })).toBe('recorded');
    expect((await find({ externalId: 'till:d3' })).leftAt).toBe(today);

    await till('order.created', order('o13', customerAt('d4', 'gil@example.com')));
    const gone = await find({ externalId: 'till:d3' });
    const kept = await find({ externalId: 'till:d4' });
    const params = { customerId: gone.id };
    await engine.call('POST /v1/customers/{customerId}/merge', params, { into: kept.id });
    expect((await find({ externalId: 'till:d3' })).leftAt).toBeNull();
    await engine.call('POST /v1/customers/{customerId}/unmerge', params, {});
    expect((await find({ externalId: 'till:d3' })).leftAt).toBe(today);
  });

  test('without an id is set aside', async () => {
    expect(await till('customer.deleted', {})).toBe('quarantined');
    expect(await engine.told('customers/delete', {})).toBe('quarantined');
  });

  const departure = (externalId: string, said?: string) => ({
    kind: 'fact',
    fact: { kind: 'departure', externalId, at: said },
  });
  const created = Date.parse(at) / 1000;
  const instant = '2026-03-05T10:00:00.000Z';
  test.each<[Platform, Record<string, string>, unknown, unknown]>([
    ['shopify', { 'x-shopify-topic': 'customers/delete' }, { id: 7 }, departure('7')],
    [
      'shopify',
      { 'x-shopify-topic': 'customers/delete', 'x-shopify-triggered-at': at },
      { id: 7 },
      departure('7', instant),
    ],
    ['woocommerce', { 'x-wc-webhook-topic': 'customer.deleted' }, { id: 7 }, departure('7')],
    [
      'stripe',
      {},
      { object: 'event', type: 'customer.deleted', created, livemode: true, data: { object: { id: 'cus_7' } } },
      departure('cus_7', instant),
    ],
    ['square', {}, { type: 'customer.deleted', created_at: at, data: { id: 'S7' } }, departure('S7', instant)],
    [
      'square',
      {},
      {
        type: 'customer.deleted',
        created_at: at,
        data: {
          id: 'S7',
          object: { event_context: { merge: { from_customer_ids: ['S7', 'S8'], to_customer_id: 'S9' } } },
        },
      },
      { kind: 'fact', fact: { kind: 'merge', kept: 'S9', gone: 'S7', test: false } },
    ],
    [
      'bigcommerce',
      {},
      { scope: 'store/customer/deleted', data: { type: 'customer', id: 7 }, created_at: created },
      departure('7', instant),
    ],
    ['medusa', {}, { type: 'customer.deleted', data: { id: 'cus_7' } }, departure('cus_7')],
  ])('is understood of %s', (platform, headers, body, expected) => {
    expect(storefronts[platform].translate(body, { headers }, aSource({ id: 'any', platform, secrets: [] }))).toEqual(
      expected,
    );
  });
});
