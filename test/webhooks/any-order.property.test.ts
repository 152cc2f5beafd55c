import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { factsIn } from '../../shared/domain/customer.ts';
import { foldFacts } from '../../shared/domain/facts.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { orderFactsOf } from '../../shared/domain/order-facts.ts';
import { customerOf } from '../../shared/dynamodb/customer-item.ts';
import { readOrder } from '../../shared/dynamodb/order-item.ts';
import { shopify } from '../../shared/storefronts/shopify.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import {
  currencies,
  type Expected,
  expectedFacts,
  histories,
  messagesOf,
  type OrderHistory,
  people,
} from './histories.ts';
import { sendAll, sendings } from './sending.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

test('whatever the order, the repetition and the faults, facts are those of the history and of the ledger', async () => {
  await fc.assert(
    fc.asyncProperty(histories, sendings, async (history, sending) => {
      await clear();
      const messages = messagesOf(history).map(({ topic, body }) => signShopify(topic, body));
      await sendAll(door, 'shop', messages, sending);
      await expectFacts(history);
    }),
    { numRuns: Number(process.env.RUNS ?? 14) },
  );
}, 120_000);

const rounds = fc.array(fc.record({ mended: fc.boolean(), sending: sendings }), { minLength: 1, maxLength: 2 });

test('read wrongly, and again by the mended mapping, before or after: facts are those of the mended one', async () => {
  await fc.assert(
    fc.asyncProperty(histories, rounds, sendings, fc.integer({ min: -99, max: 99 }), async (history, some, all, by) => {
      await clear();
      const messages = messagesOf(history).map(({ topic, body }) => signShopify(topic, body));
      for (const { mended, sending } of some) {
        const half = messages.filter((_, index) => index % 2 === (sending.shuffle[0] ?? 0) % 2);
        if (half.length > 0) await readBy(mended, by, () => sendAll(door, 'shop', half, sending));
      }
      await readBy(true, by, () => sendAll(door, 'shop', messages, all));
      // A function of before the mend may still be at work.
      await readBy(false, by, () => sendAll(door, 'shop', messages.slice(0, 3), all));
      await expectFacts(history);
    }),
    { numRuns: Number(process.env.RUNS ?? 5) },
  );
}, 120_000);

/** Reads by the mended mapping, or by the one before, which is wrong by so many cents. */
async function readBy(mended: boolean, by: number, act: () => Promise<void>): Promise<void> {
  const translate = shopify.translate.bind(shopify);
  const spy = vi.spyOn(shopify, 'translate').mockImplementation((body, delivery, source) => {
    const said = translate(body, delivery, source);
    const total = said.kind === 'fact' && said.fact.kind === 'order' ? said.fact.order.snapshot?.total : undefined;
    if (total && !mended) total.minor = total.minor + BigInt(by) < 0n ? 0n : total.minor + BigInt(by);
    return said;
  });
  if (mended) shopify.reading = 1;
  try {
    await act();
  } finally {
    spy.mockRestore();
    delete shopify.reading;
  }
}

async function expectFacts(history: OrderHistory[]): Promise<void> {
  const customers = await door.customers();
  for (let person = 0; person < people; person++) {
    const known = customers.filter(({ profile }) => profile.email?.value === `person${person}@example.com`);
    const involved = history.some((order) => order.person === person);
    expect(known.length).toBe(involved ? 1 : 0);
    for (const customer of known.map(customerOf)) {
      for (const currency of currencies) {
        const facts = plain(factsIn(customer, currency, 'EUR'));
        expect(facts).toEqual(expectedFacts(history, person, currency));
        expect(plain(await foldOfLedger(customer.id, currency))).toEqual(facts);
      }
    }
  }
}

async function foldOfLedger(customerId: string, currency: string) {
  const lines = (await door.lines(customerId)) as unknown as Interaction[];
  const orders = lines.flatMap((line) => (line.type === 'order' ? [readOrder(line.order)] : []));
  const contributions = orders.map(orderFactsOf).filter((contribution) => contribution.currency === currency);
  return foldFacts(contributions, calendarOf('Europe/Berlin'));
}

function plain(facts: ReturnType<typeof foldFacts>): Expected {
  return {
    purchaseCount: facts.purchaseCount,
    totalSpent: Number(facts.totalSpent),
    totalRefunded: Number(facts.totalRefunded),
    firstPurchaseAt: facts.firstPurchaseAt,
    lastPurchaseAt: facts.lastPurchaseAt,
    days: Object.fromEntries(
      facts.days.map(({ day, purchases, spent }) => [
        new Date(day * 86_400_000).toISOString().slice(0, 10),
        [purchases, Number(spent)],
      ]),
    ),
  };
}

/** The source stays; customers, lines and identities go. */
async function clear(): Promise<void> {
  const { tables } = door.embedded;
  const keys = { [tables.customers]: ['customerId'], [tables.ledger]: ['pk', 'sk'], [tables.registry]: ['pk', 'sk'] };
  for (const [TableName, names] of Object.entries(keys)) {
    const { Items = [] } = await door.client.send(new ScanCommand({ TableName, Limit: 1000 }));
    const gone = Items.filter(({ pk }) => !String(pk ?? '').match(/^(source#|settings)/));
    const Key = (item: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, item[name]]));
    await Promise.all(gone.map((item) => door.client.send(new DeleteCommand({ TableName, Key: Key(item) }))));
  }
}
