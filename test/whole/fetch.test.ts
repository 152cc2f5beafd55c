import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalStack, startLocalStack } from '../../infra/local/stack.ts';
import { signStandard } from '../signed.ts';
import { type ShopApi, startShopApi } from '../webhooks/shop-api.ts';

/** The whole stack with a shop of BigCommerce that it has to ask. */
const key = `rk_${randomBytes(24).toString('base64url')}`;
const secret = 'a_client_secret_of_bigcommerce';
const authorization = `Bearer ${key}`;
const orders = 6;
let folder: string;
let stack: LocalStack;
let api: ShopApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-fetch-'));
  api = await startShopApi('/stores/abc');
  await start();
});
afterAll(async () => {
  await stack.stop();
  await api.stop();
  await rm(folder, { recursive: true });
});

test('what thin messages name is fetched in the end, over faults, pauses and a restart, once', async () => {
  const answer = await fetch(`${stack.url}/v1/sources/bc`, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      platform: 'bigcommerce',
      secrets: [secret],
      currency: 'EUR',
      timeZone: 'UTC',
      address: api.address,
      credentials: { accessToken: 'token' },
    }),
  });
  expect(answer.status).toBe(201);

  // The shop is asked at once, and has nothing to say but faults.
  let asked = 0;
  api.plan = () => (asked++ % 2 ? { status: 500 } : { status: 500, slow: 50 });
  for (let id = 1; id <= orders; id++) {
    shopHas(id);
    for (const scope of ['created', 'statusUpdated']) expect(await post(id, `store/order/${scope}`)).toBe(202);
  }
  await until(async () => asked >= orders);
  await until(async () => (await stack.status()).waiting > 0);
  expect((await stack.status()).idle).toBe(false);
  await stack.stop();
  await start();

  asked = 0;
  api.plan = () => {
    asked++;
    if (asked === 3) return { status: 429, headers: { 'retry-after': '1' } };
    return asked % 7 === 0 ? { status: 503 } : undefined;
  };
  await until(async () => (await purchases()) === orders);
  api.plan = () => undefined;
  await until(async () => (await pending()) === 0);
  expect(await purchases()).toBe(orders);
  const { deadLetters } = await stack.status();
  expect(Object.values(deadLetters).every((count) => count === 0)).toBe(true);
}, 120_000);

async function start(): Promise<void> {
  const adminKeyHash = createHash('sha256').update(key).digest('hex');
  stack = await startLocalStack({ dataFolder: folder, port: 0, context: { adminKeyHash, commercetools: 'ct' } });
}

function shopHas(id: number): void {
  api.knows.set(`/v2/orders/${id}`, {
    id,
    customer_id: 7,
    date_created: 'Sun, 01 Mar 2026 09:00:00 +0000',
    date_modified: `Sun, 01 Mar 2026 09:00:${10 + id} +0000`,
    status_id: 11,
    default_currency_code: 'EUR',
    total_inc_tax: '10.0000',
    refunded_amount: '0.0000',
    billing_address: { email: 'ada@example.com' },
  });
  api.knows.set(`/v2/orders/${id}/products?limit=100`, []);
  api.knows.set(`/v3/orders/${id}/payment_actions/refunds`, { data: [] });
}

async function post(id: number, scope: string): Promise<number> {
  const content = { scope, producer: 'stores/abc', data: { type: 'order', id } };
  const base64 = `whsec_${Buffer.from(secret).toString('base64')}`;
  const { headers, body } = signStandard(content, {
    id: `${scope.replaceAll('/', '_')}_${id}`,
    at: Date.now(),
    secret: base64,
  });
  return (await fetch(`${stack.url}/v1/webhooks/bc`, { method: 'POST', headers, body })).status;
}

async function purchases(): Promise<number> {
  const answer = await fetch(`${stack.url}/v1/customers?email=ada@example.com`, { headers: { authorization } });
  const { data } = (await answer.json()) as {
    data: { facts: { purchaseCount: number; totalSpent: { amount: string } } }[];
  };
  const facts = data[0]?.facts;
  expect(data.length).toBeLessThanOrEqual(1);
  if (facts) expect(Number(facts.totalSpent.amount)).toBe(facts.purchaseCount * 10);
  return facts?.purchaseCount ?? 0;
}

/** Messages that still wait for a try. */
async function pending(): Promise<number> {
  const { pending: now, waiting } = await stack.status();
  return now.queues + waiting;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 900; i++) {
    if (await isTrue()) return;
    await wait(100);
  }
  throw new Error('not within a minute and a half');
}
