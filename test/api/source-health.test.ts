import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { KeptDelivery } from '../../shared/domain/delivery.ts';
import { type KeptShop, openKeptShop } from './kept.ts';

let shop: KeptShop;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const woo = Object.fromEntries(['steady', 'young', 'sparse', 'nightly', 'weekly'].map((id) => [id, 'woocommerce']));
  shop = await openKeptShop({ shop: 'shopify', busy: 'shopify', ...woo });
});
afterAll(() => shop.stop());

const health = async (sourceId: string, now?: string) => {
  if (now !== undefined) await shop.setClock(now);
  return (await shop.api.call('GET /v1/sources/{sourceId}/health', { params: { sourceId } })).body;
};

const order = (id: number, updated_at: string) => ({
  id,
  created_at: '2026-06-01T08:00:00Z',
  updated_at,
  currency: 'EUR',
  total_price: '10.00',
  email: 'ada@example.com',
});

let number = 0;
/** As the door writes it; what is not said is a recorded delivery without a time of its own. */
const came = (sourceId: string, receivedAt: string, over: Partial<KeptDelivery> = {}) => ({
  delivery: {
    id: `dlv_${number++}`,
    sourceId,
    status: 'recorded' as const,
    headers: {},
    receivedAt,
    decidedAt: receivedAt,
    bytes: 2,
    ...over,
  },
});

test('a source that never delivered: nothing but nothing', async () => {
  expect(await health('shop', '2026-05-01T00:00:00.000Z')).toEqual({
    sourceId: 'shop',
    lastDeliveryAt: null,
    received: { lastHour: 0, last24Hours: 0, last7Days: 0 },
    lastDay: {
      since: '2026-04-30T00:00:00.000Z',
      statuses: { recorded: 0, duplicate: 0, ignored: 0, quarantined: 0 },
      withoutCustomer: 0,
      lag: { measured: 0, medianSeconds: null, mostSeconds: null },
      failures: { refused: 0, unavailable: 0 },
    },
    quarantined: 0,
    switchedOff: null,
    why: 'Nothing has come within the last 28 days.',
  });
});

test('a source that is not there is 404; reading sources is a scope', async () => {
  const call = (sourceId: string, key?: string) =>
    shop.api.call('GET /v1/sources/{sourceId}/health', { params: { sourceId }, ...(key !== undefined && { key }) });
  expect((await call('nowhere')).body.code).toBe('source_not_found');
  const key = await shop.api.keyFor('nobody', ['deliveries:read']);
  expect((await call('shop', key)).body.code).toBe('insufficient_scope');
});

test('through the webhooks: numbers that one can work out by hand', async () => {
  // Eight days ago, six days ago, 25 hours ago, then within the last day and the last hour of 12:00 on the 10th.
  await shop.deliver('orders/create', order(1, '2026-06-02T12:00:00Z'), { now: '2026-06-02T12:00:01.000Z' });
  await shop.deliver('orders/create', order(2, '2026-06-04T12:00:00Z'), { now: '2026-06-04T12:00:01.000Z' });
  await shop.deliver('orders/create', order(3, '2026-06-09T10:59:00Z'), { now: '2026-06-09T11:00:00.000Z' });
  // Lags of 1, 4 and 4 seconds and of two hours; the second one is sent twice.
  await shop.deliver('orders/create', order(4, '2026-06-09T13:00:00Z'), { now: '2026-06-09T13:00:01.000Z' });
  await shop.deliver('orders/create', order(5, '2026-06-10T09:00:00Z'), { now: '2026-06-10T09:00:04.000Z', id: 'w-5' });
  await shop.deliver('orders/create', order(5, '2026-06-10T09:00:00Z'), { now: '2026-06-10T09:00:04.500Z', id: 'w-5' });
  await shop.deliver('orders/create', order(6, '2026-06-10T09:30:00Z'), { now: '2026-06-10T11:30:00.000Z' });
  await shop.deliver('themes/publish', { id: 7 }, { now: '2026-06-10T11:40:00.000Z' });
  await shop.deliver('orders/create', '{"id": 8', { now: '2026-06-10T11:50:00.000Z' });
  await shop.keep();
  expect(await health('shop', '2026-06-10T12:00:00.000Z')).toEqual({
    sourceId: 'shop',
    lastDeliveryAt: '2026-06-10T11:50:00.000Z',
    received: { lastHour: 3, last24Hours: 6, last7Days: 8 },
    lastDay: {
      since: '2026-06-09T12:00:00.000Z',
      statuses: { recorded: 3, duplicate: 1, ignored: 1, quarantined: 1 },
      withoutCustomer: 0,
      // In steps of 1, 2, 5, 10 … seconds: 1, 5, 5 and 10,800; the middle one of four is the second.
      lag: { measured: 4, medianSeconds: 5, mostSeconds: 10_800 },
      failures: { refused: 0, unavailable: 0 },
    },
    quarantined: 1,
    switchedOff: null,
    why: '8 deliveries in the seven days before the last one, within 6 days: too few to tell.',
  });
});

test('money that counts for nobody is seen: orders that name nobody, refunds without their order', async () => {
  const { email: _, ...nameless } = order(21, '2026-07-01T09:00:00Z');
  const now = '2026-07-01T09:00:01.000Z';
  await shop.deliver('orders/create', nameless, { now });
  await shop.deliver('orders/create', { ...nameless, id: 22, email: 'noreply@example.com' }, { now });
  await shop.deliver('orders/create', order(23, '2026-07-01T09:00:00Z'), { now });
  await shop.deliver('orders/create', '{', { now });
  await shop.keep();
  const found = await health('shop', '2026-07-01T10:00:00.000Z');
  expect(found).toMatchObject({ lastDay: { statuses: { recorded: 3 }, withoutCustomer: 2 } });
});

test('what is set aside now counts whatever its day; failures count by their own', async () => {
  await shop.told(
    { failures: [{ sourceId: 'busy', refused: 7, unavailable: 0 }], at: '2026-06-10T08:59:00.000Z' },
    { failures: [{ sourceId: 'busy', refused: 2, unavailable: 3 }], at: '2026-06-11T08:59:00.000Z' },
  );
  for (let i = 0; i < 3; i++)
    await shop.deliver('orders/create', `{"id": ${i}`, { now: '2026-06-10T07:00:00.000Z', sourceId: 'busy' });
  await shop.keep();
  const found = await health('busy', '2026-06-11T09:30:00.000Z');
  expect(found).toMatchObject({
    quarantined: 3,
    lastDay: { failures: { refused: 2, unavailable: 3 }, statuses: { quarantined: 0 } },
  });
});

describe('switched off', () => {
  const hour = 3_600_000;
  const start = Date.parse('2026-08-03T08:00:00.000Z');
  const at = (hours: number) => new Date(start + hours * hour).toISOString();

  test('a source with a delivery every hour for four days: silent for more than two hours', async () => {
    // 97 deliveries, the last one at hour 96; its longest gap is an hour.
    await shop.told(...Array.from({ length: 97 }, (_, i) => came('steady', at(i))));
    expect(await health('steady', at(97.9))).toMatchObject({ switchedOff: false });
    const silent = await health('steady', at(98.1));
    expect(silent.switchedOff).toBe(true);
    expect(silent.why).toBe(
      'Silent for 2 hours; the longest gap of the seven days before was 60 minutes. WooCommerce switches a webhook ' +
        'off after five failed deliveries and never sends them again.',
    );
    await shop.told(came('steady', at(99)));
    expect(await health('steady', at(99.5))).toMatchObject({ switchedOff: false });
    // Long after that nothing is known of its habits any more.
    expect(await health('steady', at(99 + 30 * 24))).toMatchObject({ switchedOff: null, lastDeliveryAt: null });
  });

  test('nights and weekends are gaps of its own', async () => {
    // Ten a day from 8 to 17 o'clock: the longest gap is 15 hours. Silence from 17 o'clock on the fifth day.
    const days = [0, 1, 2, 3, 4];
    const open = Array.from({ length: 10 }, (_, i) => i);
    await shop.told(...days.flatMap((day) => open.map((i) => came('nightly', at(day * 24 + i)))));
    expect(await health('nightly', at(4 * 24 + 9 + 29))).toMatchObject({ switchedOff: false });
    expect(await health('nightly', at(4 * 24 + 9 + 31))).toMatchObject({ switchedOff: true });

    // The same with a weekend of 63 hours before its last day: a day and a half of silence says nothing.
    const week = [0, 1, 2, 3, 4, 7];
    await shop.told(...week.flatMap((day) => open.map((i) => came('weekly', at(day * 24 + i)))));
    expect(await health('weekly', at(7 * 24 + 9 + 36))).toMatchObject({ switchedOff: false });
  });

  test('too few, or within too short a time, say nothing', async () => {
    await shop.told(...Array.from({ length: 60 }, (_, i) => came('young', at(i / 10))));
    expect(await health('young', at(48))).toMatchObject({ switchedOff: null });
    await shop.told(...Array.from({ length: 19 }, (_, i) => came('sparse', at(i * 2))));
    expect(await health('sparse', at(200))).toMatchObject({
      switchedOff: null,
      why: '19 deliveries in the seven days before the last one, within 36 hours: too few to tell.',
    });
  });
});
