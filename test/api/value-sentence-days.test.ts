import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, type ShopDoor } from './shop-door.ts';

let api: ShopDoor;
beforeAll(async () => {
  api = await openShop();
});
afterAll(() => api.stop());

const show = async (customerId: string, path: '' | '/history' = '') =>
  (await api.call(`GET /v1/customers/{customerId}/value${path}`, { params: { customerId } })).body;

test('a sentence names the days of the merchant, for whom a night in the last hour of a UTC day is one of the next', async () => {
  for (const day of ['2026-02-08', '2026-02-09']) await api.buys('eve', day, '50.00');
  const eve = await api.buys('eve', '2026-02-10', '100.00');
  await api.night('2026-03-11T23:30:00Z');
  expect((await show(eve)).explanation).toContain('is gold: last bought 30 days ago');
  await api.night('2026-03-12T23:30:00Z');
  const held = 'stays gold: last bought 31 days ago, the cut is 30; held since 2026-03-13, silver by the scores alone';
  expect((await show(eve)).explanation).toBe(held);
  await api.night('2026-03-19T23:30:00Z');
  const left = 'moved from gold to silver: last bought 38 days ago, the cut is 30; had been held since 2026-03-13';
  expect((await show(eve)).explanation).toBe(left);
  const { data } = await show(eve, '/history');
  expect(data.map(({ explanation }) => explanation).slice(0, 2)).toEqual([left, held]);
});
