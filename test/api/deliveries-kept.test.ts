import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type KeptShop, openKeptShop, type Sent } from './kept.ts';

let shop: KeptShop;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  shop = await openKeptShop({ shop: 'shopify', other: 'shopify' });
});
afterAll(() => shop.stop());

const order = (id: number) => ({
  id,
  created_at: '2026-06-01T08:00:00Z',
  updated_at: '2026-06-01T08:00:00Z',
  currency: 'EUR',
  total_price: '10.00',
  email: 'ada@example.com',
});
const list = (query: Record<string, string>) => shop.api.call('GET /v1/deliveries', { query });
const show = (deliveryId: string, query: Record<string, string> = {}, key?: string) =>
  shop.api.call('GET /v1/deliveries/{deliveryId}', {
    params: { deliveryId },
    query,
    ...(key !== undefined && { key }),
  });

/** All ids of a list, page by page. */
async function all(query: Record<string, string>): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await list({ ...query, ...(cursor !== '' && { cursor }) });
    expect(status).toBe(200);
    ids.push(...body.data.map(({ id }) => String(id)));
    cursor = body.nextCursor as string | null;
  }
  return ids;
}

const at = (minute: number) => `2026-06-01T09:${String(minute).padStart(2, '0')}:00.000Z`;

describe('the list', () => {
  const sent: Sent[] = [];
  beforeAll(async () => {
    // Minutes 0 to 11: three each that are recorded, ignored, quarantined, and three of another source.
    for (let minute = 0; minute < 12; minute++) {
      const options = { id: `w-${minute}`, now: at(minute), ...(minute % 4 === 3 && { sourceId: 'other' }) };
      if (minute % 4 === 1) sent.push(await shop.deliver('themes/publish', { id: minute }, options));
      else if (minute % 4 === 2) sent.push(await shop.deliver('orders/create', `{"id": ${minute}`, options));
      else sent.push(await shop.deliver('orders/create', order(minute), options));
    }
    sent.push(await shop.deliver('orders/create', '{', { id: 'w-12', now: at(12), sourceId: 'other' }));
    await shop.keep();
  });
  const ids = (...minutes: number[]) => minutes.map((minute) => sent[minute]?.deliveryId);

  test('of a source: newest first, in pages of any size, by status and by time', async () => {
    const whole = ids(10, 9, 8, 6, 5, 4, 2, 1, 0);
    expect(await all({ sourceId: 'shop' })).toEqual(whole);
    for (const limit of ['1', '2', '4', '9']) expect(await all({ sourceId: 'shop', limit })).toEqual(whole);
    expect(await all({ sourceId: 'shop', status: 'recorded', limit: '2' })).toEqual(ids(8, 4, 0));
    expect(await all({ sourceId: 'shop', status: 'ignored' })).toEqual(ids(9, 5, 1));
    expect(await all({ sourceId: 'shop', status: 'quarantined', limit: '1' })).toEqual(ids(10, 6, 2));
    expect(await all({ sourceId: 'shop', status: 'duplicate' })).toEqual([]);
    expect(await all({ sourceId: 'shop', from: at(4), to: at(8), limit: '1' })).toEqual(ids(6, 5, 4));
    expect(await all({ sourceId: 'shop', from: at(9) })).toEqual(ids(10, 9));
    expect(await all({ sourceId: 'shop', to: at(1) })).toEqual(ids(0));
    expect(await all({ sourceId: 'shop', status: 'ignored', from: at(5), to: at(9) })).toEqual(ids(5));
    expect((await list({ sourceId: 'nowhere' })).body.code).toBe('source_not_found');
  });

  test('without a source: what is quarantined, of all', async () => {
    for (const query of [{}, { status: 'quarantined', limit: '2' }])
      expect(await all(query)).toEqual(ids(12, 10, 6, 2));
    expect(await all({ from: at(6), to: at(12) })).toEqual(ids(10, 6));
  });

  test('each with what came of it, never with its body', async () => {
    const { body } = await list({ sourceId: 'shop', limit: '3' });
    expect(body.data).toMatchObject([
      { status: 'quarantined', sourceId: 'shop', reason: expect.any(String), receivedAt: at(10), customerId: null },
      { status: 'ignored', reason: expect.any(String), interactionId: null },
      {
        status: 'recorded',
        receivedAt: at(8),
        occurredAt: '2026-06-01T08:00:00.000Z',
        customerId: expect.stringMatching(/^cus_/),
        interactionId: expect.stringMatching(/^int_/),
        replayedAt: null,
      },
    ]);
    expect(JSON.stringify(body)).not.toContain('ada@example.com');
    expect(JSON.stringify(body)).not.toContain('shopify-topic');
  });

  test('a cursor belongs to its filters', async () => {
    const { body } = await list({ sourceId: 'shop', limit: '1' });
    const cursor = String(body.nextCursor);
    for (const query of [
      { sourceId: 'other' },
      { sourceId: 'shop', status: 'ignored' },
      { sourceId: 'shop', from: at(1) },
    ])
      expect((await list({ ...query, limit: '1', cursor } as Record<string, string>)).body.code).toBe('invalid_cursor');
  });

  test('what is asked wrongly is refused by name', async () => {
    for (const [query, pointer] of [
      [{ status: 'ignored' }, '/query/sourceId'],
      [{ sourceId: 'shop', from: 'yesterday' }, '/query/from'],
      [{ sourceId: 'a#b' }, '/query/sourceId'],
      [{ sourceId: 'shop', from: at(2), to: at(1) }, '/query/to'],
    ] as [Record<string, string>, string][]) {
      const { status, body } = await list(query);
      expect([status, body.errors[0]?.pointer]).toEqual([400, pointer]);
    }
  });

  test('what has expired is shown no more, whether it was removed or not; what is quarantined stays', async () => {
    await shop.setClock('2026-07-01T09:05:30.000Z');
    expect(await all({ sourceId: 'shop', limit: '2' })).toEqual(ids(10, 9, 8, 6, 2));
    expect((await show(sent[5]?.deliveryId ?? '')).body.code).toBe('delivery_not_found');
    for (const minute of [2, 8]) expect((await show(sent[minute]?.deliveryId ?? '')).status).toBe(200);
    await shop.setClock(at(30));
  });
});

describe('one delivery', () => {
  test('shows what came of it; its body only to who may write', async () => {
    const content = { ...order(100), note: 'Grüße' };
    const { deliveryId } = await shop.deliver('orders/create', content, { id: 'w-100' });
    await shop.keep();
    const plain = await show(deliveryId);
    expect(plain.body).toMatchObject({ id: deliveryId, status: 'recorded', bytes: expect.any(Number) });
    expect(plain.body).not.toHaveProperty('body');
    expect(plain.body).not.toHaveProperty('headers');
    const whole = await show(deliveryId, { body: 'true' });
    expect(whole.body.body).toEqual({ encoding: 'utf8', content: JSON.stringify(content) });

    const reader = await shop.api.keyFor('reader', ['deliveries:read'], { sources: ['shop'] });
    expect((await show(deliveryId, {}, reader)).status).toBe(200);
    expect((await show(deliveryId, { body: 'true' }, reader)).body.code).toBe('insufficient_scope');
    const nobody = await shop.api.keyFor('nobody', ['sources:read']);
    expect((await show(deliveryId, {}, nobody)).body.code).toBe('insufficient_scope');
  });

  test('bytes that are no text come in base64; what no answer holds is not shown', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe]);
    const strange = await shop.deliver('orders/create', bytes, { id: 'w-101' });
    expect((await show(strange.deliveryId, { body: 'true' })).body.body).toEqual({
      encoding: 'base64',
      content: bytes.toString('base64'),
    });
    const large = await shop.deliver('orders/create', ' '.repeat(3_000_000), { id: 'w-102' });
    expect(large.status).toBe('quarantined');
    expect((await show(large.deliveryId, { body: 'true' })).body).toMatchObject({ bytes: 3_000_000, body: null });
  });

  test('that came late of somebody of whom nothing else is known leads to nobody, until somebody knows that one', async () => {
    const told = async (id: number, customer: { id: number; email: string }, minute: number) => {
      const updated_at = at(minute);
      const content = { ...order(id), email: customer.email, customer, updated_at };
      const { deliveryId } = await shop.deliver('orders/updated', content, { id: `w-${id}-${minute}` });
      await shop.keep();
      return deliveryId;
    };
    const customerOf = async (deliveryId: string) => {
      const { body } = await show(deliveryId);
      const { body: listed } = await list({ sourceId: 'shop', limit: '100' });
      expect(listed.data.find(({ id }) => id === deliveryId)?.customerId).toBe(body.customerId);
      return body.customerId;
    };
    const idOf = async (email: string) => {
      const { body } = await shop.api.call('GET /v1/customers', { query: { email } });
      return body.data[0]?.id ?? null;
    };
    const one = { id: 7_000, email: 'one@example.com' };
    const other = { id: 7_001, email: 'other@example.com' };
    const inTime = await told(110, other, 19);
    const late = await told(110, one, 15);
    expect([await idOf(one.email), await customerOf(late)]).toEqual([null, null]);
    expect(await customerOf(inTime)).toBe(await idOf(other.email));
    await told(111, one, 20);
    expect(await customerOf(late)).toEqual(expect.stringMatching(/^cus_/));
    expect(await customerOf(late)).toBe(await idOf(one.email));
  });

  test('that is not there, or not yet, is 404', async () => {
    expect((await show('dlv_unknown')).body.code).toBe('delivery_not_found');
    expect((await show('dlv#body')).status).toBe(400);
    expect((await show('dlv_unknown', { body: 'yes' })).status).toBe(400);
  });
});
