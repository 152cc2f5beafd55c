import type { SQSEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Queues, startQueues } from '../queues.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
let queues: Queues;
let kept: string[];

beforeAll(async () => {
  queues = await startQueues();
  kept = queues.of('retry');
  door = await openDoor(queues.endpoint);
});
afterAll(async () => {
  queues.stop();
  await door.stop();
});
afterEach(() => {
  door.proxy.plan = () => 'none';
});

const order = (id: number) => ({
  id,
  created_at: '2026-03-01T10:00:00+01:00',
  currency: 'EUR',
  total_price: '10.00',
  email: 'ada@example.com',
});

test('a store that takes nothing: the delivery waits in the retry queue, acknowledged, and is recorded later, once', async () => {
  await door.deliver('shop', signShopify('orders/create', order(1)));
  door.proxy.plan = () => 'throttled';
  const waiting = await door.deliver('shop', signShopify('orders/create', order(2)));
  expect(waiting).toMatchObject({ status: 202, body: { status: 'recorded' } });
  expect(kept.length).toBe(1);
  expect(await retry()).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });

  door.proxy.plan = () => 'none';
  expect(await retry()).toEqual({ batchItemFailures: [] });
  expect(await retry()).toEqual({ batchItemFailures: [] });
  expect(await door.customers()).toMatchObject([{ purchaseCount: 2, totalSpent: 2000 }]);
});

test('a store that hangs: the delivery is acknowledged before a shop gives up, and waits in the queue', async () => {
  const before = kept.length;
  await door.deliver('shop', signShopify('orders/create', order(1)));
  door.proxy.plan = () => 'hanging';
  const begun = performance.now();
  expect(await door.deliver('shop', signShopify('orders/create', order(5)))).toMatchObject({ status: 202 });
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(kept.length).toBe(before + 1);
  kept.length = before;
}, 15_000);

test('the clock of the test stage being away does not turn a delivery down', async () => {
  door.proxy.plan = () => 'refused';
  expect(await door.deliver('shop', signShopify('orders/create', order(3)))).toMatchObject({ status: 202 });
  expect(kept.length).toBe(2);
});

test('a source that was never read cannot be verified: 503, and never 401', async () => {
  door.proxy.plan = () => 'server-error';
  expect(await door.deliver('till', signShopify('orders/create', order(4)))).toMatchObject({ status: 503 });
});

async function retry() {
  const { handler } = await import('../../functions/webhooks/retry.ts');
  const Records = kept.slice(0, 1).map((body, i) => ({ messageId: `m${i}`, body }));
  return handler({ Records } as SQSEvent);
}
