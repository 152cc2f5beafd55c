import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
});
afterAll(() => shop.stop());

const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();
const today = day(100);

let count = 0;
let ids: { customer: number; email: string; name: string; phone: string };
beforeEach(async () => {
  count += 1;
  const letters = String.fromCharCode(97 + (count % 26), 97 + Math.floor(count / 26));
  ids = {
    customer: 700_000_000 + count,
    email: `zoe.${letters}@mail.example`,
    name: `Zoe${letters}`,
    phone: `+4930555${String(count).padStart(4, '0')}`,
  };
  await shop.setClock(today);
});

function order(id: number, placed: string, more: Record<string, unknown> = {}) {
  const { customer, email, name, phone } = ids;
  return {
    id: count * 1000 + id,
    created_at: placed,
    updated_at: placed,
    currency: 'EUR',
    total_price: '10.00',
    email,
    buyer_accepts_marketing: true,
    customer: { id: customer, email, first_name: name, last_name: 'Zimmer', phone },
    line_items: [{ title: 'Tea', quantity: 1, price: '10.00' }],
    ...more,
  };
}

const personal = () => [ids.email, ids.name.toLowerCase(), ids.phone, String(ids.customer)];
const total = async () => (await shop.orders()).length;

async function erased(): Promise<string> {
  const found = await shop.find({ email: ids.email });
  const requestId = await shop.erase(found?.id as string);
  await shop.workAll();
  expect((await shop.request(requestId)).status).toBe('done');
  return found?.id as string;
}

describe('an erasure', () => {
  test('leaves amounts and nothing of the person, whatever was kept', async () => {
    const before = await total();
    await shop.deliver('orders/create', order(1, day(10)));
    await shop.deliver('customers/update', {
      id: ids.customer,
      email: ids.email,
      updated_at: day(11),
      email_marketing_consent: { state: 'subscribed', consent_updated_at: day(11) },
    });
    // Nobody understands it, and it is kept with its body.
    await shop.deliver('orders/create', { id: 'x', note: `from <${ids.email.toUpperCase()}>` });
    const customerId = (await shop.find({ email: ids.email }))?.id as string;
    const call = {
      type: 'call',
      externalId: `call${count}`,
      occurredAt: day(12),
      customerId,
      text: `${ids.name} rang`,
    };
    expect((await shop.api.call('POST /v1/interactions', { body: call })).status).toBe(201);
    await shop.keep();
    expect(await shop.traces(personal())).not.toEqual([]);

    const requestId = await shop.erase(customerId);
    await shop.keep();
    await shop.workAll();
    expect(await shop.traces(personal())).toEqual([]);
    expect(await shop.request(requestId)).toMatchObject({
      type: 'erasure',
      status: 'done',
      customerId,
      doneAt: today,
      erasedAt: today,
      counts: { persons: 1, identities: 3, orders: 1, deliveries: 3 },
    });
    expect(await total()).toBe(before + 1);
    for (const path of ['', '/interactions', '/value', '/merges']) {
      const { status, body } = await shop.api.call(`GET /v1/customers/{customerId}${path}`, { params: { customerId } });
      expect([status, body.code]).toEqual([410, 'customer_erased']);
    }
    expect(await shop.find({ email: ids.email })).toBeUndefined();
  });

  test('nothing that is said of a time before brings the person back; amounts still change', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    await shop.keep();
    await erased();
    const lines = await total();
    const deliver = async (topic: string, body: object) => (await shop.deliver(topic, body)).status;
    expect(await deliver('orders/create', order(1, day(10)))).toBe('duplicate');
    expect(await deliver('orders/updated', order(1, day(10), { updated_at: day(20), total_price: '12.00' }))).toBe(
      'recorded',
    );
    const refund = { id: count, order_id: order(1, '').id, created_at: day(21) };
    const transactions = [{ kind: 'refund', status: 'success', amount: '2.00', currency: 'EUR' }];
    expect(await deliver('refunds/create', { ...refund, transactions })).toBe('recorded');
    expect(await deliver('orders/create', order(2, day(30)))).toBe('recorded');
    expect(await deliver('orders/create', order(3, day(31), { customer: null }))).toBe('recorded');
    const words = { id: ids.customer, email: ids.email, first_name: ids.name, updated_at: day(32) };
    expect(await deliver('customers/update', words)).toBe('ignored');
    const elsewhere = await shop.deliver('customers/create', { ...words, id: 4 }, { sourceId: 'other' });
    expect(elsewhere.status).toBe('ignored');
    await shop.keep();
    expect(await shop.traces(personal())).toEqual([]);
    expect(await total()).toBe(lines + 2);
    const [line] = (await shop.orders()).filter(({ externalId }) => externalId === String(order(1, '').id));
    expect(line).toMatchObject({ order: { snapshot: { total: { minor: 1200 } }, consents: {} } });
  });

  test('who comes back later is somebody new, whom nothing from before concerns', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const old = await erased();
    await shop.setClock(day(120));
    expect((await shop.deliver('orders/create', order(2, day(110)))).status).toBe('recorded');
    const found = await shop.find({ email: ids.email });
    expect(found?.id).not.toBe(old);
    expect(found).toMatchObject({ firstName: ids.name, facts: { purchaseCount: 1 } });
    await shop.deliver('orders/create', order(3, day(11)));
    await shop.deliver('orders/updated', order(1, day(10), { updated_at: day(115) }));
    await shop.deliver('orders/create', order(4, day(119)));
    expect(await shop.find({ externalId: `shop:${ids.customer}` })).toMatchObject({
      id: found?.id as string,
      facts: { purchaseCount: 2 },
    });
    // And is erased again.
    await shop.keep();
    await erased();
    expect(await shop.traces(personal())).toEqual([]);
    await shop.deliver('orders/create', order(5, day(118)));
    await shop.keep();
    expect(await shop.traces(personal())).toEqual([]);
  });
});
