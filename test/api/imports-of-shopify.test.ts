import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shopifySecret, signShopify } from '../signed.ts';
import { type ImportDoor, type Imported, openImports } from './import-door.ts';
import { anOrder, shopifyHeader, shopifyRow } from './shopify-export.ts';

let api: ImportDoor;
beforeAll(async () => {
  api = await openImports();
});
afterAll(() => api.stop());

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
    const { status, body } = await api.whole('shop', 'shopify-csv', text);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      state: 'finished',
      counts: { recorded: 1, duplicates: 0, ignored: 0, failed: 0 },
      parts: { put: 1, unfinished: [] },
    });
    const nora = await api.customerBy('nora@example.com');
    expect(nora).toMatchObject({ firstName: 'Nora', lastName: 'Mae Quist', phone: '+4915112345678' });
    expect(nora.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '105.90' } });
    expect(nora.consents).toEqual([
      expect.objectContaining({ channel: 'email', state: 'granted', occurredAt: '2024-05-01T14:00:00.000Z' }),
    ]);
    expect(await api.ledgerOf(nora.id)).toEqual([
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
    const again = await api.whole('shop', 'shopify-csv', text);
    expect(again.body.counts).toEqual({ recorded: 0, duplicates: 1, ignored: 0, failed: 0 });
    expect((await api.customerBy('nora@example.com')).facts).toEqual(nora.facts);
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
    const given = await api.whole('till', 'shopify-csv', [shopifyHeader, ...rows].join('\n'));
    expect(given.body.counts).toMatchObject({ recorded: 2, failed: 0 });
    expect(await api.customerBy('till@ours.example')).toBeUndefined();
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
    const { body } = await api.whole('shop', 'shopify-csv', text);
    expect(body.counts).toMatchObject({ recorded: 5, failed: 0 });
    expect((await api.customerBy(Email)).facts).toMatchObject({
      purchaseCount: 1,
      totalSpent: { amount: '100.00' },
      totalRefunded: { amount: '111.80' },
    });
  });

  describe('read again after the source counts from another time', () => {
    const putSource = (countsWhen: string) =>
      api.call('PUT /v1/sources/{sourceId}', {
        params: { sourceId: 'again' },
        body: { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin', countsWhen },
      });
    const row = (id: string, Email: string) =>
      shopifyRow(anOrder(id, { Email, 'Financial Status': 'pending', 'Paid at': '' }));
    const counted = async (email: string) => {
      const { purchaseCount, totalSpent } = (await api.customerBy(email)).facts;
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
        await putSource(countsWhen);
        expect((await api.whole('again', 'shopify-csv', text)).body.counts).toMatchObject({
          recorded: 2,
          duplicates: 0,
        });
        expect(await counted(Email)).toEqual(wanted);
        expect((await api.whole('again', 'shopify-csv', text)).body.counts).toMatchObject({
          recorded: 0,
          duplicates: 2,
        });
      }
    });

    test('what the shop told itself waits for its own message to be played again', async () => {
      const email = 'told-live@example.com';
      await putSource('placed');
      const created_at = '2024-05-01T10:00:00-04:00';
      const told = { id: 9103, created_at, updated_at: created_at, currency: 'EUR', total_price: '105.90', email };
      const signed = signShopify('orders/create', { ...told, financial_status: 'pending' });
      await api.deliver('again', signed);
      await putSource('paid');
      const { body } = await api.whole('again', 'shopify-csv', [shopifyHeader, row('9103', email)].join('\n'));
      expect(body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
      expect(await counted(email)).toEqual([1, '105.90']);
    });
  });

  test('an order that came by webhook is a duplicate; a refund that the webhook missed is not', async () => {
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
    expect(await api.deliver('shop', signed)).toBe(202);
    const pia = await api.customerBy('pia@example.com');
    const before = await api.ledgerOf(pia.id);
    expect(before).toEqual([expect.objectContaining({ backfill: false })]);

    const row = anOrder('9021', { Email: 'pia@example.com', 'Billing Name': 'Somebody Else' });
    const known = await api.whole('shop', 'shopify-csv', [shopifyHeader, shopifyRow(row)].join('\n'));
    expect(known.body.counts).toMatchObject({ recorded: 0, duplicates: 1 });
    expect(await api.ledgerOf(pia.id)).toEqual(before);

    const refunded = shopifyRow({ ...row, 'Financial Status': 'partially_refunded', 'Refunded Amount': '5.90' });
    const missed = await api.whole('shop', 'shopify-csv', [shopifyHeader, refunded].join('\n'));
    expect(missed.body.counts).toMatchObject({ recorded: 1, duplicates: 0 });
    const after = await api.customerBy('pia@example.com');
    expect(after.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '100.00' } });
    expect(after.firstName).toBe('Pia');
  });

  test('a file that tells of a later time takes no order from whom the shop said it was', async () => {
    const tell = async (topic: string, content: object) =>
      expect(await api.deliver('shop', signShopify(topic, content))).toBe(202);
    const placed = { created_at: '2024-05-01T10:00:00-04:00', updated_at: '2024-05-01T10:00:07-04:00' };
    const email = 'household@example.com';
    await tell('customers/create', { id: 9041, email, first_name: 'Rita', ...placed });
    const customer = { id: 9042, email, first_name: 'Sam' };
    await tell('orders/create', { id: 9043, ...placed, currency: 'EUR', total_price: '105.90', email, customer });
    const spent = async (id: number) => {
      const { data } = (await api.call('GET /v1/customers', { query: { externalId: `shop:${id}` } })).body;
      const { facts } = data[0] as never as Imported;
      return [facts.purchaseCount, facts.totalSpent.amount];
    };
    expect([await spent(9041), await spent(9042)]).toEqual([
      [0, '0.00'],
      [1, '105.90'],
    ]);
    const row = anOrder('9043', { Email: email, 'Fulfilled at': '2024-05-03 09:00:00 -0400', Total: '100.90' });
    const { body } = await api.whole('shop', 'shopify-csv', [shopifyHeader, shopifyRow(row)].join('\n'));
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
    const { body } = await api.whole('shop', 'shopify-csv', text);
    expect(body.counts).toEqual({ recorded: 2, duplicates: 0, ignored: 0, failed: 4 });
    const errors = await api.errorsOf(body.id);
    expect(errors).toEqual([
      { line: 4, code: 'not_understood', detail: 'Id: is no whole number' },
      { line: 5, code: 'not_understood', detail: 'Total: is no amount of EUR' },
      { line: 6, code: 'not_understood', detail: 'Created at: is no time that is understood' },
      { line: 7, code: 'malformed_row', detail: 'The row has more cells than the header.' },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/secret|5\.55|hundred/);
    expect((await api.customerBy('quirin@example.com')).facts.purchaseCount).toBe(2);
  });
});
