import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { importKey } from '../../shared/dynamodb/keys.ts';
import type { Call } from './door.ts';
import { csv, type ImportDoor, ndjson, openImports } from './import-door.ts';
import { anOrder, shopifyHeader, shopifyRow } from './shopify-export.ts';

let api: ImportDoor;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openImports();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.proxy.plan = () => 'none';
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
    const { body } = await api.whole('shop', 'rapport-ndjson', lines.map((one) => JSON.stringify(one)).join('\n'));
    expect(body.counts).toMatchObject({ recorded: 3, failed: 2 });
    expect(await api.errorsOf(body.id)).toEqual([
      { line: 4, code: 'invalid_request', detail: expect.stringContaining('/occurredAt') },
      { line: 5, code: 'invalid_request', detail: expect.stringContaining('/sourceId') },
    ]);
    expect((await api.customerBy('ulla@example.com')).facts).toMatchObject({
      purchaseCount: 1,
      totalSpent: { amount: '9.00' },
    });
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
    const { body } = await api.whole('shop', 'rapport-csv', text);
    expect(body.counts).toMatchObject({ recorded: 3, failed: 1 });
    expect(await api.errorsOf(body.id)).toEqual([expect.objectContaining({ line: 5, detail: '/total is missing' })]);
    const vera = await api.customerBy('vera@example.com');
    expect(vera.facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '25.00' } });
    const items = [
      { title: 'Tea', quantity: 2, category: 'Drinks', cost: { amount: '4.20', currency: 'EUR' } },
      { title: 'Cup', quantity: 1 },
    ];
    const sale = (await api.ledgerOf(vera.id)).find(({ externalId, type }) => externalId === 'p1' && type === 'order');
    expect(sale).toMatchObject({ items });
  });
});

describe('parts', () => {
  const partOf = (...ids: string[]) =>
    [shopifyHeader, ...ids.map((id) => shopifyRow(anOrder(id, { Email: `w${id}@example.com` })))].join('\n');

  test('are recorded one by one, answered again as they were, and finished', async () => {
    const { status, body, headers } = await api.open('shop', 'shopify-csv');
    expect([status, body.state, headers.location]).toEqual([201, 'open', `/v1/imports/${body.id}`]);
    const first = await api.put(body.id, 1, partOf('9101', '9102'));
    expect(first.body).toMatchObject({ part: 1, items: 2, next: 2, done: true, counts: { recorded: 2 }, errors: [] });
    expect((await api.put(body.id, 1, partOf('9101', '9102'))).body).toEqual(first.body);
    expect((await api.put(body.id, 1, partOf('9109'))).body.code).toBe('part_differs');
    expect((await api.finish(body.id, 2)).body.code).toBe('import_unfinished');
    const second = await api.put(body.id, 2, `${partOf('9103')}\n${shopifyRow(anOrder('9104', { Id: 'x' }))}`, {
      line: '900',
    });
    expect(second.body).toMatchObject({
      counts: { recorded: 1, failed: 1 },
      errors: [{ line: 901, code: 'not_understood' }],
    });
    expect((await api.show(body.id)).body).toMatchObject({
      state: 'open',
      parts: { put: 2, unfinished: [] },
      counts: { recorded: 3, failed: 1 },
    });
    const finished = await api.finish(body.id, 2);
    expect(finished.body).toMatchObject({ state: 'finished', counts: { recorded: 3, failed: 1 } });
    expect((await api.finish(body.id, 2)).body).toEqual(finished.body);
    expect((await api.put(body.id, 1, partOf('9101', '9102'))).body).toEqual(first.body);
    expect((await api.put(body.id, 3, partOf('9105'))).body.code).toBe('import_finished');
    expect(await api.errorsOf(body.id)).toEqual([
      { line: 901, code: 'not_understood', detail: 'Id: is no whole number' },
    ]);
  });

  test('a part that the store cut off goes on where it was, and each order is counted once', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => String(9200 + index));
    const { body } = await api.open('shop', 'shopify-csv');
    let commits = 0;
    api.proxy.plan = (operation) => (operation === 'TransactWriteItems' && ++commits > 12 ? 'server-error' : 'none');
    const broken = await api.put(body.id, 1, partOf(...ids));
    expect([broken.status, broken.headers['retry-after']]).toEqual([503, '2']);
    api.proxy.plan = () => 'none';
    const { next, counts } = (await api.call('GET /v1/imports/{importId}', { params: { importId: body.id } })).body;
    expect(next).toBeUndefined();
    expect(Number(counts?.recorded)).toBeGreaterThan(0);
    const whole = await api.put(body.id, 1, partOf(...ids));
    expect(whole.body).toMatchObject({ items: 40, next: 40, done: true, counts: { failed: 0 } });
    const { recorded, duplicates } = whole.body.counts as never as { recorded: number; duplicates: number };
    expect(recorded + duplicates).toBe(40);
    for (const id of ids) expect((await api.customerBy(`w${id}@example.com`)).facts.purchaseCount).toBe(1);
  });

  test('the same part by two at once: each order is counted once', async () => {
    const { body } = await api.open('shop', 'shopify-csv');
    const ids = ['9301', '9302', '9303'];
    const answers = await Promise.all([api.put(body.id, 1, partOf(...ids)), api.put(body.id, 1, partOf(...ids))]);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    for (const id of ids) expect((await api.customerBy(`w${id}@example.com`)).facts.purchaseCount).toBe(1);
  });

  test('an import that went wrong is forgotten, what was recorded is not', async () => {
    const { body } = await api.open('shop', 'shopify-csv');
    await api.put(body.id, 1, `${partOf('9501')}\n${shopifyRow(anOrder('9502', { Id: 'x' }))}`);
    for (let part = 2; part < 40; part++) await api.put(body.id, part, shopifyHeader);
    await api.put(body.id, 100_000, partOf('9503'));
    expect((await api.finish(body.id, 39)).body.detail).toContain('DELETE');
    const drop = (more: Call = {}) =>
      api.call('DELETE /v1/imports/{importId}', { params: { importId: body.id }, ...more });
    const reader = await api.keyFor('acme', ['imports:read'], { sources: ['shop'] });
    expect((await drop({ key: reader })).body.code).toBe('insufficient_scope');
    const other = await api.keyFor('acme', ['imports:write'], { sources: ['woo'] });
    expect((await drop({ key: other })).body.code).toBe('import_not_found');
    expect((await drop()).status).toBe(204);
    for (const answer of [await drop(), await api.show(body.id), await api.put(body.id, 1, partOf('9501'))])
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
    expect((await api.customerBy('w9501@example.com')).facts.purchaseCount).toBe(1);
  });

  test('a whole file is taken once under an Idempotency-Key', async () => {
    const headers = { ...csv, 'idempotency-key': 'file-1' };
    const one = await api.whole('shop', 'shopify-csv', partOf('9401'), { headers });
    const two = await api.whole('shop', 'shopify-csv', partOf('9401'), { headers });
    expect(two.body).toEqual(one.body);
    expect(two.headers['idempotent-replayed']).toBe('true');
  });
});

describe('what is refused', () => {
  test.each<[string, number, string, () => Promise<{ status: number; body: { code: unknown } }>]>([
    ['an unknown source', 404, 'source_not_found', () => api.open('nowhere', 'shopify-csv')],
    ['a file of another platform', 422, 'other_platform', () => api.open('woo', 'shopify-csv')],
    ['an unknown format', 400, 'invalid_request', () => api.open('shop', 'xls')],
    ['another type', 415, 'unsupported_media_type', () => api.whole('shop', 'shopify-csv', 'x', { headers: ndjson })],
    [
      'a file without a format',
      400,
      'invalid_request',
      () => api.whole('shop', '', 'x', { query: { sourceId: 'shop' } }),
    ],
    ['another header', 422, 'other_columns', () => api.whole('shop', 'shopify-csv', 'a,b\n1,2')],
    ['broken quotes', 400, 'malformed_csv', () => api.whole('shop', 'shopify-csv', `${shopifyHeader}\n"a"b,c`)],
    ['4 MB and a byte', 413, 'body_too_large', () => api.whole('shop', 'shopify-csv', 'x'.repeat(4_000_001))],
    ['a part of no import', 404, 'import_not_found', () => api.put('imp_none', 1, 'x')],
    ['part 0', 400, 'invalid_request', () => api.put('imp_none', 0, 'x')],
  ])('%s', async (_, status, code, call) => {
    const answer = await call();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test.each([
    ['an unclosed quote', `${shopifyRow(anOrder('1', { Notes: 'two\nlines' }))}\n\n"open,x\n`, 'begins in its line 5'],
    ['another encoding', Buffer.from(`#1,a\n#2,é\n`, 'latin1'), 'in its line 3'],
  ])('%s is told with its line', async (_, rows, told) => {
    const body = Buffer.concat([Buffer.from(`${shopifyHeader}\n`), Buffer.from(rows)]);
    const answer = await api.whole('shop', 'shopify-csv', body as never);
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      400,
      'malformed_csv',
      expect.stringContaining(told),
    ]);
  });

  test('a key sees the imports of its own sources alone, and writes with the scope alone', async () => {
    const mine = (await api.open('shop', 'shopify-csv')).body.id;
    const other = (await api.open('woo', 'woocommerce-csv')).body.id;
    const key = await api.keyFor('acme', ['imports:read'], { sources: ['shop'] });
    const seen = (await api.call('GET /v1/imports', { query: { limit: '100' }, key })).body.data.map(({ id }) => id);
    expect(seen).toContain(mine);
    expect(seen).not.toContain(other);
    expect((await api.show(mine, { key })).status).toBe(200);
    expect((await api.show(other, { key })).body.code).toBe('import_not_found');
    expect((await api.open('shop', 'shopify-csv', { key })).body.code).toBe('insufficient_scope');
    const writer = await api.keyFor('acme', ['imports:write'], { sources: ['shop'] });
    expect((await api.open('woo', 'woocommerce-csv', { key: writer })).body.code).toBe('source_not_found');
  });
});
