import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import { type Customer, factsIn } from '../../shared/domain/customer.ts';
import { addFacts, type Facts, foldFacts, noFacts } from '../../shared/domain/facts.ts';
import type { Interaction } from '../../shared/domain/interaction.ts';
import { personIn, personsOf } from '../../shared/domain/merge.ts';
import { orderFactsOf } from '../../shared/domain/order-facts.ts';
import { type CustomerItem, customerOf } from '../../shared/dynamodb/customer-item.ts';
import type { Fault } from '../fault-proxy.ts';
import {
  currencies,
  histories,
  type Message,
  messagesOf,
  type OrderHistory,
  orderBody,
  people,
  timeOf,
} from '../webhooks/histories.ts';
import { type Engine, openEngine } from './engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.stop());

const faults: Fault[] = ['throttled', 'server-error', 'conflict', 'lost-answer', 'unprocessed', 'refused'];

type Step =
  | { kind: 'said'; message: Message }
  | { kind: 'call'; id: number; person: number }
  | { kind: 'merge'; from: number; into: number }
  | { kind: 'shop merges'; kept: number; gone: number }
  | { kind: 'unmerge'; which: number };

/** More than those who order: merges nest deeper. */
const everybody = people + 2;
const person = fc.nat(everybody - 1);
const minute = fc.integer({ min: 0, max: 500_000 });
const merges = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('merge' as const), from: person, into: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('shop merges' as const), kept: person, gone: person }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unmerge' as const), which: fc.nat() }) },
);

/** What happens to a few persons of a shop, and who is taken for whom meanwhile. */
const lives = fc
  .record({
    history: histories,
    moves: fc.array(fc.record({ order: fc.nat(), to: person }), { maxLength: 3 }),
    consents: fc.array(fc.record({ person, minute, granted: fc.boolean() }), { maxLength: 4 }),
    calls: fc.array(person, { maxLength: 3 }),
    merges: fc.array(merges, { minLength: 1, maxLength: 10 }),
    repeats: fc.array(fc.nat(), { maxLength: 4 }),
    shuffle: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
    atOnce: fc.integer({ min: 1, max: 4 }),
    faults: fc.array(fc.option(fc.constantFrom(...faults), { nil: 'none' as const, freq: 3 }), { maxLength: 40 }),
  })
  .map(({ history, moves, consents, calls, repeats, ...rest }) => {
    const said: Step[] = [...messagesOf(history), ...movesOf(history, moves), ...consents.map(consentOf)].map(
      (message) => ({ kind: 'said', message }),
    );
    const told: Step[] = [...said, ...calls.map((who, id): Step => ({ kind: 'call', id, person: who }))];
    return { told: [...told, ...repeats.map((n) => told[n % told.length] as Step)], ...rest };
  });

/** Later updates by which an order turns out to be somebody else's. */
function movesOf(history: OrderHistory[], moves: { order: number; to: number }[]): Message[] {
  return moves.map(({ order: n, to }, index) => {
    const order = history[n % history.length] as OrderHistory;
    const moved = { ...order, person: to, guest: false };
    return { topic: 'orders/updated', body: orderBody(moved, order.placedMinute + 30_000 + index) };
  });
}

const addressOf = (who: number) => `person${who}@example.com`;

function consentOf({
  person: who,
  minute: at,
  granted,
}: {
  person: number;
  minute: number;
  granted: boolean;
}): Message {
  const state = granted ? 'subscribed' : 'unsubscribed';
  const email_marketing_consent = { state, consent_updated_at: timeOf(at) };
  const body = { id: 7000 + who, email: addressOf(who), updated_at: timeOf(at), email_marketing_consent };
  return { topic: 'customers/update', body };
}

test('facts are the fold over the ledgers of all persons, and taking everything back leaves no trace', async () => {
  await fc.assert(
    fc.asyncProperty(lives, async (life) => {
      const told = shuffled(life.told, life.shuffle);
      const never = await liveThrough(told, { ...life, faults: [] });
      const after = await liveThrough(shuffled([...told, ...life.merges], life.shuffle), life);
      expect(after).toEqual(never);
    }),
    // Making a failing case smaller would take longer than the test may.
    { numRuns: Number(process.env.RUNS ?? 7), endOnFailure: true },
  );
}, 200_000);

/** Everybody and everything at the end, all merges taken back. */
async function liveThrough(steps: Step[], life: { atOnce: number; faults: Fault[]; shuffle: number[] }) {
  await clear();
  const persons: string[] = [];
  for (let who = 0; who < everybody; who++) {
    // The last word on the profiles: what an order says of somebody whose it no longer is would not be heard.
    const words = { id: 7000 + who, email: addressOf(who), first_name: `First${who}`, updated_at: timeOf(600_000) };
    await engine.told('customers/create', words);
    const { customers } = await engine.stored();
    persons.push(customers.find(({ sourceIds }) => sourceIds.shop === String(7000 + who))?.customerId ?? '');
  }
  const done: { mergeId: string; from: string }[] = [];
  const queue = [...life.faults];
  engine.door.proxy.plan = () => queue.shift() ?? 'none';
  for (let i = 0; i < steps.length; i += life.atOnce) {
    await Promise.all(steps.slice(i, i + life.atOnce).map((step) => take(step, persons, done)));
    await check(persons);
  }
  engine.door.proxy.plan = () => 'none';
  for (const { mergeId, from } of shuffled([...done, ...(await standing())], life.shuffle)) {
    await unmerge(from, mergeId);
    await check(persons);
  }
  const { customers, stubs } = await engine.stored();
  expect(stubs).toEqual([]);
  expect(customers.filter(({ parts }) => parts)).toEqual([]);
  return Object.fromEntries(
    await Promise.all(customers.map(async (item) => [item.customerId, await remains(item)] as const)),
  );
}

/** The merges that stand. */
async function standing(): Promise<{ mergeId: string; from: string }[]> {
  const { customers } = await engine.stored();
  return customers.flatMap(({ parts = {} }) =>
    Object.entries(parts).flatMap(([from, { mergeId }]) => (mergeId === undefined ? [] : [{ mergeId, from }])),
  );
}

async function take(step: Step, persons: string[], done: { mergeId: string; from: string }[]): Promise<void> {
  switch (step.kind) {
    case 'said':
      expect(await engine.told(step.message.topic, step.message.body)).toMatch(/^(recorded|duplicate)$/);
      return;
    case 'call': {
      const customerId = persons[step.person];
      const call = { type: 'call', externalId: `call-${step.id}`, occurredAt: timeOf(step.id), customerId };
      expect((await engine.call('POST /v1/interactions', {}, call)).status).toBeLessThan(300);
      return;
    }
    case 'merge': {
      const into = persons[step.into] as string;
      const { body: shown } = await engine.call('GET /v1/customers/{customerId}', {
        customerId: persons[step.from] as string,
      });
      const from = shown.id as string;
      const { status, body } = await engine.call(
        'POST /v1/customers/{customerId}/merge',
        { customerId: from },
        { into },
      );
      // Others may have merged it at the same moment.
      if (status !== 200) expect(body.code).toMatch(/^(already_merged|merge_into_itself)$/);
      else if (body.mergeId && body.customerId) done.push({ mergeId: body.mergeId, from: body.customerId });
      return;
    }
    case 'shop merges': {
      const { kept, gone } = step;
      const body = {
        admin_graphql_api_customer_kept_id: `gid://shopify/Customer/${7000 + kept}`,
        admin_graphql_api_customer_deleted_id: `gid://shopify/Customer/${7000 + gone}`,
        status: 'completed',
      };
      if (kept !== gone) expect(await engine.told('customers/merge', body)).toMatch(/^(recorded|duplicate)$/);
      return;
    }
    case 'unmerge': {
      const merge = done[step.which % Math.max(1, done.length)];
      if (merge) await unmerge(merge.from, merge.mergeId);
    }
  }
}

async function unmerge(customerId: string, mergeId: string): Promise<void> {
  const { status, body } = await engine.call('POST /v1/customers/{customerId}/unmerge', { customerId }, { mergeId });
  expect([status, body.status]).toEqual([200, expect.stringMatching(/^(parted|unchanged)$/)]);
}

/** Every customer is the sum of its persons, each of whom is the fold over their own ledger and is found where they are. */
async function check(persons: string[]): Promise<void> {
  const { customers, stubs } = await engine.stored();
  const seen: string[] = [];
  for (const customer of customers.map(customerOf)) {
    const ids = personsOf(customer);
    seen.push(...ids);
    const ledgers = await Promise.all(ids.map((id) => engine.lines(id)));
    for (const currency of currencies) {
      const folds: Facts[] = [];
      for (const [index, id] of ids.entries()) {
        const fold = foldOf(ledgers[index] as Interaction[], currency);
        expect(factsIn(personIn(customer, id) as Customer, currency, 'EUR')).toEqual(fold);
        folds.push(fold);
      }
      expect(factsIn(customer, currency, 'EUR')).toEqual(folds.reduce(addFacts, noFacts));
    }
    const leadHere = stubs.filter(({ mergedInto }) => mergedInto === customer.id).map(({ customerId }) => customerId);
    expect(leadHere.sort()).toEqual(ids.slice(1));
  }
  expect(seen.sort()).toEqual(persons.toSorted());
}

function foldOf(lines: Interaction[], currency: string): Facts {
  const orders = lines.flatMap((line) => (line.type === 'order' ? [line.order] : []));
  const contributions = orders.map(orderFactsOf).filter((contribution) => contribution.currency === currency);
  return foldFacts(contributions, calendarOf('Europe/Berlin'));
}

/**
 * What no merge may change: everything but how often something was written, what was told before it, and what was fixed
 * about a moment of which a merge was part (whether an order was the customer's first; whether there was a live order
 * since).
 */
async function remains({ version: _, updatedAt: __, lastLiveOrderAt: ___, ...item }: CustomerItem) {
  const lines = await engine.lines(item.customerId);
  const byOrderOfTelling = { changedAt: '', countsSince: '', begins: false };
  return {
    item,
    lines: lines.map((line) => ({ ...line, ...byOrderOfTelling, first: false, revision: 0, moved: false })),
  };
}

function shuffled<T>(list: T[], random: number[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = (random[i % random.length] ?? 0) % (i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** The source, the settings and the clock stay. */
async function clear(): Promise<void> {
  const { client, embedded } = engine.door;
  const { customers, ledger, registry } = embedded.tables;
  for (const [TableName, names] of Object.entries({
    [customers]: ['customerId'],
    [ledger]: ['pk', 'sk'],
    [registry]: ['pk', 'sk'],
  })) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName, Limit: 1000 }));
    const gone = Items.filter(({ pk }) => !/^(source#|settings|clock)/.test(String(pk ?? '')));
    const keyOf = (item: Record<string, unknown>) => Object.fromEntries(names.map((name) => [name, item[name]]));
    await Promise.all(gone.map((item) => client.send(new DeleteCommand({ TableName, Key: keyOf(item) }))));
  }
}
