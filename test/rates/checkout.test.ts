import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../shared/dynamodb/client.ts';
import { keepRates } from '../../shared/dynamodb/exchange-rate-store.ts';
import { signStandard } from '../signed.ts';
import { type Door, openDoor } from '../webhooks/door.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  const client = connect();
  const rate = { currency: 'USD', base: 'EUR', date: '2026-03-01', numerator: 2n, denominator: 1n };
  await keepRates(client, door.embedded.tables.registry, [rate]);
  client.close();
  // The customer is known from then on, and so is the salt to the container.
  await checkout('first', 'EUR');
});
afterAll(() => door.stop());

async function checkout(id: string, currency: string): Promise<Record<string, number>> {
  const at = '2026-03-02T10:00:00Z';
  const data = { id, placedAt: at, updatedAt: at, total: { amount: '10.00', currency }, customer: { id: 'c1' } };
  door.proxy.calls.clear();
  const body = { type: 'order.created', timestamp: at, data };
  const { status } = await door.deliver('till', signStandard(body, { id: `msg_${id}`, at: Date.now() }));
  expect(status).toBe(202);
  return Object.fromEntries(door.proxy.calls);
}

/** The first read is that of source and clock, on a test stage alone. */
const reads = { BatchGetItem: 2, TransactWriteItems: 1 };

test('in the base currency nothing is asked for beside what a checkout asks', async () => {
  expect(await checkout('base', 'EUR')).toEqual(reads);
});

test('in another one there is one read more, whether there is a rate or not', async () => {
  expect(await checkout('rated', 'USD')).toEqual({ ...reads, Query: 1 });
  expect(await checkout('unrated', 'SEK')).toEqual({ ...reads, Query: 1 });
  const [customer] = await door.customers();
  expect(customer).toMatchObject({ purchaseCount: 3, totalSpent: 2500, waiting: { SEK: { purchaseCount: 1 } } });
});
