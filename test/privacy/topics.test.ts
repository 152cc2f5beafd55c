import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { shopifySecret, signStandard, standardSecret } from '../signed.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
  const body = { platform: 'standard', secrets: [standardSecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body });
  await shop.setClock(today);
});
afterAll(() => shop.stop());

const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();
const today = day(100);

/** What Shopify sends, as its documentation shows it (shopify.dev, "Privacy law compliance"). */
const john = { id: 191_167, email: 'john@example.com', phone: '555-625-1199' };
const dataRequest = {
  shop_id: 954_889,
  shop_domain: 'example-shop.myshopify.com',
  orders_requested: [299_938, 280_263, 220_458],
  customer: john,
  data_request: { id: 9999 },
};
const redact = { ...dataRequest, orders_to_redact: [299_938, 280_263, 220_458] };
const shopRedact = { shop_id: 954_889, shop_domain: 'example-shop.myshopify.com' };

const anOrder = (id: number, customer: Record<string, unknown> | null, more: object = {}) => ({
  id,
  created_at: day(10),
  updated_at: day(10),
  currency: 'EUR',
  total_price: '10.00',
  ...(customer && { email: customer.email, customer: { first_name: 'Johnny', ...customer } }),
  ...more,
});

async function requestOf(deliveryId: string) {
  await shop.keep();
  const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', {
    params: { deliveryId },
    query: { body: 'true' },
  });
  expect(body).toMatchObject({ status: 'recorded', withheld: true, body: null });
  return shop.request(body.privacyRequestId as string);
}

async function exported(requestId: string) {
  const data: { section: string; content: Record<string, unknown> }[] = [];
  let cursor: string | undefined;
  do {
    const answer = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', {
      params: { requestId },
      ...(cursor && { query: { cursor } }),
    });
    expect(answer.status).toBe(200);
    data.push(...(answer.body.data as unknown as typeof data));
    cursor = (answer.body.nextCursor as string | null) ?? undefined;
  } while (cursor);
  return data;
}

async function tell(type: string, data: object, id: string) {
  const { handler } = await import('../../functions/webhooks/receive.ts');
  const at = Date.parse(today);
  const signed = signStandard({ type, timestamp: today, data }, { id, at });
  const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'till' }, ...signed });
  const { statusCode, body = '' } = await handler(event, lambdaContext());
  expect(statusCode).toBe(202);
  return JSON.parse(body) as { deliveryId: string; status: string };
}

describe('customers/data_request', () => {
  test('is a request that is done once everything was fetched', async () => {
    await shop.deliver('orders/create', anOrder(299_938, john));
    await shop.deliver('customers/update', { ...john, first_name: 'Johnny', updated_at: day(11) });
    await shop.keep();
    const { deliveryId } = await shop.deliver('customers/data_request', dataRequest);
    const request = await requestOf(deliveryId);
    expect(request).toMatchObject({
      type: 'export',
      status: 'open',
      sourceId: 'shop',
      deliveryId,
      requestedAt: today,
      dueAt: day(130),
    });
    expect(await shop.work()).toBe(false);
    const data = await exported(request.id as string);
    const sections = (name: string) => data.filter(({ section }) => section === name).map(({ content }) => content);
    expect(sections('customer')).toMatchObject([
      { profile: { email: { value: john.email } }, sourceIds: { shop: '191167' }, facts: { purchaseCount: 1 } },
    ]);
    expect(sections('interaction')).toMatchObject([{ type: 'order', externalId: '299938' }]);
    expect(
      sections('delivery')
        .map(({ body }) => JSON.parse(String(body)).id)
        .sort(),
    ).toEqual([191_167, 299_938]);
    expect(await shop.request(request.id as string)).toMatchObject({ status: 'done', doneAt: today });
  });
});

describe('customers/redact', () => {
  test('erases whom the id leads to, and takes its orders from whoever has them', async () => {
    await shop.deliver(
      'orders/create',
      anOrder(280_263, { email: 'wife@example.com', id: 191_168, first_name: 'Jane' }),
    );
    await shop.deliver('orders/create', anOrder(5, { email: 'wife@example.com', id: 191_168, first_name: 'Jane' }));
    await shop.keep();
    const { deliveryId } = await shop.deliver('customers/redact', redact);
    const { id } = await requestOf(deliveryId);
    expect((await shop.deliver('customers/redact', redact)).deliveryId).toBe(deliveryId);
    await shop.workAll();
    expect(await shop.request(id as string)).toMatchObject({
      type: 'erasure',
      status: 'done',
      counts: { persons: 1, orders: 2, deliveries: 3 },
    });
    expect(await shop.traces([john.email, 'Johnny', '191167'])).toEqual([]);
    expect((await shop.find({ email: 'wife@example.com' }))?.facts).toMatchObject({ purchaseCount: 1 });
    const lines = (await shop.orders()).map(({ externalId }) => externalId);
    expect(lines.sort()).toEqual(['280263', '299938', '5']);
  });

  test('takes who had its orders and nothing else, and bodies that name these orders', async () => {
    const customer = { id: 191_300, email: 'gwen@example.com', first_name: 'Gwendolyn' };
    const address = { first_name: 'Gwendy', phone: '+493055501300', address1: 'Gwendy Street 1' };
    const guest = { email: 'guest.gwen@example.com', billing_address: address };
    const neighbour = { email: 'neighbour@example.com', billing_address: { first_name: 'Nell' } };
    await shop.deliver('orders/create', anOrder(301, customer));
    await shop.deliver('orders/create', anOrder(302, null, { ...guest, buyer_accepts_marketing: true }));
    await shop.deliver('orders/create', anOrder(303, null, neighbour));
    await shop.deliver('orders/create', anOrder(304, null, neighbour));
    // Nobody understands these, and none but the first two names an order of hers.
    const unread = { currency: '?', billing_address: { first_name: 'Gwendy', last_name: 'Alone' } };
    const quarantined = [
      await shop.deliver('orders/create', anOrder(305, null, unread)),
      await shop.deliver('refunds/create', { id: 5, order_id: 301, note: 'Gwendy', created_at: 'x' }),
      await shop.deliver(
        'orders/create',
        anOrder(306, null, { ...unread, line_items: [{ id: 305, product_id: 302 }] }),
      ),
    ];
    const found = await shop.find({ email: guest.email });
    await shop.keep();
    const orders = (await shop.orders()).length;
    const asked = { customer: { id: customer.id }, orders_to_redact: [301, 302, 303, 305] };
    const { id } = await requestOf((await shop.deliver('customers/redact', asked)).deliveryId);
    await shop.workAll({ milliseconds: 0 });
    expect(await shop.request(id as string)).toMatchObject({ status: 'done', counts: { persons: 2, orders: 3 } });
    expect(await shop.traces(['gwendolyn', guest.email, address.phone, address.address1])).toEqual([]);
    const { status } = await shop.api.call('GET /v1/customers/{customerId}', {
      params: { customerId: found?.id as string },
    });
    expect(status).toBe(410);
    expect(await shop.orders()).toHaveLength(orders);
    // Who has another order still is somebody else.
    expect((await shop.find({ email: neighbour.email }))?.facts).toMatchObject({ purchaseCount: 1 });
    const withheld = quarantined.map(async ({ deliveryId }) => {
      const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } });
      return [body.status, Boolean(body.withheld)];
    });
    expect(await Promise.all(withheld)).toEqual([
      ['quarantined', true],
      ['quarantined', true],
      ['quarantined', false],
    ]);
  });

  test('leaves with who keeps another order no name that a redacted one said last', async () => {
    const own = { email: 'nele@example.com', billing_address: { first_name: 'Nele' } };
    const hers = { ...own, updated_at: day(12), billing_address: { first_name: 'Griselda', last_name: 'Nell' } };
    await shop.deliver('orders/create', anOrder(311, null, own));
    await shop.deliver('orders/create', anOrder(312, null, hers));
    const both = { email: 'nora@example.com', billing_address: { first_name: 'Nora' } };
    await shop.deliver('orders/create', anOrder(313, null, both));
    await shop.deliver('orders/create', anOrder(314, null, both));
    await shop.keep();
    expect(await shop.find({ email: own.email })).toMatchObject({ firstName: 'Griselda', lastName: 'Nell' });
    await shop.deliver('customers/redact', { customer: { id: 191_310 }, orders_to_redact: [312, 314] });
    await shop.workAll();
    expect(await shop.traces(['griselda'])).toEqual([]);
    expect(await shop.find({ email: own.email })).toMatchObject({ facts: { purchaseCount: 1 } });
    // Another order of hers said it at the same time.
    expect(await shop.find({ email: both.email })).toMatchObject({ firstName: 'Nora', facts: { purchaseCount: 1 } });
  });

  test('nor where the clock of the shop ran ahead, or a file told of the order', async () => {
    const hour = (number: number) => new Date(Date.parse(today) + number * 3_600_000).toISOString();
    const ahead = (number: number) => ({ created_at: day(90), updated_at: hour(number) });
    const named = (name: string) => ({ email: 'clock@example.com', billing_address: { first_name: name } });
    await shop.deliver('orders/create', anOrder(321, null, { ...ahead(2), ...named('Nele') }));
    await shop.setClock(hour(1));
    const hers = anOrder(322, null, { ...ahead(3), ...named('Kunigunde') });
    await shop.deliver('orders/create', hers);
    // The same state once more.
    await shop.deliver('orders/paid', hers, { now: hour(1.5) });
    const csv = [
      'Name,Id,Created at,Currency,Total,Financial Status,Email,Billing Name',
      '#323,323,2026-01-10 12:00:00 +0000,EUR,10.00,paid,file@example.com,Nele',
      '#324,324,2026-01-12 12:00:00 +0000,EUR,10.00,voided,file@example.com,Walburga',
    ];
    const query = { sourceId: 'shop', format: 'shopify-csv' };
    const headers = { 'content-type': 'text/csv' };
    const imported = await shop.api.call('POST /v1/imports', { query, body: csv.join('\n'), headers });
    expect(imported.body).toMatchObject({ counts: { recorded: 2 } });
    await shop.keep();
    expect(await shop.find({ email: 'clock@example.com' })).toMatchObject({ firstName: 'Kunigunde' });
    expect(await shop.find({ email: 'file@example.com' })).toMatchObject({ firstName: 'Walburga' });
    await shop.deliver('customers/redact', { customer: { id: 191_320 }, orders_to_redact: [322, 324] });
    await shop.workAll();
    expect(await shop.traces(['kunigunde', 'walburga'])).toEqual([]);
    for (const email of ['clock@example.com', 'file@example.com'])
      expect(await shop.find({ email })).toMatchObject({ facts: { purchaseCount: 1 } });
    await shop.setClock(today);
  });

  test('takes all orders that are listed, however many', async () => {
    const guest = { email: 'guest.many@example.com', billing_address: { first_name: 'Manya' } };
    await shop.deliver('orders/create', anOrder(191_600, null, guest));
    const listed = Array.from({ length: 300 }, (_, index) => 5_000_000 + index);
    await shop.deliver('customers/redact', { customer: { id: 191_601 }, orders_to_redact: [...listed, 191_600] });
    await shop.workAll();
    await shop.keep();
    expect(await shop.traces([guest.email, 'manya'])).toEqual([]);
  }, 30_000);

  test('of somebody who is not known keeps the person from coming to be', async () => {
    const jack = { id: 191_200, email: 'jack@example.com', phone: null };
    const { deliveryId } = await shop.deliver('customers/redact', { ...redact, customer: jack, orders_to_redact: [] });
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done', customerId: null, counts: { persons: 0 } });
    await shop.deliver('orders/create', anOrder(6, jack));
    expect((await shop.deliver('customers/delete', { id: jack.id })).status).toBe('ignored');
    await shop.deliver('orders/create', anOrder(7, null, { email: jack.email }));
    await shop.keep();
    expect(await shop.traces([jack.email])).toEqual([]);
    expect((await shop.orders()).map(({ externalId }) => externalId)).toEqual(expect.arrayContaining(['6', '7']));
  });

  test('lists orders that are yet to come: they come without a person', async () => {
    const jill = { id: 191_300, email: 'jill@example.com', phone: null };
    const orders_to_redact = [777_001, 777_002];
    await shop.deliver('customers/redact', { ...redact, customer: jill, orders_to_redact });
    await shop.workAll();
    const guest = { email: 'jills.guest@example.com', first_name: 'Jilliana' };
    await shop.deliver('orders/create', anOrder(777_001, null, { ...guest, billing_address: guest }));
    await shop.deliver('orders/create', anOrder(777_003, null, { email: 'others@example.com' }));
    await shop.keep();
    expect(await shop.traces([guest.email, guest.first_name])).toEqual([]);
    expect(await shop.find({ email: guest.email })).toBeUndefined();
    expect((await shop.find({ email: 'others@example.com' }))?.facts).toMatchObject({ purchaseCount: 1 });
    const lines = (await shop.orders()).map(({ externalId }) => externalId);
    expect(lines.filter((id) => String(id).startsWith('7770')).sort()).toEqual(['777001', '777003']);
  });

  test('that names nobody is set aside', async () => {
    const { status } = await shop.deliver('customers/redact', { ...redact, customer: {} });
    expect(status).toBe('quarantined');
  });

  describe.skipIf(!hasSharedMaterial)(`with the bodies of the documentation${absent}`, () => {
    test.each(['customers/data_request', 'customers/redact'])('%s is taken down', async (topic) => {
      const body = readShared(`fixtures/webhooks/shopify/${topic.replace('/', '-')}--1.json`);
      const { status } = await shop.deliver(topic, body, { sourceId: 'other' });
      expect(status).toBe('recorded');
    });
  });
});

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
  const { id, customerId } = await requestOf(deliveryId);
  const data = await exported(id as string);
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
  const merged = await exported((await requestOf(again.deliveryId)).id as string);
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

test('what an app says of another of its shops is set aside, and nothing is carried out', async () => {
  const sourceId = 'own';
  const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  const body = { ...given, address: 'https://own-shop.myshopify.com' };
  await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body });
  const olga = { id: 191_800, email: 'olga.own@example.com', first_name: 'Olga' };
  await shop.deliver('orders/create', anOrder(191_800, olga), { sourceId });
  await shop.keep();
  for (const [topic, said] of [
    ['customers/data_request', { ...dataRequest, customer: olga }],
    ['customers/redact', { ...redact, customer: olga, orders_to_redact: [191_800] }],
    ['shop/redact', shopRedact],
  ] as const) {
    const { deliveryId, status } = await shop.deliver(topic, said, { sourceId });
    expect(status).toBe('quarantined');
    const { body: kept } = await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } });
    expect(kept).toMatchObject({ reason: expect.stringContaining('/shop_domain') });
    expect(kept.privacyRequestId).toBeUndefined();
  }
  await shop.workAll();
  expect(await shop.find({ email: olga.email })).toMatchObject({ facts: { purchaseCount: 1 } });
  const { body: source } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId } });
  expect(source).toMatchObject({ secretCount: 1 });
  const own = { ...shopRedact, shop_domain: 'Own-Shop.myshopify.com' };
  const { deliveryId } = await shop.deliver('shop/redact', own, { sourceId });
  await shop.workAll();
  expect(await requestOf(deliveryId)).toMatchObject({ type: 'source_erasure', status: 'done' });
  expect(await shop.find({ email: olga.email })).toBeUndefined();
});

describe('privacy.* of the platform standard', () => {
  test('an erasure and an export', async () => {
    const customer = { id: 't1', email: 'tilda@example.com', firstName: 'Tilda' };
    const total = { amount: '5.00', currency: 'EUR' };
    await tell('order.created', { id: 'o1', placedAt: day(20), total, customer }, 'm1');
    const asked = await tell('privacy.export_requested', { customer: { email: customer.email } }, 'm2');
    expect(await requestOf(asked.deliveryId)).toMatchObject({ type: 'export', status: 'open', sourceId: 'till' });
    const { deliveryId } = await tell('privacy.erasure_requested', { customer: { id: 't1' } }, 'm3');
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ type: 'erasure', status: 'done', counts: { persons: 1 } });
    await tell('order.updated', { id: 'o1', placedAt: day(20), total, customer }, 'm4');
    await shop.keep();
    expect(await shop.traces(['tilda'])).toEqual([]);
    const { status, body } = await shop.api.call('GET /v1/privacy-requests', { query: { limit: '2' } });
    expect([status, body.data.length]).toEqual([200, 2]);
    const { status: gone } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', {
      params: { requestId: (await requestOf(asked.deliveryId)).id as string },
    });
    expect(gone).toBe(410);
  });
});

describe('shop/redact', () => {
  test('takes whatever the source said; who is known elsewhere stays', async () => {
    const both = { id: 900, email: 'both@example.com' };
    await shop.deliver('orders/create', anOrder(1, { id: 901, email: 'only@example.com' }), { sourceId: 'other' });
    await shop.deliver('orders/create', anOrder(2, { ...both, first_name: 'Bob' }), { sourceId: 'other' });
    await shop.deliver('orders/create', anOrder(50, { ...both, id: 77_900, first_name: 'Bob' }));
    await shop.deliver('orders/create', anOrder(3, null, { email: 'guest@example.com' }), { sourceId: 'other' });
    await shop.keep();
    expect((await shop.find({ email: both.email }))?.facts).toMatchObject({ purchaseCount: 2 });
    const orders = (await shop.orders()).length;
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId: 'other' });
    const { id } = await requestOf(deliveryId);
    await shop.workAll();
    expect(await shop.request(id as string)).toMatchObject({ type: 'source_erasure', status: 'done' });
    expect(await shop.traces(['only@example.com', 'guest@example.com'])).toEqual([]);
    expect(await shop.find({ email: both.email })).toMatchObject({ firstName: 'Bob', facts: { purchaseCount: 1 } });
    expect(await shop.find({ externalId: 'other:900' })).toBeUndefined();
    expect((await shop.orders()).length).toBe(orders);
    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId: 'other' } });
    expect(body).toMatchObject({ secretCount: 0, credentialNames: [], erasedAt: today });
    await expect(shop.deliver('orders/create', anOrder(9, both), { sourceId: 'other' })).rejects.toThrow();
    const again = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
    await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'other' }, body: again });
    expect((await shop.deliver('orders/create', anOrder(9, both), { sourceId: 'other' })).status).toBe('recorded');
  });

  test('takes whose only order another customer has by now, and nobody of whom others spoke', async () => {
    const sourceId = 'moving';
    const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
    await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: given });
    const buyer = { id: 88_100, email: 'buyer.moving@example.com' };
    const guest = (name: string, agrees: boolean) => ({
      email: `${name}.moving@example.com`,
      buyer_accepts_marketing: agrees,
      billing_address: { first_name: `${name}Moving` },
    });
    await shop.deliver('orders/create', anOrder(88_199, buyer), { sourceId });
    const guests = [guest('Greta', true), guest('Hugo', false), guest('Kim', true)];
    for (const [id, one] of guests.entries())
      await shop.deliver('orders/create', anOrder(88_100 + id, null, one), { sourceId });
    for (const [id] of guests.entries())
      await shop.deliver('orders/updated', anOrder(88_100 + id, buyer, { updated_at: day(30) }), { sourceId });
    const consents = [{ channel: 'sms', purpose: 'marketing', state: 'granted' }];
    await tell('customer.updated', { email: 'kim.moving@example.com', updatedAt: day(20), consents }, 'moving1');
    await tell(
      'customer.updated',
      { email: 'lea.moving@example.com', firstName: 'Lea', updatedAt: day(20) },
      'moving2',
    );
    await shop.keep();
    for (const { email } of guests) expect((await shop.find({ email }))?.facts).toMatchObject({ purchaseCount: 0 });
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done', counts: { persons: 3 } });
    expect(await shop.traces(['greta', 'hugo', buyer.email])).toEqual([]);
    expect((await shop.find({ email: 'kim.moving@example.com' }))?.consents).toMatchObject([{ channel: 'sms' }]);
    expect((await shop.find({ email: 'lea.moving@example.com' }))?.firstName).toBe('Lea');
  });

  test('leaves alone what begins anew before it is done', async () => {
    const sourceId = 'again';
    const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
    const put = () => shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: given });
    await put();
    const both = { id: 9_001, email: 'both.again@example.com', first_name: 'Bea' };
    const old = { id: 9_002, email: 'old.again@example.com', first_name: 'Olga' };
    const fresh = { id: 9_003, email: 'fresh.again@example.com', first_name: 'Freya' };
    await shop.deliver('orders/create', anOrder(9_001, both), { sourceId });
    await shop.deliver('orders/create', anOrder(9_101, { ...both, id: 88_001 }));
    await shop.deliver('orders/create', anOrder(9_002, old), { sourceId });
    const before = await shop.deliver('orders/create', { id: 'x', note: 'before' }, { sourceId });
    await shop.keep();
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.work();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'open', erasedAt: today });

    const later = { created_at: day(102), updated_at: day(102), buyer_accepts_marketing: true };
    await shop.setClock(day(103));
    expect((await put()).body).toMatchObject({ secretCount: 1 });
    for (const [id, customer] of [both, old, fresh].entries())
      await shop.deliver('orders/create', anOrder(9_010 + id, customer, later), { sourceId });
    await shop.deliver(
      'customers/update',
      { ...fresh, id: 9_004, email: 'seen.again@example.com', updated_at: day(102) },
      { sourceId },
    );
    // Said of a time before: an order of somebody who is erased stands without a person.
    await shop.deliver('orders/create', anOrder(9_020, old), { sourceId });
    const after = await shop.deliver('orders/create', { id: 'y', note: 'after' }, { sourceId });
    await shop.keep();
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done' });

    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId } });
    expect([body.secretCount, body.erasedAt]).toEqual([1, undefined]);
    for (const { id, email } of [old, fresh]) {
      const found = await shop.find({ email });
      expect(found).toMatchObject({ facts: { purchaseCount: 1 } });
      expect((await shop.find({ externalId: `${sourceId}:${id}` }))?.id).toBe(found?.id);
    }
    expect((await shop.find({ externalId: `${sourceId}:9004` }))?.email).toBe('seen.again@example.com');
    // Of the one whom another shop knows: its order there, and the one since.
    const known = await shop.find({ email: both.email });
    expect(known).toMatchObject({ facts: { purchaseCount: 2 } });
    for (const id of [`${sourceId}:${both.id}`, 'shop:88001'])
      expect((await shop.find({ externalId: id }))?.id).toBe(known?.id);
    const held = async ({ deliveryId: id }: { deliveryId: string }) =>
      (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId: id } })).body.withheld;
    expect([await held(before), await held(after)]).toEqual([true, undefined]);
    expect((await shop.deliver('orders/create', anOrder(9_030, fresh, later), { sourceId })).status).toBe('recorded');
  });

  test('leaves alone the history that is imported once the source began anew, and nothing of what came before', async () => {
    const sourceId = 'history';
    const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
    const put = () => shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: given });
    const both = { id: 9_201, email: 'both.history@example.com', first_name: 'Bertha' };
    const old = { id: 9_202, email: 'old.history@example.com', first_name: 'Oda' };
    const flying = { email: 'flying.history@example.com' };
    const fresh = { id: 9_203, email: 'fresh.history@example.com', first_name: 'Frieda' };
    const guest = { email: 'guest.history@example.com' };
    const agreed = { buyer_accepts_marketing: true };
    await shop.setClock(today);
    const { body: made } = await put();
    await shop.deliver('orders/create', anOrder(9_201, both), { sourceId });
    await shop.deliver('orders/create', anOrder(9_301, { ...both, id: 88_201 }));
    await shop.deliver('orders/create', anOrder(9_202, old), { sourceId });
    // Acknowledged before, and recorded after.
    shop.api.proxy.plan = () => 'throttled';
    await shop.deliver('orders/create', anOrder(9_204, null, flying), { sourceId });
    await shop.deliver('orders/create', anOrder(9_205, both), { sourceId });
    shop.api.proxy.plan = () => 'none';
    const late = shop.queues.of('retry').splice(0);
    expect(late).toHaveLength(2);
    await shop.keep();
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.work();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'open', erasedAt: today });

    await shop.setClock(day(103));
    expect((await put()).body).toMatchObject({ createdAt: day(103) });
    expect(made.createdAt).toBe(today);
    const { handler: retry } = await import('../../functions/webhooks/retry.ts');
    for (const body of late) await retry({ Records: [{ messageId: 'late', body }] } as SQSEvent);
    expect(await shop.find({ email: flying.email })).toBeDefined();
    const transactions = [{ kind: 'refund', status: 'success', amount: '1.00', currency: 'EUR' }];
    const history = [
      anOrder(9_211, both, agreed),
      // Told before as well: it is the old source's, whatever was paid back of it.
      anOrder(9_204, null, { ...flying, refunds: [{ id: 1, created_at: day(12), transactions }] }),
      anOrder(9_213, fresh, agreed),
      anOrder(9_214, null, guest),
    ];
    const imported = await shop.api.call('POST /v1/imports', {
      query: { sourceId, format: 'shopify-ndjson' },
      body: history.map((order) => JSON.stringify(order)).join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(imported.body.counts).toMatchObject({ recorded: 4, failed: 0 });
    const told = await shop.deliver('orders/updated', anOrder(9_214, null, { ...guest, updated_at: day(20) }), {
      sourceId,
    });
    await shop.setClock(day(104));
    await shop.keep();
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done' });

    for (const { email } of [fresh, guest])
      expect(await shop.find({ email })).toMatchObject({ facts: { purchaseCount: 1 } });
    const known = await shop.find({ email: both.email });
    expect(known).toMatchObject({ facts: { purchaseCount: 2 } });
    for (const { email } of [both, fresh])
      expect((await shop.find({ email }))?.consents).toMatchObject([{ channel: 'email', state: 'granted', sourceId }]);
    expect((await shop.find({ externalId: `${sourceId}:${both.id}` }))?.id).toBe(known?.id);
    expect(await shop.traces([old.email, old.first_name, flying.email])).toEqual([]);
    const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', {
      params: { deliveryId: told.deliveryId },
    });
    expect(body).toMatchObject({ status: 'recorded' });
    expect(body.withheld).toBeUndefined();
  });
});

describe('an order that is another customer’s by now', () => {
  const told = async (id: number, person: { id: number; email: string }, minute: number, isGuest = false) => {
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
    const data = await exported(body.id as string);
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
});

describe('shop/redact that waits', () => {
  const given = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  const put = async (sourceId: string) =>
    (await shop.api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body: given })).body;

  test('switches the source off at once: what is put anew meanwhile begins anew', async () => {
    const sourceId = 'waiting';
    await shop.setClock(today);
    await put(sourceId);
    const old = { id: 9_401, email: 'old.waiting@example.com' };
    const imported = { id: 9_402, email: 'imported.waiting@example.com' };
    const live = { id: 9_403, email: 'live.waiting@example.com' };
    await shop.deliver('orders/create', anOrder(9_401, old), { sourceId });
    await shop.keep();
    const redaction = await shop.deliver('shop/redact', shopRedact, { sourceId, id: 'waiting-redact' });
    await expect(shop.deliver('orders/create', anOrder(9_409, old), { sourceId })).rejects.toThrow();

    await shop.setClock(day(101));
    expect(await put(sourceId)).toMatchObject({ createdAt: day(101) });
    await shop.api.call('POST /v1/imports', {
      query: { sourceId, format: 'shopify-ndjson' },
      body: JSON.stringify(anOrder(9_402, imported)),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    await shop.deliver('orders/create', anOrder(9_403, live), { sourceId });
    // Shopify sends again what it thinks was not taken.
    await shop.deliver('shop/redact', shopRedact, { sourceId, id: 'waiting-redact' });
    await shop.workAll();
    expect(await requestOf(redaction.deliveryId)).toMatchObject({ status: 'done', erasedAt: today });
    expect(await shop.traces([old.email])).toEqual([]);
    for (const { email } of [imported, live])
      expect(await shop.find({ email })).toMatchObject({ facts: { purchaseCount: 1 } });
    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId } });
    expect([body.secretCount, body.erasedAt]).toEqual([1, undefined]);
  });

  test('takes whom a door let in that trusted the source a little longer', async () => {
    const sourceId = 'trusted';
    await shop.setClock(today);
    await put(sourceId);
    const { client, embedded } = shop.api;
    const place = { TableName: embedded.tables.registry, Key: sourceKey(sourceId) };
    const { Item: trusted } = await client.send(new GetCommand(place));
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    const { Item: off } = await client.send(new GetCommand(place));
    await client.send(new PutCommand({ TableName: place.TableName, Item: trusted }));
    await shop.setClock(`${today.slice(0, -5)}.003Z`);
    const known = { id: 9_501, email: 'known.trusted@example.com', first_name: 'Tilda' };
    const guest = { email: 'guest.trusted@example.com', billing_address: { first_name: 'Tristan' } };
    await shop.deliver('orders/create', anOrder(9_501, known), { sourceId });
    await shop.deliver('orders/create', anOrder(9_502, null, guest), { sourceId });
    await client.send(new PutCommand({ TableName: place.TableName, Item: off }));
    await shop.keep();
    await shop.workAll();
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done', erasedAt: today });
    expect(await shop.traces(['trusted@example.com', 'tilda', 'tristan'])).toEqual([]);
  });
});

test('what nobody understood and came after an erasure stays, though the erasure is not done', async () => {
  const zelda = { id: 191_700, email: 'zelda@example.com', first_name: 'Zelda' };
  await shop.setClock(today);
  await shop.deliver('orders/create', anOrder(191_700, zelda));
  const before = await shop.deliver('orders/create', { id: 'x', note: zelda.email });
  await shop.keep();
  const requestId = await shop.erase((await shop.find({ email: zelda.email }))?.id as string);
  await shop.work();
  await shop.setClock(day(101));
  const after = await shop.deliver('orders/create', { id: 'y', note: zelda.email });
  await shop.workAll();
  expect(await shop.request(requestId)).toMatchObject({ status: 'done', erasedAt: today });
  const held = async ({ deliveryId }: { deliveryId: string }) =>
    (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } })).body.withheld;
  expect([await held(before), await held(after)]).toEqual([true, undefined]);
});

describe('requests that stay open', () => {
  test('are told of a week before they are due, and erasures whose message was lost go on', async () => {
    const { deliveryId } = await shop.deliver('customers/redact', { ...redact, customer: { id: 31 } });
    shop.queues.of('erasure').splice(0);
    const told: string[] = [];
    const { error } = console;
    console.error = (line: string) => void told.push(line);
    shop.queues.of('erasure').push(JSON.stringify({ scheduledTime: day(101) }));
    await shop.work();
    expect(told).toEqual([]);
    shop.queues.of('erasure').splice(0);
    await shop.setClock(day(125));
    shop.queues.of('erasure').push(JSON.stringify({ scheduledTime: day(125) }));
    await shop.workAll();
    console.error = error;
    expect(told.filter((line) => line.includes('privacy request is due soon')).length).toBeGreaterThan(0);
    expect(await requestOf(deliveryId)).toMatchObject({ status: 'done' });
  }, 30_000);
});
