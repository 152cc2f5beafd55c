import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anOrder, day, openTopics, redact, type TopicsShop } from './topics.ts';

let shop: TopicsShop;
beforeAll(async () => {
  shop = await openTopics();
});
afterAll(() => shop.stop());

test('an export has what nobody understood and what is thought of the person, and nothing of others', async () => {
  const ada = { id: 191_500, email: 'ada.export@example.com', first_name: 'Ada' };
  const bob = { id: 191_501, email: ada.email, first_name: 'Bob' };
  await shop.deliver('orders/create', anOrder(501, ada));
  await shop.deliver('orders/create', anOrder(502, bob));
  const unread = { currency: '?', note: 'unread' };
  await shop.deliver('orders/create', anOrder(503, null, { ...unread, customer: { id: ada.id } }));
  await shop.deliver('orders/create', anOrder(504, null, { ...unread, customer: { id: bob.id } }));
  await shop.deliver('orders/create', anOrder(505, null, { ...unread, line_items: [{ product_id: ada.id }] }));
  await shop.deliver('carts/update', { id: 506, customer: ada });
  await shop.keep();
  const { deliveryId } = await shop.deliver('customers/data_request', { customer: { id: ada.id } });
  const { id, customerId } = await shop.requestOf(deliveryId);
  const data = await shop.exported(id as string);
  const bodies = data.filter(({ section }) => section === 'delivery').map(({ content }) => String(content.body));
  expect(bodies.map((body) => JSON.parse(body).id).sort()).toEqual([501, 503, 506]);
  expect(data.filter(({ section }) => section === 'mergeSuggestion').map(({ content }) => content)).toMatchObject([
    { customerIds: expect.arrayContaining([customerId]), reason: expect.any(String) },
  ]);
  // Of a customer of several persons, only what is the one's own.
  const other = (await shop.find({ externalId: `shop:${bob.id}` }))?.id as string;
  const merge = { params: { customerId: other }, body: { into: customerId as string } };
  expect((await shop.api.call('POST /v1/customers/{customerId}/merge', merge)).status).toBe(200);
  await shop.deliver(
    'orders/updated',
    anOrder(502, { id: bob.id, first_name: 'Bob' }, { updated_at: day(50), total_price: '11.00' }),
  );
  await shop.keep();
  const again = await shop.deliver('customers/data_request', { customer: { id: ada.id }, again: true });
  const merged = await shop.exported((await shop.requestOf(again.deliveryId)).id as string);
  const own = merged.filter(({ section }) => section === 'delivery').map(({ content }) => String(content.body));
  expect(own.map((body) => JSON.parse(body).id).sort()).toEqual([501, 503, 506]);
});

test('exports and erasures are for keys that reach all sources', async () => {
  const ida = { id: 191_550, email: 'ida.export@example.com', first_name: 'Ida' };
  await shop.deliver('orders/create', anOrder(191_550, ida));
  await shop.deliver('customers/update', { id: 'x', email: ida.email }, { sourceId: 'other' });
  await shop.keep();
  const customerId = (await shop.find({ email: ida.email }))?.id as string;
  const { body: listed } = await shop.api.call('GET /v1/sources');
  const all = listed.data.map(({ id }) => String(id));
  const keyFor = (sources: string[]) => shop.api.keyFor('acme', ['privacy:write'], { sources });
  const asked = async (key: string, type: string) => {
    const made = await shop.api.call('POST /v1/privacy-requests', { key, body: { type, customerId } });
    return [made.status, made.body.code];
  };
  const { body: request } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  const params = { requestId: request.id as string };
  for (const sources of [[], ['shop'], ['shop', 'nowhere'], ['*'], all]) {
    const key = await keyFor(sources);
    const reaches = sources === all || sources.includes('*');
    expect(await asked(key, 'export')).toEqual(reaches ? [202, undefined] : [403, 'sources_not_allowed']);
    if (!reaches) expect(await asked(key, 'erasure')).toEqual([403, 'sources_not_allowed']);
    const { status } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', { key, params });
    expect(status).toBe(reaches ? 200 : 403);
  }
  await shop.workAll();
  expect((await shop.find({ email: ida.email }))?.id).toBe(customerId);
  expect(await asked(await keyFor(all), 'erasure')).toEqual([202, undefined]);
  await shop.workAll();
  expect(await shop.find({ email: ida.email })).toBeUndefined();
});

describe('an order that is another customer’s by now', () => {
  type Person = { id: number; email: string };
  const told = async (id: number, person: Person, minute: number, isGuest = false) => {
    const updated_at = new Date(Date.parse(day(40)) + minute * 60_000).toISOString();
    const content = isGuest
      ? anOrder(id, null, { updated_at, email: person.email })
      : anOrder(id, person, { updated_at });
    const { deliveryId } = await shop.deliver('orders/updated', content);
    await shop.keep();
    return deliveryId;
  };
  const exportOf = async (person: { email: string }) => {
    const customerId = (await shop.find({ email: person.email }))?.id;
    const { body } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
    const data = await shop.exported(body.id as string);
    return data.filter(({ section }) => section === 'delivery').map(({ content }) => content.id);
  };
  const withheld = async (deliveryId: string) =>
    (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } })).body.withheld;

  test.each([
    ['in time', 'the first one', 1],
    ['late', 'the first one', 2],
    ['late', 'a guest', 3],
  ])('what came %s of %s is not shown to the other, and goes with the first', async (when, who, number) => {
    await shop.setClock(day(100));
    const isLate = when === 'late';
    const known = (name: string, id: number) => ({ id, email: `${name}.${number}.moved@example.com` });
    const [one, other] = [known('one', 9_600 + number * 10), known('other', 9_601 + number * 10)];
    const order = 96_000 + number;
    const isGuest = who === 'a guest';
    await told(order + 100, one, 0, isGuest);
    await told(order + 200, other, 0);
    const first = isLate ? undefined : await told(order, one, 5, isGuest);
    const second = await told(order, other, 9);
    const of = first ?? (await told(order, one, 5, isGuest));
    expect((await exportOf(other)).includes(second)).toBe(true);
    expect((await exportOf(other)).includes(of)).toBe(false);
    expect((await exportOf(one)).includes(of)).toBe(true);
    const customer = isGuest ? { email: one.email } : one;
    await shop.deliver('customers/redact', { ...redact, customer, orders_to_redact: [] });
    await shop.workAll();
    expect([await withheld(of), await withheld(second)]).toEqual([true, undefined]);
    expect(await shop.traces([one.email])).toEqual([]);
  });

  test('what came late of somebody of whom nothing else is known goes with that person', async () => {
    await shop.setClock(day(100));
    const [one, other] = [9_651, 9_652].map((id) => ({ id, email: `${id}.moved@example.com` })) as [Person, Person];
    const second = await told(96_050, other, 9);
    const of = await told(96_050, one, 5);
    expect((await exportOf(other)).includes(of)).toBe(false);
    await shop.deliver('customers/redact', { ...redact, customer: one, orders_to_redact: [] });
    await shop.workAll();
    expect([await withheld(of), await withheld(second)]).toEqual([true, undefined]);
  });

  test('what came late of somebody who becomes known elsewhere, and here only then, goes with that person', async () => {
    await shop.setClock(day(100));
    const [one, other] = [9_661, 9_662].map((id) => ({ id, email: `${id}.moved@example.com` })) as [Person, Person];
    const second = await told(96_060, other, 9);
    const of = await told(96_060, one, 5);
    await shop.tell('customer.created', { id: 't1', email: one.email }, 'msg_elsewhere');
    await told(96_061, one, 20);
    const customerId = (await shop.find({ email: one.email }))?.id;
    await shop.api.call('POST /v1/privacy-requests', { body: { type: 'erasure', customerId } });
    await shop.workAll();
    expect([await withheld(of), await withheld(second)]).toEqual([true, undefined]);
  });
});
