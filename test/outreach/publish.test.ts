import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import { merged, parted } from '../../shared/domain/merge.ts';
import type { OutreachJob } from '../../shared/domain/outreach-job.ts';
import { itemOf, stubItem } from '../../shared/dynamodb/customer-item.ts';
import { interactionKey } from '../../shared/dynamodb/keys.ts';
import { jobItemOf } from '../../shared/dynamodb/outreach-store.ts';
import { aConsent, aCustomer, aStanding } from '../fixtures/customer.ts';
import { aJob } from '../fixtures/outreach-job.ts';

process.env[variables.bus] = 'rapport';
process.env.AWS_REGION = 'eu-west-1';
const { handler } = await import('../../functions/stream/publish.ts');
const bus = mockClient(EventBridgeClient);
vi.spyOn(console, 'error').mockImplementation(() => undefined);

const at = '2026-03-01T09:30:00.000Z';
let sequence = 0;

function streamRecord(Keys: object, before: object | undefined, after: object | undefined): DynamoDBRecord {
  const image = (item: object) =>
    marshall(item, { removeUndefinedValues: true }) as NonNullable<DynamoDBRecord['dynamodb']>['Keys'] & object;
  return {
    eventName: before ? (after ? 'MODIFY' : 'REMOVE') : 'INSERT',
    dynamodb: {
      SequenceNumber: String(++sequence),
      Keys: image(Keys),
      ...(before && { OldImage: image(before) }),
      ...(after && { NewImage: image(after) }),
    },
  };
}

const customerRecord = (before: Customer | undefined, after: Customer | undefined) =>
  streamRecord({ customerId: (after ?? before)?.id }, before && itemOf(before), after && itemOf(after));

interface Line {
  backfill?: boolean;
  test?: boolean;
  before?: boolean;
  /** As it is written when a known order begins to count. */
  begins?: true;
  paidAt?: string;
}

function orderRecord(id: string, { backfill = false, test = false, before = false, begins, paidAt }: Line = {}) {
  const key = interactionKey('cus_ada', at, id);
  const snapshot = { updatedAt: at, total: { minor: 18109n, currency: 'EUR' }, test };
  const item = {
    ...key,
    id,
    type: 'order',
    sourceId: 'shop',
    externalId: '4711',
    occurredAt: at,
    receivedAt: at,
    order: { snapshot, placedAt: at, ...(paidAt && { paidAt }), refunds: {}, consents: {} },
    ...(begins && { begins }),
    backfill,
    first: true,
    purchaseIn: 'EUR',
    revision: 1,
  };
  return streamRecord(key, before ? item : undefined, item);
}

const jobRecord = (job: OutreachJob, before?: OutreachJob) =>
  streamRecord({ jobId: job.id }, before && jobItemOf(before), jobItemOf(job));

const publish = (...Records: DynamoDBRecord[]) => handler({ Records } satisfies DynamoDBStreamEvent);

/** Everything that the bus was asked to take, in order. */
const asked = () => bus.commandCalls(PutEventsCommand).flatMap((call) => call.args[0].input.Entries ?? []);
const told = () => asked().map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail ?? '')]);

const answer = (entries: PutEventsRequestEntry[], failing: (entry: PutEventsRequestEntry) => boolean) => {
  const Entries = entries.map(
    (entry): PutEventsResultEntry => (failing(entry) ? { ErrorCode: 'ThrottlingException' } : { EventId: 'e' }),
  );
  return { FailedEntryCount: Entries.filter(({ ErrorCode }) => ErrorCode).length, Entries };
};

const idOf = (entry: PutEventsRequestEntry) => JSON.parse(entry.Detail ?? '').interactionId as string;

beforeEach(() => {
  bus.reset();
  bus.on(PutEventsCommand).callsFake(({ Entries }) => answer(Entries, () => false));
});

describe('what the streams show', () => {
  test('a new customer', async () => {
    const customer = aCustomer({ standing: aStanding() });
    expect(await publish(customerRecord(undefined, customer))).toEqual({ batchItemFailures: [] });
    expect(told()).toEqual([
      ['CustomerCreated', { customerId: 'cus_ada', at }],
      ['ConsentChanged', { customerId: 'cus_ada', channel: 'email', purpose: 'marketing', state: 'granted', at }],
      ['TierChanged', { customerId: 'cus_ada', tier: 'gold', previousTier: null, runId: 'run_1', at }],
    ]);
    expect(asked()[0]).toMatchObject({ EventBusName: 'rapport', Source: 'rapport' });
  });

  test('a change of consent and of tier, and nothing where neither changed', async () => {
    const before = aCustomer({ standing: aStanding() });
    const refused = { 'email:marketing': aConsent({ state: 'refused' }) };
    const after = aCustomer({
      version: 2,
      consents: refused,
      standing: aStanding({ tier: 'platinum', runId: 'run_2' }),
    });
    const confirmed = { 'email:marketing': aConsent({ state: 'refused', occurredAt: '2026-03-02T09:30:00.000Z' }) };
    const later = {
      ...after,
      version: 3,
      consents: confirmed,
      standing: aStanding({ tier: 'platinum', runId: 'run_3' }),
    };
    await publish(customerRecord(before, after), customerRecord(after, later), customerRecord(later, undefined));
    expect(told()).toEqual([
      ['ConsentChanged', { customerId: 'cus_ada', channel: 'email', purpose: 'marketing', state: 'refused', at }],
      ['TierChanged', { customerId: 'cus_ada', tier: 'platinum', previousTier: 'gold', runId: 'run_2', at }],
    ]);
  });

  test('of a merge and its undoing only what they change in the customer who stays', async () => {
    const [ada, bea] = [aCustomer({ consents: {} }), aCustomer({ id: 'cus_bea', standing: aStanding() })];
    const one = { ...merged(bea, ada, 'mrg_1'), version: 2 };
    const stub = stubItem({ id: bea.id, version: 2, mergedInto: ada.id });
    const key = { customerId: bea.id };
    await publish(customerRecord(ada, one), streamRecord(key, itemOf(bea), stub));
    const granted = { customerId: 'cus_ada', channel: 'email', purpose: 'marketing', state: 'granted', at };
    expect(told()).toEqual([['ConsentChanged', granted]]);
    const { from, stayed } = parted(one, 'mrg_1') ?? {};
    await publish(customerRecord(one, stayed), streamRecord(key, stub, from && itemOf(from)));
    expect(told()).toHaveLength(1);
  });

  test('a new line of the ledger once, and neither its changes nor what else lies there', async () => {
    const pointer = { pk: 'ext#shop#order#4711', sk: 'ext', revision: 1, customerId: 'cus_ada', occurredAt: at };
    const receipt = { pk: 'value#cus_ada', sk: `${at}#run_1`, tier: 'gold' };
    await publish(
      orderRecord('int_1'),
      orderRecord('int_1', { before: true }),
      orderRecord('int_2', { backfill: true }),
      orderRecord('int_3', { test: true }),
      streamRecord({ pk: pointer.pk, sk: pointer.sk }, undefined, pointer),
      streamRecord({ pk: receipt.pk, sk: receipt.sk }, undefined, receipt),
      streamRecord({ pk: 'cus_ada', sk: 'odd' }, undefined, { pk: 'cus_ada', sk: 'odd' }),
      { eventName: 'INSERT' },
    );
    const common = { customerId: 'cus_ada', type: 'order', sourceId: 'shop', occurredAt: at, at };
    expect(told()).toEqual([
      ['InteractionRecorded', { ...common, interactionId: 'int_1', first: true, backfill: false, test: false }],
      ['InteractionRecorded', { ...common, interactionId: 'int_2', first: true, backfill: true, test: false }],
      ['InteractionRecorded', { ...common, interactionId: 'int_3', first: true, backfill: false, test: true }],
    ]);
  });

  test('an order that was known as unpaid once more when it counts, with its payment', async () => {
    const paidAt = '2026-03-20T09:30:00.000Z';
    await publish(
      orderRecord('int_1', { paidAt }),
      orderRecord('int_1', { before: true, begins: true, paidAt }),
      orderRecord('int_1', { before: true, paidAt }),
    );
    expect(told().map(([type, detail]) => [type, detail.interactionId, detail.paidAt])).toEqual([
      ['InteractionRecorded', 'int_1', undefined],
      ['InteractionRecorded', 'int_1', paidAt],
    ]);
  });

  test('a requested job once, and no silent one', async () => {
    const job = aJob();
    const { channel: _, ...silent } = aJob({ id: 'job_2', status: 'silent', reason: 'consent_absent' });
    const days = { jobId: 'days', days: new Set(['2026-03-01']) };
    await publish(
      jobRecord(job),
      jobRecord({ ...job, status: 'sending' }, job),
      jobRecord({ ...job, status: 'requested' }, { ...job, status: 'sending' }),
      jobRecord(silent),
      streamRecord({ jobId: 'days' }, undefined, days),
    );
    expect(told()).toEqual([
      ['OutreachRequested', { jobId: 'job_1', customerId: 'cus_ada', channel: 'email', at: job.createdAt }],
    ]);
  });

  test('never personal data', async () => {
    await publish(
      customerRecord(undefined, aCustomer({ standing: aStanding() })),
      orderRecord('int_1'),
      jobRecord(aJob()),
    );
    expect(JSON.stringify(told())).not.toMatch(/ada@|"Ada"|1001|4711/);
  });
});

describe('a bus that does not take everything', () => {
  const many = () => Array.from({ length: 25 }, (_, i) => orderRecord(`int_${i}`));

  test('calls hold ten events at most, in order', async () => {
    await publish(...many());
    expect(bus.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries?.length)).toEqual([10, 10, 5]);
    expect(asked().map(idOf)).toEqual(Array.from({ length: 25 }, (_, i) => `int_${i}`));
  });

  test('only what failed is tried again', async () => {
    let calls = 0;
    bus.on(PutEventsCommand).callsFake(({ Entries }) => {
      const early = ++calls <= 2;
      return answer(Entries, (entry) => early && idOf(entry) === 'int_3');
    });
    expect(await publish(...many().slice(0, 5))).toEqual({ batchItemFailures: [] });
    expect(asked().map(idOf)).toEqual(['int_0', 'int_1', 'int_2', 'int_3', 'int_4', 'int_3', 'int_3']);
  });

  test('what fails for good is answered from its record on, and nothing behind its call is put', async () => {
    bus.on(PutEventsCommand).callsFake(({ Entries }) => answer(Entries, (entry) => idOf(entry) === 'int_12'));
    const records = many();
    expect(await publish(...records)).toEqual({
      batchItemFailures: [{ itemIdentifier: records[12]?.dynamodb?.SequenceNumber }],
    });
    expect(asked().map(idOf)).not.toContain('int_20');
  });

  test('a call that fails as a whole is tried again, then answered from its first record', async () => {
    bus
      .on(PutEventsCommand)
      .rejectsOnce(new Error('socket hang up'))
      .callsFake(({ Entries }) => answer(Entries, () => false));
    expect(await publish(...many().slice(0, 3))).toEqual({ batchItemFailures: [] });
    bus.reset();
    bus.on(PutEventsCommand).rejects(new Error('down'));
    const records = many();
    expect(await publish(...records)).toEqual({
      batchItemFailures: [{ itemIdentifier: records[0]?.dynamodb?.SequenceNumber }],
    });
    expect(bus.commandCalls(PutEventsCommand)).toHaveLength(4);
  });
});
