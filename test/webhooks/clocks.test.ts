import { PutCommand } from '@aws-sdk/lib-dynamodb';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { type Engine, openEngine } from '../merges/engine.ts';
import { signStandard } from '../signed.ts';

/** What shops say, and say again, whose clocks run ahead of the engine's. */

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.stop());

const hour = 3_600_000;
const start = Date.parse('2026-06-01T00:00:00Z');
let now = start;
let shop = 0;
beforeEach(() => setClock(start));

async function setClock(milliseconds: number) {
  now = milliseconds;
  const { client, embedded } = engine.door;
  const Item = { ...clockKey, now: new Date(now).toISOString() };
  await client.send(new PutCommand({ TableName: embedded.tables.registry, Item }));
}
const minutesPass = (minutes: number) => setClock(now + minutes * 60_000);

/** The time by the clock of the shop. */
const at = (milliseconds = now) => new Date(milliseconds + shop).toISOString();

type Body = Record<string, unknown>;
let persons = 0;

/** A person with what the shop says of them. */
function somebody() {
  const id = ++persons;
  const email = (name = 'old') => `${name}-${id}@clocks.example`;
  const told = (topic: string, body: Body) => engine.told(topic, body);
  return {
    id,
    email,
    order: (over: Body = {}): Body => ({
      id: id * 100,
      created_at: at(),
      updated_at: at(),
      currency: 'EUR',
      total_price: '10.00',
      email: email(),
      buyer_accepts_marketing: true,
      customer: { id, email: email(), first_name: 'Old' },
      ...over,
    }),
    customer: (over: Body = {}): Body => ({ id, email: email(), first_name: 'Old', updated_at: at(), ...over }),
    wish: (state: string) => ({ email_marketing_consent: { state, consent_updated_at: at() } }),
    told,
    wishes: (state: string) =>
      told('customers_email_marketing_consent/update', {
        customer_id: id,
        email_address: email(),
        email_marketing_consent: { state, consent_updated_at: at() },
      }),
    async byPhone(state: string, name = 'old') {
      const said = { type: 'consent', externalId: `call-${id}-${now}`, occurredAt: new Date(now).toISOString() };
      const body = { ...said, customer: { email: email(name) }, channel: 'email', state };
      expect((await engine.call('POST /v1/interactions', {}, body)).status).toBe(201);
    },
    async stored() {
      const { customers } = await engine.stored();
      const found = customers.find(({ sourceIds }) => sourceIds.shop === String(id));
      if (!found) throw new Error('nobody is known by this id');
      return found;
    },
    async shown() {
      const { profile, consents } = await this.stored();
      return [profile.email?.value, profile.firstName?.value, consents['email:marketing']?.state];
    },
  };
}

describe.each([
  ['goes right', 0],
  ['runs two hours ahead', 2 * hour],
])('of a shop whose clock %s', (_, ahead) => {
  beforeEach(() => {
    shop = ahead;
  });

  test.each([1, 5 * 60])(
    'a yes at the checkout overrules no later no, told again after %i minutes',
    async (minutes) => {
      const ada = somebody();
      const order = ada.order();
      await ada.told('orders/create', order);
      await minutesPass(1);
      await ada.wishes('unsubscribed');
      await minutesPass(minutes);
      expect(await ada.told('orders/create', order)).toBe('duplicate');
      await ada.told('orders/updated', { ...order, updated_at: at(), fulfillment_status: 'fulfilled' });
      expect((await ada.shown())[2]).toBe('refused');
    },
  );

  test.each([1, 5 * 60])('a yes overrules no later no by phone, told again after %i minutes', async (minutes) => {
    const ada = somebody();
    const yes = ada.customer(ada.wish('subscribed'));
    await ada.told('customers/update', yes);
    await minutesPass(1);
    await ada.byPhone('refused');
    await minutesPass(minutes);
    await ada.told('customers/update', yes);
    await ada.told('customers/update', { ...yes, updated_at: at() });
    await ada.told('orders/create', ada.order({ buyer_accepts_marketing: false, customer: yes }));
    expect((await ada.shown())[2]).toBe('refused');
    // What the shop heard since is news.
    await ada.wishes('subscribed');
    expect((await ada.shown())[2]).toBe('granted');
  });

  test('an address and a name that are told again do not come back', async () => {
    const ada = somebody();
    const order = ada.order();
    await ada.told('orders/create', order);
    await minutesPass(1);
    await ada.told('customers/update', ada.customer({ email: ada.email('new'), first_name: 'New' }));
    await minutesPass(1);
    await ada.told('orders/create', order);
    expect((await ada.shown()).slice(0, 2)).toEqual([ada.email('new'), 'New']);
  });

  test('nor do they after a merge was taken back', async () => {
    const [ada, bob] = [somebody(), somebody()];
    const order = ada.order();
    await ada.told('orders/create', order);
    await bob.told('customers/update', bob.customer());
    await minutesPass(1);
    await ada.told('customers/update', ada.customer({ email: ada.email('new'), first_name: 'New' }));
    await ada.byPhone('refused', 'new');
    const [from, into] = [(await ada.stored()).customerId, (await bob.stored()).customerId];
    const merge = await engine.call('POST /v1/customers/{customerId}/merge', { customerId: from }, { into });
    expect(merge.status).toBe(200);
    await minutesPass(1);
    await ada.told('orders/create', order);
    const { mergeId } = merge.body;
    const unmerge = await engine.call('POST /v1/customers/{customerId}/unmerge', { customerId: into }, { mergeId });
    expect(unmerge.status).toBe(200);
    await ada.told('orders/create', order);
    expect(await ada.shown()).toEqual([ada.email('new'), 'New', 'refused']);
  });

  test('a customer who left is let go since then, though it is told again', async () => {
    const ada = somebody();
    const tell = async (type: string, timestamp: string) => {
      const data = { id: `t${ada.id}`, email: ada.email() };
      const signed = signStandard({ type, timestamp, data }, { id: `msg-${ada.id}-${now}`, at: now });
      expect((await engine.door.deliver('till', signed)).status).toBe(202);
    };
    const left = async () =>
      (await engine.stored()).customers.find(({ sourceIds }) => sourceIds.till === `t${ada.id}`)?.left?.till;
    await tell('customer.created', at());
    await minutesPass(1);
    const goneAt = at();
    await tell('customer.deleted', goneAt);
    const first = await left();
    await minutesPass(1);
    await tell('customer.deleted', goneAt);
    expect(await left()).toBe(first);
  });
});

type Step =
  | { kind: 'order' | 'fulfilled'; box: boolean }
  | { kind: 'moved' | 'wish' | 'phone'; yes: boolean }
  | { kind: 'again'; which: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('order' as const, 'fulfilled' as const), box: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('moved' as const, 'wish' as const, 'phone' as const), yes: fc.boolean() }),
    fc.record({ kind: fc.constant('again' as const), which: fc.nat() }),
  ),
  { minLength: 3, maxLength: 12 },
);

test('a clock that runs ahead changes nothing, nor does whatever is told again', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 20 * 60 }), fc.nat(), async (story, ahead, seed) => {
      const [right, wrong] = [await lived(story, 0, seed), await lived(story, ahead * 60_000, seed)];
      const [{ profile, consent }, { profile: known, consent: wish }] = [right.before, wrong.before];
      expect(known.firstName?.value).toBe(profile.firstName?.value);
      expect([wish?.state, wish?.sourceId]).toEqual([consent?.state, consent?.sourceId]);
      for (const { before, after } of [right, wrong]) expect(after).toEqual(before);
    }),
    { numRuns: Number(process.env.RUNS ?? 12) },
  );
});

/** What is known of somebody after a story, and after all of it was told again. */
async function lived(story: Step[], ahead: number, seed: number) {
  await setClock(start);
  shop = ahead;
  const ada = somebody();
  const said: [string, Body][] = [];
  const tell = async (topic: string, body: Body) => {
    said.push([topic, body]);
    await ada.told(topic, body);
  };
  let name = 'a';
  let wish: Body = {};
  let order: Body | undefined;
  const person = () => ({ id: ada.id, email: `${ada.id}@clocks.example`, first_name: name, ...wish });
  await tell('customers/create', { ...person(), updated_at: at() });
  for (const step of story) {
    await minutesPass(7);
    if (step.kind === 'again') {
      const [topic, body] = said[step.which % said.length] as [string, Body];
      await ada.told(topic, body);
    } else if (step.kind === 'phone') {
      const about = { email: `${ada.id}@clocks.example` };
      const told = { type: 'consent', externalId: `p-${ada.id}-${now}`, occurredAt: new Date(now).toISOString() };
      const body = { ...told, customer: about, channel: 'email', state: step.yes ? 'granted' : 'refused' };
      expect((await engine.call('POST /v1/interactions', {}, body)).status).toBe(201);
    } else if (step.kind === 'moved') {
      name = name === 'a' ? 'b' : 'a';
      await tell('customers/update', { ...person(), updated_at: at() });
    } else if (step.kind === 'wish') {
      wish = ada.wish(step.yes ? 'subscribed' : 'unsubscribed');
      await tell('customers/update', { ...person(), updated_at: at() });
    } else if (step.kind === 'order' || !order) {
      const more = { id: ada.id * 100 + said.length, email: `${ada.id}@clocks.example`, customer: person() };
      order = ada.order({ ...more, buyer_accepts_marketing: 'box' in step && step.box });
      await tell('orders/create', order);
    } else {
      order = { ...order, customer: person(), updated_at: at() };
      await tell('orders/updated', order);
    }
  }
  const known = async () => {
    const { profile, consents } = await ada.stored();
    return { profile, consent: consents['email:marketing'] };
  };
  const before = await known();
  const mixed = said.map((one, place) => ({ one, place: (place * 7919 + seed) % 101 }));
  for (const { one, place } of mixed.sort((a, b) => a.place - b.place)) {
    await minutesPass(place % 2 === 0 ? 11 : 300);
    await ada.told(...one);
  }
  return { before, after: await known() };
}
