import { afterEach, beforeEach, expect, it } from 'vitest';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { mergeCustomers, unmergeCustomer } from '../../shared/engine/merge-customers.ts';
import { aBuyer, ada, asOf, ben, cem, dee, shop } from './population.ts';
import { aNight, type Night, onceBefore } from './sequencer.ts';

let night: Night;
beforeEach(async () => {
  night = await aNight({ segments: 1 });
  await night.put(shop);
});
afterEach(() => night.stop());

const frame = { at: '2026-03-29T20:00:00.000Z', by: 'api:key_1', mint: mintWith('salt') };
const merge = (from: string, into: string) =>
  mergeCustomers(recordStore(night.store, { ...night.tables }), { from, into }, frame);
const unmerge = (customerId: string) =>
  unmergeCustomer(recordStore(night.store, { ...night.tables }), { customerId }, frame);

it('counts who was merged once, and judges by what all persons did', async () => {
  await merge(ben.id, cem.id);
  const run = await night.run({ asOf });
  expect(run?.report).toMatchObject({
    customers: 3,
    buyers: 2,
    changed: 3,
    tiers: { platinum: 1, bronze: 1, prospect: 1 },
  });
  const receipts = await night.receipts();
  expect(receipts.map(({ customerId }) => customerId).sort()).toEqual([ada.id, cem.id, dee.id]);
  expect(receipts.find(({ customerId }) => customerId === cem.id)).toMatchObject({
    inputs: { daysSinceLastPurchase: 119, purchaseCount: 3, totalSpent: 10_900n },
  });
});

it('judges each of two again who were taken apart, from the standing that each had', async () => {
  await night.run({ asOf });
  const before = await night.customers();
  await merge(ben.id, ada.id);
  expect((await night.customers()).get(ada.id)?.standing).toEqual(before.get(ada.id)?.standing);
  await night.run({ asOf: '2026-03-31T01:00:00.000Z' });
  await unmerge(ben.id);
  const after = await night.customers();
  expect(after.get(ben.id)).toMatchObject({ facts: ben.facts, standing: before.get(ben.id)?.standing });
  const run = await night.run({ asOf: '2026-04-01T01:00:00.000Z' });
  expect(run?.report).toMatchObject({ customers: 4, buyers: 3 });
  const judged = await night.customers();
  for (const id of [ada.id, ben.id]) expect(judged.get(id)?.standing?.tier).toBe(before.get(id)?.standing?.tier);
});

it('goes on where somebody is merged while it writes, and leaves no receipt of who is no customer any more', async () => {
  onceBefore(night, 'BatchExecuteStatement', async () => void (await merge(ben.id, cem.id)));
  const run = await night.run({ asOf });
  expect(run?.report).toMatchObject({ customers: 3, changed: 3 });
  expect((await night.receipts()).map(({ customerId }) => customerId).sort()).toEqual([ada.id, cem.id, dee.id]);
  expect((await night.customers()).get(cem.id)?.standing).toMatchObject({ tier: 'bronze' });
});

it('goes on where somebody is taken apart while it writes', async () => {
  await merge(ben.id, cem.id);
  onceBefore(night, 'BatchExecuteStatement', async () => void (await unmerge(ben.id)));
  await night.run({ asOf });
  expect((await night.customers()).get(cem.id)?.standing?.tier).toBe('basic');
  await night.run({ asOf: '2026-03-31T01:00:00.000Z' });
  expect((await night.customers()).get(ben.id)?.standing?.tier).toBe('bronze');
});

it('writes the standing of a customer of several persons, whose later orders still find their place', async () => {
  await night.put([aBuyer('eve', 1, 500n, '2026-03-01T12:00:00.000Z')]);
  await merge('cus_eve', ada.id);
  await night.run({ asOf });
  const { standing, parts } = (await night.customers()).get(ada.id) ?? {};
  expect(standing?.tier).toBe('platinum');
  expect(Object.keys(parts ?? {}).sort()).toEqual([ada.id, 'cus_eve']);
  expect(Object.values(parts ?? {}).map((part) => part.standing)).toEqual([undefined, undefined]);
});
