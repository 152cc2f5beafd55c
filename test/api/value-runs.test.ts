import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openShop, type ShopDoor } from './shop-door.ts';

let api: ShopDoor;
let customerId: string;
beforeAll(async () => {
  api = await openShop();
  customerId = await api.buys('ada', '2026-03-01', '181.09');
});
afterAll(() => api.stop());

const start = (asOf: string) => api.call('POST /v1/value-runs', { body: { asOf } });
const show = (runId: string) => api.call('GET /v1/value-runs/{runId}', { params: { runId } });
const value = () => api.call('GET /v1/customers/{customerId}/value', { params: { customerId } });
const ended = (runId: string) =>
  vi.waitFor(async () => expect((await show(runId)).body.status).toBe('succeeded'), { timeout: 5000 });

test('before the first run there is no value', async () => {
  const { status, body } = await value();
  expect(status).toBe(200);
  expect(body).toMatchObject({ customerId, tier: null, scores: null, receipt: null });
  expect((await api.call('GET /v1/value-runs')).body).toEqual({ data: [], nextCursor: null });
});

test('a run is accepted, followed by its id, and explains what it changed', async () => {
  const accepted = await start('2026-03-10T02:00:00Z');
  expect(accepted.status).toBe(202);
  const { id } = accepted.body;
  expect(accepted.headers.location).toBe(`/v1/value-runs/${id}`);
  await ended(id);
  const run = (await show(id)).body;
  expect(run).toMatchObject({
    asOf: '2026-03-10T02:00:00.000Z',
    policyVersion: 1,
    cutPoints: { kind: 'absolute', buyers: 1 },
    report: { customers: 1, buyers: 1, changed: 1 },
  });
  const { body } = await value();
  expect(body).toMatchObject({
    previousTier: null,
    since: '2026-03-10T02:00:00.000Z',
    runId: id,
    scores: { recency: 5, frequency: 1 },
    receipt: {
      runId: id,
      inputs: { daysSinceLastPurchase: 9, purchaseCount: 1, totalSpent: { amount: '181.09', currency: 'EUR' } },
      cutPoints: { kind: 'absolute' },
    },
  });
  const customer = (await api.call('GET /v1/customers/{customerId}', { params: { customerId } })).body;
  expect([customer.tier, customer.tierSince]).toEqual([body.tier, body.since]);
});

test('the same asOf, however it is written, is the same run', async () => {
  const again = await start('2026-03-10T03:00:00+01:00');
  expect([again.status, again.body.status]).toEqual([202, 'succeeded']);
  expect(api.machine.executions.size).toBe(1);
});

test('at once, forty times: one execution', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => start('2026-03-11T02:00:00Z')));
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  await ended(answers[0]?.body.id as string);
  expect(api.machine.executions.size).toBe(2);
});

test('a run that failed is started anew under its id', async () => {
  api.machine.visit = () => Promise.reject(new Error('no'));
  const { id } = (await start('2026-03-12T02:00:00Z')).body;
  await vi.waitFor(() => expect(api.machine.executions.get(id)?.status).toBe('FAILED'));
  api.machine.visit = async () => undefined;
  expect((await start('2026-03-12T02:00:00Z')).body.id).toBe(id);
  await ended(id);
  expect([...api.machine.executions.keys()].slice(-2)).toEqual([id, `${id}-2`]);
});

test('values do not go back in time, nor ahead of it', async () => {
  const past = await start('2026-03-01T02:00:00Z');
  expect([past.status, past.body.code]).toEqual([409, 'value_run_superseded']);
  const future = await start('2190-01-01T00:00:00Z');
  expect([future.status, future.body.code]).toEqual([422, 'as_of_in_future']);
  expect((await start('50000-01-01T00:00:00Z')).body.errors[0]?.pointer).toBe('/asOf');
});

test('runs are listed, the latest first, page by page', async () => {
  const all = (await api.call('GET /v1/value-runs')).body.data.map(({ asOf }) => asOf);
  expect(all).toEqual(['2026-03-12T02:00:00.000Z', '2026-03-11T02:00:00.000Z', '2026-03-10T02:00:00.000Z']);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, string> = { limit: '1', ...(cursor !== null && { cursor }) };
    const { body } = await api.call('GET /v1/value-runs', { query });
    seen.push(...body.data.map(({ asOf }) => asOf as string));
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(all);
});

test('a run that is not there is 404', async () => {
  const { status, body } = await show('run_unknown');
  expect([status, body.code]).toEqual([404, 'value_run_not_found']);
});

test('a run computed again is identical, and lists whom a later change of an order makes different', async () => {
  const [{ id: of }] = (await api.call('GET /v1/value-runs')).body.data as unknown as [{ id: string }];
  const replay = () => api.call('POST /v1/value-runs/{runId}/replay', { params: { runId: of } });
  const first = await replay();
  expect([first.status, first.body.identical, first.body.differences]).toEqual([200, true, []]);
  expect(first.body.run).toMatchObject({ rehearsal: { kind: 'replay', of }, report: { sameFit: true } });
  const order = {
    type: 'order',
    externalId: 'ada-2026-03-01',
    occurredAt: '2026-03-01T10:30:00Z',
    updatedAt: new Date().toISOString(),
    customer: { email: 'ada@example.com' },
    total: { amount: '999.00', currency: 'EUR' },
  };
  await api.call('POST /v1/interactions', { body: order });
  const { body } = await replay();
  expect(body).toMatchObject({
    identical: false,
    differences: [
      {
        customerId,
        was: { scores: { monetary: 3 } },
        is: { scores: { monetary: 4 } },
        causes: expect.arrayContaining(['order_changed']),
      },
    ],
  });
  expect((await value()).body).toMatchObject({ scores: { monetary: 3 } });
});

test('only a run that has succeeded is computed again', async () => {
  const { status, body } = await api.call('POST /v1/value-runs/{runId}/replay', { params: { runId: 'run_none' } });
  expect([status, body.code]).toEqual([404, 'value_run_not_found']);
  const missing = await api.call('GET /v1/value-runs/{runId}/differences', { params: { runId: 'run_none' } });
  expect([missing.status, missing.body.code]).toEqual([404, 'rehearsal_not_found']);
});

describe('what the past says of the future', () => {
  const history = (query: Record<string, string> = {}) =>
    api.call('GET /v1/customers/{customerId}/value/history', { params: { customerId }, query });

  test('is not said of a shop where nobody came back', async () => {
    expect((await value()).body).toMatchObject({ outlook: null });
    const [{ id }] = (await api.call('GET /v1/value-runs')).body.data as unknown as [{ id: string }];
    expect((await show(id)).body).toMatchObject({ model: { purchases: { from: 'none', because: 'fewCustomers' } } });
  });

  test('is said with its source once some did', async () => {
    for (let person = 0; person < 8; person++)
      for (const day of [1, 8, 20])
        await api.call('POST /v1/interactions', {
          body: {
            type: 'order',
            externalId: `R-${person}-${day}`,
            occurredAt: `2026-03-${String(day).padStart(2, '0')}T12:00:00Z`,
            customer: { email: person === 0 ? 'ada@example.com' : `p${person}@example.com` },
            total: { amount: '20.00', currency: 'EUR' },
          },
        });
    const { id } = (await start('2026-04-10T02:00:00Z')).body;
    await ended(id);
    const { model } = (await show(id)).body as unknown as { model: { purchases: object; spend: object } };
    expect(model).toMatchObject({ purchases: { from: 'pooled' }, spend: { from: 'pooled' } });
    const { body } = await value();
    expect(body).toMatchObject({
      outlook: { runId: id, from: { purchases: 'pooled', spend: 'pooled' } },
      explanation: expect.stringMatching(/^moved from \w+ to \w+: .+; expects \d+\.\d purchases in the next 90 days$/),
    });
    const { alive, purchases, lifetimeValue } = body.outlook as unknown as {
      alive: number;
      purchases: { in30Days: number; in90Days: number };
      lifetimeValue: { amount: string; currency: string };
    };
    expect(alive > 0 && alive < 1).toBe(true);
    expect(purchases.in30Days > 0 && purchases.in30Days < purchases.in90Days).toBe(true);
    expect(lifetimeValue).toMatchObject({ currency: 'EUR', amount: expect.stringMatching(/^\d+\.\d\d$/) });
    const same = await api.call('POST /v1/value-runs/{runId}/replay', { params: { runId: String(id) } });
    expect(same.body).toMatchObject({ identical: true, run: { report: { sameFit: true } } });
  });

  test('changes are listed with their sentences, the latest first', async () => {
    const all = (await history()).body.data;
    expect(all.length).toBeGreaterThan(1);
    expect(String(all[0]?.explanation)).toBe(String((await value()).body.explanation));
    const page = await history({ limit: '1' });
    const rest = await history({ limit: '1', cursor: String(page.body.nextCursor) });
    expect([page.body.data, rest.body.data]).toEqual([[all[0]], [all[1]]]);
  });
});
