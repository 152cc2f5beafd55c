import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Signed, shopifySecret } from '../signed.ts';
import { type ImportDoor, openImports } from './import-door.ts';
import { anOrder, shopifyHeader, shopifyRow } from './shopify-export.ts';

let api: ImportDoor;
beforeAll(async () => {
  api = await openImports();
});
afterAll(() => api.stop());

function signWoo(topic: string, order: object): Signed {
  const body = Buffer.from(JSON.stringify(order));
  const signature = createHmac('sha256', shopifySecret).update(body).digest('base64');
  return { body, headers: { 'x-wc-webhook-topic': topic, 'x-wc-webhook-signature': signature } };
}

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
    const { body } = await api.whole('woo', 'woocommerce-csv', text);
    expect(body.counts).toEqual({ recorded: 2, duplicates: 0, ignored: 1, failed: 0 });
    const rosa = await api.customerBy('rosa@example.com');
    expect(rosa.facts).toMatchObject(wanted);
    expect(rosa.phone).toBe('+4930901820');
    const line = (await api.ledgerOf(rosa.id)).find(({ externalId }) => externalId === '4415');
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
    const { body } = await api.whole('woo', 'woocommerce-csv', text);
    expect(body.counts).toMatchObject({ recorded: 2, failed: 0 });
    const sven = await api.customerBy('sven@example.com');
    expect(sven.facts).toMatchObject(wanted);
    expect((await api.ledgerOf(sven.id)).map(({ occurredAt }) => occurredAt)).toContain('2024-01-20T05:29:00.000Z');
  });

  const columns = 'order_id;date;paid_date;status;order_total;order_currency;billing_email';
  const file = (id: string, status: string) =>
    [columns, `${id};2024-01-21 06:29:00;;wc-${status};60.11;EUR;later${id}@example.com`].join('\n');
  const without = (id: string, status = 'cancelled') =>
    [
      'order_id;date;status;order_total;order_currency;billing_email',
      `${id};2024-01-21 06:29:00;wc-${status};60.11;EUR;later${id}@example.com`,
    ].join('\n');
  const purchases = async (id: string) => (await api.customerBy(`later${id}@example.com`)).facts.purchaseCount;

  test.each([
    ['5101', ['pending', 'on-hold']],
    ['5102', ['pending', 'processing']],
    ['5103', ['failed', 'processing']],
    ['5104', ['on-hold', 'failed', 'processing']],
  ])('a state of %s that counts does so, though no file says since when: %j', async (id, states) => {
    for (const state of states) await api.whole('woo', 'woocommerce-csv', file(id, state));
    expect(await purchases(id)).toBe(1);
    const { body } = await api.whole('woo', 'woocommerce-csv', file(id, 'pending'));
    expect(body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
    expect(await purchases(id)).toBe(1);
    await api.whole('woo', 'woocommerce-csv', file(id, 'cancelled'));
    expect(await purchases(id)).toBe(0);
    for (const state of states) await api.whole('woo', 'woocommerce-csv', file(id, state));
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
      for (const state of states) await api.whole('woo', 'woocommerce-csv', without(id, state));
      expect(await purchases(id)).toBe(count);
      for (const state of states) await api.whole('woo', 'woocommerce-csv', without(id, state));
      expect(await purchases(id)).toBe(count);
    },
  );

  async function told(id: string, status: string, more: object = {}): Promise<void> {
    const order = {
      id: Number(id),
      status,
      currency: 'EUR',
      date_created_gmt: '2024-01-21T05:29:00',
      date_modified_gmt: '2024-01-22T10:00:00',
      total: '60.11',
      customer_id: 0,
      billing: { email: `later${id}@example.com` },
      ...more,
    };
    expect(await api.deliver('woo', signWoo('order.updated', order))).toBe(202);
  }
  const paid = { date_paid_gmt: '2024-01-22T10:00:00' };
  const typesOf = async (id: string) =>
    (await api.ledgerOf((await api.customerBy(`later${id}@example.com`)).id)).map(({ type }) => type).sort();

  test('what was paid and is cancelled by a file without a word on payments is so as by webhook', async () => {
    await told('5201', 'processing', paid);
    await api.whole('woo', 'woocommerce-csv', without('5201'));
    await told('5202', 'processing', paid);
    await told('5202', 'cancelled', { ...paid, date_modified_gmt: '2024-01-23T10:00:00' });
    for (const id of ['5201', '5202']) {
      expect(await purchases(id)).toBe(0);
      expect(await typesOf(id)).toEqual(['cancellation', 'order']);
    }
    // A file that says that it was not paid is from before the payment.
    await told('5203', 'processing', paid);
    await api.whole('woo', 'woocommerce-csv', file('5203', 'cancelled'));
    expect(await purchases('5203')).toBe(1);
    // What was never paid came to nothing, and may still be paid.
    await api.whole('woo', 'woocommerce-csv', without('5204'));
    expect(await purchases('5204')).toBe(0);
    await told('5204', 'processing', paid);
    expect(await purchases('5204')).toBe(1);
  });

  test('what was told of as unpaid, and counts by a file, counts as history', async () => {
    await told('5301', 'pending', { date_modified_gmt: '2024-01-21T05:29:00' });
    const [before] = await api.ledgerOf((await api.customerBy('later5301@example.com')).id);
    expect(before).toMatchObject({ purchase: false, backfill: false });
    await api.whole('woo', 'woocommerce-csv', file('5301', 'on-hold'));
    const [after] = await api.ledgerOf((await api.customerBy('later5301@example.com')).id);
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
    const { body } = await api.whole('woo', 'woocommerce-ndjson', text);
    expect(body.counts).toMatchObject({ recorded: 1, failed: 2 });
    expect((await api.errorsOf(body.id)).map(({ line, code }) => [line, code])).toEqual([
      [3, 'malformed_json'],
      [4, 'not_understood'],
    ]);
    expect((await api.customerBy('tina@example.com')).facts).toMatchObject(wanted);
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
    await api.whole('woo', 'woocommerce-csv', file(first, id));
    await api.whole('woo', 'woocommerce-csv', file('wc-cancelled', id));
    expect((await api.customerBy(`lapse${id}@example.com`)).facts).toMatchObject({ purchaseCount: 0 });
  }
  const again = await api.whole('woo', 'woocommerce-csv', file('wc-cancelled', '7001'));
  expect(again.body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
  await api.whole('woo', 'woocommerce-csv', file('wc-on-hold', '7001'));
  expect((await api.customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 0 });
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
  await api.whole('woo', 'woocommerce-ndjson', JSON.stringify(paid));
  expect((await api.customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 1 });
  // An older file takes nothing back.
  await api.whole('woo', 'woocommerce-csv', file('wc-cancelled', '7001'));
  expect((await api.customerBy('lapse7001@example.com')).facts).toMatchObject({ purchaseCount: 1 });
  const shopify = (status: string) =>
    [
      shopifyHeader,
      shopifyRow(anOrder('9801', { Email: 'lapse@example.com', 'Financial Status': status, 'Paid at': '' })),
    ].join('\n');
  await api.whole('shop', 'shopify-csv', shopify('pending'));
  expect((await api.customerBy('lapse@example.com')).facts.purchaseCount).toBe(1);
  await api.whole('shop', 'shopify-csv', shopify('voided'));
  expect((await api.customerBy('lapse@example.com')).facts.purchaseCount).toBe(0);
});
