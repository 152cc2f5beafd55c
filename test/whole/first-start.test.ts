import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OutboxEntry } from '../../infra/local/outbox.ts';
import { sdkClient, startEmbedded } from '../embedded.ts';
import { signStandard, standardSecret } from '../signed.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { PATH = '', HOME = '' } = process.env;
const chosenKey = `rk_${'chosen'.repeat(6)}`;

let folder: string;
const children = new Set<ChildProcess>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-first-'));
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  /** Everything that was said by now. */
  said(): string;
  errors(): string;
  ended: Promise<number | null>;
  child: ChildProcess;
}

/** `npm start` without npm in between, with this environment alone. */
function run(environment: Record<string, string>): Run {
  const child = spawn(process.execPath, ['--import', 'tsx', 'infra/local/start.ts'], {
    cwd: root,
    env: { PATH, HOME, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const texts = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    texts.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    texts.error += chunk;
  });
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (status) => {
      children.delete(child);
      resolve(status);
    }),
  );
  return { said: () => texts.out, errors: () => texts.error, ended, child };
}

async function says({ said, errors, child }: Run, what: RegExp): Promise<void> {
  for (const deadline = Date.now() + 30_000; !what.test(said()); await wait(20))
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`it said: ${said()}${errors()}`);
}

interface Started extends Run {
  url: string;
  get(path: string, key: string): Promise<Response>;
  /** As Ctrl-C does. */
  stop(): Promise<void>;
}

async function start(environment: Record<string, string>): Promise<Started> {
  const started = run(environment);
  await says(started, /Ctrl-C stops it\.\n/);
  const url = /listens on (http:\S+)/.exec(started.said())?.[1] ?? '';
  return {
    ...started,
    url,
    get: (path, key) => fetch(url + path, { headers: { authorization: `Bearer ${key}` } }),
    async stop() {
      started.child.kill('SIGINT');
      expect(await started.ended).toBe(0);
    },
  };
}

const hasShellTools = ['curl', 'openssl', 'date'].every(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0,
);

describe('the first start', () => {
  let first: Started;
  let key: string;
  let commands: string;

  beforeAll(async () => {
    first = await start({ RAPPORT_DATA: folder });
    await says(first, /--data-binary/);
    key = /^ {2}(rk_\S+)$/m.exec(first.said())?.[1] ?? '';
    commands = /# 1\. .*$/s.exec(first.said())?.[0] ?? '';
  });

  test('shows a key that opens the API, and keeps its hash alone, for the owner', async () => {
    expect((await fetch(`${first.url}/health`)).status).toBe(200);
    expect((await first.get('/v1/value-runs', key)).status).toBe(200);
    expect((await first.get('/v1/value-runs', `${key}x`)).status).toBe(401);
    const kept = join(folder, 'admin-key.sha256');
    await expect.poll(() => readFileSync(kept, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    expect(statSync(kept).mode & 0o077).toBe(0);
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      if (statSync(path).isFile()) expect(readFileSync(path).includes(key), name).toBe(false);
    }
  });

  test.runIf(hasShellTools)('prints commands that work as they are', async () => {
    const { stdout } = await promisify(execFile)('sh', ['-e', '-c', commands], { env: { PATH } });
    expect(stdout).toMatch(/"deliveryId":"dlv_\w+","status":"recorded"/);
    const found = (await (await first.get('/v1/customers?email=ada@example.com', key)).json()) as { data: object[] };
    expect(found.data).toMatchObject([{ facts: { purchaseCount: 1, totalSpent: { amount: '49.90' } } }]);
  });

  test('says what is wrong in one line where it cannot start', async () => {
    const port = new URL(first.url).port;
    const other = (name: string) => ({ RAPPORT_DATA: join(folder, name) });
    const failed = async (environment: Record<string, string>) => {
      const { ended, errors, said } = run(environment);
      return [await ended, errors(), said()];
    };
    const [taken, short, sender] = await Promise.all([
      failed({ PORT: port, ...other('taken') }),
      failed({ RAPPORT_ADMIN_KEY: 'rk_short', ...other('short') }),
      failed({ RAPPORT_SENDER: 'nobody', ...other('sender') }),
    ]);
    expect(taken).toEqual([1, expect.stringMatching(/^port \d+ is in use: .*PORT\n$/), '']);
    expect(short).toEqual([2, expect.stringMatching(/^RAPPORT_ADMIN_KEY must begin with rk_ .*\n$/), '']);
    expect(sender).toEqual([2, expect.stringMatching(/^RAPPORT_SENDER must be .*\n$/), '']);
  });

  test('stops at Ctrl-C', () => first.stop());
});

test('a key and an engine of one’s own, and a clock that is a year ahead', async () => {
  const own = join(folder, 'own');
  const embedded = await startEmbedded();
  const started = await start({
    RAPPORT_DATA: own,
    RAPPORT_ADMIN_KEY: chosenKey,
    AWS_ENDPOINT_URL_DYNAMODB: embedded.endpoint,
    NODE_OPTIONS: `--import=${new URL('./shifted-clock.mjs', import.meta.url).href}`,
    SHIFT_DAYS: '400',
  });
  expect(started.said()).not.toContain('rk_');

  const source = { platform: 'standard', secrets: [standardSecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  const headers = { authorization: `Bearer ${chosenKey}`, 'content-type': 'application/json' };
  const put = { method: 'PUT', headers, body: JSON.stringify(source) };
  expect((await fetch(`${started.url}/v1/sources/my-shop`, put)).status).toBe(201);
  const ahead = Date.now() + 400 * 86_400_000;
  const post = (at: number) =>
    fetch(`${started.url}/v1/webhooks/my-shop`, {
      method: 'POST',
      ...signStandard(aCheckout(at), { id: 'msg_1', at }),
    });
  expect((await post(Date.now())).status).toBe(401);
  expect((await post(ahead)).status).toBe(202);
  const messages = async () =>
    (await (await fetch(`${started.url}/_local/outbox?format=json`)).json()) as OutboxEntry[];
  await expect.poll(messages, { timeout: 10_000 }).toHaveLength(1);
  expect((await messages())[0]?.date).toContain(` ${new Date(ahead).getUTCFullYear()} `);

  const client = sdkClient(embedded);
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  client.destroy();
  expect(TableNames.filter((name) => name.startsWith('Rapport-local-Data-'))).toHaveLength(5);
  expect(readdirSync(own).filter((name) => /engine|admin-key/.test(name))).toEqual([]);
  await started.stop();
  await embedded.stop();
});

function aCheckout(at: number): object {
  const time = new Date(at).toISOString();
  const data = {
    id: '2001',
    placedAt: time,
    updatedAt: time,
    total: { amount: '10.00', currency: 'EUR' },
    customer: { id: 'c2', email: 'grace@example.com', firstName: 'Grace' },
    consents: [{ channel: 'email', purpose: 'marketing', state: 'granted' }],
  };
  return { type: 'order.created', timestamp: time, data };
}
