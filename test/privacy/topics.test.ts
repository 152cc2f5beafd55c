import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { anOrder, dataRequest, day, john, openTopics, redact, shopRedact, type TopicsShop, today } from './topics.ts';

let shop: TopicsShop;
beforeAll(async () => {
  shop = await openTopics();
});
afterAll(() => shop.stop());

describe('customers/data_request', () => {
  test('is a request that is done once everything was fetched', async () => {
    await shop.deliver('orders/create', anOrder(299_938, john));
    await shop.deliver('customers/update', { ...john, first_name: 'Johnny', updated_at: day(11) });
    await shop.keep();
    const { deliveryId } = await shop.deliver('customers/data_request', dataRequest);
    const request = await shop.requestOf(deliveryId);
    expect(request).toMatchObject({
      type: 'export',
      status: 'open',
      sourceId: 'shop',
      deliveryId,
      requestedAt: today,
      dueAt: day(130),
    });
    expect(await shop.work()).toBe(false);
    const data = await shop.exported(request.id as string);
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
    const { id } = await shop.requestOf(deliveryId);
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
    const { id } = await shop.requestOf((await shop.deliver('customers/redact', asked)).deliveryId);
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
    expect(await shop.requestOf(deliveryId)).toMatchObject({
      status: 'done',
      customerId: null,
      counts: { persons: 0 },
    });
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

test('what an app says of another of its shops is set aside, and nothing is carried out', async () => {
  const sourceId = 'own';
  await shop.putSource(sourceId, { address: 'https://own-shop.myshopify.com' });
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
  expect(await shop.requestOf(deliveryId)).toMatchObject({ type: 'source_erasure', status: 'done' });
  expect(await shop.find({ email: olga.email })).toBeUndefined();
});

describe('privacy.* of the platform standard', () => {
  test('an erasure and an export', async () => {
    const customer = { id: 't1', email: 'tilda@example.com', firstName: 'Tilda' };
    const total = { amount: '5.00', currency: 'EUR' };
    await shop.tell('order.created', { id: 'o1', placedAt: day(20), total, customer }, 'm1');
    const asked = await shop.tell('privacy.export_requested', { customer: { email: customer.email } }, 'm2');
    expect(await shop.requestOf(asked.deliveryId)).toMatchObject({ type: 'export', status: 'open', sourceId: 'till' });
    const { deliveryId } = await shop.tell('privacy.erasure_requested', { customer: { id: 't1' } }, 'm3');
    await shop.workAll();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ type: 'erasure', status: 'done', counts: { persons: 1 } });
    await shop.tell('order.updated', { id: 'o1', placedAt: day(20), total, customer }, 'm4');
    await shop.keep();
    expect(await shop.traces(['tilda'])).toEqual([]);
    const { status, body } = await shop.api.call('GET /v1/privacy-requests', { query: { limit: '2' } });
    expect([status, body.data.length]).toEqual([200, 2]);
    const { status: gone } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', {
      params: { requestId: (await shop.requestOf(asked.deliveryId)).id as string },
    });
    expect(gone).toBe(410);
  });
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
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'done' });
  }, 30_000);
});
