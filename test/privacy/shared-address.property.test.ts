import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  for (const method of ['warn', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
  shop = await openPrivacyShop();
}, 30_000);
afterAll(() => shop.stop());
beforeEach(() => shop.setClock(today));

const today = '2026-06-01T00:00:00.000Z';
const people = [0, 1, 2] as const;
const person = fc.constantFrom(...people);

/**
 * Three persons, each with an id and an order of its own; any of them may live under the address of another. And bodies
 * that nobody understands, each with the ids, orders and addresses of some of them.
 */
const households = fc.record({
  /** Whose address each has, of those before. */
  livesWith: fc.tuple(fc.constant(0), fc.nat(1), fc.nat(2)),
  bodies: fc.array(
    fc.record({
      ids: fc.uniqueArray(person, { maxLength: 2 }),
      orders: fc.uniqueArray(person, { maxLength: 2 }),
      addresses: fc.uniqueArray(person, { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  sought: person,
});

let run = 0;

test('of persons who share an address, each has its own bodies', async () => {
  await fc.assert(
    fc.asyncProperty(households, async ({ livesWith, bodies, sought }) => {
      run += 1;
      const idOf = (who: number) => 500_000_000 + run * 10 + who;
      const house = (who: number): number => (livesWith[who] === who ? who : house(livesWith[who] as number));
      const addressOf = (who: number) => `house${run}x${house(who)}@mail.example`;
      for (const who of people) {
        const customer = { id: idOf(who), email: addressOf(who), first_name: 'One' };
        const bought = { created_at: today, updated_at: today, currency: 'EUR', total_price: '1.00', customer };
        await shop.deliver('orders/create', { ...bought, id: idOf(who) + 5 });
      }
      const kept: string[] = [];
      for (const [number, { ids, orders, addresses }] of bodies.entries()) {
        const body = {
          id: `bad${run}x${number}`,
          customers: ids.map((who) => ({ id: idOf(who) })),
          order_ids: orders.map((who) => idOf(who) + 5),
          note: addresses.map(addressOf).join(' '),
        };
        const { deliveryId, status } = await shop.deliver('orders/create', body);
        expect(status).toBe('quarantined');
        kept.push(deliveryId);
      }
      await shop.keep();
      const customerId = (await shop.find({ externalId: `shop:${idOf(sought)}` }))?.id as string;
      const shown = await exported(customerId);
      const requestId = await shop.erase(customerId);
      await shop.workAll();
      expect((await shop.request(requestId)).status).toBe('done');

      // The first of a house is who its address leads to.
      const isFirst = house(sought) === sought;
      for (const [number, { ids, orders, addresses }] of bodies.entries()) {
        const deliveryId = kept[number] as string;
        const byIds = [...ids, ...orders];
        const isOwn = byIds.includes(sought);
        const others = byIds.filter((who) => who !== sought);
        const isAddressed = isFirst && addresses.some((who) => house(who) === sought);
        const isShared = others.some((who) => house(who) === sought);
        const of = { livesWith, sought, body: bodies[number] };
        const isShown = (isOwn || isAddressed) && others.length === 0;
        expect({ ...of, shown: shown.has(deliveryId) }).toEqual({ ...of, shown: isShown });
        const call = { params: { deliveryId } };
        const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', call);
        const isGone = isOwn || (isAddressed && !isShared);
        expect({ ...of, gone: Boolean(body.withheld) }).toEqual({ ...of, gone: isGone });
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 12), endOnFailure: true },
  );
}, 240_000);

/** Ids of the deliveries that are handed over. */
async function exported(customerId: string): Promise<Set<unknown>> {
  const { body: request } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  const params = { requestId: request.id as string };
  const found = new Set<unknown>();
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? {} : { cursor };
    const { body } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', { params, query });
    for (const { section, content } of body.data as unknown as { section: string; content: Record<string, unknown> }[])
      if (section === 'delivery') found.add(content.id);
    cursor = (body.nextCursor as string | null) ?? undefined;
  } while (cursor !== undefined);
  return found;
}
