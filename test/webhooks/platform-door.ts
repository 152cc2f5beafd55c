import { DeleteCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect } from 'vitest';
import { factsIn } from '../../shared/domain/customer.ts';
import type { Source } from '../../shared/domain/source.ts';
import { customerOf } from '../../shared/dynamodb/customer-item.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import type { Signed } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { sendAll, sendings } from './sending.ts';

/** The webhook function with one source of a platform, `shop`. */
export interface PlatformDoor extends Door {
  source: Source;
  /** Changes the source for what comes from now on. */
  configure(changes: Partial<Source>): Promise<void>;
  send(signed: Signed): Promise<{ status: number; body: Record<string, unknown> }>;
  /** The one customer with this address. */
  customer(email: string): Promise<ReturnType<typeof customerOf> | undefined>;
  get(query: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Customers, lines and identities go; the source stays. */
  clear(): Promise<void>;
}

export async function openPlatform(platform: Source['platform'], settings: Partial<Source>): Promise<PlatformDoor> {
  const door = await openDoor();
  const at = '2026-01-01T00:00:00.000Z';
  const source: Source = {
    id: 'shop',
    platform,
    secrets: [],
    currency: 'EUR',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    timeZone: 'Europe/Berlin',
    countsWhen: 'placed',
    revision: 1,
    createdAt: at,
    updatedAt: at,
    ...settings,
  };
  const { registry } = door.embedded.tables;
  const configure = async (changes: Partial<Source>) => {
    const Item = { ...sourceKey(source.id), ...source, ...changes };
    await door.client.send(new PutCommand({ TableName: registry, Item }));
  };
  await configure({});
  const { handler } = await import('../../functions/webhooks/receive.ts');
  return {
    ...door,
    source,
    configure,
    send: (signed) => door.deliver(source.id, signed),
    async customer(email) {
      const [one, ...more] = (await door.customers()).filter(({ profile }) => profile.email?.value === email);
      expect(more).toEqual([]);
      return one && customerOf(one);
    },
    async get(query) {
      const routeKey = 'GET /v1/webhooks/{sourceId}';
      const answer = await handler(httpEvent({ routeKey, params: { sourceId: source.id }, query }), lambdaContext());
      return { status: Number(answer.statusCode), body: JSON.parse(answer.body ?? '{}') };
    },
    clear: () => clear(door),
  };
}

async function clear({ embedded: { tables }, client }: Door): Promise<void> {
  const keys = { [tables.customers]: ['customerId'], [tables.ledger]: ['pk', 'sk'], [tables.registry]: ['pk', 'sk'] };
  for (const [TableName, names] of Object.entries(keys)) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName, Limit: 1000 }));
    const gone = Items.filter(({ pk }) => !String(pk ?? '').match(/^(source#|settings)/));
    const Key = (item: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, item[name]]));
    await Promise.all(gone.map((item) => client.send(new DeleteCommand({ TableName, Key: Key(item) }))));
  }
}

/** One sale of a made-up history. */
export interface Sale {
  n: number;
  person: number;
  guest: boolean;
  cents: number;
  /** Minutes since the beginning of 2026. */
  minute: number;
  paid: boolean;
  cancelled: boolean;
  refunds: number[];
}

const people = 2;
const start = Date.UTC(2026, 0, 1);
export const timeOf = (minute: number) => new Date(start + minute * 60_000).toISOString();
export const euros = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
export const emailOf = (person: number) => `person${person}@example.com`;

const sales: fc.Arbitrary<Sale[]> = fc
  .array(
    fc.record({
      person: fc.nat(people - 1),
      guest: fc.boolean(),
      cents: fc.integer({ min: 1, max: 50_000 }),
      paid: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
      cancelled: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      shares: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) =>
    list.map(({ shares, ...sale }, index) => ({
      ...sale,
      n: 100 + index,
      minute: index * 1000,
      refunds: shares
        .map((share) => Math.floor((sale.cents * share) / 50 / shares.length))
        .filter((cents) => cents > 0),
    })),
  );

/** Added up by hand from the history. */
function expectedOf(history: Sale[], countsWhen: Source['countsWhen']) {
  const facts = { purchaseCount: 0, totalSpent: 0n, totalRefunded: 0n };
  let firstPurchaseAt: string | undefined;
  let lastPurchaseAt: string | undefined;
  for (const { cents, refunds, paid, cancelled, minute } of history) {
    if (countsWhen === 'paid' && !paid) continue;
    const refunded = refunds.reduce((sum, part) => sum + part, 0);
    facts.totalRefunded += BigInt(refunded);
    if (cancelled || (refunded > 0 && refunded >= cents)) continue;
    facts.purchaseCount += 1;
    facts.totalSpent += BigInt(cents - refunded);
    firstPurchaseAt ??= timeOf(minute);
    lastPurchaseAt = timeOf(minute);
  }
  return { ...facts, firstPurchaseAt, lastPurchaseAt };
}

/**
 * Any history, its messages in any order, some of them twice, by several senders, while the store fails: each person is one
 * customer, to the cent.
 * @param messages what the platform sends about one sale, in the order of time
 * @param told what the platform can tell of a sale at all
 */
export async function anyHistory(
  door: PlatformDoor,
  messages: (sale: Sale) => Signed[],
  told: (sale: Sale) => Sale = (sale) => sale,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(sales, sendings, async (made, way) => {
      await door.clear();
      const history = made.map(told);
      await sendAll(door, door.source.id, history.flatMap(messages), way);
      for (let person = 0; person < people; person++) {
        const own = history.filter((sale) => sale.person === person);
        const customer = await door.customer(emailOf(person));
        expect(customer !== undefined).toBe(own.length > 0);
        if (!customer) continue;
        const { purchaseCount, totalSpent, totalRefunded, firstPurchaseAt, lastPurchaseAt } = factsIn(
          customer,
          'EUR',
          'EUR',
        );
        expect({ purchaseCount, totalSpent, totalRefunded, firstPurchaseAt, lastPurchaseAt }).toEqual(
          expectedOf(own, door.source.countsWhen),
        );
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 6) },
  );
}
