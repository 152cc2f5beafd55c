import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { keepRates } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
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

async function tell(at: string, externalId: string, person: string, given: { currency?: string; test?: boolean } = {}) {
  const { currency = 'EUR', test = false } = given;
  const snapshot = { updatedAt: at, total: { minor: 5_000n, currency }, test };
  const order = { snapshot, placedAt: at, refunds: {}, consents: {} };
  const fact: Fact = { kind: 'order', externalId, order, who: { externalId: person }, at };
  await record(recordStore(night.store, night.tables), fact, {
    sourceId: 'shop',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    receivedAt: at,
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
