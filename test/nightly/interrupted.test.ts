import { DeleteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import { runKey } from '../../shared/dynamodb/keys.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import { storeUnavailable } from '../../shared/engine/problem.ts';
import { aBuyer, asOf, ben, bought, shop } from './population.ts';
import { aNight, type Night, onceBefore } from './sequencer.ts';

const context = { getRemainingTimeInMillis: () => 60_000 };

let night: Night;
beforeEach(async () => {
  // One segment, so that what happens in between falls between its steps.
  night = await aNight({ segments: 1 });
});
afterEach(() => night.stop());

describe('while the night is on', () => {
  it('a purchase between the pages and the writing counts', async () => {
    await night.put(shop);
    onceBefore(night, 'BatchExecuteStatement', () => night.put([bought(ben, 95_000n)]));
    const run = await night.run({ asOf });
    const { standing, facts } = (await night.customers()).get('cus_ben') as Customer;
    expect(facts.totalSpent).toBe(104_900n);
    expect(standing).toMatchObject({ tier: 'platinum', scores: { recency: 5, frequency: 3, monetary: 5 } });
    const receipt = (await night.receipts()).find(({ customerId }) => customerId === 'cus_ben');
    expect(receipt).toMatchObject({ tier: 'platinum', inputs: { purchaseCount: 3, totalSpent: 104_900n } });
    expect(run?.report).toMatchObject({ changed: 4, tiers: { platinum: 2, basic: 1, prospect: 1 } });
  });

  it('a purchase that makes the change void takes the receipt away', async () => {
    await night.put(shop);
    await night.run({ asOf });
    const next = '2026-03-31T01:00:00.000Z';
    const before = (await night.customers()).get('cus_dee') as Customer;
    await night.put([bought(before, 60_000n)]);
    onceBefore(night, 'BatchExecuteStatement', () => night.put([{ ...before, version: before.version + 2 }]));
    const run = await night.run({ asOf: next });
    expect(run?.report).toMatchObject({ changed: 0, tiers: { prospect: 1 } });
    expect((await night.receipts()).filter((receipt) => receipt.asOf === next)).toEqual([]);
  });

  it('one who is deleted does not come back', async () => {
    await night.put(shop);
    onceBefore(night, 'BatchExecuteStatement', () => remove('cus_ben'));
    const run = await night.run({ asOf });
    expect([...(await night.customers()).keys()].sort()).toEqual(['cus_ada', 'cus_cem', 'cus_dee']);
    expect((await night.receipts()).map(({ customerId }) => customerId).sort()).toEqual([
      'cus_ada',
      'cus_cem',
      'cus_dee',
    ]);
    expect(run?.report).toMatchObject({ customers: 3, changed: 3 });
  });

  it('a receipt of a step that was killed goes where the customer no longer changes', async () => {
    await night.put(shop);
    let killed = false;
    night.watch(async (call) => {
      if (!killed && call.operation === 'BatchExecuteStatement') {
        killed = true;
        expect(await night.receipts()).toHaveLength(4);
        await remove('cus_ada');
        await night.put([{ ...ben, live: false, version: 9 }]);
        throw new Error('killed');
      }
      return call.send();
    });
    const run = await night.run({ asOf });
    expect((await night.receipts()).map(({ customerId }) => customerId).sort()).toEqual(['cus_cem', 'cus_dee']);
    expect(run?.report).toMatchObject({ customers: 2, changed: 2 });
  });

  it('what was counted before a step was killed is not counted again', async () => {
    const many = Array.from({ length: 480 }, (_, index) => aBuyer(`many-${index}`, 1, 100n, asOf));
    await night.put(many);
    await night.run({ asOf });
    const now = [...(await night.customers()).values()];
    await night.put(now.filter((_, index) => index % 4 !== 0).map((customer) => bought(customer, 50_000n)));
    let writes = 0;
    night.watch(async (call) => {
      if (call.operation === 'Scan') return call.send({ ...call.input, Limit: 50 });
      if (call.operation === 'BatchExecuteStatement' && ++writes === 12) throw new Error('killed');
      return call.send();
    });
    const run = await night.run({ asOf: '2026-03-31T01:00:00.000Z' });
    expect(writes).toBeGreaterThan(12);
    expect(run?.report).toMatchObject({ customers: 480, buyers: 480, changed: 360 });
    expect(await night.receipts()).toHaveLength(840);
  });

  it.each([
    ['a night', { asOf: '2026-03-31T01:00:00.000Z' }],
    ['a preview', { asOf, runId: 'preview_1', rehearsal: { kind: 'preview' } }],
  ])('%s in which nobody changes goes on from the last hundred pages when it is killed', async (_name, input) => {
    const many = Array.from({ length: 240 }, (_, index) =>
      aBuyer(`many-${index}`, 1, 100n, '2025-12-01T12:00:00.000Z'),
    );
    await night.put(many);
    await night.run({ asOf });
    const policies = tierPolicyStore(night.store, night.tables.registry);
    const { version: _version, ...rules } = await policies.current('EUR');
    await policies.saveDraft({ rules, updatedAt: asOf });
    let isAssigning = false;
    let [pages, beginnings] = [0, 0];
    night.watch(async (call) => {
      if (call.operation !== 'Scan') return call.send();
      if (isAssigning && ++pages === 115) throw new Error('killed');
      if (isAssigning && call.input.ExclusiveStartKey === undefined) beginnings += 1;
      return call.send({ ...call.input, Limit: 2 });
    });
    const beforeAssign = async () => {
      isAssigning = true;
    };
    const run = await night.run(input, { beforeAssign });
    expect(run?.report).toMatchObject({ customers: 240, tiers: { basic: 240 } });
    expect(beginnings).toBe(1);
    expect(pages).toBeLessThan(145);
  });

  it('a customer who changes all the time makes the step fail, not the result', async () => {
    await night.put(shop);
    const { segments, runId } = await night.steps.begin({ asOf });
    for (const task of segments) await night.steps.measure(task, context);
    await night.steps.fit({ runId, asOf });
    let version = 10;
    night.watch(async (call) => {
      if (call.operation === 'BatchExecuteStatement') await night.put([{ ...ben, version: version++ }]);
      return call.send();
    });
    const [task] = segments;
    if (!task) throw new Error('there is a segment');
    await expect(night.steps.assign(task, context)).rejects.toMatchObject({ code: 'customers_contended' });
    await expect(night.steps.report({ runId, asOf })).rejects.toMatchObject({ code: 'value_run_unfinished' });
    night.watch((call) => call.send());
    expect(await night.steps.assign(task, context)).toEqual({ ...task, done: true });
    expect(await night.steps.report({ runId, asOf })).toMatchObject({ state: 'succeeded' });
    expect((await item(runKey(runId)))?.report).toMatchObject({ customers: 4, changed: 4 });
  });
});

describe('a failing store', () => {
  it('that never takes a batch fails the step', async () => {
    await night.put(shop);
    night.watch(async (call) => {
      if (call.operation !== 'BatchWrite') return call.send();
      throw storeUnavailable(new Error('slow down'));
    });
    await expect(night.run({ asOf })).rejects.toMatchObject({ code: 'store_unavailable' });
    night.watch((call) => call.send());
    expect(await night.run({ asOf })).toMatchObject({ state: 'succeeded', report: { changed: 4 } });
  });

  it('leaves a run that says so, and that can be started again', async () => {
    await night.put(shop);
    const { runId } = await night.steps.begin({ asOf });
    expect(await night.steps.report({ runId, asOf, error: { Error: 'States.TaskFailed' } })).toMatchObject({
      state: 'failed',
    });
    expect(await item(runKey(runId))).toMatchObject({ state: 'failed', failure: 'States.TaskFailed' });
    const run = await night.run({ asOf });
    expect(run).toMatchObject({ id: runId, state: 'succeeded' });
    expect(run?.failure).toBeUndefined();
  });
});

async function remove(customerId: string): Promise<void> {
  await night.client.send(new DeleteCommand({ TableName: night.tables.customers, Key: { customerId } }));
}

async function item(Key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
  return (await night.client.send(new GetCommand({ TableName: night.tables.registry, Key }))).Item;
}
