import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { deliveryKey } from '../../shared/dynamodb/keys.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
let told: string[] = [];
beforeAll(async () => {
  shop = await openPrivacyShop();
});
afterAll(() => shop.stop());
beforeEach(() => {
  told = [];
  vi.spyOn(console, 'error').mockImplementation((line) => void told.push(String(line)));
});
afterEach(() => vi.restoreAllMocks());

const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();
const brokeOff = () => told.filter((line) => line.includes('erasure broke off')).map((line) => JSON.parse(line));

let count = 0;

/** Somebody who bought something, and a body that nobody understood and that names them. */
async function somebody() {
  count += 1;
  await shop.setClock(day(100));
  const customer = { id: 900_000 + count, email: `unread${count}@mail.example`, first_name: `Unread${count}` };
  const bought = { created_at: day(10), updated_at: day(10), currency: 'EUR', total_price: '1.00' };
  await shop.deliver('orders/create', { ...bought, id: 900_000 + count, customer });
  const { deliveryId } = await shop.deliver('orders/create', { id: 'x', note: `from ${customer.email}` });
  await shop.keep();
  return { deliveryId, email: customer.email, customerId: (await shop.find({ email: customer.email }))?.id as string };
}

async function setBody(deliveryId: string, body: Uint8Array | undefined): Promise<Uint8Array> {
  const { Attributes } = await shop.api.client.send(
    new UpdateCommand({
      TableName: shop.api.embedded.tables.deliveries,
      Key: deliveryKey(deliveryId),
      UpdateExpression: 'SET #body = :body',
      ExpressionAttributeNames: { '#body': 'body' },
      ExpressionAttributeValues: { ':body': body },
      ReturnValues: 'ALL_OLD',
    }),
  );
  return Attributes?.body as Uint8Array;
}

const ofDay = (number: number) => JSON.stringify({ scheduledTime: day(number) });

test('a body that cannot be unpacked is passed over and told of, and its request stays open until it can', async () => {
  const bad = await somebody();
  const good = await somebody();
  const body = await setBody(bad.deliveryId, Buffer.from('no gzip'));
  const [first, second] = [await shop.erase(bad.customerId), await shop.erase(good.customerId)];
  await shop.workAll();
  // Whoever is erased, it may be theirs.
  for (const id of [first, second])
    expect(await shop.request(id)).toMatchObject({ status: 'open', failure: 'body_unreadable', erasedAt: day(100) });
  expect(brokeOff()).toMatchObject([
    { code: 'body_unreadable', requestId: first, deliveryIds: [bad.deliveryId] },
    { code: 'body_unreadable', requestId: second, deliveryIds: [bad.deliveryId] },
  ]);
  expect(await shop.traces([good.email])).toEqual([]);
  const place = [expect.stringContaining(bad.deliveryId)];
  await setBody(bad.deliveryId, body);
  expect(await shop.traces([bad.email])).toEqual(place);

  shop.queues.of('erasure').push(ofDay(101));
  await shop.workAll();
  for (const id of [first, second])
    expect(await shop.request(id)).toMatchObject({
      status: 'done',
      failure: null,
      erasedAt: day(100),
      counts: { persons: 1, orders: 1 },
    });
  expect(await shop.traces([bad.email])).toEqual([]);
});

test('an export hands over all else', async () => {
  const { deliveryId, customerId } = await somebody();
  const body = await setBody(deliveryId, Buffer.from('no gzip'));
  const { body: request } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  const params = { requestId: request.id as string };
  const { status, body: page } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', { params });
  expect([status, page.data.map(({ section }) => section)]).toEqual([200, ['customer']]);
  await setBody(deliveryId, body);
});

test('what nobody understood and came after an erasure stays, though the erasure is not done', async () => {
  const zelda = await somebody();
  const requestId = await shop.erase(zelda.customerId);
  await shop.work();
  await shop.setClock(day(101));
  const after = await shop.deliver('orders/create', { id: 'y', note: zelda.email });
  await shop.workAll();
  expect(await shop.request(requestId)).toMatchObject({ status: 'done', erasedAt: day(100) });
  const held = async ({ deliveryId }: { deliveryId: string }) =>
    (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId } })).body.withheld;
  expect([await held(zelda), await held(after)]).toEqual([true, undefined]);
});

test('a call that is cut off says so, and the one body that it was cut off at holds up nobody', async () => {
  const bad = await somebody();
  const good = await somebody();
  const requestId = await shop.erase(bad.customerId);
  const other = await shop.erase(good.customerId);
  // Whoever reads this body never comes back.
  const hangs = (operation: string, text: string) => operation === 'Query' && text.includes(bad.deliveryId);
  shop.api.proxy.plan = (operation, text) => (hangs(operation, text) ? 'hanging' : 'none');
  const real = Date.now.bind(Date);
  let later = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => real() + later);
  for (const id of [requestId, other, requestId, other]) {
    await Promise.race([shop.work(), new Promise((wake) => setTimeout(wake, 2_500))]);
    later += 301_000;
    shop.queues.of('erasure').push(JSON.stringify({ requestId: id }));
    // Before any other call looks at it.
    expect(await shop.request(id)).toMatchObject({ status: 'open', failure: 'timed_out', erasedAt: day(100) });
  }
  await shop.workAll();
  for (const id of [requestId, other])
    expect(await shop.request(id)).toMatchObject({ status: 'open', failure: 'body_unreadable' });
  expect(await shop.traces([good.email])).toEqual([]);
  const lines = brokeOff();
  expect(lines).toContainEqual(expect.objectContaining({ code: 'timed_out', requestId }));
  const unread = { code: 'body_unreadable', requestId, deliveryIds: [bad.deliveryId] };
  expect(lines).toContainEqual(expect.objectContaining(unread));

  shop.api.proxy.plan = () => 'none';
  shop.queues.of('erasure').push(ofDay(101));
  await shop.workAll();
  for (const id of [requestId, other]) expect(await shop.request(id)).toMatchObject({ status: 'done', failure: null });
  expect(await shop.traces([bad.email])).toEqual([]);
}, 60_000);
