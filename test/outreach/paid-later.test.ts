import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import type { EventDetails } from '../../shared/contracts/events.ts';
import { clockKey, sourceKey } from '../../shared/dynamodb/keys.ts';
import { listJobs } from '../../shared/dynamodb/outreach-list.ts';
import { signStandard, standardSecret } from '../signed.ts';
import { type Door, openDoor } from '../webhooks/door.ts';
import { busEvent, queued } from './shop.ts';

/** From the webhook by way of the stream and the bus to the decision. */
const bus = mockClient(EventBridgeClient);
let door: Door;
let publish: typeof import('../../functions/stream/publish.ts').handler;
let plan: typeof import('../../functions/outreach/plan.ts').handler;
beforeAll(async () => {
  process.env[variables.bus] = 'rapport';
  door = await openDoor();
  ({ handler: publish } = await import('../../functions/stream/publish.ts'));
  ({ handler: plan } = await import('../../functions/outreach/plan.ts'));
  const source = {
    id: 'bills',
    platform: 'standard',
    secrets: [standardSecret],
    currency: 'EUR',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    timeZone: 'Europe/Berlin',
    countsWhen: 'paid',
    backfillBefore: day(1),
    revision: 1,
    createdAt: day(1),
    updatedAt: day(1),
  };
  await put({ ...sourceKey('bills'), ...source });
});
afterAll(() => door.stop());

const put = (Item: object) => door.client.send(new PutCommand({ TableName: door.embedded.tables.registry, Item }));
/** Of the year, from 1. */
function day(number: number): string {
  return new Date(Date.UTC(2026, 0, number, 10)).toISOString();
}

const images = new Map<string, string>();
let now = '';
let messages = 0;

/**
 * Tells something on a day; then the stream tells the bus of it, and the bus whoever plans.
 * @returns when that was by the bus's events
 */
async function tell(on: number, type: string, data: object): Promise<string[]> {
  now = day(on);
  await put({ ...clockKey, now });
  const signed = signStandard({ type, timestamp: now, data }, { id: `msg_${++messages}`, at: Date.parse(now) });
  expect(await door.deliver('bills', signed)).toMatchObject({ status: 202, body: { status: 'recorded' } });
  bus.reset();
  bus.on(PutEventsCommand).callsFake(({ Entries }) => ({ Entries: Entries.map(() => ({ EventId: 'e' })) }));
  await publish({ Records: await changedLines() });
  const entries = bus.commandCalls(PutEventsCommand).flatMap((call) => call.args[0].input.Entries ?? []);
  const details = entries.map(({ Detail = '' }) => JSON.parse(Detail) as EventDetails['InteractionRecorded']);
  for (const detail of details) {
    // As the bus's rule has it.
    if (!detail.first || detail.backfill || detail.test) continue;
    const event = JSON.stringify(busEvent('InteractionRecorded', detail));
    expect(await plan({ Records: [queued(event, 'm')] })).toEqual({ batchItemFailures: [] });
  }
  return details.map(({ at }) => at);
}

async function changedLines(): Promise<DynamoDBRecord[]> {
  const records: DynamoDBRecord[] = [];
  for (const { customerId } of await door.customers())
    for (const line of await door.lines(customerId)) {
      const place = `${line.pk} ${line.sk}`;
      const [before, text] = [images.get(place), JSON.stringify(line)];
      if (before === text) continue;
      images.set(place, text);
      const Keys = marshall({ pk: line.pk, sk: line.sk }) as never;
      const NewImage = marshall(line, { removeUndefinedValues: true }) as never;
      records.push({ eventName: before ? 'MODIFY' : 'INSERT', dynamodb: { Keys, NewImage } });
    }
  return records;
}

const anOrder = (name: string, placed: number, more: object = {}) => ({
  id: `${name}-1`,
  placedAt: day(placed),
  updatedAt: day(placed),
  total: { amount: '49.90', currency: 'EUR' },
  customer: { id: name, email: `${name}@example.com`, firstName: 'Ada' },
  consents: [{ channel: 'email', purpose: 'marketing', state: 'granted' }],
  ...more,
});

async function thanked(name: string): Promise<string[]> {
  const customer = (await door.customers()).find(({ sourceIds }) => sourceIds.bills === name);
  const query = { customerIds: [customer?.customerId ?? ''], limit: 10 };
  const { jobs } = await listJobs(door.store, door.embedded.tables.outreach, query, now);
  return jobs.map(({ status, trigger }) => `${status} ${trigger.kind === 'order' && trigger.interactionId !== ''}`);
}

test('a first order that is paid weeks after it was placed is thanked for, once', async () => {
  expect(await tell(2, 'order.created', anOrder('ida', 2))).toEqual([day(2)]);
  expect(await thanked('ida')).toEqual([]);
  expect(await tell(30, 'order.paid', { id: 'ida-1', paidAt: day(30) })).toEqual([day(30)]);
  expect(await thanked('ida')).toEqual(['requested true']);
  await tell(
    31,
    'order.updated',
    anOrder('ida', 2, { updatedAt: day(31), total: { amount: '59.90', currency: 'EUR' } }),
  );
  await tell(40, 'order.created', anOrder('ida', 40, { id: 'ida-2' }));
  await tell(41, 'order.paid', { id: 'ida-2', paidAt: day(41) });
  expect(await thanked('ida')).toEqual(['requested true']);
});

const paid = (name: string, on: number) => ({ id: `${name}-1`, paidAt: day(on) });

test.each<[string, string, [number, string, object][]]>([
  [
    'that was paid long ago, as is told only now',
    'bea',
    [
      [3, 'order.created', anOrder('bea', 2)],
      [30, 'order.paid', paid('bea', 5)],
    ],
  ],
  [
    'that nobody told of until long after it was placed',
    'cem',
    [[30, 'order.paid', anOrder('cem', 2, { paidAt: day(30) })]],
  ],
  [
    'from before the source was there',
    'dee',
    [
      [3, 'order.created', anOrder('dee', -3)],
      [5, 'order.paid', paid('dee', 4)],
    ],
  ],
])('nobody is thanked for an order %s', async (_, name, words) => {
  for (const [on, type, data] of words) await tell(on, type, data);
  const customer = (await door.customers()).find(({ sourceIds }) => sourceIds.bills === name);
  expect(customer).toMatchObject({ purchaseCount: 1 });
  expect(await thanked(name)).toEqual([]);
});
