import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { type Queues, startQueues } from '../queues.ts';
import { signStandard } from '../signed.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
let queues: Queues;
beforeAll(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  queues = await startQueues();
  door = await openDoor(queues.endpoint);
});
afterAll(async () => {
  queues.stop();
  await door.stop();
});

let messages = 0;
async function tell(type: string, data: unknown, timestamp = '2026-03-02T09:00:00Z') {
  const event = { type, timestamp, data };
  const { status, body } = await door.deliver('till', signStandard(event, { id: `m_${++messages}`, at: Date.now() }));
  expect(status).toBe(202);
  return body as { status: string; deliveryId: string };
}
const reasonOf = async (deliveryId: string) => {
  const store = deliveryStore(door.store, door.embedded.tables.deliveries, 30);
  return (await store.get(deliveryId, new Date().toISOString()))?.delivery.reason;
};
const order = (id: string, email: string) => ({
  id,
  placedAt: '2026-03-01T09:00:00Z',
  total: { amount: '10.00', currency: 'EUR' },
  customer: { email },
});

test.each([
  ['cancelled', 'before', 0, 0],
  ['cancelled', 'after', 0, 0],
  ['paid', 'before', 1, 1000],
  ['paid', 'after', 1, 1000],
])('what became of an order is told by its id alone: %s %s it', async (step, when, purchaseCount, totalSpent) => {
  const email = `${step}-${when}@example.com`;
  const tellStep = () => tell(`order.${step}`, { id: email });
  if (when === 'before') expect((await tellStep()).status).toBe('recorded');
  expect((await tell('order.created', order(email, email), '2026-03-01T09:00:00Z')).status).toBe('recorded');
  if (when === 'after') expect((await tellStep()).status).toBe('recorded');
  expect((await tellStep()).status).toBe('duplicate');
  const found = (await door.customers()).find(({ profile }) => JSON.stringify(profile).includes(email));
  expect(found).toMatchObject({ purchaseCount, totalSpent });
});

test.each([
  ['order.cancelled', { cancelledAt: '2026-03-02T09:00:00Z' }, '/data/id: is missing'],
  ['order.cancelled', { id: '1', total: { amount: '1.00', currency: 'EUR' } }, '/data/placedAt: is missing'],
  ['order.created', { id: '1' }, '/data/placedAt: is missing'],
  ['order.created', { ...order('1', 'a@example.com'), placedAt: 5 }, '/data/placedAt: is not of the type string'],
  ['order.created', null, '/data: is not of the type object'],
  ['refund.created', { id: 'r1', orderId: '1' }, '/data/amount: is missing'],
])('%s with %j says what it lacks', async (type, data, reason) => {
  const { status, deliveryId } = await tell(type, data);
  expect([status, await reasonOf(deliveryId)]).toEqual(['quarantined', reason]);
});
