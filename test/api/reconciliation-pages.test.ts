import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { aCharge, anOrder, at, eachListed, fill, ids } from './listed-orders.ts';
import { openReconciliations, type ReconciliationDoor } from './reconciliation-door.ts';
import type { Asked, ShopLists } from './shop-lists.ts';

let api: ReconciliationDoor;
let shop: ShopLists;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openReconciliations();
  shop = api.shop;
});
afterAll(() => api.stop());
beforeEach(() => api.reset());

describe.each(eachListed)('%s', (platform) => {
  test('cut off after each page, with faults of shop and store, it goes on; every order is there once', async () => {
    const sourceId = await api.aSource(platform);
    const all = ids(platform === 'stripe' ? 210 : 110);
    fill(shop, platform, all);
    const { id } = (await api.start(sourceId, at(0))).body;
    shop.faults = ['lost', 429, 'nonsense', 500];
    let calls = 0;
    // The store fails once, in the middle of a page.
    api.proxy.plan = (operation) => {
      if (operation !== 'TransactWriteItems') return 'none';
      return ++calls > 60 && calls < 70 ? 'server-error' : 'none';
    };
    const delays: (number | undefined)[] = [];
    for (let turn = 0; api.queue.waiting.length > 0; turn++) {
      // There is time for one page and no more.
      await api.work(60_000);
      delays.push(api.queue.waiting[0]?.DelaySeconds);
      if (turn > 30) throw new Error('it does not come to an end');
    }
    expect(delays.slice(0, 4)).toEqual([60, 120, 240, 480]);
    const report = await api.show(sourceId, id);
    expect(report).toMatchObject({ state: 'succeeded', listed: all.length, failed: 0 });
    await api.allBought([...all.slice(0, 3), ...all.slice(48, 54), ...all.slice(-3)]);
  });
});

test('WooCommerce: orders that change while they are listed, and many of one second, are none of them missed', async () => {
  const sourceId = await api.aSource('woocommerce');
  const all = ids(180);
  // Seventy of one second, then ten a minute.
  shop.orders = all.map((id, index) => anOrder('woocommerce', id, index < 70 ? 0 : index));
  let pages = 0;
  shop.before = () => {
    // With each page an order that was seen goes to the end of the list.
    const first = shop.orders[0];
    if (pages++ > 0 && first) shop.orders = [...shop.orders.slice(1), { ...first, changedAt: at(1000 + pages) }];
  };
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  const report = await api.show(sourceId, id);
  expect(report).toMatchObject({ state: 'succeeded', recorded: 180, missing: 180, failed: 0 });
  await api.allBought([all[49], all[50], all[69], all[70], all[120], all[179]].map(Number));
});

test('WooCommerce: of more orders of one second than an address can leave out, none is missed behind a smaller page', async () => {
  const sourceId = await api.aSource('woocommerce');
  const all = ids(500);
  shop.orders = all.map((id) => anOrder('woocommerce', id, 0));
  let pages = 0;
  shop.before = () => {
    pages += 1;
    if (pages === 8) shop.faults = [500];
  };
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  expect(await api.show(sourceId, id)).toMatchObject({ state: 'succeeded', recorded: 500, missing: 500 });
});

test.each(eachListed)(
  '%s: pages that are larger than an answer may be are asked for in smaller ones, and none of one second is missed',
  async (platform) => {
    const sourceId = await api.aSource(platform);
    const all = ids(14);
    const long = 'x'.repeat(450_000);
    if (platform === 'stripe') shop.events = all.map((id) => ({ ...aCharge(id, 0), padding: long }));
    else {
      const orders = all.map((id) => anOrder(platform, id, 0));
      shop.orders = orders.map((one) => ({ ...one, fields: { ...one.fields, note: long } }));
    }
    const { id } = (await api.start(sourceId, at(0))).body;
    await api.work();
    const { lastFault } = await api.show(sourceId, id);
    expect(lastFault).toBe("shop_unavailable: The shop's API answered with more than 5000000 bytes.");
    await api.workAll();
    expect(await api.show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 14, recorded: 14, attempts: 0 });
    await api.allBought(all);
    const sizes = shop.asked.map(({ query }) => Number(query.get('limit') ?? query.get('per_page')));
    expect([Math.max(...sizes), sizes[0]]).toEqual(platform === 'stripe' ? [100, 100] : [50, 50]);
    expect(Math.min(...sizes)).toBeLessThan(12);
    // What was too much is not asked for again with each page.
    expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
  },
);

test('once pages were halved, larger ones are tried again after a while', async () => {
  const sourceId = await api.aSource('shopify');
  const all = ids(260);
  shop.orders = all.map((id, index) => anOrder('shopify', id, index));
  shop.faults = [429, 500];
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  expect(await api.show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 260 });
  const sizes = shop.asked.map(({ query }) => Number(query.get('limit')));
  expect(sizes).toEqual([50, 50, ...Array(8).fill(25), 50, 50]);
});

test('a shop that says when to come, and is asked for too much all the same, is asked for less in the end', async () => {
  const sourceId = await api.aSource('shopify');
  const all = ids(40);
  shop.orders = all.map((id, index) => anOrder('shopify', id, index));
  shop.instead = ({ query }) =>
    Number(query.get('limit')) > 12 ? { status: 503, headers: { 'retry-after': '1' }, body: {} } : undefined;
  const { id } = (await api.start(sourceId, at(0))).body;
  await api.workAll();
  expect(await api.show(sourceId, id)).toMatchObject({ state: 'succeeded', listed: 40, recorded: 40 });
  const sizes = shop.asked.map(({ query }) => Number(query.get('limit')));
  expect(sizes.slice(0, 7)).toEqual([50, 50, 50, 50, 25, 12, 12]);
});

test('a shop that stays away fails the reconciliation in the end, and says why', async () => {
  const sourceId = await api.aSource('shopify');
  const { id } = (await api.start(sourceId, at(0))).body;
  shop.faults = Array.from({ length: 20 }, () => 502);
  expect(await api.workAll()).toBe(12);
  expect(await api.show(sourceId, id)).toMatchObject({
    state: 'failed',
    failure: "shop_unavailable: The shop's API answered with status 502.",
  });
  expect((await api.start(sourceId, at(0))).status).toBe(202);
});

test('while a shop stays away, the comparison says what is wrong and when it is asked again', async () => {
  const sourceId = await api.aSource('shopify');
  const { id } = (await api.start(sourceId, at(0))).body;
  shop.faults = [500, 'nonsense'];
  await api.work();
  const first = await api.show(sourceId, id);
  expect(first).toMatchObject({
    state: 'running',
    attempts: 1,
    lastFault: "shop_unavailable: The shop's API answered with status 500.",
    failure: null,
  });
  expect(Date.parse(String(first.nextTryAt)) - Date.parse(String(first.updatedAt))).toBe(60_000);
  await api.work();
  expect(await api.show(sourceId, id)).toMatchObject({
    attempts: 2,
    lastFault: "shop_unavailable: The shop's answer is not understood: The body is not JSON, at position 0.",
  });
  await api.work();
  expect(await api.show(sourceId, id)).toMatchObject({
    state: 'succeeded',
    attempts: 0,
    lastFault: null,
    nextTryAt: null,
  });
});

describe('a list that never ends fails the comparison, which is told, and the next one may begin', () => {
  const pages = {
    'names the same page again and again': () => ({
      headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=again>; rel="next"` },
      body: { orders: [] },
    }),
    'goes round three pages': ({ query }: Asked) => {
      const page = (Number(query.get('page_info') ?? 0) % 3) + 1;
      return {
        headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=${page}>; rel="next"` },
        body: { orders: [{ id: page }] },
      };
    },
    'always has one page more': ({ query }: Asked) => {
      const page = Number(query.get('page_info') ?? 0) + 1;
      return {
        headers: { link: `<${shop.address}/admin/api/2026-04/orders.json?page_info=${page}>; rel="next"` },
        body: { orders: [{ id: page }] },
      };
    },
  };
  test.each<[keyof typeof pages, string, number]>([
    ['names the same page again and again', 'list_loops', 2],
    ['goes round three pages', 'list_loops', 25],
    ['always has one page more', 'list_endless', 201],
  ])('that %s: %s after %i pages at most', async (kind, code, most) => {
    const sourceId = await api.aSource('shopify');
    const { id } = (await api.start(sourceId, new Date(Date.now() - 1000).toISOString())).body;
    shop.instead = pages[kind];
    const told = vi.mocked(console.error).mock.calls.length;
    // There is time for one page and no more: what is remembered of the pages is kept.
    expect(await api.workAll(60_000)).toBeLessThanOrEqual(most);
    expect(await api.show(sourceId, id)).toMatchObject({
      state: 'failed',
      failure: expect.stringContaining(`${code}: `),
    });
    const lines = vi
      .mocked(console.error)
      .mock.calls.slice(told)
      .map(([line]) => JSON.parse(String(line)));
    expect(lines).toContainEqual(expect.objectContaining({ message: 'reconciliation failed', reconciliationId: id }));
    shop.instead = undefined;
    expect((await api.start(sourceId, at(0))).status).toBe(202);
  });

  test('that always has one page more: pages that were asked for smaller count as parts of one', async () => {
    const sourceId = await api.aSource('shopify');
    const { id } = (await api.start(sourceId, new Date(Date.now() - 1000).toISOString())).body;
    shop.instead = pages['always has one page more'];
    // Eight quarters, eight halves, and 195 whole ones.
    shop.faults = [500, 500];
    await api.workAll(60_000);
    const { failure } = await api.show(sourceId, id);
    expect(failure).toBe("list_endless: the shop's list has no end after 211 pages.");
  });

  test("WooCommerce: a cache before the shop that doesn't see what is asked for", async () => {
    const sourceId = await api.aSource('woocommerce');
    const all = ids(50);
    const orders = all.map((id, index) => anOrder('woocommerce', id, index));
    shop.instead = () => ({
      body: orders.map(({ id, changedAt, fields }) => ({ id, date_modified_gmt: changedAt.slice(0, 19), ...fields })),
    });
    const { id } = (await api.start(sourceId, at(0))).body;
    expect(await api.workAll(60_000)).toBeLessThanOrEqual(8);
    expect(await api.show(sourceId, id)).toMatchObject({
      state: 'failed',
      recorded: 50,
      failure: expect.stringContaining('list_loops: '),
    });
  });
});

test('credentials that are refused fail it at once', async () => {
  const sourceId = await api.aSource('shopify', { credentials: { accessToken: 'shpat_revoked' } });
  const { id } = (await api.start(sourceId, at(0))).body;
  expect(await api.workAll()).toBe(1);
  const { state, failure } = await api.show(sourceId, id);
  expect([state, failure]).toEqual(['failed', "shop_refused: The shop's API refuses the credentials with status 401."]);
});
