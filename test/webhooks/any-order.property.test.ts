import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { factsIn } from '../../shared/domain/customer.ts';
import { foldFacts } from '../../shared/domain/facts.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { orderFactsOf } from '../../shared/domain/order-facts.ts';
import { customerOf } from '../../shared/dynamodb/customer-item.ts';
import { readOrder } from '../../shared/dynamodb/order-item.ts';
import type { Fault } from '../fault-proxy.ts';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { currencies, type Expected, expectedFacts, histories, type Message, messagesOf, people } from './histories.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

const faults: Fault[] = ['throttled', 'server-error', 'conflict', 'lost-answer', 'unprocessed', 'refused'];

/** A way in which a shop may send its messages: which order, which twice, how many at once, what fails on the way. */
const sendings = fc.record({
  shuffle: fc.array(fc.nat(), { minLength: 50, maxLength: 50 }),
  repeats: fc.array(fc.nat(), { maxLength: 4 }),
  atOnce: fc.integer({ min: 1, max: 5 }),
  faults: fc.array(fc.option(fc.constantFrom(...faults), { nil: 'none' as const, freq: 3 }), { maxLength: 25 }),
});

test('whatever the order, the repetition and the faults, facts are those of the history and of the ledger', async () => {
  await fc.assert(
    fc.asyncProperty(histories, sendings, async (history, sending) => {
      await clear();
      const messages = messagesOf(history);
      const sent = [...messages, ...sending.repeats.map((n) => messages[n % messages.length] as Message)];
      await sendAll(shuffled(sent, sending.shuffle), sending);
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
    }),
    { numRuns: Number(process.env.RUNS ?? 18) },
  );
}, 120_000);

async function sendAll(messages: Message[], { atOnce, faults: planned }: { atOnce: number; faults: Fault[] }) {
  const queue = [...planned];
  door.proxy.plan = () => queue.shift() ?? 'none';
  for (let i = 0; i < messages.length; i += atOnce) {
    await Promise.all(messages.slice(i, i + atOnce).map(sendUntilTaken));
  }
  door.proxy.plan = () => 'none';
}

/** As a shop does: what was not answered with a 2xx is sent again. */
async function sendUntilTaken({ topic, body }: Message): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const answer = await door.deliver('shop', signShopify(topic, body));
    if (answer.status !== 202) {
      expect(answer.status).toBe(503);
      continue;
    }
    expect(answer.body.status).toMatch(/^(recorded|duplicate)$/);
    return;
  }
  throw new Error('never taken');
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

function shuffled<T>(list: T[], random: number[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = (random[i % random.length] ?? 0) % (i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
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
