import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LocalFunction } from '../../infra/local/functions.ts';
import { Gateway } from '../../infra/local/gateway.ts';
import { beginOf, cut } from '../../infra/local/import/cut.ts';
import { type Layout, layoutOf, rowsFrom } from '../../infra/local/import/layout.ts';
import { importFile } from '../../infra/local/import/run.ts';
import { readImportSettings } from '../../infra/local/import/settings.ts';
import { checkSoundness } from '../../infra/local/import/soundness.ts';
import { silentLog } from '../../infra/local/log.ts';
import { routes } from '../../shared/contracts/routes.ts';
import { type ApiDoor, adminKey, openApi } from '../api/door.ts';
import { lambdaContext } from '../http-event.ts';
import { shopifySecret } from '../signed.ts';

let api: ApiDoor;
let gateway: Gateway;
/** What the gateway does with a call: nothing, or an answer of its own, or a lost answer. */
let fault: (event: APIGatewayProxyEventV2) => number | 'lost' | undefined;
let puts: { path: string; bytes: number; text: string }[];
let folder: string;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openApi();
  const settings = { secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  for (const platform of ['shopify', 'woocommerce'])
    await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: platform }, body: { ...settings, platform } });
  const { handler } = await import('../../functions/api/api.ts');
  const target = {
    settings: { timeout: 30 },
    async invoke(event: APIGatewayProxyEventV2) {
      const planned = fault(event);
      if (typeof planned === 'number') return { value: { statusCode: planned, body: '{}' } };
      const text = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8').toString();
      if (event.routeKey.startsWith('PUT')) puts.push({ path: event.rawPath, bytes: text.length, text });
      const value = await handler(event, lambdaContext());
      return planned === 'lost' ? { value: { statusCode: 500, body: '{}' } } : { value };
    },
  } as unknown as LocalFunction;
  gateway = await Gateway.listen({ port: 0, apiId: 'local', account: '0', log: silentLog });
  gateway.open(
    routes
      .filter(({ workload }) => workload === 'api')
      .map(({ method, path }) => ({ key: `${method} ${path}`, target })),
    async () => false,
  );
});
afterAll(async () => {
  await gateway.close(0);
  await api.stop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-import-'));
  fault = () => undefined;
  puts = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const header =
  'Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Notes,Id';

/** Orders of one to three rows, of which some have notes of several lines. */
function orders(first: number, count: number): string {
  const rows = [header];
  for (let id = first; id < first + count; id++) {
    const notes = id % 3 === 0 ? '"ring, then\nwait ""long"""' : '';
    const at = '2024-05-01 10:00:00 +0200';
    rows.push(`#${id},i${id}@example.com,paid,EUR,10.00,${at},1,Tea,5.00,${notes},${id}`);
    for (let more = 0; more < id % 3; more++) rows.push(`#${id},i${id}@example.com,,,,${at},1,Cup,2.50,,`);
  }
  return `${rows.join('\n')}\n`;
}

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const quick = { attempts: 3, longestPause: 5 };

async function run(file: string, options: string[] = [], partBytes = 500): Promise<{ status: number; text: string }> {
  const given = ['--source', 'shopify', '--url', gateway.url, '--key', adminKey, ...options, file];
  const settings = readImportSettings(given, {});
  if (!settings) throw new Error('no help was asked for');
  let text = '';
  const screen = {
    write(more: string) {
      text += more;
    },
  };
  const status = await importFile(settings, screen, { partBytes, perseverance: quick });
  return { status, text };
}

const countOf = async (email: string) => {
  const { body } = await api.call('GET /v1/customers', { query: { email } });
  return body.data[0]?.facts?.purchaseCount as unknown as number | undefined;
};

async function allBought(first: number, count: number): Promise<void> {
  for (let id = first; id < first + count; id++) expect([id, await countOf(`i${id}@example.com`)]).toEqual([id, 1]);
}

test('a file in many parts, none of them cut within an order', async () => {
  const file = fileOf('orders.csv', orders(1000, 40));
  const { status, text } = await run(file);
  expect([status, text]).toEqual([0, expect.stringContaining('40 recorded, 0 known already')]);
  expect(puts.length).toBeGreaterThan(5);
  for (const put of puts) {
    expect(put.text.startsWith(`${header}\n#`)).toBe(true);
    expect(put.bytes).toBeLessThan(1_000);
  }
  await allBought(1000, 40);
  for (const left of ['.import.json', '.errors.ndjson']) expect(existsSync(file + left)).toBe(false);
  expect(await run(file)).toMatchObject({ status: 0, text: expect.stringContaining('0 recorded, 40 known already') });
});

test('interrupted anywhere, the same command goes on, and every order is there once', async () => {
  const file = fileOf('orders.csv', orders(2000, 30));
  const whole = await run(fileOf('again.csv', orders(2900, 30)));
  expect(whole.status).toBe(0);
  const parts = puts.length;
  let broken = 0;
  for (let runs = 0; ; runs++) {
    puts = [];
    // Two calls of a part succeed; then the API is away, and once its answer is lost after the work was done.
    fault = ({ routeKey }) => {
      if (!routeKey.startsWith('PUT')) return undefined;
      if (puts.length < 2) return undefined;
      return puts.length === 2 && runs % 2 === 1 ? 'lost' : 503;
    };
    const { status, text } = await run(file, [], 250);
    if (status === 0) break;
    broken++;
    expect(text).toContain('The same command goes on from here.');
    expect(existsSync(`${file}.import.json`)).toBe(true);
    if (runs > parts) throw new Error('it does not come forward');
  }
  expect(broken).toBeGreaterThan(3);
  await allBought(2000, 30);
});

test('a file that was changed is begun anew', async () => {
  const file = fileOf('orders.csv', orders(3000, 10));
  fault = ({ routeKey }) => (routeKey.startsWith('PUT') && puts.length === 1 ? 503 : undefined);
  expect((await run(file)).status).toBe(1);
  fault = () => undefined;
  writeFileSync(file, orders(3000, 12));
  utimesSync(file, 1, 1);
  const { status, text } = await run(file);
  expect([status, text]).toEqual([0, expect.not.stringContaining('Going on')]);
  await allBought(3000, 12);
});

test('errors stand beside the file, by its lines, and the status says so', async () => {
  const lines = orders(4001, 12).split('\n');
  const broken = lines.map((line) =>
    line.startsWith('#4004,') && line.includes('paid') ? line.replace('10.00', 'ten') : line,
  );
  const file = fileOf('orders.csv', broken.join('\n'));
  const { status, text } = await run(file);
  expect([status, text]).toEqual([1, expect.stringContaining('11 recorded, 0 known already, 1 failed')]);
  const at = broken.findIndex((line) => line.includes('ten')) + 1;
  const errors = readFileSync(`${file}.errors.ndjson`, 'utf8').trim().split('\n');
  expect(errors.map((line) => JSON.parse(line))).toEqual([
    { line: at, code: 'not_understood', detail: 'Total: is no amount of EUR' },
  ]);
  writeFileSync(file, broken.join('\n').replace('ten', '10.00'));
  expect(await run(file)).toMatchObject({ status: 0, text: expect.stringContaining('1 recorded, 11 known already') });
  expect(existsSync(`${file}.errors.ndjson`)).toBe(false);
});

const woo = (id: number) => ({
  id,
  status: 'completed',
  order_key: 'wc_1',
  currency: 'EUR',
  date_created_gmt: '2024-03-01T10:00:00',
  total: '5.00',
  customer_note: 'a ] and a } and a \\ and a "',
  billing: { email: `i${id}@example.com` },
  line_items: [],
});

test.each([
  ['an array on many lines', (all: unknown[]) => JSON.stringify(all, null, 2)],
  ['an array on one line', (all: unknown[]) => `\ufeff ${JSON.stringify(all)}`],
  ['lines', (all: unknown[]) => all.map((one) => JSON.stringify(one)).join('\n')],
])('orders of the REST API: %s', async (_, write) => {
  const first = 5000 + write([1]).length * 100;
  const file = fileOf('orders.json', write(Array.from({ length: 20 }, (_unused, index) => woo(first + index))));
  const { status, text } = await run(file, ['--source', 'woocommerce']);
  expect([status, text]).toEqual([0, expect.stringContaining('20 recorded')]);
  expect(puts.length).toBeGreaterThan(3);
  await allBought(first, 20);
});

describe('a file that is broken is told by its line, before anything is sent', () => {
  const rows = orders(6001, 12).split('\n');
  const at = (line: number, change: (row: string) => string) =>
    rows.map((row, index) => (index === line - 1 ? change(row) : row)).join('\n');
  // The first order with a note of two lines.
  const noted = rows.findIndex((row) => row.includes('"')) + 1;

  test.each<[string, string, string]>([
    ['a quote that never closes', `${at(2, (row) => `${row}"`)}`, 'In line 2 a quote stands within a cell'],
    [
      'a quote that never closes, the last of the file',
      `${rows.slice(0, 2).join('\n')}\n#6,"open,paid\n#7,a,b\n`,
      'A quote opens in line 3 and never closes',
    ],
    [
      'a quote that the next one seems to close',
      at(2, (row) => row.replace(',i6001@', ',"i6001@')),
      `A quote opens in line 2 and does not close as it should before line ${noted}`,
    ],
    [
      'text behind a quote',
      at(2, (row) => row.replace('Tea', '"Tea"s')),
      'A quote opens in line 2 and does not close as it should:',
    ],
  ])('%s', async (_, text, told) => {
    const file = fileOf('orders.csv', text);
    let calls = 0;
    fault = () => void calls++;
    const { status, text: said } = await run(file);
    expect([status, said]).toEqual([1, expect.stringContaining(told)]);
    expect(said).not.toContain('goes on from here');
    expect([calls, existsSync(`${file}.import.json`)]).toEqual([0, false]);
  });

  test('another encoding than UTF-8', async () => {
    const file = fileOf('orders.csv', '');
    writeFileSync(
      file,
      Buffer.from(
        at(noted, (row) => row.replace('Tea', 'Thé')),
        'latin1',
      ),
    );
    const { status, text } = await run(file);
    expect([status, text]).toEqual([1, expect.stringContaining(`Line ${noted} is not UTF-8: save the file as UTF-8`)]);
    expect(text).not.toContain('goes on from here');
    expect(puts).toEqual([]);
  });

  test('it is told of the files that cannot be read as rows, and of no others', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', ',', '"', '\n'), maxLength: 40 });
    const layout = {
      kind: 'rows',
      format: 'rapport-csv',
      delimiter: ',',
      group: [],
      header: Buffer.alloc(0),
      begin: 0,
    };
    const file = fileOf('any.csv', '');
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        writeFileSync(file, content);
        const check = checkSoundness(file, layout as Layout).then(
          () => true,
          () => false,
        );
        const read = (async () => {
          for await (const _ of rowsFrom(file, 0, ','));
        })().then(
          () => true,
          () => false,
        );
        expect(await check).toBe(await read);
      }),
      { numRuns: 300 },
    );
  });
});

test('what the API refuses for good does not go on from there', async () => {
  const file = fileOf('orders.csv', orders(7000, 12));
  fault = ({ routeKey }) => (routeKey.startsWith('PUT') ? 422 : undefined);
  const { status, text } = await run(file);
  expect([status, text]).toEqual([1, expect.not.stringContaining('goes on from here')]);
});

test('files without orders are done at once', async () => {
  for (const [name, text, format] of [
    ['a.csv', header, 'shopify-csv'],
    ['b.json', '[]', 'shopify-ndjson'],
  ] as const)
    expect(await run(fileOf(name, text), ['--format', format])).toMatchObject({ status: 0 });
});

describe('cutting', () => {
  test('gives the same bytes, whatever the size of the parts, and from any place the same rest', async () => {
    const file = fileOf('orders.csv', orders(1, 25).replaceAll('\n', '\r\n'));
    const layout = await layoutOf(file, undefined);
    const head = `${header}\r\n`;
    const text = readFileSync(file, 'utf8');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4_000 }), async (bytes) => {
        let all = head;
        const parts = [];
        for await (const part of cut(file, layout, beginOf(layout), bytes)) {
          expect(part.line).toBe(all.split('\n').length);
          all += part.body.toString().slice(head.length);
          parts.push(part);
        }
        expect(all).toBe(text);
        const middle = parts[Math.floor(parts.length / 2)];
        const rest = [];
        if (middle) for await (const part of cut(file, layout, middle.end, bytes)) rest.push(part);
        expect(rest).toEqual(parts.slice(Math.floor(parts.length / 2) + 1));
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ['shopify-csv', header],
    ['woocommerce-csv', 'order_id,status,order_total'],
    ['rapport-csv', 'type;externalId;occurredAt'],
    ['rapport-ndjson', '{"type":"call","externalId":"1","occurredAt":"2024-01-01T00:00:00Z"}'],
    ['shopify-ndjson', '[{"id":1,"total_price":"1","created_at":"2024-01-01T00:00:00Z"}]'],
    ['woocommerce-ndjson', JSON.stringify(woo(1))],
  ])('%s is known by its looks', async (format, text) => {
    expect((await layoutOf(fileOf('x', text), undefined)).format).toBe(format);
  });
});

describe('on the command line', () => {
  const command = (args: string[], environment: Record<string, string> = {}) =>
    new Promise<{ status: number; output: string }>((resolve) => {
      const tsx = join(import.meta.dirname, '../../node_modules/tsx/dist/cli.mjs');
      const entry = join(import.meta.dirname, '../../infra/local/import.ts');
      const env = { PATH: process.env.PATH, ...environment };
      execFile(process.execPath, [tsx, entry, ...args], { env }, (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
      );
    });

  test('it imports, by the environment', async () => {
    const file = fileOf('orders.csv', orders(8000, 3));
    const environment = { RAPPORT_URL: gateway.url, RAPPORT_KEY: adminKey };
    const { status, output } = await command(['--source', 'shopify', file], environment);
    expect([status, output]).toEqual([0, expect.stringMatching(/100 % .*\nImport imp_\w+: 3 recorded/)]);
    expect(output).not.toContain(adminKey);
  });

  test('it helps, and says what is missing', async () => {
    expect(await command(['--help'])).toMatchObject({ status: 0, output: expect.stringContaining('--source ID') });
    expect((await command(['--source', 'shopify', 'x.csv'])).status).toBe(2);
    expect((await command(['--source', 's', '--key', 'rk_x', '--url', 'http://shop.example', 'x'])).output).toContain(
      'https',
    );
    expect((await command(['--source', 's', '--key', 'rk_x', join(folder, 'none.csv')])).status).toBe(2);
  });

  test('a key that may not is told so', async () => {
    const { status, text } = await run(fileOf('o.csv', orders(1, 1)), ['--key', 'rk_unknown']);
    expect([status, text]).toEqual([1, expect.stringContaining('Send a valid key')]);
  });
});
