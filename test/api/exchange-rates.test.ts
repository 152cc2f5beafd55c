import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

const put = async (body: unknown, contentType = 'application/json') => {
  const answer = await api.call('PUT /v1/exchange-rates', { body, headers: { 'content-type': contentType } });
  await machine.counting;
  return answer;
};
const list = (query: Record<string, string> = {}) => api.call('GET /v1/exchange-rates', { query });
const euro = (rates: Record<string, string>, date = '2026-03-02') => ({
  base: 'EUR',
  rates: Object.entries(rates).map(([currency, rate]) => ({ date, currency, rate })),
});

let orders = 0;
async function buy(email: string, amount: string, currency: string, occurredAt = '2026-03-02T10:00:00Z') {
  orders += 1;
  const externalId = `O-${orders}`;
  const body = { type: 'order', externalId, occurredAt, customer: { email }, total: { amount, currency } };
  const { customerId } = (await api.call('POST /v1/interactions', { body })).body;
  return { externalId, customerId };
}
const factsOf = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}', { params: { customerId } })).body.facts;
const linesOf = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId } })).body.data;

test('before there is a base currency, rates to it cannot be told', async () => {
  const { status, body } = await put(euro({ USD: '1.0832' }));
  expect([status, body.code]).toEqual([409, 'base_currency_unknown']);
  const source = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body: source });
});

test('an order in another currency waits, and is counted once its rate is there', async () => {
  const { customerId } = await buy('wait@example.com', '108.32', 'USD');
  await buy('wait@example.com', '10.00', 'EUR');
  expect(await factsOf(customerId)).toMatchObject({
    purchaseCount: 1,
    totalSpent: { amount: '10.00', currency: 'EUR' },
    waiting: [{ purchaseCount: 1, totalSpent: { amount: '108.32', currency: 'USD' } }],
  });
  const { status, body } = await put(euro({ USD: '1.0832' }));
  expect(status).toBe(200);
  expect(body).toEqual({
    base: 'EUR',
    added: 1,
    replaced: 0,
    unchanged: 0,
    from: '2026-03-02',
    to: '2026-03-02',
    passedOver: [],
  });
  expect(await factsOf(customerId)).toMatchObject({
    purchaseCount: 2,
    totalSpent: { amount: '110.00', currency: 'EUR' },
    waiting: [],
  });
  const line = (await linesOf(customerId)).find(({ inBase }) => inBase !== undefined);
  expect(line).toMatchObject({
    total: { amount: '108.32', currency: 'USD' },
    inBase: {
      amount: { amount: '100.00', currency: 'EUR' },
      refunded: { amount: '0.00', currency: 'EUR' },
      rate: '1.0832',
      rateDate: '2026-03-02',
    },
  });
});

test('the last rate up to the day counts, if it is at most ten days old', async () => {
  const eighth = await buy('days@example.com', '108.32', 'USD', '2026-03-12T23:59:59Z');
  expect((await factsOf(eighth.customerId)).totalSpent).toEqual({ amount: '100.00', currency: 'EUR' });
  await buy('days@example.com', '108.32', 'USD', '2026-03-13T00:00:00Z');
  await buy('days@example.com', '108.32', 'USD', '2026-03-01T23:59:59Z');
  expect(await factsOf(eighth.customerId)).toMatchObject({ purchaseCount: 1, waiting: [{ purchaseCount: 2 }] });
});

test('a refund goes by the rate of its order, whatever was published since; in full it comes to zero', async () => {
  const { customerId, externalId } = await buy('back@example.com', '99.99', 'USD');
  const first = await factsOf(customerId);
  expect(first.totalSpent.amount).toBe('92.31');
  const replaced = await put(euro({ USD: '2', JPY: '161.2' }));
  expect(replaced.body).toMatchObject({ added: 1, replaced: 1, unchanged: 0 });
  const refund = (amount: string, id: string) =>
    api.call('POST /v1/interactions', {
      body: {
        type: 'refund',
        externalId: id,
        orderExternalId: externalId,
        occurredAt: '2026-03-20T10:00:00Z',
        amount: { amount, currency: 'USD' },
      },
    });
  await refund('33.33', `${externalId}-a`);
  expect(await factsOf(customerId)).toMatchObject({
    totalSpent: { amount: '61.54' },
    totalRefunded: { amount: '30.77' },
  });
  await refund('66.66', `${externalId}-b`);
  expect(await factsOf(customerId)).toMatchObject({
    purchaseCount: 0,
    totalSpent: { amount: '0.00', currency: 'EUR' },
    totalRefunded: { amount: '92.31' },
    waiting: [],
  });
  const later = await buy('later@example.com', '99.98', 'USD');
  expect((await factsOf(later.customerId)).totalSpent.amount).toBe('49.99');
});

test('currencies with no decimals and with three are converted by their own minor units', async () => {
  expect((await put(euro({ KWD: '0.33', JPY: '161.2' }))).body).toMatchObject({ added: 1, unchanged: 1 });
  const yen = await buy('yen@example.com', '16120', 'JPY');
  expect((await factsOf(yen.customerId)).totalSpent).toEqual({ amount: '100.00', currency: 'EUR' });
  const dinar = await buy('dinar@example.com', '33.333', 'KWD');
  expect((await factsOf(dinar.customerId)).totalSpent).toEqual({ amount: '101.01', currency: 'EUR' });
});

const daily = `Date, USD, JPY, BGN, GBP, 
20 November 2026, 1.0832, 161.20, 1.9558, 0.83425, 
`;
const historic = `Date,USD,JPY,CYP,GBP,
2026-11-19,1.0801,160.95,N/A,0.8339,
2026-11-18,1.0799,160.50,N/A,N/A,
2007-12-31,1.4721,164.93,0.585274,0.73335,
`;

test("the ECB's CSV is taken as it is, the daily one and the historic one", async () => {
  const one = await put(daily, 'text/csv');
  expect([one.status, one.body]).toEqual([
    200,
    { base: 'EUR', added: 4, replaced: 0, unchanged: 0, from: '2026-11-20', to: '2026-11-20', passedOver: [] },
  ]);
  expect((await put(daily, 'text/csv; charset=utf-8')).body).toMatchObject({ added: 0, replaced: 0, unchanged: 4 });
  const all = await put(historic.replaceAll('\n', '\r\n'), 'text/csv');
  expect(all.body).toMatchObject({ added: 8, from: '2007-12-31', to: '2026-11-19', passedOver: ['CYP'] });
  expect((await list({ currency: 'GBP', from: '2007-01-01', to: '2026-11-20' })).body.data).toEqual([
    { date: '2026-11-20', base: 'EUR', currency: 'GBP', rate: '0.83425' },
    { date: '2026-11-19', base: 'EUR', currency: 'GBP', rate: '0.8339' },
    { date: '2007-12-31', base: 'EUR', currency: 'GBP', rate: '0.73335' },
  ]);
});

test.each([
  ['the daily one', daily],
  ['the historic one', historic],
  ['one without commas at the ends', 'Date,USD,GBP\n2026-11-20,1.0832,0.83425\n2026-11-19,1.0801,0.8339\n'],
])('wherever %s was cut off, no rate is taken for another', async (_, whole) => {
  expect((await put(whole, 'text/csv')).status).toBe(200);
  for (let end = 1; end < whole.length; end++) {
    const { status, body } = await put(whole.slice(0, end), 'text/csv');
    if (status === 200) expect(body).toMatchObject({ added: 0, replaced: 0 });
    else expect([400, 422]).toContain(status);
  }
});

test('rates are listed page by page', async () => {
  const all = (await list({ limit: '100' })).body;
  expect(all.nextCursor).toBeNull();
  const seen: unknown[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, string> = { limit: '3', ...(cursor !== null && { cursor }) };
    const { body } = await list(query);
    expect(body.data.length).toBeLessThanOrEqual(3);
    seen.push(...body.data);
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual([...all.data]);
  expect(seen.length).toBe(15);
});

test('years of rates are taken at once', async () => {
  const codes = ['USD', 'JPY', 'GBP', 'CHF', 'SEK', 'NOK', 'DKK', 'PLN', 'CZK', 'HUF'];
  const days = Array.from({ length: 2000 }, (_, day) => new Date(Date.UTC(2000, 0, 1) + day * 86_400_000));
  const rows = days.map((day) => `${day.toISOString().slice(0, 10)},${codes.map((_, i) => `${i + 1}.2345`).join()},`);
  const { status, body } = await put(`Date,${codes.join()},\n${rows.join('\n')}\n`, 'text/csv');
  expect([status, body.from, body.to]).toEqual([200, '2000-01-01', '2005-06-22']);
}, 60_000);

test.each<[string, unknown, string, string]>([
  ['zero', euro({ USD: '0.000' }), '/rates/0/rate', 'greater than 0'],
  ['less', euro({ USD: '-1' }), '/rates/0/rate', 'greater than 0'],
  ['a number', { base: 'EUR', rates: [{ date: '2026-03-02', currency: 'USD', rate: 1.5 }] }, '/rates/0/rate', 'string'],
  ['an exponent', euro({ USD: '1e3' }), '/rates/0/rate', 'decimal text'],
  ['too fine', euro({ USD: '1.0123456789' }), '/rates/0/rate', 'nine places'],
  ['no day', euro({ USD: '1' }, '2026-02-30'), '/rates/0/date', 'must be a day'],
  ['no currency', euro({ XXX: '1' }), '/rates/0/currency', 'ISO 4217'],
  ['the base itself', euro({ EUR: '1' }), '/rates/0/currency', 'is the base'],
  [
    'two rates for one day',
    { base: 'EUR', rates: [...euro({ USD: '1' }).rates, ...euro({ USD: '2' }).rates] },
    '/rates/1/currency',
    'another rate',
  ],
  ['nothing', { base: 'EUR', rates: [] }, '/rates', 'at least 1'],
])('of JSON %s is refused', async (_, body, pointer, detail) => {
  const answer = await put(body);
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  expect(answer.body.errors[0]).toMatchObject({ pointer, detail: expect.stringContaining(detail) });
});

test.each([
  ['no head', '2026-11-20,1.0832\n', 'line 1'],
  ['no day', 'Date,USD\nyesterday,1.08\n', 'line 2'],
  ['a day that is none', 'Date,USD\n31 November 2026,1.08\n', 'line 2'],
  ['a day twice', 'Date,USD\n2026-11-20,1.08\n20 November 2026,1.08\n', 'line 3'],
  ['a rate of zero', 'Date,USD\n2026-11-20,0.0\n', 'line 2'],
  ['a rate below zero', 'Date,USD\n2026-11-20,-1.08\n', 'line 2'],
  ['too few values', 'Date,USD,JPY\n2026-11-20,1.08\n', 'line 2'],
  ['a currency twice', 'Date,USD,USD\n2026-11-20,1.08,1.08\n', 'line 1'],
  ['a line cut off in its last number', 'Date,USD,\n2026-11-20,1.0', 'line 2: must end with a comma'],
  ['a last line without its end', 'Date,USD\n2026-11-20,1.0', 'line 2: must end with a line break'],
])('of CSV %s is refused', async (_, body, line) => {
  const answer = await put(body, 'text/csv');
  expect([answer.status, answer.body.errors[0]?.detail]).toEqual([400, expect.stringContaining(line)]);
});

test('too much at once, text that is none, and other types are refused', async () => {
  expect((await put(`Date,USD\n${' '.repeat(4_000_000)}`, 'text/csv')).status).toBe(413);
  expect((await put(Buffer.from([0x44, 0xff]), 'text/csv')).body.code).toBe('malformed_text');
  expect((await put('Date,USD\n', 'text/plain')).status).toBe(415);
});

test('a value run says how many purchases waited, and of which currencies', async () => {
  await buy('run@example.com', '10.00', 'SEK');
  await buy('run@example.com', '20.00', 'SEK');
  const { id } = (await api.call('POST /v1/value-runs', { body: { asOf: '2026-04-01T02:00:00Z' } })).body;
  const shown = () => api.call('GET /v1/value-runs/{runId}', { params: { runId: id } });
  await vi.waitFor(async () => expect((await shown()).body.status).toBe('succeeded'), { timeout: 5000 });
  expect((await shown()).body.report.waiting).toEqual({ SEK: 2, USD: 2 });
});

test('rates need their scopes', async () => {
  const reader = await api.keyFor('reader', ['rates:read']);
  expect((await api.call('GET /v1/exchange-rates', { key: reader })).status).toBe(200);
  const refused = await api.call('PUT /v1/exchange-rates', { body: euro({ USD: '1.1' }), key: reader });
  expect([refused.status, refused.body.code]).toEqual([403, 'insufficient_scope']);
});
