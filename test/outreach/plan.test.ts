import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventDetails } from '../../shared/contracts/events.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { aConsent, aCustomer, aStanding } from '../fixtures/customer.ts';
import { Faults } from './faults.ts';
import { busEvent, queued, Shop, today } from './shop.ts';

let shop: Shop;
let handler: typeof import('../../functions/outreach/plan.ts').handler;
let proxy: FaultProxy;
let faults: Faults;
let customerId: string;
let count = 0;

beforeAll(async () => {
  shop = await Shop.open();
  proxy = await startFaultProxy(shop.embedded.endpoint);
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint;
  ({ handler } = await import('../../functions/outreach/plan.ts'));
  faults = new Faults((await import('../../functions/outreach/door.ts')).client, proxy);
});
afterAll(async () => {
  await proxy.stop();
  await shop.close();
});
beforeEach(() => {
  customerId = `cus_${++count}`;
});

const known = (overrides: Partial<Customer> = {}) => shop.putCustomer(aCustomer({ id: customerId, ...overrides }));

/** Hands events over in one batch; the positions of those that have to come again. */
async function plan(...events: unknown[]): Promise<number[]> {
  const Records = events.map((event, i) => queued(JSON.stringify(event), `message-${i}`));
  const { batchItemFailures } = await handler({ Records });
  return batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier.replace('message-', '')));
}

const order = (overrides: Partial<EventDetails['InteractionRecorded']> = {}) =>
  busEvent('InteractionRecorded', {
    customerId,
    interactionId: 'int_1',
    type: 'order',
    sourceId: 'shop',
    occurredAt: '2026-03-01T09:30:00.000Z',
    backfill: false,
    first: true,
    test: false,
    at: today,
    ...overrides,
  });

const ordered = async (overrides: Partial<EventDetails['InteractionRecorded']> = {}) =>
  expect(await plan(order(overrides))).toEqual([]);

const promoted = async (runId: string, overrides: Partial<EventDetails['TierChanged']> = {}) => {
  const change = { customerId, tier: 'platinum', previousTier: 'gold', runId, at: today, ...overrides };
  expect(await plan(busEvent('TierChanged', change))).toEqual([]);
};

describe('thanks for a first purchase', () => {
  test('are requested once, however often the order is told', async () => {
    await known();
    await Promise.all(Array.from({ length: 8 }, () => ordered()));
    await ordered();
    const jobs = await shop.jobsOf(customerId);
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({
      customerId,
      play: { id: 'thanks-first-purchase', version: 1 },
      trigger: { kind: 'order', interactionId: 'int_1' },
      status: 'requested',
      channel: 'email',
      createdAt: today,
      decision: { decidedAt: today, chosen: 'email', channels: [{ possible: true, reason: 'consent_granted' }] },
    });
  });

  test('a decision for silence is kept with its reason, and the first decision stands', async () => {
    await known({ consents: {} });
    await ordered();
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'silent', reason: 'consent_absent' }]);
    await known();
    await ordered();
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'silent', reason: 'consent_absent' }]);
  });

  test('suppression outranks consent', async () => {
    const email = { value: `suppressed${count}@example.com`, at: today };
    await shop.suppress(email.value);
    await known({ profile: { email } });
    await ordered();
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'silent', reason: 'suppressed' }]);
  });

  test.each([
    ['history', { backfill: true }],
    ['a test', { test: true }],
    ['a later order', { occurredAt: '2026-03-01T09:45:00.000Z' }],
    ['something else than an order', { type: 'message' }],
  ])('not after %s', async (_, overrides) => {
    await known();
    await ordered(overrides);
    expect(await shop.jobsOf(customerId)).toEqual([]);
  });

  test('a later order that is told first takes nothing from the first one', async () => {
    await known();
    await ordered({ interactionId: 'int_2', occurredAt: '2026-03-01T09:45:00.000Z' });
    await ordered();
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'requested', trigger: { interactionId: 'int_1' } }]);
  });

  test('an earlier order that turns up later does not thank twice', async () => {
    await known();
    await ordered();
    await known({ facts: { ...aCustomer().facts, firstPurchaseAt: '2026-03-01T08:00:00.000Z' } });
    await ordered({ interactionId: 'int_0', occurredAt: '2026-03-01T08:00:00.000Z' });
    expect(await shop.jobsOf(customerId)).toHaveLength(1);
  });

  test('nobody is thanked who is not there any more', async () => {
    await ordered();
    expect(await shop.jobsOf(customerId)).toEqual([]);
  });
});

describe('recognition in the top tier', () => {
  const standing = aStanding({ tier: 'platinum', previousTier: 'gold' });

  test('once for each run that brings the customer in', async () => {
    await known({ standing });
    await promoted('run_1');
    await promoted('run_1');
    await promoted('run_9', { previousTier: 'basic' });
    const jobs = await shop.jobsOf(customerId);
    expect(jobs.map(({ trigger }) => trigger.kind === 'tier' && trigger.runId).sort()).toEqual(['run_1', 'run_9']);
    expect(jobs.every(({ status }) => status === 'requested')).toBe(true);
  });

  test('also from no tier, not into another tier, not for a customer who left it again', async () => {
    await known({ standing });
    await promoted('run_1', { previousTier: null });
    await promoted('run_2', { tier: 'gold', previousTier: 'platinum' });
    expect(await shop.jobsOf(customerId)).toHaveLength(1);
    await known({ standing: aStanding() });
    await promoted('run_3');
    expect(await shop.jobsOf(customerId)).toHaveLength(1);
  });

  test('history alone is never a reason', async () => {
    const { lastLiveOrderAt: _, ...customer } = aCustomer({ id: customerId, standing });
    await shop.putCustomer(customer);
    await promoted('run_1');
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'silent', reason: 'history_only' }]);
  });

  test('a refusal is respected', async () => {
    await known({ standing, consents: { 'email:marketing': aConsent({ state: 'refused' }) } });
    await promoted('run_1');
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'silent', reason: 'consent_refused' }]);
  });
});

describe('a batch', () => {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
  });

  test('fails by item: what the rules should not have let through comes again until it is a dead letter', async () => {
    await known();
    const strange = busEvent('CustomerCreated', { customerId, at: today });
    expect(await plan(strange, order(), 'no event', { 'detail-type': 'TierChanged' })).toEqual([0, 2, 3]);
    expect(await shop.jobsOf(customerId)).toMatchObject([{ status: 'requested' }]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(
      [0, 2, 3].map((i) => ({ level: 'error', message: 'planning broke off', messageId: `message-${i}` })),
    );
  });

  test('that tells the same order twice plans once', async () => {
    await known();
    expect(await plan(order(), order())).toEqual([]);
    expect(await shop.jobsOf(customerId)).toHaveLength(1);
  });

  test.each(['before', 'after'] as const)(
    'broken off %s any call to the store is made good the next time',
    async (when) => {
      await known();
      faults.count();
      await ordered();
      const total = faults.calls;
      expect(total).toBeGreaterThan(3);
      for (let call = 1; call <= total; call++) {
        customerId = `cus_${++count}`;
        await known();
        faults.breakOff(call, when);
        await plan(order()).catch(() => undefined);
        faults.none();
        await ordered();
        expect(await shop.jobsOf(customerId)).toHaveLength(1);
      }
    },
  );
});
