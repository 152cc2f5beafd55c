import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { EventDetails } from '../../shared/contracts/events.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { mergeCustomers, unmergeCustomer } from '../../shared/engine/merge-customers.ts';
import { aConsent, aCustomer, aStanding } from '../fixtures/customer.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { busEvent, queued, Shop, today } from './shop.ts';

let shop: Shop;
let handler: typeof import('../../functions/outreach/plan.ts').handler;
let ada: string;
let bea: string;
let count = 0;

beforeAll(async () => {
  shop = await Shop.open();
  ({ handler } = await import('../../functions/outreach/plan.ts'));
});
afterAll(() => shop.close());
beforeEach(() => {
  count += 1;
  ada = `cus_ada${count}`;
  bea = `cus_bea${count}`;
});

const frame = { at: today, by: 'api:key_1', mint: mintWith('salt') };
const store = () => recordStore(shop.store, shop.embedded.tables);
const merge = (from = bea, into = ada) => mergeCustomers(store(), { from, into }, frame);
const unmerge = (customerId = bea) => unmergeCustomer(store(), { customerId }, frame);
const known = (id: string, overrides: Partial<Customer> = {}) => shop.putCustomer(aCustomer({ id, ...overrides }));

const plan = async (event: unknown) => {
  const { batchItemFailures } = await handler({ Records: [queued(JSON.stringify(event), 'message')] });
  expect(batchItemFailures).toEqual([]);
};

const firstPurchase = '2026-03-01T09:30:00.000Z';
const ordered = (customerId: string, overrides: Partial<EventDetails['InteractionRecorded']> = {}) =>
  plan(
    busEvent('InteractionRecorded', {
      customerId,
      interactionId: 'int_1',
      type: 'order',
      sourceId: 'shop',
      occurredAt: firstPurchase,
      backfill: false,
      first: true,
      test: false,
      at: today,
      ...overrides,
    }),
  );
const promoted = (customerId: string) =>
  plan(busEvent('TierChanged', { customerId, tier: 'platinum', previousTier: 'gold', runId: 'run_1', at: today }));

test('an order of one person is no first purchase where another person of the customer bought before', async () => {
  const earlier = '2026-02-01T09:30:00.000Z';
  await known(ada, { facts: { ...aCustomer().facts, firstPurchaseAt: earlier } });
  await known(bea);
  await merge();
  await ordered(bea);
  expect(await shop.jobsOf(bea)).toEqual([]);
});

test('thanks come once in the life of a customer, whichever of the persons was thanked', async () => {
  await known(ada, { facts: { ...aCustomer().facts, firstPurchaseAt: '2026-03-01T09:45:00.000Z' } });
  await known(bea);
  await ordered(ada, { occurredAt: '2026-03-01T09:45:00.000Z' });
  expect(await shop.jobsOf(ada)).toHaveLength(1);
  await merge();
  await ordered(bea);
  expect(await shop.jobsOf(bea)).toEqual([]);
});

test('neither merging nor taking apart is ever a reason to write', async () => {
  const standing = aStanding({ tier: 'platinum', previousTier: 'gold' });
  await known(ada, { standing });
  await known(bea, { standing });
  await merge();
  await promoted(ada);
  await promoted(bea);
  await unmerge();
  for (const id of [ada, bea]) {
    await promoted(id);
    for (const job of await shop.jobsOf(id)) expect(job).toMatchObject({ status: 'silent', reason: 'history_only' });
  }
});

test('the word of one person counts for all: who refused last is not written to', async () => {
  await known(ada);
  await known(bea, { consents: { 'email:marketing': aConsent({ state: 'refused', occurredAt: today }) } });
  await merge();
  await ordered(ada);
  expect(await shop.jobsOf(ada)).toMatchObject([{ status: 'silent' }]);
  await shop.addJob(aJob({ id: `job_${count}`, customerId: ada }));
  expect((await shop.list({ customerIds: [bea, ada], limit: 10 })).jobs).toHaveLength(2);
});
