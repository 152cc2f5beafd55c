import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openShop, type ShopDoor } from './shop-door.ts';

let api: ShopDoor;
beforeAll(async () => {
  api = await openShop();
});
afterAll(() => api.stop());

const value = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}/value', { params: { customerId } })).body;
const history = async (customerId: string, query: Record<string, string> = {}) =>
  (await api.call('GET /v1/customers/{customerId}/value/history', { params: { customerId }, query })).body;

it('leaves receipts that nobody believes where a night dies for good before it reaches the customers', async () => {
  // Gold by 5, 3 and 3, and silver by 5, 3 and 2: after thirty days the one falls, the other stays with a lower score.
  const ada = await api.buys('ada', '2026-03-01', '100.00');
  const bea = await api.buys('bea', '2026-03-01', '20.00');
  for (const day of ['2026-03-02', '2026-03-03']) {
    await api.buys('ada', day, '40.00');
    await api.buys('bea', day, '20.00');
  }
  const first = await api.night('2026-03-10T02:00:00Z');
  expect([(await value(ada)).tier, (await value(bea)).tier]).toEqual(['gold', 'silver']);

  api.proxy.plan = (operation) => (operation === 'BatchExecuteStatement' ? 'refused' : 'none');
  const died = await api.night('2026-04-19T02:00:00Z', 'FAILED');
  api.proxy.plan = () => 'none';
  await api.buys('ada', '2026-04-20', '5.00');
  await api.buys('bea', '2026-04-20', '5.00');
  const second = await api.night('2026-04-21T02:00:00Z');
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
  const third = await api.night('2026-05-25T02:00:00Z');
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
