import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../embedded.ts';
import { shopifySecret, signShopify } from '../signed.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const key = `rk_${randomBytes(24).toString('base64url')}`;
const people = 8;

let folder: string;
let port: number;
let server: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-kill-'));
  port = await freePort();
});
afterAll(async () => {
  server?.kill('SIGKILL');
  await start();
  await stop('SIGTERM');
  await rm(folder, { recursive: true });
});

test('killed with signal 9 in the middle of load, it keeps every acknowledged order exactly once', async () => {
  await start();
  await put('/v1/sources/shop', { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'UTC' });

  const unanswered = Array.from({ length: 320 }, (_, index) => index);
  const acknowledged: number[] = [];
  const load = async (isOver: () => boolean) => {
    for (let order = unanswered.shift(); order !== undefined; order = unanswered.shift()) {
      if (isOver() || !(await isTaken(order))) {
        unanswered.push(order);
        return;
      }
      acknowledged.push(order);
    }
  };
  for (const kills of [1, 2]) {
    const loading = Array.from({ length: 16 }, () => load(() => server === undefined));
    await until(() => acknowledged.length >= kills * 80);
    await stop('SIGKILL');
    await Promise.all(loading);
    await start();
    for (const order of acknowledged.slice(-10)) expect(await isTaken(order)).toBe(true);
  }
  expect(unanswered.length).toBeGreaterThan(0);
  await Promise.all(Array.from({ length: 16 }, () => load(() => false)));
  expect(unanswered).toEqual([]);
  expect(acknowledged.length).toBe(320);

  for (let person = 0; person < people; person++) {
    const orders = acknowledged.filter((order) => order % people === person);
    const cents = orders.reduce((sum, order) => sum + centsOf(order), 0);
    const { data } = await get(`/v1/customers?email=person${person}@example.com`);
    expect(data).toMatchObject([
      { facts: { purchaseCount: orders.length, totalSpent: { amount: (cents / 100).toFixed(2), currency: 'EUR' } } },
    ]);
  }

  // Each of them can be looked up, with what came of it, once the worker has caught up.
  await until(async () => (await keptDeliveries()).length >= 320);
  const kept = await keptDeliveries();
  expect(new Set(kept.map(({ status }) => status))).not.toContain('quarantined');
  expect(new Set(kept.map(({ id }) => id)).size).toBe(320);
  expect(kept.every(({ interactionId }) => typeof interactionId === 'string')).toBe(true);
}, 180_000);

async function keptDeliveries(): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await get(`/v1/deliveries?sourceId=shop&limit=100${query}`);
    found.push(...(page.data as Record<string, unknown>[]));
    cursor = page.nextCursor;
  }
  return found;
}

const centsOf = (order: number) => 1000 + order * 7;

async function isTaken(order: number): Promise<boolean> {
  const at = new Date(Date.UTC(2026, 0, 1, 0, order)).toISOString();
  const email = `person${order % people}@example.com`;
  const { headers, body } = signShopify('orders/create', {
    id: 10_000 + order,
    created_at: at,
    updated_at: at,
    currency: 'EUR',
    total_price: (centsOf(order) / 100).toFixed(2),
    email,
    customer: { id: 500 + (order % people), email },
  });
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/webhooks/shop`, { method: 'POST', headers, body });
    return answer.status === 202;
  } catch {
    return false;
  }
}

async function start(): Promise<void> {
  const environment = { ...process.env, PORT: String(port), RAPPORT_DATA: folder, RAPPORT_ADMIN_KEY: key };
  server = spawn(process.execPath, ['--import', 'tsx', 'infra/local/start.ts'], {
    cwd: root,
    env: environment,
    stdio: 'ignore',
  });
  await until(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    return answer?.status === 200;
  });
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  const ending = server;
  server = undefined;
  const ended = new Promise((resolve) => ending?.once('exit', resolve));
  ending?.kill(signal);
  await ended;
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (await isTrue()) return;
    await wait(20);
  }
  throw new Error('not within a minute');
}

const authorization = { authorization: `Bearer ${key}` };

async function put(path: string, content: unknown): Promise<void> {
  const headers = { ...authorization, 'content-type': 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'PUT',
    headers,
    body: JSON.stringify(content),
  });
  expect([200, 201]).toContain(answer.status);
}

async function get(path: string): Promise<{ data: unknown[]; nextCursor: string | null }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: authorization });
  return (await answer.json()) as { data: unknown[]; nextCursor: string | null };
}
