import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { FetchingDoor } from './fetching-door.ts';
import type { RetryQueue } from './retry-queue.ts';
import { storeFaults, whileFailing } from './sending.ts';

/** An order as the model of a shop has it at one time. */
export interface ShopOrder {
  id: number;
  person: number;
  guest: boolean;
  cents: number;
  placedAt: string;
  updatedAt: string;
  cancelled: boolean;
  refunds: { id: number; cents: number; at: string }[];
}

/** How a platform shows the model by its API, and tells of a change. */
export interface FetchedPlatform {
  sourceId: string;
  show(order: ShopOrder): void;
  /** @param changes how often the order changed before */
  announce(order: ShopOrder, changes: number): Promise<void> | void;
  worker?: Parameters<RetryQueue['work']>[0];
}

const people = 2;
const start = Date.UTC(2026, 0, 1);
const timeOf = (minute: number) => new Date(start + minute * 60_000).toISOString();

const changes = fc.oneof(
  fc.record({ kind: fc.constant('refund' as const), share: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('edit' as const), cents: fc.integer({ min: -3000, max: 3000 }) }),
  fc.record({ kind: fc.constant('touch' as const) }),
  fc.record({ kind: fc.constant('cancel' as const) }),
);

const orders = fc.array(
  fc.record({
    person: fc.nat(people - 1),
    guest: fc.boolean(),
    cents: fc.integer({ min: 100, max: 50_000 }),
    changes: fc.array(changes, { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What happens next: the shop changes an order, a message that was held up is let go (perhaps twice, or by two senders at
 * once), the queue is worked off (perhaps by two workers at once), or answered from a copy that lags behind. */
const steps = fc.array(
  fc.record({
    what: fc.constantFrom('change', 'tell', 'tell twice', 'tell at once', 'work', 'work at once', 'lag'),
    which: fc.nat(100),
  }),
  { maxLength: 30 },
);

type Change =
  | { kind: 'refund'; share: number }
  | { kind: 'edit'; cents: number }
  | { kind: 'touch' }
  | { kind: 'cancel' };

/**
 * Runs random histories of a shop whose messages are held up, doubled, told in any order and fetched at any time, between
 * changes and after them, while the store fails: in the end the facts are those of the shop.
 */
export async function expectSameWhatever(door: FetchingDoor, platform: FetchedPlatform, runs = 6): Promise<void> {
  await fc.assert(
    fc.asyncProperty(orders, steps, storeFaults, async (given, random, faults) => {
      await clear(door);
      const shop: ShopOrder[] = [];
      const toCome = given.map(({ changes: list }) => [...list]);
      const untold: (() => Promise<void> | void)[] = [];
      /** Every state that each order ever had. */
      const states = given.map((): ShopOrder[] => []);
      let minute = 0;
      const change = (index: number) => {
        minute++;
        const made = shop.find(({ id }) => id === 9000 + index);
        const next = made ? toCome[index]?.shift() : undefined;
        if (made && !next) return;
        const order = made && next ? changed(made, next, minute) : placed(given[index], index, minute);
        if (made) shop.splice(shop.indexOf(made), 1);
        shop.push(order);
        states[index]?.push(order);
        platform.show(order);
        const told = given[index]?.changes.length ?? 0;
        const before = made ? told - (toCome[index]?.length ?? 0) : 0;
        untold.push(() => platform.announce(order, before));
      };
      const tell = async (which: number, times: number) => {
        const [message] = untold.splice(which % Math.max(1, untold.length), 1);
        for (let i = 0; i < times; i++) await message?.();
      };
      const work = () => door.queue.work(platform.worker);
      /** As when a slow answer is recorded after a faster one that was asked for later. */
      const workBehind = async (which: number) => {
        for (const [index, list] of states.entries()) {
          const old = list[(which + index) % Math.max(1, list.length)];
          if (old) platform.show(old);
        }
        await work();
        for (const order of shop) platform.show(order);
      };
      const step = async (what: string, which: number) => {
        if (what === 'change') change(which % given.length);
        else if (what === 'work') await work();
        else if (what === 'work at once') await Promise.all([work(), work(), tell(which, 1)]);
        else if (what === 'tell at once') await Promise.all([tell(which, 1), tell(which + 1, 1)]);
        else if (what === 'lag') {
          const slow = door.queue.waiting.map(({ body }) => body);
          // What failed before would be believed an old answer now.
          await door.queue.workAll(platform.worker);
          for (const body of slow) door.queue.put(body);
          await workBehind(which);
        } else await tell(which, what === 'tell' ? 1 : 2);
      };
      await whileFailing(door.proxy, faults, async () => {
        for (const { what, which } of random) await step(what, which);
      });
      for (let index = 0; index < given.length; index++)
        for (let left = (given[index]?.changes.length ?? 0) + 1; left > 0; left--) change(index);
      while (untold.length > 0) await tell(minute, 1 + (minute++ % 2));
      const again = door.queue.waiting.map(({ body }) => body);
      door.queue.waiting.reverse();
      await whileFailing(door.proxy, faults, () => door.queue.workAll(platform.worker));
      await expectFacts(door, shop);
      for (const body of again) door.queue.put(body);
      await workBehind(minute);
      expect(door.queue.waiting).toEqual([]);
      await expectFacts(door, shop);
    }),
    { numRuns: Number(process.env.RUNS ?? runs) },
  );
}

async function expectFacts(door: FetchingDoor, shop: readonly ShopOrder[]): Promise<void> {
  const customers = await door.customers();
  for (let person = 0; person < people; person++) {
    const own = shop.filter((order) => order.person === person);
    const known = customers.filter(({ profile }) => profile.email?.value === `person${person}@example.com`);
    expect(known.length).toBe(own.length > 0 ? 1 : 0);
    for (const { purchaseCount, totalSpent, totalRefunded } of known)
      expect({ purchaseCount, totalSpent, totalRefunded }).toEqual(factsOf(own));
  }
  expect(customers.length).toBe(new Set(shop.map(({ person }) => person)).size);
}

function placed(given: { person: number; guest: boolean; cents: number } | undefined, index: number, minute: number) {
  if (!given) throw new Error('there is no such order');
  const at = timeOf(minute);
  const { person, guest, cents } = given;
  return { id: 9000 + index, person, guest, cents, placedAt: at, updatedAt: at, cancelled: false, refunds: [] };
}

function changed(order: ShopOrder, change: Change, minute: number): ShopOrder {
  const updatedAt = timeOf(minute);
  const back = order.refunds.reduce((sum, { cents }) => sum + cents, 0);
  switch (change.kind) {
    case 'edit':
      return { ...order, updatedAt, cents: Math.max(1, order.cents + change.cents) };
    case 'cancel':
      return { ...order, updatedAt, cancelled: true };
    case 'refund': {
      const cents = Math.max(1, Math.floor(((order.cents - back) * change.share) / 100));
      if (cents > order.cents - back) return { ...order, updatedAt };
      const id = order.id * 10 + order.refunds.length;
      return { ...order, updatedAt, refunds: [...order.refunds, { id, cents, at: updatedAt }] };
    }
    case 'touch':
      return { ...order, updatedAt };
  }
}

/** Added up by hand. */
function factsOf(own: ShopOrder[]) {
  const facts = { purchaseCount: 0, totalSpent: 0, totalRefunded: 0 };
  for (const { cents, refunds, cancelled } of own) {
    const back = refunds.reduce((sum, refund) => sum + refund.cents, 0);
    facts.totalRefunded += back;
    if (cancelled || back >= cents) continue;
    facts.purchaseCount++;
    facts.totalSpent += cents - back;
  }
  return facts;
}

/** Sources and settings stay; customers, lines and identities go. */
async function clear(door: FetchingDoor): Promise<void> {
  door.queue.waiting.splice(0);
  const { tables } = door.embedded;
  const keys = { [tables.customers]: ['customerId'], [tables.ledger]: ['pk', 'sk'], [tables.registry]: ['pk', 'sk'] };
  for (const [TableName, names] of Object.entries(keys)) {
    const { Items = [] } = await door.client.send(new ScanCommand({ TableName, Limit: 1000 }));
    const gone = Items.filter(({ pk }) => !String(pk ?? '').match(/^(source#|settings)/));
    const Key = (item: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, item[name]]));
    await Promise.all(gone.map((item) => door.client.send(new DeleteCommand({ TableName, Key: Key(item) }))));
  }
}
