import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readBacktestSettings } from '../../infra/local/backtest/settings.ts';
import { backtestStack } from '../../infra/local/backtest/stack.ts';
import type { LocalFunction } from '../../infra/local/functions.ts';
import { Gateway } from '../../infra/local/gateway.ts';
import { silentLog } from '../../infra/local/log.ts';
import { makeReports } from '../../infra/local/reports/run.ts';
import { readReportSettings } from '../../infra/local/reports/settings.ts';
import type { BacktestReport } from '../../shared/contracts/backtest.ts';
import { routes } from '../../shared/contracts/routes.ts';
import { type ApiDoor, adminKey, openApi } from '../api/door.ts';
import { type NightMachine, nightMachine } from '../api/night-machine.ts';
import { dayOf, putCustomers, whoBoughtOn } from '../fixtures/purchase-histories.ts';
import { lambdaContext } from '../http-event.ts';

let api: ApiDoor;
let machine: NightMachine;
let gateway: Gateway;
let folder: string;
let access: { url: string; key: string };
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
  const body = {
    platform: 'standard',
    secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    currency: 'EUR',
    timeZone: 'Europe/Berlin',
  };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
  const { handler } = await import('../../functions/api/api.ts');
  const target = {
    settings: { timeout: 30 },
    invoke: async (event: APIGatewayProxyEventV2) => ({ value: await handler(event, lambdaContext()) }),
  } as unknown as LocalFunction;
  gateway = await Gateway.listen({ port: 0, apiId: 'local', account: '0', log: silentLog });
  gateway.open(
    routes
      .filter(({ workload }) => workload === 'api')
      .map(({ method, path }) => ({ key: `${method} ${path}`, target })),
    async () => false,
  );
  access = { url: gateway.url, key: adminKey };
  folder = mkdtempSync(join(tmpdir(), 'rapport-reports-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await gateway.close(0);
  machine.restore();
  await api.stop();
});

const night = async (asOf: string) => {
  const { id } = (await api.call('POST /v1/value-runs', { body: { asOf } })).body;
  const run = () => api.call('GET /v1/value-runs/{runId}', { params: { runId: id } });
  await vi.waitFor(async () => expect((await run()).body.status).toBe('succeeded'), { timeout: 5000, interval: 10 });
  return id;
};

async function reported(more: object = {}) {
  const [out, said, told] = [join(folder, 'page'), [] as string[], [] as string[]];
  await makeReports(
    { ...access, json: false, out, ...more },
    (text) => said.push(text),
    (text) => told.push(text),
  );
  expect(said).toEqual([`The page: ${join(out, 'index.html')}\n`]);
  const page = readFileSync(join(out, 'index.html'), 'utf8');
  expect(page).not.toMatch(/<script|https?:|NaN|undefined|Infinity|\[object/);
  const reports = JSON.parse(readFileSync(join(out, 'reports.json'), 'utf8'));
  return { page, reports, told };
}

it('there is nothing to show before the first value run', async () => {
  await expect(reported()).rejects.toThrow('No value run has succeeded yet.');
});

it('an empty shop has a page, and one run no moves', async () => {
  await night('2026-02-01T02:00:00Z');
  const { page, reports } = await reported();
  expect(page).toContain('Nobody has bought yet.');
  expect(page).toContain('from the second value run on');
  expect(reports.tierMigration).toBeNull();
});

it('the page shows all four reports, and says no to runs in the wrong order', async () => {
  const bought = (day: string, spent: bigint) => ({ day: dayOf(day), purchases: 1, spent });
  const customers = Array.from({ length: 40 }, (_, index) =>
    whoBoughtOn(
      `c${index}`,
      [
        bought(`2025-0${1 + (index % 9)}-10`, BigInt(1_000 + index * 700)),
        bought('2025-11-20', 5_000n),
        bought('2026-01-05', 9_000n),
      ].slice(0, 1 + (index % 3)),
    ),
  );
  await putCustomers(api.client, api.embedded.tables.customers, customers);
  const from = await night('2026-02-02T02:00:00Z');
  await night('2026-03-01T02:00:00Z');
  const to = await night('2026-03-02T02:00:00Z');
  const { page, reports } = await reported();
  expect(page.match(/<svg/g)).toHaveLength(5);
  // Four weeks before the latest run, exactly.
  expect([reports.tierMigration.from.runId, reports.tierMigration.to.runId]).toEqual([from, to]);
  expect(reports.concentration.customers).toBe(40);
  const weird = await reported({ runId: from, from: await night('2026-03-03T02:00:00Z') }).catch((error) => error);
  expect(String(weird)).toContain('Some fields cannot be taken as they are.');
});

it('names days as the merchant counts them, for whom a night in the last hour of a UTC day is one of the next', async () => {
  const from = await night('2026-03-09T23:30:00Z');
  const to = await night('2026-03-10T23:30:00Z');
  const { page } = await reported({ runId: to, from });
  expect(page).toContain('<title>Customers on 2026-03-11</title>');
  expect(page).toContain('<h1>Customers on 2026-03-11</h1>');
  expect(page).toContain('From 2026-03-10 (rows) to 2026-03-11 (columns)');
});

it('a backtest of the stack is shown as that of a file is', async () => {
  const [out, said, told] = [join(folder, 'backtest'), [] as string[], [] as string[]];
  const say = (text: string) => said.push(text);
  const tell = (text: string) => told.push(text);
  const frame = { until: '2025-12-31', horizonDays: 60, ...access };
  await backtestStack({ ...frame, json: false, out }, say, tell);
  expect(said.join('')).toMatch(
    /40 customers with \d+ repeat purchases up to 2025-12-31; 13 purchases in the 60 days after/,
  );
  expect(told.at(-1)).toMatch(/succeeded/);
  const page = readFileSync(join(out, 'index.html'), 'utf8');
  expect(page).not.toMatch(/<script|https?:|NaN|undefined|Infinity/);
  said.length = 0;
  await backtestStack({ ...frame, json: true }, say, tell);
  const report: BacktestReport = JSON.parse(said.join(''));
  expect(report).toEqual(JSON.parse(readFileSync(join(out, 'backtest.json'), 'utf8')));
  await expect(backtestStack({ ...frame, until: '2000-01-01', json: true }, say, tell)).rejects.toThrow(
    'Nobody had bought by 2000-01-01.',
  );
  await expect(backtestStack({ ...frame, horizonDays: 99_999, json: true }, say, tell)).rejects.toThrow(
    'days that have not come',
  );
  await expect(backtestStack({ ...frame, key: 'rk_wrong', json: true }, say, tell)).rejects.toThrow();
});

it('commands read their settings', () => {
  const url = 'http://127.0.0.1:8787';
  expect(readReportSettings(['--out', 'page', '--from', 'run_1'], { RAPPORT_KEY: 'rk_1' })).toEqual({
    out: 'page',
    json: false,
    from: 'run_1',
    url,
    key: 'rk_1',
  });
  expect(readReportSettings(['--help'], {})).toBeUndefined();
  expect(() => readReportSettings([], { RAPPORT_KEY: 'rk_1' })).toThrow('--out FOLDER');
  expect(() => readReportSettings(['--json'], {})).toThrow('Give a key');
  const frame = ['--until', '2026-01-31', '--horizon-days', '30'];
  expect(readBacktestSettings(frame, { RAPPORT_KEY: 'rk_1' })).toEqual({
    until: '2026-01-31',
    horizonDays: 30,
    json: false,
    url,
    key: 'rk_1',
  });
  expect(() => readBacktestSettings(frame, {})).toThrow('Give a key');
});
