import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import type { OutreachJob } from '../../shared/domain/outreach-job.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { mergeCustomers } from '../../shared/engine/merge-customers.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { aConsent, aCustomer } from '../fixtures/customer.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { Faults } from './faults.ts';
import { Ses } from './provider.ts';
import { invocation, request, Shop, today } from './shop.ts';

let shop: Shop;
let ses: Ses;
let proxy: FaultProxy;
let faults: Faults;
let deliver: typeof import('../../functions/outreach/deliver.ts').handler;
let jobId: string;
let customerId: string;
let address: string;
let count = 0;

beforeAll(async () => {
  shop = await Shop.open();
  ses = await Ses.open();
  proxy = await startFaultProxy(shop.embedded.endpoint);
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint;
  process.env[variables.sender] = 'Café Nord <hello@nord.example>';
  deliver = (await import('../../functions/outreach/deliver.ts')).handler;
  faults = new Faults((await import('../../functions/outreach/door.ts')).client, proxy);
});
afterAll(async () => {
  ses.close();
  await proxy.stop();
  await shop.close();
});
beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.spyOn(console, 'info').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});

/** A customer with a job of their own. */
async function requested(customer: Partial<Customer> = {}, job: Partial<OutreachJob> = {}): Promise<void> {
  customerId = `cus_${++count}`;
  jobId = `job_${count}`;
  address = `ada${count}@example.com`;
  const profile = { ...aCustomer().profile, email: { value: address, at: today } };
  await shop.putCustomer(aCustomer({ id: customerId, profile, ...customer }));
  await shop.addJob(aJob({ id: jobId, customerId, ...job }));
}

const attempt = async (received = 1, messageId = `message-${jobId}`): Promise<boolean> => {
  const answer = await deliver({ Records: [request(jobId, messageId, received)] }, invocation(`invocation-${++count}`));
  return answer.batchItemFailures.length === 0;
};

/** Hands the message out again until it is done, as the queue does. */
async function untilDone(from = 1): Promise<void> {
  for (let received = from; received < from + 5; received++) if (await attempt(received)) return;
  throw new Error('not done after five attempts');
}

const mails = () => ses.taken.filter((raw) => raw.includes(`To: ${address}`) || raw.includes(`<${address}>`));
const messages = async () => (await shop.ledgerOf(customerId)).filter(({ type }) => type === 'message');

describe('a message', () => {
  test('to one who was merged into another reaches the customer, and stands in the ledger of the person', async () => {
    await requested();
    const kept = { id: `cus_kept${count}`, email: `kept${count}@example.com` };
    const profile = { email: { value: kept.email, at: '2026-03-02T00:00:00.000Z' } };
    await shop.putCustomer(aCustomer({ id: kept.id, profile }));
    const frame = { at: today, by: 'api:key_1', mint: mintWith('salt') };
    const records = recordStore(shop.store, shop.embedded.tables);
    await mergeCustomers(records, { from: customerId, into: kept.id }, frame);
    expect(await attempt()).toBe(true);
    expect(mails()).toHaveLength(0);
    address = kept.email;
    expect(mails()).toHaveLength(1);
    expect(await messages()).toHaveLength(1);
    expect(await shop.ledgerOf(kept.id)).toEqual([]);
  });

  test('leaves once, and stands in the ledger', async () => {
    await requested();
    expect(await attempt()).toBe(true);
    expect(await attempt(1, 'another copy')).toBe(true);
    expect(mails()).toHaveLength(1);
    expect(await shop.job(jobId)).toMatchObject({
      status: 'sent',
      providerMessageId: `ses-${ses.taken.length}`,
      sentAt: today,
    });
    expect(await messages()).toMatchObject([
      {
        sourceId: 'rapport',
        externalId: jobId,
        occurredAt: today,
        conversation: { direction: 'out', channel: 'email', jobId },
      },
    ]);
  });

  test('is addressed, dated and signed as configured', async () => {
    await requested();
    await attempt();
    const [mail = ''] = mails();
    expect(mail).toContain('From: =?UTF-8?Q?Caf=C3=A9_Nord?= <hello@nord.example>');
    expect(mail).toContain('Date: Sun, 01 Mar 2026 10:00:00 +0000');
    expect(mail).toContain(`Message-ID: <${jobId}@nord.example>`);
    expect(ses.destinations.at(-1)).toEqual({ ToAddresses: [address] });
  });

  test('of twenty copies at once, one leaves', async () => {
    await requested();
    let open: () => void = () => undefined;
    ses.gate = new Promise((resolve) => {
      open = resolve;
    });
    const copies = Array.from({ length: 20 }, (_, i) => attempt(1, `copy-${i}`));
    setTimeout(open, 150);
    const done = await Promise.all(copies);
    expect(mails()).toHaveLength(1);
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
    await Promise.all(done.flatMap((isDone, i) => (isDone ? [] : [attempt(2, `copy-${i}`)])));
    expect(mails()).toHaveLength(1);
    expect(await messages()).toHaveLength(1);
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
  });

  test('of twenty copies in two batches too', async () => {
    await requested();
    const batch = (name: string) => ({ Records: Array.from({ length: 10 }, (_, i) => request(jobId, `${name}-${i}`)) });
    await Promise.all([deliver(batch('a'), invocation('a')), deliver(batch('b'), invocation('b'))]);
    expect(mails()).toHaveLength(1);
    expect(await messages()).toHaveLength(1);
  });

  test('the slow attempt that others gave up on still settles its job', async () => {
    await requested();
    let open: () => void = () => undefined;
    ses.gate = new Promise((resolve) => {
      open = resolve;
    });
    const slow = attempt(1, 'slow');
    await vi.waitFor(async () => expect((await shop.job(jobId))?.status).toBe('sending'));
    expect(await attempt(2, 'impatient')).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'unconfirmed' });
    open();
    await slow;
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
    expect((await shop.job(jobId))?.reason).toBeUndefined();
    expect(mails()).toHaveLength(1);
  });
});

describe('the word of the moment', () => {
  test.each([
    ['consent_refused', { consents: { 'email:marketing': aConsent({ state: 'refused' }) } }],
    ['consent_absent', { consents: {} }],
    ['no_address', { profile: {} }],
  ] as const)('%s withdraws the job', async (reason, customer) => {
    await requested(customer);
    expect(await attempt()).toBe(true);
    expect(mails()).toHaveLength(0);
    expect(await shop.job(jobId)).toMatchObject({ status: 'withdrawn', reason });
    expect(await messages()).toEqual([]);
  });

  test('so does a suppression', async () => {
    await requested();
    await shop.suppress(address);
    await attempt();
    expect(mails()).toHaveLength(0);
    expect(await shop.job(jobId)).toMatchObject({ status: 'withdrawn', reason: 'suppressed' });
  });

  test('a new address is the one written to', async () => {
    await requested();
    const email = { value: `new-${address}`, at: today };
    await shop.putCustomer(aCustomer({ id: customerId, version: 2, profile: { email } }));
    await attempt();
    expect(ses.destinations.at(-1)).toEqual({ ToAddresses: [`new-${address}`] });
  });
});

describe('a provider', () => {
  test('that is too busy gets the message later', async () => {
    await requested();
    ses.planned.push('throttle');
    const callsBefore = ses.calls;
    expect(await attempt()).toBe(false);
    expect(ses.calls - callsBefore).toBe(1);
    expect(await shop.job(jobId)).toMatchObject({ status: 'requested', reason: 'ses:TooManyRequestsException' });
    expect(await attempt(2)).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
    expect(mails()).toHaveLength(1);
  });

  test('that refuses is not asked again', async () => {
    await requested();
    ses.planned.push('reject');
    expect(await attempt()).toBe(true);
    expect(await attempt(2)).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'failed', reason: 'ses:MessageRejected' });
    expect(mails()).toHaveLength(0);
  });

  test.each(['break', 'hang up', 'take and hang up'] as const)(
    'whose answer is lost (%s) is never given the message again',
    async (behaviour) => {
      await requested();
      ses.planned.push(behaviour);
      const callsBefore = ses.calls;
      expect(await attempt()).toBe(true);
      expect(await attempt(2)).toBe(true);
      expect(ses.calls - callsBefore).toBe(1);
      expect(await shop.job(jobId)).toMatchObject({ status: 'unconfirmed' });
    },
  );
});

describe('what a person has to look at', () => {
  const warnings = () => vi.mocked(console.warn).mock.calls.map(([line]) => JSON.parse(String(line)));

  test('leaves a line of its own in the log, once', async () => {
    for (const behaviour of ['reject', 'break'] as const) {
      vi.mocked(console.warn).mockClear();
      await requested();
      ses.planned.push(behaviour);
      await attempt();
      await attempt(2);
      const message = behaviour === 'reject' ? 'outreach failed' : 'outreach unconfirmed';
      expect(warnings()).toEqual([{ level: 'warn', message, jobId, reason: expect.stringMatching(/^ses:/) }]);
    }
  });

  test('is not what is sent, withdrawn or tried again', async () => {
    vi.mocked(console.warn).mockClear();
    await requested();
    ses.planned.push('throttle');
    await attempt();
    await attempt(2);
    await requested({ consents: {} });
    await attempt();
    expect(warnings()).toEqual([]);
  });
});

describe('breaking off', () => {
  /** Calls to the store in one undisturbed delivery. */
  async function callsOfOne(): Promise<number> {
    await requested();
    faults.count();
    await attempt();
    return faults.calls;
  }

  test.each(['before', 'after'] as const)('%s any call to the store, at most one message leaves', async (when) => {
    const total = await callsOfOne();
    expect(total).toBeGreaterThan(6);
    const outcomes = new Set<string>();
    for (let call = 1; call <= total; call++) {
      await requested();
      faults.breakOff(call, when);
      await attempt().catch(() => undefined);
      faults.none();
      await untilDone(2);
      const { status } = (await shop.job(jobId)) ?? {};
      outcomes.add(`${status}`);
      if (status === 'sent') {
        expect(mails()).toHaveLength(1);
        expect(await messages()).toHaveLength(1);
      } else {
        expect(status).toBe('unconfirmed');
        expect(mails().length).toBeLessThanOrEqual(1);
      }
    }
    expect([...outcomes].sort()).toEqual(['sent', 'unconfirmed']);
  });

  test('a lost answer of the store is no reason for doubt', async () => {
    const total = await callsOfOne();
    for (let call = 1; call <= total; call++) {
      await requested();
      faults.loseAnswer(call);
      await untilDone();
      faults.none();
      expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
      expect(mails()).toHaveLength(1);
      expect(await messages()).toHaveLength(1);
    }
  });

  test('a job that is gone, and one that was settled, are done', async () => {
    await requested({}, { status: 'withdrawn', reason: 'suppressed' });
    expect(await attempt()).toBe(true);
    jobId = 'job_nowhere';
    expect(await attempt()).toBe(true);
  });

  test('what is no request comes again until it is a dead letter, alone', async () => {
    await requested();
    const odd = { ...request(jobId, 'odd'), body: '{"detail":{"jobId":"' };
    const answer = await deliver({ Records: [odd, request(jobId, 'good')] }, invocation('mixed'));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'odd' }] });
    expect(mails()).toHaveLength(1);
  });

  test('no log line tells who was written to', async () => {
    const lines = [vi.mocked(console.info), vi.mocked(console.warn), vi.mocked(console.error)];
    await requested();
    ses.planned.push('reject');
    await attempt();
    await requested();
    faults.breakOff(2, 'before');
    await attempt();
    faults.none();
    const text = JSON.stringify(lines.map((log) => log.mock.calls));
    expect(text).toContain(jobId.slice(0, 4));
    expect(text).not.toMatch(/@|Ada/);
  });
});
