import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

async function buys(person: string, day: string, amount: string): Promise<string> {
  const body = {
    type: 'order',
    externalId: `${person}-${day}`,
    occurredAt: `${day}T10:30:00Z`,
    customer: { email: `${person}@example.com` },
    total: { amount, currency: 'EUR' },
  };
  return String((await api.call('POST /v1/interactions', { body })).body.customerId);
}

async function night(day: string, state: 'SUCCEEDED' | 'FAILED' = 'SUCCEEDED'): Promise<string> {
  const { id } = (await api.call('POST /v1/value-runs', { body: { asOf: `${day}T02:00:00Z` } })).body;
  const ended = () => expect(machine.executions.get(String(id))?.status).toBe(state);
  await vi.waitFor(ended, { timeout: 30_000 });
  return String(id);
}

const value = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}/value', { params: { customerId } })).body;
const history = async (customerId: string, query: Record<string, string> = {}) =>
  (await api.call('GET /v1/customers/{customerId}/value/history', { params: { customerId }, query })).body;

it('leaves receipts that nobody believes where a night dies for good before it reaches the customers', async () => {
  // Gold by 5, 3 and 3, and silver by 5, 3 and 2: after thirty days the one falls, the other stays with a lower score.
  const ada = await buys('ada', '2026-03-01', '100.00');
  const bea = await buys('bea', '2026-03-01', '20.00');
  for (const day of ['2026-03-02', '2026-03-03']) {
    await buys('ada', day, '40.00');
    await buys('bea', day, '20.00');
  }
  const first = await night('2026-03-10');
  expect([(await value(ada)).tier, (await value(bea)).tier]).toEqual(['gold', 'silver']);

  api.proxy.plan = (operation) => (operation === 'BatchExecuteStatement' ? 'refused' : 'none');
  const died = await night('2026-04-19', 'FAILED');
  api.proxy.plan = () => 'none';
  await buys('ada', '2026-04-20', '5.00');
  await buys('bea', '2026-04-20', '5.00');
  const second = await night('2026-04-21');
  const { body: run } = await api.call('GET /v1/value-runs/{runId}', { params: { runId: second } });
  expect(run.report).toMatchObject({ changed: 0 });
  const { body: failed } = await api.call('GET /v1/value-runs/{runId}', { params: { runId: died } });
  expect(failed).toMatchObject({ status: 'failed', failure: 'superseded' });

  for (const customerId of [ada, bea]) {
    expect((await history(customerId)).data.map(({ runId }) => runId)).toEqual([first]);
    expect(await value(customerId)).toMatchObject({ runId: first, receipt: { runId: first } });
  }
  for (const runId of [first, second]) {
    const { body } = await api.call('POST /v1/value-runs/{runId}/replay', { params: { runId } });
    expect(body).toMatchObject({ identical: true, differences: [] });
  }
  const query = { from: first, to: second };
  const moves = async () => await api.call('GET /v1/reports/tier-migration', { query });
  await vi.waitFor(async () => expect((await moves()).status).toBe(200), { timeout: 8_000 });
  expect((await moves()).body.migrations).toEqual({ gold: { gold: 1 }, silver: { silver: 1 } });

  // What comes next is explained by what stood before it.
  const third = await night('2026-05-25');
  const told = 'last bought 35 days ago, the cut is 30';
  expect(String((await value(ada)).explanation)).toBe(`moved from gold to silver: ${told}`);
  expect(String((await value(bea)).explanation)).toBe(`stays silver: ${told}`);
  for (const customerId of [ada, bea]) {
    const { data } = await history(customerId);
    expect(data.map(({ runId }) => runId)).toEqual([third, first]);
    expect(String(data[0]?.explanation)).toContain(told);
    const page = await history(customerId, { limit: '1' });
    const rest = await history(customerId, { limit: '1', cursor: String(page.nextCursor) });
    expect([page.data, rest.data, rest.nextCursor]).toEqual([[data[0]], [data[1]], null]);
  }
}, 60_000);
