import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import type { Order } from '../../shared/domain/order.ts';
import type { Receipt, ValueRun } from '../../shared/domain/value-run.ts';
import { keepRates } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { receiptStore } from '../../shared/dynamodb/receipt-store.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import type { Fact } from '../../shared/engine/fact.ts';
import { record } from '../../shared/engine/record.ts';
import { aNight, type Night } from './sequencer.ts';

let night: Night;
beforeEach(async () => {
  night = await aNight({ segments: 1 });
});
afterEach(() => night.stop());

const day = (number: number) => `2026-03-${String(number).padStart(2, '0')}T10:00:00.000Z`;

interface Given {
  currency?: string;
  test?: boolean;
  awaitsPayment?: true;
}

async function tell(at: string, externalId: string, person: string, given: Given = {}) {
  const { currency = 'EUR', ...state } = given;
  const snapshot = { updatedAt: at, total: { minor: 5_000n, currency }, test: false, ...state };
  await say(at, externalId, { snapshot, placedAt: at }, person);
}

async function say(receivedAt: string, externalId: string, said: Partial<Order>, person?: string) {
  const order = { refunds: {}, consents: {}, ...said };
  const fact: Fact = { kind: 'order', externalId, order, who: person ? { externalId: person } : {}, at: receivedAt };
  await record(recordStore(night.store, night.tables), fact, {
    sourceId: 'shop',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    receivedAt,
    mint: mintWith('salt'),
  });
}

async function nightAt(asOf: string): Promise<ValueRun> {
  await night.holdClock(asOf);
  return (await night.run({ asOf })) as ValueRun;
}

async function replayOf({ id, asOf }: ValueRun) {
  const replay = await night.run({ asOf, runId: `replay_${id}`, rehearsal: { kind: 'replay', of: id } });
  const { customers, differences, sameFit, sameCustomers, missing } = replay?.report ?? {};
  return { customers, differences, sameFit, sameCustomers, missing };
}

const same = { differences: 0, sameFit: true, sameCustomers: true, missing: 0 };

it('leaves out whom only a test order spoke of then, whatever came since', async () => {
  await tell(day(1), 'A', 'ada');
  await tell(day(1), 'T', 'tess', { test: true });
  const run = await nightAt(day(2));
  expect(run.report?.customers).toBe(1);
  await tell(day(3), 'B', 'tess');
  await night.holdClock(day(9));
  expect(await replayOf(run)).toEqual({ ...same, customers: 1 });
});

it('leaves out what waited for a rate then', async () => {
  await tell(day(1), 'A', 'ada');
  await tell(day(1), 'U', 'uma', { currency: 'USD' });
  await tell(day(1), 'V', 'ada', { currency: 'USD' });
  const before = await nightAt(day(2));
  expect(before.report).toMatchObject({ customers: 1, waiting: { USD: 2 } });
  const rate = { numerator: 10832n, denominator: 10000n, currency: 'USD', base: 'EUR', date: '2026-03-01' };
  await keepRates(night.store, night.tables.registry, [rate]);
  const after = await nightAt(day(3));
  expect(after.report).toMatchObject({ customers: 2, buyers: 2, waiting: {} });
  await night.holdClock(day(9));
  expect(await replayOf(before)).toEqual({ ...same, customers: 1 });
  expect(await replayOf(after)).toEqual({ ...same, customers: 2 });
});

it('leaves out payments and cancellations that were told after it, however they are dated', async () => {
  await tell(day(1), 'A', 'ada');
  await tell(day(1), 'P', 'pia', { awaitsPayment: true });
  await tell(day(1), 'W', 'wes', { awaitsPayment: true });
  const before = await nightAt(day(3));
  expect(before.report).toMatchObject({ customers: 3, buyers: 1 });
  await say(day(4), 'P', { paidAt: day(2) });
  // As a shop whose state of an order says whether it counts.
  await say(day(4), 'W', { snapshot: { updatedAt: day(2), total: { minor: 5_000n, currency: 'EUR' }, test: false } });
  await say(day(4), 'A', { cancelledAt: day(2) });
  const after = await nightAt(day(5));
  expect(after.report).toMatchObject({ customers: 3, buyers: 2 });
  await night.holdClock(day(9));
  expect(await replayOf(before)).toEqual({ ...same, customers: 3 });
  expect(await replayOf(after)).toEqual({ ...same, customers: 3 });
});

it('names who is missing, and says so where others are counted than then', async () => {
  for (const person of ['ada', 'bea', 'cem']) await tell(day(1), person, person);
  const run = await nightAt(day(2));
  const customers = [...(await night.customers()).values()];
  const idOf = (person: string) => customers.find(({ sourceIds }) => sourceIds.shop === person)?.id ?? '';
  const remove = (customerId: string) =>
    night.client.send(new DeleteCommand({ TableName: night.tables.customers, Key: { customerId } }));
  await night.holdClock(day(9));
  expect(await replayOf(run)).toMatchObject({ missing: 0, sameCustomers: true });
  await remove(idOf('bea'));
  const fewer = await night.run({ asOf: run.asOf, runId: 'replay_2', rehearsal: { kind: 'replay', of: run.id } });
  expect(fewer?.report).toMatchObject({ customers: 2, missing: 1, sameCustomers: false });
  // As many again, but another one.
  const { bea } = Object.fromEntries(customers.map((one) => [one.sourceIds.shop, one]));
  await night.put([{ ...(bea as Customer), id: 'cus_other' }]);
  const others = await night.run({ asOf: run.asOf, runId: 'replay_3', rehearsal: { kind: 'replay', of: run.id } });
  expect(others?.report).toMatchObject({ sameCustomers: false });
});

it('reads what a customer was since in few calls, and counts what they cost', async () => {
  await tell(day(1), 'A', 'ada');
  const run = await nightAt(day(2));
  const [receipt] = await night.receipts();
  const [ada] = (await night.customers()).values();
  if (!receipt || !ada?.standing) throw new Error('nobody was judged');
  const since: Receipt[] = Array.from({ length: 60 }, (_, index) => ({
    ...receipt,
    runId: `later_${index}`,
    previousRunId: index === 0 ? run.id : `later_${index - 1}`,
    asOf: new Date(Date.parse(day(3)) + index * 3_600_000).toISOString(),
  }));
  await receiptStore(night.store, night.tables.ledger).put(since);
  await night.put([{ ...ada, standing: { ...ada.standing, runId: 'later_59' } }]);
  await night.holdClock(day(9));
  let calls = 0;
  let read = 0;
  night.watch(async ({ operation, input, send }) => {
    const answer = (await send()) as { ConsumedCapacity?: { CapacityUnits?: number } };
    const { ':receipts': place } = (input.ExpressionAttributeValues ?? {}) as Record<string, unknown>;
    if (operation !== 'Query' || place === undefined) return answer;
    calls += 1;
    read += answer.ConsumedCapacity?.CapacityUnits ?? 0;
    return answer;
  });
  const replay = await night.run({ asOf: run.asOf, runId: 'replay', rehearsal: { kind: 'replay', of: run.id } });
  expect(replay?.report).toMatchObject({ ...same, customers: 1 });
  // Each of its two passes has some twenty-five a call.
  expect(calls).toBe(6);
  expect(read).toBeGreaterThan(10);
  expect(replay?.report?.units.read).toBeGreaterThan(read);
});
