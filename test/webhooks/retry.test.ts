import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { type RetryQueue, startRetryQueue } from './retry-queue.ts';

let door: Door;
let queue: RetryQueue;

beforeAll(async () => {
  queue = await startRetryQueue();
  door = await openDoor(queue.endpoint);
});
afterAll(async () => {
  await queue.stop();
  await door.stop();
});
afterEach(() => {
  door.proxy.plan = () => 'none';
  queue.waiting.splice(0);
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
  const answer = await door.deliver('shop', signShopify('orders/create', order(2)));
  expect(answer).toMatchObject({ status: 202, body: { status: 'recorded' } });
  await queue.work();
  expect(queue.waiting).toMatchObject([{ tries: 1, waits: [expect.any(Number)] }]);

  door.proxy.plan = () => 'none';
  const body = queue.waiting[0]?.body ?? '';
  queue.put(body);
  await queue.work();
  expect(queue.waiting).toEqual([]);
  expect(await door.customers()).toMatchObject([{ purchaseCount: 2, totalSpent: 2000 }]);
});

test('what waited does not make a customer look older than the last change', async () => {
  door.proxy.plan = () => 'throttled';
  await door.deliver('shop', signShopify('orders/create', order(11)));
  door.proxy.plan = () => 'none';
  await door.deliver('shop', signShopify('orders/create', order(12)));
  const before = await door.customers();
  await queue.work();
  const after = await door.customers();
  expect(after).toMatchObject([{ purchaseCount: Number(before[0]?.purchaseCount) + 1 }]);
  expect(after[0]?.updatedAt).toBe(before[0]?.updatedAt);
});

test('a store that hangs: the delivery is acknowledged before a shop gives up, and waits in the queue', async () => {
  queue.waiting.length = 0;
  await door.deliver('shop', signShopify('orders/create', order(1)));
  door.proxy.plan = () => 'hanging';
  const begun = performance.now();
  expect(await door.deliver('shop', signShopify('orders/create', order(5)))).toMatchObject({ status: 202 });
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(queue.waiting.length).toBe(1);
  queue.waiting.length = 0;
}, 15_000);

test('the clock of the test stage being away does not turn a delivery down', async () => {
  door.proxy.plan = () => 'refused';
  expect(await door.deliver('shop', signShopify('orders/create', order(3)))).toMatchObject({ status: 202 });
  expect(queue.waiting.length).toBe(1);
});

test('what is not understood when its turn comes is told as well', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  queue.waiting.length = 0;
  door.proxy.plan = () => 'throttled';
  await door.deliver('shop', signShopify('orders/create', '{"id": 7,'));
  door.proxy.plan = () => 'none';
  await queue.work();
  expect(queue.waiting).toEqual([]);
  const lines = warn.mock.calls.map(([text]) => JSON.parse(String(text)).message);
  expect(lines).toEqual(['kept for a retry', 'delivery quarantined']);
  warn.mockRestore();
});

test('a queue that does not take the wait keeps the message all the same', async () => {
  door.proxy.plan = () => 'refused';
  await door.deliver('shop', signShopify('orders/create', order(4)));
  const [message] = queue.waiting.splice(0);
  const { handler } = await import('../../functions/webhooks/retry.ts');
  const lost = {
    messageId: 'lost',
    receiptHandle: '',
    body: message?.body,
    attributes: { ApproximateReceiveCount: '1' },
  };
  await queue.stop();
  expect(await handler({ Records: [lost] } as unknown as Parameters<typeof handler>[0])).toEqual({
    batchItemFailures: [{ itemIdentifier: 'lost' }],
  });
});

test('a source that was never read cannot be verified: 503, and never 401', async () => {
  door.proxy.plan = () => 'server-error';
  expect(await door.deliver('till', signShopify('orders/create', order(4)))).toMatchObject({ status: 503 });
});
