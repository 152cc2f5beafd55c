import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { shopifySecret, signShopify } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openApi({ RETRY_QUEUE_URL: 'http://127.0.0.1:1/retry' });
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(() => api.stop());

const placed = Date.parse('2024-05-01T10:00:00Z');
const at = (minute: number) => new Date(placed + minute * 60_000).toISOString();

/** An order of 100.00 as it is when the shop's list is exported; the shop's messages told of it up to some minute. */
const orders = fc.record({
  paid: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
  cancelled: fc.option(fc.integer({ min: 31, max: 60 }), { nil: undefined }),
  refunds: fc.array(
    fc.record({ minute: fc.integer({ min: 31, max: 60 }), cents: fc.integer({ min: 1, max: 4_000 }) }),
    {
      maxLength: 2,
    },
  ),
  told: fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 3 }),
  exports: fc.integer({ min: 1, max: 2 }),
  places: fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
});
type Given = typeof orders extends fc.Arbitrary<infer Value> ? Value : never;

const euros = (cents: number) => (cents / 100).toFixed(2);
const until = (minute: number, of: number | undefined) => of !== undefined && of <= minute;

/** What a webhook says at a minute: all that happened by then. */
function webhookOf(id: number, { paid, cancelled, refunds }: Given, minute: number) {
  return {
    id,
    created_at: at(0),
    updated_at: at(minute),
    currency: 'EUR',
    total_price: '100.00',
    financial_status: until(minute, paid) ? 'paid' : 'pending',
    email: `p${id}@example.com`,
    ...(until(minute, cancelled) && { cancelled_at: at(cancelled ?? 0) }),
    refunds: refunds.flatMap(({ minute: on, cents }, index) =>
      on > minute
        ? []
        : [
            {
              id: id * 10 + index,
              created_at: at(on),
              transactions: [{ kind: 'refund', status: 'success', amount: euros(cents), currency: 'EUR' }],
            },
          ],
    ),
  };
}

const header = 'Name,Email,Financial Status,Paid at,Currency,Total,Created at,Cancelled at,Refunded Amount,Id';

function exportOf(id: number, { paid, cancelled, refunds }: Given): string {
  const time = (minute: number | undefined) =>
    minute === undefined ? '' : `${at(minute).slice(0, 19).replace('T', ' ')} +0000`;
  const back = refunds.reduce((sum, { cents }) => sum + cents, 0);
  const status = paid === undefined ? 'pending' : back > 0 ? 'partially_refunded' : 'paid';
  const cells = [
    `#${id}`,
    `p${id}@example.com`,
    status,
    time(paid),
    'EUR',
    '100.00',
    time(0),
    time(cancelled),
    euros(back),
    id,
  ];
  return `${header}\n${cells.join(',')}\n`;
}

async function send(id: number, given: Given, minute: number | 'export'): Promise<void> {
  if (minute === 'export') {
    const query = { sourceId: 'shop', format: 'shopify-csv' };
    const headers = { 'content-type': 'text/csv' };
    const { body } = await api.call('POST /v1/imports', { query, headers, body: exportOf(id, given) });
    expect(body.counts).toMatchObject({ failed: 0 });
    return;
  }
  const { handler } = await import('../../functions/webhooks/receive.ts');
  const signed = signShopify('orders/updated', webhookOf(id, given, minute), { id: `w-${id}-${minute}` });
  const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'shop' }, ...signed });
  expect((await handler(event, lambdaContext())).statusCode).toBe(202);
}

let nextId = 1;

test('whatever came by webhooks before and after, in whatever order, an export makes the facts whole', async () => {
  await fc.assert(
    fc.asyncProperty(orders, async (given) => {
      const id = nextId++;
      const steps = [...given.told, ...Array.from({ length: given.exports }, () => 'export' as const)]
        .map((step, index) => ({ step, place: given.places[index] ?? 0 }))
        .sort((a, b) => a.place - b.place);
      for (const { step } of steps) await send(id, given, step);
      const { body } = await api.call('GET /v1/customers', { query: { email: `p${id}@example.com` } });
      const back = given.refunds.reduce((sum, { cents }) => sum + cents, 0);
      const counts = given.cancelled === undefined;
      expect(body.data[0]?.facts).toMatchObject({
        purchaseCount: counts ? 1 : 0,
        totalSpent: { amount: euros(counts ? 10_000 - back : 0) },
        totalRefunded: { amount: euros(back) },
      });
    }),
    { numRuns: 60 },
  );
});
