import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rate } from '../../shared/domain/exchange-rate.ts';
import { findRate, keepRates } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { waitingList } from '../../shared/dynamodb/waiting-store.ts';
import { record } from '../../shared/engine/record.ts';
import { aNight, type Night } from '../nightly/sequencer.ts';

let night: Night;
beforeAll(async () => {
  night = await aNight({ segments: 2 });
});
afterAll(() => night.stop());

let asOf = Date.UTC(2026, 2, 10, 2);
const nextNight = () => {
  asOf += 86_400_000;
  return { asOf: new Date(asOf).toISOString() };
};

const frame = {
  sourceId: 'shop',
  baseCurrency: 'EUR',
  baseTimeZone: 'Europe/Berlin',
  receivedAt: '2026-03-09T10:00:00.000Z',
  mint: mintWith('salt'),
};

async function buys(id: string, who: string, minor: bigint, currency: string, placedAt = '2026-03-05T10:00:00.000Z') {
  const snapshot = { updatedAt: placedAt, total: { minor, currency }, test: false };
  const order = { snapshot, placedAt, refunds: {}, consents: {} };
  const fact = { kind: 'order' as const, externalId: id, order, who: { externalId: who }, at: placedAt };
  const { customerId = '' } = await record(recordStore(night.store, night.tables), fact, frame);
  return customerId;
}

const aRate = (currency: string, date: string, numerator: bigint, denominator = 1n): Rate => ({
  currency,
  base: 'EUR',
  date,
  numerator,
  denominator,
});
const publish = (...rates: Rate[]) => keepRates(night.store, night.tables.registry, rates);
const customer = async (id: string) => {
  const found = (await night.customers()).get(id);
  if (!found) throw new Error('nobody');
  return found;
};

describe('the night', () => {
  it('says how many orders waited, and leaves out who bought nothing else', async () => {
    const ada = await buys('1', 'ada', 20_000n, 'USD');
    await buys('2', 'ada', 5_000n, 'USD');
    await buys('3', 'ben', 16_000n, 'JPY');
    await buys('4', 'ben', 1_000n, 'EUR');
    const run = await night.run(nextNight());
    expect(run?.report).toMatchObject({ customers: 1, buyers: 1, waiting: { USD: 2, JPY: 1 } });
    expect((await customer(ada)).standing).toBeUndefined();
  });

  it('counts what waited before it measures, once the rate is there, and not for outreach', async () => {
    const ada = await buys('1', 'ada', 20_000n, 'USD');
    expect((await customer(ada)).lastLiveOrderAt).toBeDefined();
    await publish(aRate('USD', '2026-03-01', 2n));
    const run = await night.run(nextNight());
    expect(run?.report).toMatchObject({ customers: 2, buyers: 2, waiting: { JPY: 1 } });
    const { facts, waiting, standing, lastLiveOrderAt } = await customer(ada);
    expect(facts).toMatchObject({ purchaseCount: 2, totalSpent: 12_500n });
    expect([waiting, lastLiveOrderAt]).toEqual([{}, undefined]);
    expect(standing?.tier).not.toBe('prospect');
    expect((await night.run(nextNight()))?.report).toMatchObject({ changed: 0, waiting: { JPY: 1 } });
  });

  it('goes on where it was when its time is over, page after page', async () => {
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        buys(`many-${n}`, `m${n}`, BigInt(n + 1), 'GBP', '2026-03-06T10:00:00.000Z'),
      ),
    );
    await publish(aRate('GBP', '2026-03-06', 1n, 2n));
    const run = await night.run(nextNight(), { remaining: 0 });
    expect(run?.report?.waiting).toEqual({ JPY: 1 });
    for (const [n, id] of ids.entries()) expect((await customer(id)).facts.totalSpent).toBe(BigInt(2 * (n + 1)));
  });

  it('survives steps that break off', async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, (_, n) => buys(`broken-${n}`, `b${n}`, 100n, 'CHF', '2026-03-07T10:00:00.000Z')),
    );
    await publish(aRate('CHF', '2026-03-07', 1n));
    let calls = 0;
    let died = 0;
    night.watch(async (call) => {
      calls += 1;
      if (call.operation === 'TransactWrite' && calls % 3 === 0) {
        await call.send();
        died += 1;
        throw new Error('died after writing');
      }
      return call.send();
    });
    for (let segment = 0; segment < 4; segment++) {
      let done = false;
      while (!done)
        done = await night.steps
          .countWaiting({ segment, of: 4 }, { getRemainingTimeInMillis: () => 60_000 })
          .then((answer) => answer.done)
          .catch(() => false);
    }
    night.watch((call) => call.send());
    expect(died).toBeGreaterThan(0);
    for (const id of ids) expect((await customer(id)).facts).toMatchObject({ purchaseCount: 1, totalSpent: 100n });
  });

  it('asks little for what goes on waiting, however much that is', async () => {
    const days = Array.from({ length: 60 }, (_, n) => new Date(Date.UTC(2025, 0, 1 + n)).toISOString());
    await Promise.all(days.map((placedAt, n) => buys(`sek-${n}`, `s${n}`, 100n, 'SEK', placedAt)));
    await publish(aRate('SEK', '2025-02-25', 10n));
    const calls: string[] = [];
    night.watch((call) => {
      calls.push(call.operation);
      return call.send();
    });
    await night.steps.countWaiting({ segment: 0, of: 1 }, { getRemainingTimeInMillis: () => 60_000 });
    night.watch((call) => call.send());
    const counted = calls.filter((operation) => operation === 'TransactWrite').length;
    // From 25 February to 1 March, the sixtieth day.
    expect(counted).toBe(5);
    expect(calls.filter((operation) => operation === 'Query').length).toBeLessThan(60);
  });
});

describe('an order', () => {
  const listed = async () => {
    const list = waitingList(night.store, night.tables.registry);
    const shards = await Promise.all(
      Array.from({ length: list.shards }, (_, shard) => list.page(shard, undefined, 1000)),
    );
    return shards.flat();
  };
  const placedAt = '2026-02-02T10:00:00.000Z';
  const count = () => night.steps.countWaiting({ segment: 0, of: 1 }, { getRemainingTimeInMillis: () => 60_000 });

  it('that turns out to be in another currency waits for that one, or no more', async () => {
    const say = (currency: string, minute: number) => {
      const updatedAt = `2026-02-02T10:0${minute}:00.000Z`;
      const snapshot = { updatedAt, total: { minor: 1000n, currency }, test: false };
      const order = { snapshot, placedAt, refunds: {}, consents: {} };
      const fact = { kind: 'order' as const, externalId: 'turns', order, who: { externalId: 'eva' }, at: updatedAt };
      return record(recordStore(night.store, night.tables), fact, frame);
    };
    const waits = async () =>
      (await listed()).filter(({ natural }) => natural.externalId === 'turns').map(({ currency }) => currency);
    await publish(aRate('BRL', '2026-02-01', 5n));
    const { customerId = '' } = await say('BRL', 0);
    expect((await customer(customerId)).facts.totalSpent).toBe(200n);
    await say('ZAR', 1);
    expect(await waits()).toEqual(['ZAR']);
    expect((await customer(customerId)).facts.purchaseCount).toBe(0);
    await say('TRY', 2);
    expect(await waits()).toEqual(['TRY']);
    expect(Object.keys((await customer(customerId)).waiting)).toEqual(['TRY']);
    await say('EUR', 3);
    expect(await waits()).toEqual([]);
    const { facts, waiting } = await customer(customerId);
    expect([facts.totalSpent, waiting]).toEqual([1000n, {}]);
  });

  it('that was told in several forms waits once, and is counted once', async () => {
    const say = (externalId: string, alsoKnownAs: string[] = []) => {
      const snapshot = { updatedAt: placedAt, total: { minor: 700n, currency: 'THB' }, test: false };
      const order = { snapshot, placedAt, refunds: {}, consents: {} };
      const who = { externalId: 'fay' };
      const fact = { kind: 'order' as const, externalId, alsoKnownAs, order, who, at: placedAt };
      return record(recordStore(night.store, night.tables), fact, frame);
    };
    await say('session');
    await say('charge');
    const { customerId = '' } = await say('invoice', ['session', 'charge']);
    expect((await listed()).filter(({ currency }) => currency === 'THB')).toHaveLength(1);
    expect((await customer(customerId)).waiting.THB?.purchaseCount).toBe(1);
    await publish(aRate('THB', '2026-02-02', 7n));
    await count();
    const { facts, waiting } = await customer(customerId);
    expect([facts.purchaseCount, facts.totalSpent, waiting]).toEqual([1, 100n, {}]);
    expect((await listed()).filter(({ currency }) => currency === 'THB')).toEqual([]);
  });
});

describe('who is merged of several persons', () => {
  it('is no occasion for outreach either when an order of one of them comes in late', async () => {
    const { mergeCustomers } = await import('../../shared/engine/merge-customers.ts');
    const store = recordStore(night.store, night.tables);
    const cem = await buys('cem-1', 'cem', 100n, 'NOK', '2026-03-01T10:00:00.000Z');
    const dee = await buys('dee-1', 'dee', 100n, 'EUR', '2026-03-01T10:00:00.000Z');
    await mergeCustomers(store, { from: cem, into: dee }, { at: frame.receivedAt, by: 'api:test', mint: frame.mint });
    await buys('dee-2', 'dee', 100n, 'EUR', '2026-03-08T10:00:00.000Z');
    expect((await customer(dee)).lastLiveOrderAt).toBe('2026-03-08T10:00:00.000Z');
    await publish(aRate('NOK', '2026-03-01', 10n));
    expect((await night.run(nextNight()))?.report?.waiting?.NOK).toBeUndefined();
    const { facts, lastLiveOrderAt } = await customer(dee);
    expect(facts).toMatchObject({ purchaseCount: 3, totalSpent: 210n });
    expect(lastLiveOrderAt).toBeUndefined();
    await buys('dee-3', 'dee', 100n, 'EUR', '2026-03-09T10:00:00.000Z');
    expect((await customer(dee)).lastLiveOrderAt).toBe('2026-03-09T10:00:00.000Z');
  });
});

describe('a rate that was read', () => {
  const read = (day: string, trustedFor: number) =>
    findRate(
      night.store,
      night.tables.registry,
      { currency: 'PLN', base: 'EUR', day },
      { consistent: true, trustedFor },
    );

  it('is remembered for a while, and that there was none is not', async () => {
    expect(await read('2026-05-01', 60_000)).toBeUndefined();
    await publish(aRate('PLN', '2026-05-01', 4n));
    expect((await read('2026-05-01', 60_000))?.numerator).toBe(4n);
    await publish(aRate('PLN', '2026-05-01', 5n));
    expect((await read('2026-05-01', 60_000))?.numerator).toBe(4n);
    expect((await read('2026-05-01', 0))?.numerator).toBe(5n);
  });
});

describe('rates that come at once', () => {
  it('are all kept, though they are of the same days', async () => {
    const codes = ['AUD', 'CAD', 'CZK', 'DKK', 'HUF', 'INR', 'MXN', 'NZD'];
    const days = Array.from({ length: 70 }, (_, n) => new Date(Date.UTC(2024, 0, 1 + n)).toISOString().slice(0, 10));
    await Promise.all(codes.map((code) => publish(...days.map((day) => aRate(code, day, 2n)))));
    for (const currency of codes)
      for (const day of [days[0], days[69]] as string[]) {
        const wanted = { currency, base: 'EUR', day };
        const found = await findRate(night.store, night.tables.registry, wanted, { consistent: true, trustedFor: 0 });
        expect(found?.date).toBe(day);
      }
  });
});
