import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { signStandard, standardSecret } from '../signed.ts';
import { type FetchingDoor, openFetchingDoor } from './fetching-door.ts';
import type { ShopFault } from './shop-api.ts';

/** The way of a message that only names something, whatever its shop answers. Medusa stands for all. */
let door: FetchingDoor;
beforeAll(async () => {
  door = await openFetchingDoor('');
  await door.putSource({ id: 'med', platform: 'medusa', secrets: [standardSecret], credentials: { apiKey: 'sk_1' } });
});
afterAll(() => door.stop());
afterEach(() => {
  door.queue.waiting.splice(0);
  door.api.plan = () => undefined;
});

let sent = 0;
/** @returns the id of the delivery */
async function tell(id: string): Promise<string> {
  const signed = signStandard({ name: 'order.placed', data: { id } }, { id: `m_${sent++}`, at: Date.now() });
  const answer = await door.deliver('med', signed);
  expect(answer).toMatchObject({ status: 202, body: { status: 'recorded' } });
  return String(answer.body.deliveryId);
}

const pathOf = (id: string) => `/admin/orders/${id}`;
const isAbout = (id: string, path: string) => path.split('?')[0] === pathOf(id);

/** The shop knows the order from now on. */
function knows(id: string, total: number, updated_at = '2026-03-01T09:00:00.000Z'): void {
  const created_at = '2026-03-01T09:00:00.000Z';
  const order = {
    id,
    status: 'pending',
    currency_code: 'eur',
    email: `${id}@example.com`,
    created_at,
    updated_at,
    total,
  };
  for (const path of asked) door.api.knows.set(`${pathOf(id)}?${path}`, { order });
}
const asked = [
  'fields=id,status,is_draft_order,currency_code,email,customer_id,locale,created_at,updated_at,canceled_at,payment_status,total,credit_line_total,tax_total,shipping_total,discount_total,*items,*customer,*billing_address,*shipping_address,*payment_collections,*payment_collections.payments,*payment_collections.payments.refunds',
];

/** Answers the first calls about the order like this, and then as it is. */
function failsFirst(id: string, ...faults: ShopFault[]): void {
  door.api.plan = ({ path }) => (isAbout(id, path) ? faults.shift() : undefined);
}

test('a shop that fails is asked again, after waits that grow', async () => {
  knows('fails', 10);
  failsFirst(
    'fails',
    { status: 500 },
    { status: 503 },
    { status: 502, headers: { 'content-type': 'text/html' } },
    { status: 500 },
  );
  await tell('fails');
  expect(door.api.calls).toEqual([]);
  const [message] = door.queue.waiting;
  for (let tries = 1; tries <= 5; tries++) await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  const waits = message?.waits ?? [];
  expect(waits).toHaveLength(4);
  for (const [index, seconds] of waits.entries()) {
    expect(seconds).toBeGreaterThanOrEqual(2 ** (index + 1));
    expect(seconds).toBeLessThanOrEqual(Math.ceil(2 ** (index + 1) * 1.25));
  }
  expect(await door.customer('fails@example.com')).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });
});

test('a shop that asks for a pause gets it, from every message that waits', async () => {
  for (const id of ['busy-1', 'busy-2']) knows(id, 10);
  failsFirst('busy-1', { status: 429, headers: { 'retry-after': '1' } });
  await tell('busy-1');
  await tell('busy-2');
  const before = door.api.calls.length;
  const waiting = [...door.queue.waiting];
  await door.queue.work();
  expect(door.api.calls.length - before).toBe(1);
  expect(waiting.map(({ tries }) => tries)).toEqual([1, 1]);
  await wait(1_050);
  await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
});

test.each([
  ['seconds', { 'retry-after': '400' }, 400],
  [
    'a date, by the clock of the shop',
    { 'retry-after': 'Sun, 01 Mar 2026 09:05:00 GMT', date: 'Sun, 01 Mar 2026 09:00:00 GMT' },
    300,
  ],
  ["BigCommerce's own header", { 'x-rate-limit-time-reset-ms': '90000' }, 90],
  ['longer than anybody waits', { 'retry-after': '9999999' }, 3600],
])('how long a pause is, in %s', async (name, headers, seconds) => {
  const id = `pause-${name.length}`;
  knows(id, 10);
  // Not 429: the others need not wait.
  failsFirst(id, { status: 503, headers });
  await tell(id);
  const [message] = door.queue.waiting;
  await door.queue.work();
  expect(message?.waits[0]).toBeGreaterThanOrEqual(seconds);
  expect(message?.waits[0]).toBeLessThanOrEqual(Math.ceil(seconds * 1.25));
});

test('waits have a bound', async () => {
  const { waitAfter } = await import('../../functions/webhooks/work-off.ts');
  expect([1, 2, 3, 9, 10, 60].map((tries) => waitAfter(tries, undefined, 0))).toEqual([2, 4, 8, 512, 900, 900]);
  expect(waitAfter(60, 3600, 1)).toBeLessThan(43_200);
});

test('what the shop does not know is set aside with that reason, but believed at the third try alone', async () => {
  await tell('late');
  const [message] = door.queue.waiting;
  await door.queue.work();
  expect(message?.tries).toBe(1);
  knows('late', 10);
  await door.queue.work();
  expect(await door.customer('late@example.com')).toMatchObject({ purchaseCount: 1 });

  const never = await tell('never');
  for (let tries = 1; tries <= 3; tries++) await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  expect(await door.customer('never@example.com')).toBeUndefined();
  expect(await door.reason(never)).toContain('no such order');
});

test('an answer about another order is not recorded under this message, and says so', async () => {
  knows('other', 10);
  for (const path of asked)
    door.api.knows.set(`${pathOf('mine')}?${path}`, door.api.knows.get(`${pathOf('other')}?${path}`));
  const mine = await tell('mine');
  await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  expect(await door.customer('other@example.com')).toBeUndefined();
  expect(await door.reason(mine)).toBe("the shop's API answered with another order than was asked for");
});

test('a shop that is too slow is asked again', async () => {
  knows('slow', 10);
  failsFirst('slow', { slow: 4_500 });
  await tell('slow');
  await door.queue.work();
  expect(door.queue.waiting).toHaveLength(1);
  await door.queue.work();
  expect(await door.customer('slow@example.com')).toMatchObject({ purchaseCount: 1 });
}, 20_000);

test('one message twice, also at once and after its worker was killed, is one order', async () => {
  knows('twice', 10);
  await tell('twice');
  const [message] = door.queue.waiting;
  for (let copy = 0; copy < 4; copy++) door.queue.put(message?.body ?? '');
  await Promise.all([door.queue.work(), door.queue.work()]);
  expect(await door.customer('twice@example.com')).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });
});

test('of two fetched states the newer counts, even where its message is the older one and waited for long', async () => {
  const now = () => new Date().toISOString();
  await tell('order');
  await wait(20);
  knows('order', 20, now());
  await wait(20);
  await tell('order');
  const [first, second] = door.queue.waiting.splice(0);
  // The second message is asked about before the change, and answered after it.
  failsFirst('order', { slow: 400 });
  const { handler } = await import('../../functions/webhooks/retry.ts');
  const run = (body = '') =>
    handler({ Records: [{ messageId: 'x', body }] } as unknown as Parameters<typeof handler>[0]);
  const slowly = run(second?.body);
  await wait(100);
  knows('order', 30, now());
  await run(first?.body);
  expect(await door.customer('order@example.com')).toMatchObject({ totalSpent: 3000 });
  expect(await slowly).toEqual({ batchItemFailures: [] });
  expect(await door.customer('order@example.com')).toMatchObject({ purchaseCount: 1, totalSpent: 3000 });
});

test('a source that is gone keeps its messages waiting', async () => {
  knows('gone', 10);
  await tell('gone');
  const body = JSON.parse(door.queue.waiting[0]?.body ?? '{}');
  door.queue.waiting.splice(0);
  door.queue.put(JSON.stringify({ ...body, sourceId: 'nobody' }));
  await door.queue.work();
  expect(door.queue.waiting).toMatchObject([{ tries: 1, waits: [expect.any(Number)] }]);
});
