import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Interaction } from '../../shared/domain/interaction.ts';
import type { Order, Snapshot } from '../../shared/domain/order.ts';
import { customerOf } from '../../shared/dynamodb/customer-item.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import type { Fact } from '../../shared/engine/fact.ts';
import { record } from '../../shared/engine/record.ts';
import { type Door, openDoor } from './door.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

/** The three forms in which a platform tells one sale, and which other forms each of them names. */
const forms = ['session', 'invoice', 'charge'] as const;
const sales = fc.array(
  fc.record({
    cents: fc.integer({ min: 1, max: 90_000 }),
    refunded: fc.nat(3),
    person: fc.nat(1),
    /** Who names whom: each form is linked to the next, by one of the two. */
    links: fc.tuple(fc.boolean(), fc.boolean()),
    minute: fc.nat(10_000),
  }),
  { minLength: 1, maxLength: 3 },
);
const sending = fc.record({
  order: fc.array(fc.nat(), { minLength: 24, maxLength: 24 }),
  atOnce: fc.integer({ min: 1, max: 4 }),
});

let round = 0;

test('a sale that is told in several forms, each under a name of its own, counts once in whatever order they come', async () => {
  await fc.assert(
    fc.asyncProperty(sales, sending, async (history, { order, atOnce }) => {
      const run = `run${++round}`;
      const facts = history.flatMap((sale, index) => formsOf(sale, `${run}-${index}`, run));
      const sent = [...facts, ...facts.slice(0, 2)]
        .map((fact, index) => ({ fact, at: order[index % order.length] ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ fact }) => fact);
      const { tables } = door.embedded;
      const store = recordStore(door.store, tables);
      for (let index = 0; index < sent.length; index += atOnce) {
        await Promise.all(
          sent.slice(index, index + atOnce).map((fact) =>
            record(store, fact, {
              sourceId: 'shop',
              baseCurrency: 'EUR',
              baseTimeZone: 'Europe/Berlin',
              receivedAt: '2026-06-01T00:00:00.000Z',
              mint: mintWith('salt'),
            }),
          ),
        );
      }
      for (const person of [0, 1]) {
        const theirs = history.filter((sale) => sale.person === person);
        const [item] = (await door.customers()).filter(({ profile }) => profile.email?.value === emailOf(person, run));
        if (theirs.length === 0) {
          expect(item).toBeUndefined();
          continue;
        }
        const refundOf = ({ cents, refunded }: (typeof theirs)[number]) => Math.floor((cents * refunded) / 3);
        const bought = theirs.filter((sale) => refundOf(sale) < sale.cents);
        const times = bought.map(({ minute }) => timeOf(minute)).sort();
        const customer = customerOf(item as NonNullable<typeof item>);
        const { days, sales, ...facts } = customer.facts;
        const goods = sales.flatMap((day) => day.goods);
        expect(goods.reduce((sum, { net, paidBack }) => sum + net - paidBack, 0n)).toBe(facts.totalSpent);
        expect(days.reduce((sum, { purchases }) => sum + purchases, 0)).toBe(bought.length);
        expect(facts).toEqual({
          purchaseCount: bought.length,
          totalSpent: BigInt(bought.reduce((sum, sale) => sum + sale.cents - refundOf(sale), 0)),
          totalRefunded: BigInt(theirs.reduce((sum, sale) => sum + refundOf(sale), 0)),
          ...(times.length > 0 && { firstPurchaseAt: times[0], lastPurchaseAt: times.at(-1) }),
        });
        const lines = (await door.lines(customer.id)) as unknown as Interaction[];
        expect(lines.filter(({ type }) => type === 'order')).toHaveLength(theirs.length);
        const told = lines.flatMap((line) => (line.type === 'order' ? [line.order.snapshot?.rank] : []));
        expect(told).toEqual(theirs.map(() => 3));
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 25) },
  );
}, 120_000);

const emailOf = (person: number, run: string) => `${run}-${person}@example.com`;
const timeOf = (minute: number) => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();

/** Each form tells the whole amount; the refund is told twice: as one of its own, and as the sum in the charge. */
function formsOf(
  {
    cents,
    refunded,
    person,
    links,
    minute,
  }: { cents: number; refunded: number; person: number; links: [boolean, boolean]; minute: number },
  name: string,
  run: string,
): Fact[] {
  const at = timeOf(minute);
  const total = { minor: BigInt(cents), currency: 'EUR' };
  const back = { minor: BigInt(Math.floor((cents * refunded) / 3)), currency: 'EUR' };
  const named = (form: string) => `${form}-${name}`;
  const others = forms.map((_, index) => [
    ...(links[index] ? [named(forms[index + 1] as string)] : []),
    ...(index > 0 && !links[index - 1] ? [named(forms[index - 1] as string)] : []),
  ]);
  return forms.map((form, index): Fact => {
    const snapshot: Snapshot = { updatedAt: at, rank: 3 - index, total, test: false };
    const order: Order = { snapshot, placedAt: at, refunds: {}, consents: {} };
    if (form === 'charge' && back.minor > 0n) order.refundedInAll = { amount: back, refundedAt: at };
    if (form === 'invoice' && back.minor > 0n) order.refunds = { [`re-${name}`]: { amount: back, refundedAt: at } };
    const who = { email: emailOf(person, run) };
    return { kind: 'order', externalId: named(form), alsoKnownAs: others[index] ?? [], order, who, at };
  });
}
