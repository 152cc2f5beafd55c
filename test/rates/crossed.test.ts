import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDoor, openApi } from '../api/door.ts';
import { type NightMachine, nightMachine } from '../api/night-machine.ts';
import { shopifySecret } from '../signed.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'GBP', timeZone: 'Europe/London' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

const put = async (body: unknown, contentType: string) => {
  const answer = await api.call('PUT /v1/exchange-rates', { body, headers: { 'content-type': contentType } });
  await machine.counting;
  return answer;
};

test("where the base is not the euro, the ECB's rates are crossed exactly", async () => {
  const csv = 'Date,USD,GBP,\n2026-11-20,1.0832,0.84,\n2026-11-19,1.08,N/A,\n';
  const { status, body } = await put(csv, 'text/csv');
  expect([status, body.base, body.added]).toEqual([200, 'GBP', 2]);
  expect(body).toMatchObject({ from: '2026-11-20', to: '2026-11-20', passedOver: ['2026-11-19'] });
  const rates = (await api.call('GET /v1/exchange-rates')).body.data;
  expect(rates).toEqual([
    { date: '2026-11-20', base: 'GBP', currency: 'EUR', rate: '25/21' },
    { date: '2026-11-20', base: 'GBP', currency: 'USD', rate: '677/525' },
  ]);
  const order = {
    type: 'order',
    externalId: 'G-1',
    occurredAt: '2026-11-22T10:00:00Z',
    customer: { email: 'g@example.com' },
    total: { amount: '100.00', currency: 'EUR' },
  };
  const { customerId } = (await api.call('POST /v1/interactions', { body: order })).body;
  const { facts } = (await api.call('GET /v1/customers/{customerId}', { params: { customerId } })).body;
  expect(facts.totalSpent).toEqual({ amount: '84.00', currency: 'GBP' });
});

test('rates that cannot be crossed are refused, and none is kept', async () => {
  const body = { base: 'EUR', rates: [{ date: '2026-11-18', currency: 'USD', rate: '1.08' }] };
  const refused = await put(body, 'application/json');
  expect([refused.status, refused.body.code]).toEqual([422, 'rates_without_base']);
});
