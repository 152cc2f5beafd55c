import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BacktestReport } from '../../shared/contracts/backtest.ts';
import { backtestListKey, clockKey, runResultKey } from '../../shared/dynamodb/keys.ts';
import { dayOf, putCustomers, whoBoughtOn } from '../fixtures/purchase-histories.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
  const body = {
    platform: 'standard',
    secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    currency: 'EUR',
    timeZone: 'Pacific/Auckland',
  };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
  // In Auckland it is the 22nd already.
  const clock = { ...clockKey, now: '2026-03-21T20:00:00.000Z' };
  await api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item: clock }));
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

const start = (body: unknown, more: object = {}) => api.call('POST /v1/backtests', { body, ...more });
const show = (backtestId: string) => api.call('GET /v1/backtests/{backtestId}', { params: { backtestId } });

async function ended(backtestId: string) {
  await vi.waitFor(async () => expect((await show(backtestId)).body.status).not.toMatch(/^(requested|running)$/), {
    timeout: 5000,
    interval: 10,
  });
  return (await show(backtestId)).body as unknown as {
    result: BacktestReport | null;
    because?: string;
    status: string;
  };
}

describe('a backtest', () => {
  it('of a shop without customers succeeds, and says that there are none', async () => {
    const { status, headers, body } = await start({ until: '2026-01-31', horizonDays: 30 });
    expect([status, body.status, headers.location]).toEqual([202, 'requested', `/v1/backtests/${body.id}`]);
    expect(await ended(body.id)).toMatchObject({ status: 'succeeded', result: null, because: 'noCustomers' });
  });

  it('judges nobody, and shows what came beside what was expected', async () => {
    const bought = (day: string) => ({ day: dayOf(day), purchases: 1, spent: 2_500n });
    const customers = Array.from({ length: 60 }, (_, index) => {
      const days = [bought(`2025-0${1 + (index % 6)}-1${index % 9}`), bought('2025-09-01'), bought('2026-01-05')];
      return whoBoughtOn(`c${index}`, days.slice(0, 1 + (index % 3)));
    });
    await putCustomers(api.client, api.embedded.tables.customers, customers);
    const { body } = await start({ until: '2025-12-31', horizonDays: 81 });
    const { result } = await ended(body.id);
    expect(result).toMatchObject({
      until: '2025-12-31',
      lastDay: '2026-03-22',
      customers: 60,
      repeatPurchases: 40,
      holdout: { actual: 20, spend: { actual: 500 } },
      models: { mbgNbd: { fitted: true } },
    });
    const run = await api.call('GET /v1/value-runs/{runId}', { params: { runId: body.id } });
    const rehearsal = { kind: 'backtest', until: '2025-12-31', horizonDays: 81 };
    expect(run.body).toMatchObject({ status: 'succeeded', rehearsal });
    expect((await api.call('GET /v1/value-runs')).body.data).toEqual([]);
    const differences = await api.call('GET /v1/value-runs/{runId}/differences', { params: { runId: body.id } });
    expect(differences.status).toBe(404);
    const value = await api.call('GET /v1/customers/{customerId}/value', { params: { customerId: 'cus_c1' } });
    expect(value.body).toMatchObject({ tier: null, receipt: null });
  });

  it('that failed says so', async () => {
    machine.visit = async () => {
      const { handler } = await import('../../functions/nightly/begin.ts');
      const { handler: report } = await import('../../functions/nightly/report.ts');
      const [name = '', { input } = { input: '{}' }] = [...machine.executions].at(-1) ?? [];
      await handler(JSON.parse(input));
      await report({ runId: name, asOf: '2026-03-21T20:00:00Z', error: { Error: 'States.Timeout' } });
      throw new Error('failed');
    };
    const { body } = await start({ until: '2026-01-01', horizonDays: 5 });
    expect(await ended(body.id)).toMatchObject({ status: 'failed', failure: 'States.Timeout', result: null });
    machine.visit = async () => undefined;
  });

  it('is made once for an Idempotency-Key, and listed with the others', async () => {
    const headers = { 'idempotency-key': 'march' };
    const [one, other] = [
      await start({ until: '2026-02-01', horizonDays: 1 }, { headers }),
      await start({ until: '2026-02-01', horizonDays: 1 }, { headers }),
    ];
    expect(other.body).toEqual(one.body);
    await ended(one.body.id);
    const page = await api.call('GET /v1/backtests', { query: { limit: '3' } });
    const rest = await api.call('GET /v1/backtests', { query: { limit: '3', cursor: String(page.body.nextCursor) } });
    const all = [...page.body.data, ...rest.body.data];
    expect(all.map(({ id }) => id)).toHaveLength(4);
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    expect(rest.body.nextCursor).toBeNull();
    expect(all.find(({ id }) => id === one.body.id)).toMatchObject({
      status: 'succeeded',
      until: '2026-02-01',
      horizonDays: 1,
    });
    expect(all.filter(({ status }) => status === 'failed')).toMatchObject([{ failure: 'States.Timeout' }]);
  });

  it('is kept for thirty days by no test clock, as is its place in the list', async () => {
    const { body } = await start({ until: '2026-02-03', horizonDays: 1 });
    const inThirtyDays = Date.now() / 1000 + 30 * 86_400;
    for (const Key of [runResultKey(body.id, 'request'), backtestListKey(String(body.requestedAt), body.id)]) {
      const { Item } = await api.client.send(new GetCommand({ TableName: api.embedded.tables.registry, Key }));
      expect(Math.abs(Number(Item?.expiresAt) - inThirtyDays)).toBeLessThan(600);
    }
    await ended(body.id);
  });

  it.each([
    [{ until: '2026-03-23', horizonDays: 1 }, 422, 'until_in_future', '/until'],
    [{ until: '2026-03-22', horizonDays: 1 }, 422, 'horizon_beyond_today', '/horizonDays'],
    [{ until: '2026-03-01', horizonDays: 22 }, 422, 'horizon_beyond_today', '/horizonDays'],
    [{ until: '2026-02-29', horizonDays: 1 }, 400, 'invalid_request', '/until'],
    [{ until: '2026-02-27T00:00:00Z', horizonDays: 1 }, 400, 'invalid_request', '/until'],
    [{ until: '2026-02-27', horizonDays: 0 }, 400, 'invalid_request', '/horizonDays'],
    [{ until: '2026-02-27', horizonDays: 1.5 }, 400, 'invalid_request', '/horizonDays'],
    [{ until: '2026-02-27' }, 400, 'invalid_request', '/horizonDays'],
    [{ until: '2026-02-27', horizonDays: 2, of: 'x' }, 400, 'invalid_request', '/of'],
  ])('%j is refused', async (given, status, code, pointer) => {
    const answer = await start(given);
    expect([answer.status, answer.body.code, answer.body.errors[0]?.pointer]).toEqual([status, code, pointer]);
  });

  it('may reach up to today', async () => {
    expect((await start({ until: '2026-03-01', horizonDays: 21 })).status).toBe(202);
  });

  it('is found by its id, with the scope', async () => {
    const unknown = await show('backtest_unknown');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'backtest_not_found']);
    const key = await api.keyFor('erp', ['customers:read', 'value-runs:write']);
    expect((await start({ until: '2026-01-01', horizonDays: 1 }, { key })).status).toBe(403);
    expect((await api.call('GET /v1/backtests', { key })).status).toBe(403);
  });
});
