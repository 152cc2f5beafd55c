import { createHmac } from 'node:crypto';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { importKey } from '../../shared/dynamodb/keys.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { type Signed, shopifySecret, signShopify } from '../signed.ts';
import { type ApiDoor, type Call, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openApi({ RETRY_QUEUE_URL: 'http://127.0.0.1:1/retry' });
  const settings = { secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', {
    params: { sourceId: 'shop' },
    body: { ...settings, platform: 'shopify', country: 'DE' },
  });
  await api.call('PUT /v1/sources/{sourceId}', {
    params: { sourceId: 'woo' },
    body: { ...settings, platform: 'woocommerce' },
  });
});
afterAll(() => api.stop());
beforeEach(() => {
  api.proxy.plan = () => 'none';
});

const csv = { 'content-type': 'text/csv; charset=utf-8' };
const ndjson = { 'content-type': 'application/x-ndjson' };

const open = (sourceId: string, format: string, more: Call = {}) =>
  api.call('POST /v1/imports', { body: { sourceId, format, name: 'orders.csv' }, ...more });
const whole = (sourceId: string, format: string, body: string, more: Call = {}) =>
  api.call('POST /v1/imports', {
    query: { sourceId, format },
    body,
    headers: format.endsWith('csv') ? csv : ndjson,
    ...more,
  });
const put = (importId: string, part: number, body: string, { line, ...more }: Call & { line?: string } = {}) =>
  api.call('PUT /v1/imports/{importId}/parts/{part}', {
    params: { importId, part: String(part) },
    ...(line && { query: { line } }),
    body,
    headers: csv,
    ...more,
  });
const finish = (importId: string, parts: number) =>
  api.call('POST /v1/imports/{importId}/finish', { params: { importId }, body: { parts } });
const show = (importId: string, more: Call = {}) =>
  api.call('GET /v1/imports/{importId}', { params: { importId }, ...more });
const errorsOf = async (importId: string) => {
  const { body } = await api.call('GET /v1/imports/{importId}/errors', { params: { importId } });
  return String(body)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
};
const customerBy = async (email: string) =>
  (await api.call('GET /v1/customers', { query: { email } })).body.data[0] as never as {
    id: string;
    facts: { purchaseCount: number; totalSpent: { amount: string }; totalRefunded: { amount: string } };
    consents: { channel: string; state: string; occurredAt: string }[];
    firstName: string;
    phone: string;
  };
const ledgerOf = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId } })).body
    .data as never as Record<string, unknown>[];

function signWoo(topic: string, order: object): Signed {
  const body = Buffer.from(JSON.stringify(order));
  const signature = createHmac('sha256', shopifySecret).update(body).digest('base64');
  return { body, headers: { 'x-wc-webhook-topic': topic, 'x-wc-webhook-signature': signature } };
}

const shopifyHeader =
  'Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,' +
  'Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,' +
  'Billing Name,Billing Country,Notes,Cancelled at,Payment Method,Refunded Amount,Id,Phone';

/** A row of Shopify's export: what is not given is empty. */
function shopifyRow(cells: Record<string, string>): string {
  const names = shopifyHeader.split(',');
  for (const name of Object.keys(cells)) expect(names).toContain(name);
  return names
    .map((name) => cells[name] ?? '')
    .map((text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
    .join(',');
}

const anOrder = (id: string, more: Record<string, string> = {}) => ({
  Name: `#${id}`,
  'Financial Status': 'paid',
  'Paid at': '2024-05-01 10:00:05 -0400',
  Currency: 'EUR',
  Subtotal: '100.90',
  Shipping: '5.00',
  Taxes: '16.90',
  Total: '105.90',
  'Discount Amount': '0.00',
  'Created at': '2024-05-01 10:00:00 -0400',
  'Lineitem quantity': '2',
  'Lineitem name': 'Tea, "green"',
  'Lineitem price': '40.00',
  'Refunded Amount': '0.00',
  Id: id,
  ...more,
});

describe("Shopify's export", () => {
  test('an order of two rows, with a note of two lines, becomes one purchase that is history', async () => {
    const text = [
      shopifyHeader,
      shopifyRow(
        anOrder('9001', {
          Email: 'Nora@Example.com',
          'Billing Name': 'Nora Mae Quist',
          Phone: "'+4915112345678",
          'Accepts Marketing': 'yes',
          Notes: 'Ring twice,\nplease',
          'Lineitem sku': 'T-1',
        }),
      ),
      shopifyRow({
        Name: '#9001',
        Email: 'Nora@Example.com',
        'Created at': '2024-05-01 10:00:00 -0400',
        'Lineitem quantity': '1',
        'Lineitem name': 'Cup',
        'Lineitem price': '20.90',
      }),
      '',
    ].join('\r\n');
    const { status, body } = await whole('shop', 'shopify-csv', text);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      state: 'finished',
      counts: { recorded: 1, duplicates: 0, ignored: 0, failed: 0 },
      parts: { put: 1, unfinished: [] },
    });
    const nora = await customerBy('nora@example.com');
    expect(nora).toMatchObject({ firstName: 'Nora', lastName: 'Mae Quist', phone: '+4915112345678' });
    expect(nora.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '105.90' } });
    expect(nora.consents).toEqual([
      expect.objectContaining({ channel: 'email', state: 'granted', occurredAt: '2024-05-01T14:00:00.000Z' }),
    ]);
    expect(await ledgerOf(nora.id)).toEqual([
      expect.objectContaining({
        type: 'order',
        externalId: '9001',
        occurredAt: '2024-05-01T14:00:00.000Z',
        paidAt: '2024-05-01T14:00:05.000Z',
        backfill: true,
        total: { amount: '105.90', currency: 'EUR' },
        tax: { amount: '16.90', currency: 'EUR' },
        shipping: { amount: '5.00', currency: 'EUR' },
        items: [
          { title: 'Tea, "green"', quantity: 2, unitPrice: { amount: '40.00', currency: 'EUR' }, sku: 'T-1' },
          { title: 'Cup', quantity: 1, unitPrice: { amount: '20.90', currency: 'EUR' } },
        ],
      }),
    ]);
    const again = await whole('shop', 'shopify-csv', text);
    expect(again.body.counts).toEqual({ recorded: 0, duplicates: 1, ignored: 0, failed: 0 });
    expect((await customerBy('nora@example.com')).facts).toEqual(nora.facts);
  });

  test('an address that identifies nobody at this source leads to nobody', async () => {
    const body = {
      platform: 'shopify',
      secrets: [shopifySecret],
      currency: 'EUR',
      timeZone: 'Europe/Berlin',
      nobody: ['till@ours.example'],
    };
    await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body });
    const rows = ['9051', '9052'].map((id) => shopifyRow(anOrder(id, { Email: 'Till@ours.example' })));
    const given = await whole('till', 'shopify-csv', [shopifyHeader, ...rows].join('\n'));
    expect(given.body.counts).toMatchObject({ recorded: 2, failed: 0 });
    expect(await customerBy('till@ours.example')).toBeUndefined();
  });

  test('refunded, cancelled, voided and test orders count as what they are', async () => {
    const Email = 'olga@example.com';
    const text = [
      shopifyHeader,
      shopifyRow(anOrder('9011', { Email, 'Financial Status': 'partially_refunded', 'Refunded Amount': '5.90' })),
      shopifyRow(anOrder('9012', { Email, 'Financial Status': 'refunded', 'Refunded Amount': '105.90' })),
      shopifyRow(anOrder('9013', { Email, 'Cancelled at': '2024-05-02 09:00:00 -0400' })),
      shopifyRow(anOrder('9014', { Email, 'Financial Status': 'voided', 'Paid at': '' })),
      shopifyRow(anOrder('9015', { Email, 'Payment Method': 'bogus' })),
    ].join('\n');
    const { body } = await whole('shop', 'shopify-csv', text);
    expect(body.counts).toMatchObject({ recorded: 5, failed: 0 });
    expect((await customerBy(Email)).facts).toMatchObject({
      purchaseCount: 1,
      totalSpent: { amount: '100.00' },
      totalRefunded: { amount: '111.80' },
    });
  });

  describe('read again after the source counts from another time', () => {
    const put = (countsWhen: string) =>
      api.call('PUT /v1/sources/{sourceId}', {
        params: { sourceId: 'again' },
        body: { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin', countsWhen },
      });
    const row = (id: string, Email: string) =>
      shopifyRow(anOrder(id, { Email, 'Financial Status': 'pending', 'Paid at': '' }));
    const counted = async (email: string) => {
      const { purchaseCount, totalSpent } = (await customerBy(email)).facts;
      return [purchaseCount, totalSpent.amount];
    };

    test('what had come by the file counts as it is read now', async () => {
      const Email = 'pending@example.com';
      const text = [shopifyHeader, row('9101', Email), row('9102', '')].join('\n');
      for (const [countsWhen, wanted] of [
        ['placed', [1, '105.90']],
        ['paid', [0, '0.00']],
        ['placed', [1, '105.90']],
      ] as const) {
        await put(countsWhen);
        expect((await whole('again', 'shopify-csv', text)).body.counts).toMatchObject({ recorded: 2, duplicates: 0 });
        expect(await counted(Email)).toEqual(wanted);
        expect((await whole('again', 'shopify-csv', text)).body.counts).toMatchObject({ recorded: 0, duplicates: 2 });
      }
    });

    test('what the shop told itself waits for its own message to be played again', async () => {
      const email = 'told-live@example.com';
      await put('placed');
      const { handler } = await import('../../functions/webhooks/receive.ts');
      const created_at = '2024-05-01T10:00:00-04:00';
      const told = { id: 9103, created_at, updated_at: created_at, currency: 'EUR', total_price: '105.90', email };
      const signed = signShopify('orders/create', { ...told, financial_status: 'pending' });
      const params = { sourceId: 'again' };
      await handler(httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params, ...signed }), lambdaContext());
      await put('paid');
      const { body } = await whole('again', 'shopify-csv', [shopifyHeader, row('9103', email)].join('\n'));
      expect(body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
      expect(await counted(email)).toEqual([1, '105.90']);
    });
  });

  test('an order that came by webhook is a duplicate; a refund that the webhook missed is not', async () => {
    const { handler } = await import('../../functions/webhooks/receive.ts');
    const order = {
      id: 9021,
      created_at: '2024-05-01T10:00:00-04:00',
      updated_at: '2024-05-01T10:00:07-04:00',
      currency: 'EUR',
      total_price: '105.90',
      financial_status: 'paid',
      email: 'pia@example.com',
      customer: { id: 77, email: 'pia@example.com', first_name: 'Pia' },
    };
    const signed = signShopify('orders/create', order, { id: 'w-9021' });
    const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'shop' }, ...signed });
    expect((await handler(event, lambdaContext())).statusCode).toBe(202);
    const pia = await customerBy('pia@example.com');
    const before = await ledgerOf(pia.id);
    expect(before).toEqual([expect.objectContaining({ backfill: false })]);

    const row = anOrder('9021', { Email: 'pia@example.com', 'Billing Name': 'Somebody Else' });
    const known = await whole('shop', 'shopify-csv', [shopifyHeader, shopifyRow(row)].join('\n'));
    expect(known.body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
    expect(await ledgerOf(pia.id)).toEqual(before);

    const refunded = shopifyRow({ ...row, 'Financial Status': 'partially_refunded', 'Refunded Amount': '5.90' });
    const missed = await whole('shop', 'shopify-csv', [shopifyHeader, refunded].join('\n'));
    expect(missed.body.counts).toMatchObject({ recorded: 1, duplicates: 0 });
    const after = await customerBy('pia@example.com');
    expect(after.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '100.00' } });
    expect(after.firstName).toBe('Pia');
  });

  test('a file that tells of a later time takes no order from whom the shop said it was', async () => {
    const { handler } = await import('../../functions/webhooks/receive.ts');
    const tell = async (topic: string, content: object) => {
      const signed = signShopify(topic, content);
      const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'shop' }, ...signed });
      expect((await handler(event, lambdaContext())).statusCode).toBe(202);
    };
    const placed = { created_at: '2024-05-01T10:00:00-04:00', updated_at: '2024-05-01T10:00:07-04:00' };
    const email = 'household@example.com';
    await tell('customers/create', { id: 9041, email, first_name: 'Rita', ...placed });
    const customer = { id: 9042, email, first_name: 'Sam' };
    await tell('orders/create', { id: 9043, ...placed, currency: 'EUR', total_price: '105.90', email, customer });
    const spent = async (id: number) => {
      const { data } = (await api.call('GET /v1/customers', { query: { externalId: `shop:${id}` } })).body;
      const { facts } = data[0] as never as Awaited<ReturnType<typeof customerBy>>;
      return [facts.purchaseCount, facts.totalSpent.amount];
    };
    expect([await spent(9041), await spent(9042)]).toEqual([
      [0, '0.00'],
      [1, '105.90'],
    ]);
    const row = anOrder('9043', { Email: email, 'Fulfilled at': '2024-05-03 09:00:00 -0400', Total: '100.90' });
    const { body } = await whole('shop', 'shopify-csv', [shopifyHeader, shopifyRow(row)].join('\n'));
    expect(body.counts).toMatchObject({ recorded: 1, duplicates: 0 });
    expect([await spent(9041), await spent(9042)]).toEqual([
      [0, '0.00'],
      [1, '100.90'],
    ]);
  });

  test('what is wrong with one order is told by its line, without a value, and holds back no other', async () => {
    const text = [
      shopifyHeader,
      shopifyRow(anOrder('9031', { Email: 'quirin@example.com', Notes: 'two\nlines' })),
      shopifyRow(anOrder('9032', { Id: '5.55E+12', Email: 'secret@example.com' })),
      shopifyRow(anOrder('9033', { Total: 'one hundred' })),
      shopifyRow(anOrder('9034', { 'Created at': '2024-13-01 10:00:00 -0400' })),
      `${shopifyRow(anOrder('9035'))},one cell more`,
      shopifyRow(anOrder('9036', { Email: 'quirin@example.com' })),
    ].join('\n');
    const { body } = await whole('shop', 'shopify-csv', text);
    expect(body.counts).toEqual({ recorded: 2, duplicates: 0, ignored: 0, failed: 4 });
    const errors = await errorsOf(body.id);
    expect(errors).toEqual([
      { line: 4, code: 'not_understood', detail: 'Id: is no whole number' },
      { line: 5, code: 'not_understood', detail: 'Total: is no amount of EUR' },
      { line: 6, code: 'not_understood', detail: 'Created at: is no time that is understood' },
      { line: 7, code: 'malformed_row', detail: 'The row has more cells than the header.' },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/secret|5\.55|hundred/);
    expect((await customerBy('quirin@example.com')).facts.purchaseCount).toBe(2);
  });
});

describe("WooCommerce's exports", () => {
  const wanted = { purchaseCount: 1, totalSpent: { amount: '56.11', currency: 'EUR' } };

  test('one row an order, by the clock of the shop', async () => {
    const text = [
      'order_id,order_number,date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,order_currency,' +
        'customer_id,billing_first_name,billing_last_name,billing_email,billing_phone,billing_country,line_items',
      '4415,#4415,2024-07-15 04:48:06,completed,0,8.15,0.00,58.11,2.00,EUR,861,Rosa,Winter,rosa@example.com,' +
        '030 901820,DE,"name:Plan &amp; One|sku:111112|quantity:2|total:49.96|meta:;name:Card|quantity:1|total:0|meta:"',
      '4416,#4416,2024-07-15 04:48:06,pending,0,0,0,10.00,0,EUR,0,Rosa,,rosa@example.com,,,',
      '4417,#4417,2024-07-15 04:48:06,checkout-draft,0,0,0,10.00,0,EUR,0,Rosa,,rosa@example.com,,,',
    ].join('\n');
    const { body } = await whole('woo', 'woocommerce-csv', text);
    expect(body.counts).toEqual({ recorded: 2, duplicates: 0, ignored: 1, failed: 0 });
    const rosa = await customerBy('rosa@example.com');
    expect(rosa.facts).toMatchObject(wanted);
    expect(rosa.phone).toBe('+4930901820');
    const line = (await ledgerOf(rosa.id)).find(({ externalId }) => externalId === '4415');
    expect(line).toMatchObject({
      // Summer time in Berlin.
      occurredAt: '2024-07-15T02:48:06.000Z',
      items: [
        { title: 'Plan & One', sku: '111112', quantity: 2, unitPrice: { amount: '24.98', currency: 'EUR' } },
        { title: 'Card', quantity: 1 },
      ],
    });
  });

  test('the columns of the suite, with semicolons', async () => {
    const text = [
      '\ufefforder_id;order_date;paid_date;status;tax_total;order_total;order_currency;customer_id;customer_email;refund_items;line_item_1',
      '5001;1/20/2024 6:29:00;1/20/2024 6:30:00;wc-completed;1.00;60.11;EUR;0;sven@example.com;amount:4.00|reason:late|date:;name:Mug|quantity:1|total:60.11',
      '5002;1/21/2024 6:29:00;;wc-cancelled;0;60.11;EUR;0;sven@example.com;;',
    ].join('\n');
    const { body } = await whole('woo', 'woocommerce-csv', text);
    expect(body.counts).toMatchObject({ recorded: 2, failed: 0 });
    const sven = await customerBy('sven@example.com');
    expect(sven.facts).toMatchObject(wanted);
    expect((await ledgerOf(sven.id)).map(({ occurredAt }) => occurredAt)).toContain('2024-01-20T05:29:00.000Z');
  });

  const columns = 'order_id;date;paid_date;status;order_total;order_currency;billing_email';
  const file = (id: string, status: string) =>
    [columns, `${id};2024-01-21 06:29:00;;wc-${status};60.11;EUR;later${id}@example.com`].join('\n');
  const without = (id: string, status = 'cancelled') =>
    [
      'order_id;date;status;order_total;order_currency;billing_email',
      `${id};2024-01-21 06:29:00;wc-${status};60.11;EUR;later${id}@example.com`,
    ].join('\n');
  const purchases = async (id: string) => (await customerBy(`later${id}@example.com`)).facts.purchaseCount;

  test.each([
    ['5101', ['pending', 'on-hold']],
    ['5102', ['pending', 'processing']],
    ['5103', ['failed', 'processing']],
    ['5104', ['on-hold', 'failed', 'processing']],
  ])('a state of %s that counts does so, though no file says since when: %j', async (id, states) => {
    for (const state of states) await whole('woo', 'woocommerce-csv', file(id, state));
    expect(await purchases(id)).toBe(1);
    const { body } = await whole('woo', 'woocommerce-csv', file(id, 'pending'));
    expect(body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
    expect(await purchases(id)).toBe(1);
    await whole('woo', 'woocommerce-csv', file(id, 'cancelled'));
    expect(await purchases(id)).toBe(0);
    for (const state of states) await whole('woo', 'woocommerce-csv', file(id, state));
    expect(await purchases(id)).toBe(0);
  });

  test.each([
    ['5401', 0, ['processing', 'cancelled']],
    ['5402', 0, ['cancelled', 'processing']],
    ['5403', 0, ['cancelled', 'completed', 'pending']],
    ['5404', 0, ['pending', 'cancelled', 'processing']],
    ['5405', 1, ['failed', 'processing']],
    ['5406', 1, ['processing', 'failed', 'pending']],
  ])(
    'of files without a word on payments the later state counts, whichever comes first: %s',
    async (id, count, states) => {
      for (const state of states) await whole('woo', 'woocommerce-csv', without(id, state));
      expect(await purchases(id)).toBe(count);
      for (const state of states) await whole('woo', 'woocommerce-csv', without(id, state));
      expect(await purchases(id)).toBe(count);
    },
  );

  async function tellOfWoo(order: object): Promise<void> {
    const { handler } = await import('../../functions/webhooks/receive.ts');
    const event = httpEvent({
      routeKey: 'POST /v1/webhooks/{sourceId}',
      params: { sourceId: 'woo' },
      ...signWoo('order.updated', order),
    });
    expect((await handler(event, lambdaContext())).statusCode).toBe(202);
  }
  const told = (id: string, status: string, more: object = {}) =>
    tellOfWoo({
      id: Number(id),
      status,
      currency: 'EUR',
      date_created_gmt: '2024-01-21T05:29:00',
      date_modified_gmt: '2024-01-22T10:00:00',
      total: '60.11',
      customer_id: 0,
      billing: { email: `later${id}@example.com` },
      ...more,
    });
  const paid = { date_paid_gmt: '2024-01-22T10:00:00' };
  const typesOf = async (id: string) =>
    (await ledgerOf((await customerBy(`later${id}@example.com`)).id)).map(({ type }) => type).sort();

  test('what was paid and is cancelled by a file without a word on payments is so as by webhook', async () => {
    await told('5201', 'processing', paid);
    await whole('woo', 'woocommerce-csv', without('5201'));
    await told('5202', 'processing', paid);
    await told('5202', 'cancelled', { ...paid, date_modified_gmt: '2024-01-23T10:00:00' });
    for (const id of ['5201', '5202']) {
      expect(await purchases(id)).toBe(0);
      expect(await typesOf(id)).toEqual(['cancellation', 'order']);
    }
    // A file that says that it was not paid is from before the payment.
    await told('5203', 'processing', paid);
    await whole('woo', 'woocommerce-csv', file('5203', 'cancelled'));
    expect(await purchases('5203')).toBe(1);
    // What was never paid came to nothing, and may still be paid.
    await whole('woo', 'woocommerce-csv', without('5204'));
    expect(await purchases('5204')).toBe(0);
    await told('5204', 'processing', paid);
    expect(await purchases('5204')).toBe(1);
  });

  test('what was told of as unpaid, and counts by a file, counts as history', async () => {
    await told('5301', 'pending', { date_modified_gmt: '2024-01-21T05:29:00' });
    const [before] = await ledgerOf((await customerBy('later5301@example.com')).id);
    expect(before).toMatchObject({ purchase: false, backfill: false });
    await whole('woo', 'woocommerce-csv', file('5301', 'on-hold'));
    const [after] = await ledgerOf((await customerBy('later5301@example.com')).id);
    expect(after).toMatchObject({ purchase: true, backfill: true });
  });

  test('orders as the REST API shows them', async () => {
    const order = {
      id: 6001,
      status: 'completed',
      currency: 'EUR',
      date_created_gmt: '2024-03-01T10:00:00',
      date_modified_gmt: '2024-03-02T10:00:00',
      date_paid_gmt: '2024-03-01T10:01:00',
      total: '56.11',
      customer_id: 5,
      billing: { email: 'tina@example.com' },
      refunds: [],
    };
    const text = [JSON.stringify(order), '', '{"id": 1', JSON.stringify({ ...order, id: 6002, total: '-1' })].join(
      '\n',
    );
    const { body } = await whole('woo', 'woocommerce-ndjson', text);
    expect(body.counts).toMatchObject({ recorded: 1, failed: 2 });
    expect((await errorsOf(body.id)).map(({ line, code }) => [line, code])).toEqual([
      [3, 'malformed_json'],
      [4, 'not_understood'],
    ]);
    expect((await customerBy('tina@example.com')).facts).toMatchObject(wanted);
  });
});

describe('our own formats', () => {
  test('one interaction a line', async () => {
    const lines = [
      {
        type: 'order',
        externalId: 'o1',
        occurredAt: '2024-01-01T10:00:00Z',
        total: { amount: '10.00', currency: 'EUR' },
      },
      {
        type: 'refund',
        externalId: 'r1',
        orderExternalId: 'o1',
        occurredAt: '2024-01-02T10:00:00Z',
        amount: { amount: '1.00', currency: 'EUR' },
      },
      { type: 'call', externalId: 'c1', occurredAt: '2024-01-03T10:00:00Z', text: 'asked for tea' },
      { type: 'order', externalId: 'o2', occurredAt: '2024-01-01', total: { amount: '10.00', currency: 'EUR' } },
      { type: 'call', externalId: 'c2', occurredAt: '2024-01-03T10:00:00Z', sourceId: 'woo' },
    ].map((one) => (one.type === 'refund' ? one : { ...one, customer: { email: 'ulla@example.com' } }));
    const { body } = await whole('shop', 'rapport-ndjson', lines.map((one) => JSON.stringify(one)).join('\n'));
    expect(body.counts).toMatchObject({ recorded: 3, failed: 2 });
    expect(await errorsOf(body.id)).toEqual([
      { line: 4, code: 'invalid_request', detail: expect.stringContaining('/occurredAt') },
      { line: 5, code: 'invalid_request', detail: expect.stringContaining('/sourceId') },
    ]);
    expect((await customerBy('ulla@example.com')).facts).toMatchObject({
      purchaseCount: 1,
      totalSpent: { amount: '9.00' },
    });
  });

  test('what was counted and came to nothing is taken back; what never counted may still be paid', async () => {
    const columns =
      'order_id;date;paid_date;status;shipping;order_total;order_currency;refunded_total;billing_email;line_items;x';
    const file = (status: string, id: string) =>
      [columns, `${id};2024-01-21 06:29:00;;${status};0;60.11;EUR;0;lapse${id}@example.com;;`].join('\n');
    for (const [id, first] of [
      ['7001', 'wc-on-hold'],
      ['7002', 'wc-pending'],
    ] as const) {
      await whole('woo', 'woocommerce-csv', file(first, id));
      await whole('woo', 'woocommerce-csv', file('wc-cancelled', id));
      expect((await customerBy(`lapse${id}@example.com`)).facts).toMatchObject({ purchaseCount: 0 });
    }
    const again = await whole('woo', 'woocommerce-csv', file('wc-cancelled', '7001'));
    expect(again.body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
    await whole('woo', 'woocommerce-csv', file('wc-on-hold', '7001'));
    expect((await customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 0 });
    // Paid after all, as a listing of the shop says later.
    const paid = {
      id: 7001,
      status: 'processing',
      currency: 'EUR',
      date_created_gmt: '2024-01-21T05:29:00',
      date_modified_gmt: '2024-02-01T10:00:00',
      date_paid_gmt: '2024-02-01T10:00:00',
      total: '60.11',
      customer_id: 0,
      billing: { email: 'lapse7001@example.com' },
    };
    await whole('woo', 'woocommerce-ndjson', JSON.stringify(paid));
    expect((await customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 1 });
    // An older file takes nothing back.
    await whole('woo', 'woocommerce-csv', file('wc-cancelled', '7001'));
    expect((await customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 1 });
    const shopify = (status: string) =>
      [
        shopifyHeader,
        shopifyRow(anOrder('9801', { Email: 'lapse@example.com', 'Financial Status': status, 'Paid at': '' })),
      ].join('\n');
    await whole('shop', 'shopify-csv', shopify('pending'));
    expect((await customerBy('lapse@example.com')).facts.purchaseCount).toBe(1);
    await whole('shop', 'shopify-csv', shopify('voided'));
    expect((await customerBy('lapse@example.com')).facts.purchaseCount).toBe(0);
  });

  test('one interaction a row, further items of an order in further rows', async () => {
    const text = [
      'type,externalId,occurredAt,currency,total,tax,amount,orderExternalId,customer.email,customer.firstName,item.title,item.quantity,item.unitPrice,item.category,item.cost,test',
      'order,p1,2024-02-01T10:00:00+01:00,EUR,30.00,3.00,,,vera@example.com,Vera,Tea,2,10.00,Drinks,4.20,',
      'order,p1,,,,,,,,,Cup,1,10.00,,,',
      'refund,p1,2024-02-03T10:00:00Z,EUR,,,5.00,p1,,,,,,,,',
      'order,p2,2024-02-01T10:00:00Z,EUR,,,,,vera@example.com,,,,,,,',
      'order,p3,2024-02-01T10:00:00Z,EUR,99.00,,,,vera@example.com,,,,,,,yes',
    ].join('\n');
    const { body } = await whole('shop', 'rapport-csv', text);
    expect(body.counts).toMatchObject({ recorded: 3, failed: 1 });
    expect(await errorsOf(body.id)).toEqual([expect.objectContaining({ line: 5, detail: '/total is missing' })]);
    const vera = await customerBy('vera@example.com');
    expect(vera.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '25.00' } });
    const items = [
      { title: 'Tea', quantity: 2, category: 'Drinks', cost: { amount: '4.20', currency: 'EUR' } },
      { title: 'Cup', quantity: 1 },
    ];
    const sale = (await ledgerOf(vera.id)).find(({ externalId, type }) => externalId === 'p1' && type === 'order');
    expect(sale).toMatchObject({ items });
  });
});

describe('parts', () => {
  const partOf = (...ids: string[]) =>
    [shopifyHeader, ...ids.map((id) => shopifyRow(anOrder(id, { Email: `w${id}@example.com` })))].join('\n');

  test('are recorded one by one, answered again as they were, and finished', async () => {
    const { status, body, headers } = await open('shop', 'shopify-csv');
    expect([status, body.state, headers.location]).toEqual([201, 'open', `/v1/imports/${body.id}`]);
    const first = await put(body.id, 1, partOf('9101', '9102'));
    expect(first.body).toMatchObject({ part: 1, items: 2, next: 2, done: true, counts: { recorded: 2 }, errors: [] });
    expect((await put(body.id, 1, partOf('9101', '9102'))).body).toEqual(first.body);
    expect((await put(body.id, 1, partOf('9109'))).body.code).toBe('part_differs');
    expect((await finish(body.id, 2)).body.code).toBe('import_unfinished');
    const second = await put(body.id, 2, `${partOf('9103')}\n${shopifyRow(anOrder('9104', { Id: 'x' }))}`, {
      line: '900',
    });
    expect(second.body).toMatchObject({
      counts: { recorded: 1, failed: 1 },
      errors: [{ line: 901, code: 'not_understood' }],
    });
    expect((await show(body.id)).body).toMatchObject({
      state: 'open',
      parts: { put: 2, unfinished: [] },
      counts: { recorded: 3, failed: 1 },
    });
    const finished = await finish(body.id, 2);
    expect(finished.body).toMatchObject({ state: 'finished', counts: { recorded: 3, failed: 1 } });
    expect((await finish(body.id, 2)).body).toEqual(finished.body);
    expect((await put(body.id, 1, partOf('9101', '9102'))).body).toEqual(first.body);
    expect((await put(body.id, 3, partOf('9105'))).body.code).toBe('import_finished');
    expect(await errorsOf(body.id)).toEqual([{ line: 901, code: 'not_understood', detail: 'Id: is no whole number' }]);
  });

  test('a part that the store cut off goes on where it was, and each order is counted once', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => String(9200 + index));
    const { body } = await open('shop', 'shopify-csv');
    let commits = 0;
    api.proxy.plan = (operation) => (operation === 'TransactWriteItems' && ++commits > 12 ? 'server-error' : 'none');
    const broken = await put(body.id, 1, partOf(...ids));
    expect([broken.status, broken.headers['retry-after']]).toEqual([503, '2']);
    api.proxy.plan = () => 'none';
    const { next, counts } = (await api.call('GET /v1/imports/{importId}', { params: { importId: body.id } })).body;
    expect(next).toBeUndefined();
    expect(Number(counts?.recorded)).toBeGreaterThan(0);
    const whole = await put(body.id, 1, partOf(...ids));
    expect(whole.body).toMatchObject({ items: 40, next: 40, done: true, counts: { failed: 0 } });
    const { recorded, duplicates } = whole.body.counts as never as { recorded: number; duplicates: number };
    expect(recorded + duplicates).toBe(40);
    for (const id of ids) expect((await customerBy(`w${id}@example.com`)).facts.purchaseCount).toBe(1);
  });

  test('the same part by two at once: each order is counted once', async () => {
    const { body } = await open('shop', 'shopify-csv');
    const ids = ['9301', '9302', '9303'];
    const answers = await Promise.all([put(body.id, 1, partOf(...ids)), put(body.id, 1, partOf(...ids))]);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    for (const id of ids) expect((await customerBy(`w${id}@example.com`)).facts.purchaseCount).toBe(1);
  });

  test('an import that went wrong is forgotten, what was recorded is not', async () => {
    const { body } = await open('shop', 'shopify-csv');
    await put(body.id, 1, `${partOf('9501')}\n${shopifyRow(anOrder('9502', { Id: 'x' }))}`);
    for (let part = 2; part < 40; part++) await put(body.id, part, shopifyHeader);
    await put(body.id, 100_000, partOf('9503'));
    expect((await finish(body.id, 39)).body.detail).toContain('DELETE');
    const drop = (more: Call = {}) =>
      api.call('DELETE /v1/imports/{importId}', { params: { importId: body.id }, ...more });
    const reader = await api.keyFor('acme', ['imports:read'], { sources: ['shop'] });
    expect((await drop({ key: reader })).body.code).toBe('insufficient_scope');
    const other = await api.keyFor('acme', ['imports:write'], { sources: ['woo'] });
    expect((await drop({ key: other })).body.code).toBe('import_not_found');
    expect((await drop()).status).toBe(204);
    for (const answer of [await drop(), await show(body.id), await put(body.id, 1, partOf('9501'))])
      expect(answer.body.code).toBe('import_not_found');
    const listed = await api.call('GET /v1/imports', { query: { limit: '100' } });
    expect(listed.body.data.map(({ id }) => id)).not.toContain(body.id);
    const { Count } = await api.client.send(
      new QueryCommand({
        TableName: api.embedded.tables.registry,
        KeyConditionExpression: 'pk = :import',
        ExpressionAttributeValues: { ':import': importKey(String(body.id)).pk },
        Limit: 1000,
      }),
    );
    expect(Count).toBe(0);
    expect((await customerBy('w9501@example.com')).facts.purchaseCount).toBe(1);
  });

  test('a whole file is taken once under an Idempotency-Key', async () => {
    const headers = { ...csv, 'idempotency-key': 'file-1' };
    const one = await whole('shop', 'shopify-csv', partOf('9401'), { headers });
    const two = await whole('shop', 'shopify-csv', partOf('9401'), { headers });
    expect(two.body).toEqual(one.body);
    expect(two.headers['idempotent-replayed']).toBe('true');
  });
});

describe('what is refused', () => {
  test.each<[string, number, string, () => Promise<{ status: number; body: { code: unknown } }>]>([
    ['an unknown source', 404, 'source_not_found', () => open('nowhere', 'shopify-csv')],
    ['a file of another platform', 422, 'other_platform', () => open('woo', 'shopify-csv')],
    ['an unknown format', 400, 'invalid_request', () => open('shop', 'xls')],
    ['another type', 415, 'unsupported_media_type', () => whole('shop', 'shopify-csv', 'x', { headers: ndjson })],
    ['a file without a format', 400, 'invalid_request', () => whole('shop', '', 'x', { query: { sourceId: 'shop' } })],
    ['another header', 422, 'other_columns', () => whole('shop', 'shopify-csv', 'a,b\n1,2')],
    ['broken quotes', 400, 'malformed_csv', () => whole('shop', 'shopify-csv', `${shopifyHeader}\n"a"b,c`)],
    ['4 MB and a byte', 413, 'body_too_large', () => whole('shop', 'shopify-csv', 'x'.repeat(4_000_001))],
    ['a part of no import', 404, 'import_not_found', () => put('imp_none', 1, 'x')],
    ['part 0', 400, 'invalid_request', () => put('imp_none', 0, 'x')],
  ])('%s', async (_, status, code, call) => {
    const answer = await call();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test.each([
    ['an unclosed quote', `${shopifyRow(anOrder('1', { Notes: 'two\nlines' }))}\n\n"open,x\n`, 'begins in its line 5'],
    ['another encoding', Buffer.from(`#1,a\n#2,é\n`, 'latin1'), 'in its line 3'],
  ])('%s is told with its line', async (_, rows, told) => {
    const body = Buffer.concat([Buffer.from(`${shopifyHeader}\n`), Buffer.from(rows)]);
    const answer = await whole('shop', 'shopify-csv', body as never);
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      400,
      'malformed_csv',
      expect.stringContaining(told),
    ]);
  });

  test('a key sees the imports of its own sources alone, and writes with the scope alone', async () => {
    const mine = (await open('shop', 'shopify-csv')).body.id;
    const other = (await open('woo', 'woocommerce-csv')).body.id;
    const key = await api.keyFor('acme', ['imports:read'], { sources: ['shop'] });
    const seen = (await api.call('GET /v1/imports', { query: { limit: '100' }, key })).body.data.map(({ id }) => id);
    expect(seen).toContain(mine);
    expect(seen).not.toContain(other);
    expect((await show(mine, { key })).status).toBe(200);
    expect((await show(other, { key })).body.code).toBe('import_not_found');
    expect((await open('shop', 'shopify-csv', { key })).body.code).toBe('insufficient_scope');
    const writer = await api.keyFor('acme', ['imports:write'], { sources: ['shop'] });
    expect((await open('woo', 'woocommerce-csv', { key: writer })).body.code).toBe('source_not_found');
  });
});
