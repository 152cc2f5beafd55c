import { randomBytes } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { type Queues, startQueues } from '../queues.ts';
import { type Signed, signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
let queues: Queues;
let waiting: string[];

beforeAll(async () => {
  queues = await startQueues();
  waiting = queues.of('keep');
  door = await openDoor(queues.endpoint);
});
afterAll(async () => {
  queues.stop();
  await door.stop();
});
beforeEach(() => {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  door.proxy.plan = () => 'none';
  queues.plan = () => 'taken';
  waiting.length = 0;
});

const order = (id: number) => ({
  id,
  created_at: '2026-03-01T10:00:00+01:00',
  updated_at: '2026-03-01T10:00:00+01:00',
  currency: 'EUR',
  total_price: '10.00',
  email: 'ada@example.com',
});
const send = (content: unknown, topic = 'orders/create', id?: string) =>
  door.deliver('shop', signShopify(topic, content, id === undefined ? {} : { id }));

/** Gives messages to the worker, all that wait unless told; answers with the indexes of those that failed. */
async function work(messages = waiting.splice(0)): Promise<number[]> {
  const { handler } = await import('../../functions/webhooks/keep.ts');
  const Records = messages.map((body, index) => ({ messageId: String(index), body }));
  const { batchItemFailures } = await handler({ Records } as SQSEvent);
  return batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier));
}

const kept = (deliveryId: unknown) =>
  deliveryStore(door.store, door.embedded.tables.deliveries, 30).get(String(deliveryId), new Date().toISOString());

async function items(): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let start: Record<string, unknown> | undefined, more = true; more; more = start !== undefined) {
    const { Items = [], LastEvaluatedKey } = await door.client.send(
      new ScanCommand({ TableName: door.embedded.tables.deliveries, Limit: 1000, ExclusiveStartKey: start }),
    );
    found.push(...Items);
    start = LastEvaluatedKey;
  }
  return found;
}
const itemsOf = async (deliveryId: unknown) =>
  (await items()).filter(({ pk }) => String(pk) === `delivery#${deliveryId}`);

/** The sum of all that was counted. */
async function counted(): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const { pk, sk: _, expiresAt: __, ...counts } of await items())
    if (String(pk).startsWith('counts#'))
      for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + Number(count);
  return sum;
}
async function countedBy(act: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await counted();
  await act();
  const after = Object.entries(await counted()).map(([name, n]): [string, number] => [name, n - (before[name] ?? 0)]);
  return Object.fromEntries(after.filter(([name, n]) => n !== 0 && !/^(ten|lag)/.test(name)));
}

describe('what came is kept with what came of it', () => {
  test('recorded: with its body, its headers, whom it was about, and the end of its time', async () => {
    const signed = signShopify('orders/create', order(1), { id: 'w-1' });
    const { body } = await door.deliver('shop', signed);
    expect(await kept(body.deliveryId)).toBeUndefined();
    expect(await work()).toEqual([]);
    const found = await kept(body.deliveryId);
    expect(found?.delivery).toMatchObject({
      id: body.deliveryId,
      sourceId: 'shop',
      status: 'recorded',
      customerId: expect.stringMatching(/^cus_/),
      interactionId: expect.stringMatching(/^int_/),
      occurredAt: '2026-03-01T09:00:00.000Z',
      headers: { 'x-shopify-topic': 'orders/create' },
      bytes: signed.body.length,
    });
    expect(Buffer.compare(found?.body ?? Buffer.alloc(0), signed.body)).toBe(0);
    const [item] = await itemsOf(body.deliveryId);
    const days = Number(item?.expiresAt) * 1000 - Date.parse(String(item?.receivedAt));
    expect(days / 86_400_000).toBeCloseTo(30, 3);
    expect(Buffer.from(item?.body as Uint8Array).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(JSON.stringify(found?.delivery)).not.toContain('hmac');
  });

  test('ignored: with the reason', async () => {
    const { body } = await send({ id: 9 }, 'themes/publish');
    expect(body.status).toBe('ignored');
    await work();
    expect((await kept(body.deliveryId))?.delivery).toMatchObject({ status: 'ignored', reason: expect.any(String) });
  });

  test('quarantined: before it is acknowledged, and counted afterwards without its body', async () => {
    const { body } = await send('{"id": 3, "email": "ada@example.com');
    expect((await kept(body.deliveryId))?.delivery.status).toBe('quarantined');
    expect(waiting.join()).not.toContain('"body":');
    expect(await countedBy(() => work())).toEqual({ quarantined: 1 });
  });

  test('a body that no message holds, in pieces that expire together', async () => {
    const { body } = await send(randomBytes(900_000), 'themes/publish');
    expect(body.status).toBe('quarantined');
    const pieces = await itemsOf(body.deliveryId);
    expect(pieces.map(({ sk }) => sk)).toEqual(['body#000', 'body#001', 'body#002', 'delivery']);
    expect(new Set(pieces.map(({ expiresAt }) => expiresAt)).size).toBe(1);

    const noise = { ...order(4), note: randomBytes(600_000).toString('base64') };
    const recorded = await send(noise);
    expect(recorded.body.status).toBe('recorded');
    expect((await kept(recorded.body.deliveryId))?.delivery.status).toBe('recorded');
    expect(Math.max(...waiting.map((message) => message.length))).toBeLessThan(2_000);
    expect(await countedBy(() => work())).toEqual({ quarantined: 1, recorded: 1 });
    expect(JSON.parse(Buffer.from((await kept(recorded.body.deliveryId))?.body ?? '').toString())).toEqual(noise);
  });

  test('what waited in the retry queue is kept once it is recorded', async () => {
    await send(order(5));
    door.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'throttled' : 'none');
    waiting.length = 0;
    const { body } = await send(order(6));
    expect(waiting).toEqual([]);
    door.proxy.plan = () => 'none';
    const { handler } = await import('../../functions/webhooks/retry.ts');
    const Records = queues
      .of('retry')
      .splice(0)
      .map((message) => ({ messageId: 'm', body: message }));
    expect(await handler({ Records } as SQSEvent)).toEqual({ batchItemFailures: [] });
    await work();
    expect((await kept(body.deliveryId))?.delivery.status).toBe('recorded');
  });
});

describe('a delivery that comes again', () => {
  test('what no queue can hold is waited for while the function may run', async () => {
    const content = JSON.stringify({ id: 'x', image: randomBytes(1_400_000).toString('base64') });
    // Three pieces are written at the second attempt alone, after a second and a half each.
    let writes = 0;
    door.proxy.plan = (operation) =>
      operation === 'BatchWriteItem' && ++writes < 6 && writes % 2 ? 'hanging' : 'none';
    const { status, body } = await send(content, 'orders/create', 'w-slow');
    expect([status, body.status]).toEqual([202, 'quarantined']);
    expect(writes).toBeGreaterThan(5);
  }, 30_000);

  test('and is large and quarantined is not written a second time', async () => {
    const content = JSON.stringify({ id: 'x', image: randomBytes(3_600_000).toString('base64') });
    const putAgain = async () => {
      const before = door.proxy.calls.get('BatchWriteItem') ?? 0;
      const { status, body } = await send(content, 'orders/create', 'w-large');
      expect([status, body.status]).toEqual([202, 'quarantined']);
      expect((await kept(body.deliveryId))?.body.byteLength).toBe(Buffer.byteLength(content));
      return (door.proxy.calls.get('BatchWriteItem') ?? 0) - before;
    };
    expect(await putAgain()).toBeGreaterThan(10);
    expect(await putAgain()).toBe(0);
  }, 30_000);

  test('stays what it was, in its place, and counts twice', async () => {
    const first = await send(order(20), 'orders/create', 'w-20');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const again = await send(order(20), 'orders/create', 'w-20');
    expect([first.body.status, again.body.status]).toEqual(['recorded', 'duplicate']);
    expect(again.body.deliveryId).toBe(first.body.deliveryId);
    expect(await countedBy(() => work())).toEqual({ recorded: 1, duplicate: 1 });
    expect((await kept(first.body.deliveryId))?.delivery.status).toBe('recorded');
    expect(await itemsOf(first.body.deliveryId)).toHaveLength(1);
  });

  test('in any order of the queue', async () => {
    const { body } = await send(order(21), 'orders/create', 'w-21');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await send(order(21), 'orders/create', 'w-21');
    const [recorded = '', duplicate = ''] = waiting.splice(0);
    await work([duplicate]);
    expect((await kept(body.deliveryId))?.delivery.status).toBe('duplicate');
    await work([recorded]);
    expect((await kept(body.deliveryId))?.delivery.status).toBe('recorded');
    expect(await itemsOf(body.deliveryId)).toHaveLength(1);
  });

  test.each([
    ['in one batch', [[0, 1]]],
    ['in one batch, the other way round', [[1, 0]]],
    ['in two', [[0], [1]]],
    ['in two, the other way round', [[1], [0]]],
  ])('at the very same moment, %s', async (name, batches) => {
    const id = `w-same-${name.replace(/\W/g, '')}`;
    const number = 2_800 + batches.length * 10 + (batches[0]?.[0] ?? 0);
    const { body } = await send(order(number), 'orders/create', id);
    await send(order(number), 'orders/create', id);
    // As under a test clock, which stands still.
    const at = new Date().toISOString();
    const messages = waiting.splice(0).map((text) => {
      const { delivery, ...rest } = JSON.parse(text);
      return JSON.stringify({ ...rest, delivery: { ...delivery, receivedAt: at, decidedAt: at } });
    });
    const statuses = messages.map((text) => JSON.parse(text).delivery.status);
    expect(statuses).toEqual(['recorded', 'duplicate']);
    for (const batch of batches) await work(batch.map((index) => messages[index] as string));
    expect((await kept(body.deliveryId))?.delivery.status).toBe('recorded');
    expect(await itemsOf(body.deliveryId)).toHaveLength(1);
  });

  test('a message that the queue gives twice is kept once and counted once', async () => {
    await send(order(22), 'orders/create', 'w-22');
    const [message = ''] = waiting.splice(0);
    expect(await countedBy(() => work([message, message]))).toEqual({ recorded: 1 });
    expect(await countedBy(() => work([message]))).toEqual({});
  });

  test('what was quarantined leaves the list once it is understood', async () => {
    const { body } = await send('{"id": 23', 'orders/create', 'w-23');
    const { deliveryId } = body;
    const [message = ''] = waiting.splice(0);
    const { reason, ...found } = JSON.parse(message).delivery;
    expect(reason).toMatch(/\w/);
    const delivery = { ...found, status: 'recorded', receivedAt: new Date().toISOString() };
    const understood = JSON.stringify({ delivery: { ...delivery, decidedAt: delivery.receivedAt }, body: 'H4sI' });
    await work([understood]);
    const [item] = await itemsOf(deliveryId);
    expect(item).toMatchObject({ status: 'recorded', sourceStatus: 'shop#recorded' });
    expect(item).not.toHaveProperty('setAside');
    expect(item).not.toHaveProperty('reason');
    // And it does not come back when the same bytes are not understood any more.
    await send('{"id": 23', 'orders/create', 'w-23');
    expect((await itemsOf(deliveryId))[0]).toMatchObject({ status: 'recorded' });
  });
});

describe('faults', () => {
  test.each(['refused', 'hanging'] as const)(
    'the queue is away (%s): 202 in good time, and quarantine is durable',
    async (fate) => {
      queues.plan = () => fate;
      const begun = performance.now();
      const recorded = await send(order(fate === 'refused' ? 30 : 31));
      const strange = await send(`{"${fate}": `);
      expect(performance.now() - begun).toBeLessThan(4_000);
      expect([recorded.status, recorded.body.status]).toEqual([202, 'recorded']);
      expect([strange.status, strange.body.status]).toEqual([202, 'quarantined']);
      expect((await kept(strange.body.deliveryId))?.delivery.status).toBe('quarantined');
    },
  );

  test('a table that takes no quarantine leaves nothing acknowledged', async () => {
    door.proxy.plan = (operation) => (operation === 'PutItem' ? 'server-error' : 'none');
    queues.plan = () => 'refused';
    expect((await send('{"id": 32')).status).toBe(503);
  });

  test('a batch of which one message is nonsense keeps the others', async () => {
    const { body } = await send(order(33));
    expect(await work(['nonsense', ...waiting.splice(0), '{}'])).toEqual([0, 2]);
    expect((await kept(body.deliveryId))?.delivery.status).toBe('recorded');
  });

  test('a table that is away for the worker: the batch comes again', async () => {
    const { body } = await send(order(34));
    const messages = waiting.splice(0);
    door.proxy.plan = (operation) => (operation === 'BatchExecuteStatement' ? 'server-error' : 'none');
    await expect(work(messages)).rejects.toMatchObject({ code: 'store_unavailable' });
    door.proxy.plan = () => 'none';
    expect(await work(messages)).toEqual([]);
    expect((await kept(body.deliveryId))?.delivery.status).toBe('recorded');
  });

  test('an answer that is lost: kept once', async () => {
    const { body } = await send(order(35));
    let lost = false;
    door.proxy.plan = (operation) => {
      if (operation !== 'BatchExecuteStatement' || lost) return 'none';
      lost = true;
      return 'lost-answer';
    };
    expect(await work()).toEqual([]);
    expect(await itemsOf(body.deliveryId)).toHaveLength(1);
  });
});

describe('calls that come to nothing', () => {
  const forged = (): Signed => signShopify('orders/create', order(40), { secret: 'somebody else' });

  test('a flood of them is one message in ten seconds, and every one counts in the end', async () => {
    let shift = 20_000;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + shift);
    for (let i = 0; i < 300; i++) expect((await door.deliver('shop', forged())).status).toBe(401);
    expect(waiting).toHaveLength(1);
    shift += 10_000;
    await door.deliver('shop', forged());
    expect(waiting).toHaveLength(2);
    expect(waiting.join()).not.toContain('ada@example.com');
    expect(await countedBy(() => work())).toMatchObject({ refused: 301 });
  });

  test('what is left over goes along with the next delivery; what a queue refused is not forgotten', async () => {
    let shift = 60_000;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + shift);
    queues.plan = () => 'refused';
    await door.deliver('shop', forged());
    queues.plan = () => 'taken';
    await door.deliver('shop', forged());
    expect(waiting).toEqual([]);
    shift += 10_000;
    await send(order(41));
    expect(await countedBy(() => work())).toEqual({ recorded: 1, refused: 2 });
  });

  test('what was turned away with a 503 counts; an unknown source leaves no trace', async () => {
    let shift = 120_000;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + shift);
    door.proxy.plan = (operation) => (operation === 'TransactWriteItems' ? 'server-error' : 'none');
    queues.plan = (name) => (name === 'retry' ? 'refused' : 'taken');
    expect((await send(order(42))).status).toBe(503);
    door.proxy.plan = () => 'none';
    shift += 10_000;
    expect((await door.deliver('nowhere', forged())).status).toBe(404);
    expect(await countedBy(() => work())).toEqual({ unavailable: 1 });
    expect((await items()).map(({ pk }) => pk)).not.toContain('counts#nowhere');
  });
});
