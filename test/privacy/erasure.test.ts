import { randomUUID } from 'node:crypto';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Decision } from '../../shared/domain/decision.ts';
import { newJob } from '../../shared/domain/outreach-job.ts';
import { defaultTierPolicy } from '../../shared/domain/tier-policy.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { receiptKey } from '../../shared/dynamodb/keys.ts';
import { OutreachStore } from '../../shared/dynamodb/outreach-store.ts';
import { populationStore } from '../../shared/dynamodb/population.ts';
import { changeOf } from '../../shared/dynamodb/stream-change.ts';
import { eventsOf } from '../../shared/engine/publish.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
});
afterAll(() => shop.stop());

const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();
const today = day(100);

const aRun: ValueRun = {
  id: 'run_1',
  asOf: today,
  state: 'running',
  startedAt: today,
  knownBy: today,
  timeZone: 'UTC',
  policy: defaultTierPolicy('EUR'),
  segments: 1,
};

let count = 0;
let ids: { customer: number; email: string; name: string; phone: string };
beforeEach(async () => {
  count += 1;
  const letters = String.fromCharCode(97 + (count % 26), 97 + Math.floor(count / 26));
  ids = {
    customer: 700_000_000 + count,
    email: `zoe.${letters}@mail.example`,
    name: `Zoe${letters}`,
    phone: `+4930555${String(count).padStart(4, '0')}`,
  };
  await shop.setClock(today);
});

function order(id: number, placed: string, more: Record<string, unknown> = {}) {
  const { customer, email, name, phone } = ids;
  return {
    id: count * 1000 + id,
    created_at: placed,
    updated_at: placed,
    currency: 'EUR',
    total_price: '10.00',
    email,
    buyer_accepts_marketing: true,
    customer: { id: customer, email, first_name: name, last_name: 'Zimmer', phone },
    line_items: [{ title: 'Tea', quantity: 1, price: '10.00' }],
    ...more,
  };
}

const personal = () => [ids.email, ids.name.toLowerCase(), ids.phone, String(ids.customer)];
const total = async () => (await shop.orders()).length;

async function erased(): Promise<string> {
  const found = await shop.find({ email: ids.email });
  const requestId = await shop.erase(found?.id as string);
  await shop.workAll();
  expect((await shop.request(requestId)).status).toBe('done');
  return found?.id as string;
}

describe('an erasure', () => {
  test('leaves amounts and nothing of the person, whatever was kept', async () => {
    const before = await total();
    await shop.deliver('orders/create', order(1, day(10)));
    await shop.deliver('customers/update', {
      id: ids.customer,
      email: ids.email,
      updated_at: day(11),
      email_marketing_consent: { state: 'subscribed', consent_updated_at: day(11) },
    });
    // Nobody understands it, and it is kept with its body.
    await shop.deliver('orders/create', { id: 'x', note: `from <${ids.email.toUpperCase()}>` });
    const customerId = (await shop.find({ email: ids.email }))?.id as string;
    const call = {
      type: 'call',
      externalId: `call${count}`,
      occurredAt: day(12),
      customerId,
      text: `${ids.name} rang`,
    };
    expect((await shop.api.call('POST /v1/interactions', { body: call })).status).toBe(201);
    await shop.keep();
    expect(await shop.traces(personal())).not.toEqual([]);

    const requestId = await shop.erase(customerId);
    await shop.keep();
    await shop.workAll();
    expect(await shop.traces(personal())).toEqual([]);
    expect(await shop.request(requestId)).toMatchObject({
      type: 'erasure',
      status: 'done',
      customerId,
      doneAt: today,
      erasedAt: today,
      counts: { persons: 1, identities: 3, orders: 1, deliveries: 3 },
    });
    expect(await total()).toBe(before + 1);
    for (const path of ['', '/interactions', '/value', '/merges']) {
      const { status, body } = await shop.api.call(`GET /v1/customers/{customerId}${path}`, { params: { customerId } });
      expect([status, body.code]).toEqual([410, 'customer_erased']);
    }
    expect(await shop.find({ email: ids.email })).toBeUndefined();
  });

  test('nothing that is said of a time before brings the person back; amounts still change', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    await shop.keep();
    await erased();
    const lines = await total();
    const deliver = async (topic: string, body: object) => (await shop.deliver(topic, body)).status;
    expect(await deliver('orders/create', order(1, day(10)))).toBe('duplicate');
    expect(await deliver('orders/updated', order(1, day(10), { updated_at: day(20), total_price: '12.00' }))).toBe(
      'recorded',
    );
    const refund = { id: count, order_id: order(1, '').id, created_at: day(21) };
    const transactions = [{ kind: 'refund', status: 'success', amount: '2.00', currency: 'EUR' }];
    expect(await deliver('refunds/create', { ...refund, transactions })).toBe('recorded');
    expect(await deliver('orders/create', order(2, day(30)))).toBe('recorded');
    expect(await deliver('orders/create', order(3, day(31), { customer: null }))).toBe('recorded');
    const words = { id: ids.customer, email: ids.email, first_name: ids.name, updated_at: day(32) };
    expect(await deliver('customers/update', words)).toBe('ignored');
    const elsewhere = await shop.deliver('customers/create', { ...words, id: 4 }, { sourceId: 'other' });
    expect(elsewhere.status).toBe('ignored');
    await shop.keep();
    expect(await shop.traces(personal())).toEqual([]);
    expect(await total()).toBe(lines + 2);
    const [line] = (await shop.orders()).filter(({ externalId }) => externalId === String(order(1, '').id));
    expect(line).toMatchObject({ order: { snapshot: { total: { minor: 1200 } }, consents: {} } });
  });

  test('a message that is sent again does not, though a clock that ran ahead dated it later', async () => {
    const words = { id: ids.customer, email: ids.email, first_name: ids.name, updated_at: day(101) };
    const sent = [
      ['customers/update', words],
      ['orders/create', order(1, day(101))],
    ] as const;
    for (const [topic, body] of sent) await shop.deliver(topic, body, { id: `ahead-${topic}` });
    await shop.keep();
    await erased();
    for (const number of [100, 102]) {
      await shop.setClock(day(number));
      for (const [topic, body] of sent) await shop.deliver(topic, body, { id: `ahead-${topic}` });
      await shop.keep();
      expect(await shop.find({ email: ids.email })).toBeUndefined();
      expect(await shop.traces(personal())).toEqual([]);
    }
    // What comes for the first time is of somebody who came back.
    await shop.deliver('customers/update', words, { id: 'another' });
    expect((await shop.find({ email: ids.email }))?.firstName).toBe(ids.name);
  });

  test('who comes back later is somebody new, whom nothing from before concerns', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const old = await erased();
    await shop.setClock(day(120));
    expect((await shop.deliver('orders/create', order(2, day(110)))).status).toBe('recorded');
    const found = await shop.find({ email: ids.email });
    expect(found?.id).not.toBe(old);
    expect(found).toMatchObject({ firstName: ids.name, facts: { purchaseCount: 1 } });
    await shop.deliver('orders/create', order(3, day(11)));
    await shop.deliver('orders/updated', order(1, day(10), { updated_at: day(115) }));
    await shop.deliver('orders/create', order(4, day(119)));
    expect(await shop.find({ externalId: `shop:${ids.customer}` })).toMatchObject({
      id: found?.id as string,
      facts: { purchaseCount: 2 },
    });
    // And is erased again.
    await shop.keep();
    await erased();
    expect(await shop.traces(personal())).toEqual([]);
    await shop.deliver('orders/create', order(5, day(118)));
    await shop.keep();
    expect(await shop.traces(personal())).toEqual([]);
  });
});

describe('who comes back after an erasure', () => {
  const subscribed = (at: string) => ({ state: 'subscribed', consent_updated_at: at });
  const box = { buyer_accepts_marketing: false };
  const consents = async () => (await shop.find({ email: ids.email }))?.consents;
  const consentLines = async () => {
    const customerId = (await shop.find({ email: ids.email }))?.id as string;
    const { body } = await shop.api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId } });
    return body.data.filter(({ type }) => String(type) === 'consent');
  };

  test.each([
    ['by the id from before', 'shop'],
    ['by an id of another shop, which did not know of it', 'other'],
  ])('has agreed to nothing that was agreed to before it: %s', async (_, sourceId) => {
    await shop.deliver('orders/create', order(1, day(10)));
    await erased();
    await shop.setClock(day(120));
    const customer = { id: ids.customer + 500, email: ids.email, email_marketing_consent: subscribed(day(5)) };
    if (sourceId === 'shop') customer.id = ids.customer;
    for (const [id, placed] of [day(110), day(112)].entries())
      await shop.deliver('orders/create', order(2 + id, placed, { ...box, customer }), { sourceId });
    await shop.deliver('customers/update', { ...customer, updated_at: day(113) }, { sourceId });
    expect((await shop.find({ email: ids.email }))?.facts).toMatchObject({ purchaseCount: 2 });
    expect([await consents(), await consentLines()]).toEqual([[], []]);
    const since = { ...customer, updated_at: day(115), email_marketing_consent: subscribed(day(114)) };
    await shop.deliver('customers/update', since, { sourceId });
    expect(await consents()).toMatchObject([{ state: 'granted', occurredAt: day(114) }]);
    expect(await consentLines()).toHaveLength(1);
  });

  test('shares an address with somebody who stays, whose consents count as before', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const other = { id: ids.customer + 500, email: ids.email, first_name: 'Wanda', updated_at: day(20) };
    await shop.deliver('customers/update', other, { sourceId: 'shop' });
    const redact = { customer: { id: ids.customer }, orders_to_redact: [] };
    await shop.deliver('customers/redact', redact);
    await shop.workAll();
    await shop.setClock(day(120));
    const words = { ...other, updated_at: day(110), email_marketing_consent: subscribed(day(50)) };
    await shop.deliver('customers/update', words);
    expect(await consents()).toMatchObject([{ state: 'granted', occurredAt: day(50) }]);
  });
});

describe('while an erasure is under way', () => {
  test('whoever is gone is counted, though the worker is cut off before it notes it', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    await shop.keep();
    const requestId = await shop.erase((await shop.find({ email: ids.email }))?.id as string);
    let isGone = false;
    shop.api.proxy.plan = (_operation, said) => {
      if (isGone) return 'refused';
      isGone = said.includes('"erasedAt"') && !said.includes('"request"');
      return 'none';
    };
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await shop.work();
    told.mockRestore();
    expect(isGone).toBe(true);
    shop.api.proxy.plan = () => 'none';
    await shop.workAll();
    expect(await shop.request(requestId)).toMatchObject({ status: 'done', counts: { persons: 1, orders: 1 } });
  });

  test('an order placed later is of somebody new, at whichever step it comes', async () => {
    for (let steps = 0; steps < 6; steps++) {
      ids = { ...ids, customer: ids.customer + 1_000, email: `mid${steps}.${ids.email}`, name: `${ids.name}mid` };
      await shop.setClock(day(100));
      await shop.deliver('orders/create', order(10 + 10 * steps, day(10)));
      await shop.keep();
      const old = (await shop.find({ email: ids.email }))?.id as string;
      await shop.erase(old);
      // One page of one step at each call.
      for (let step = 0; step < steps; step++) await shop.work({ milliseconds: 0 });
      await shop.setClock(day(101));
      const placed = steps === 0 ? day(99) : day(101);
      const later = order(11 + 10 * steps, placed, {
        customer: { id: ids.customer, email: ids.email, first_name: 'Newt' },
      });
      expect((await shop.deliver('orders/create', later)).status).toBe('recorded');
      await shop.keep();
      await shop.workAll({ milliseconds: 0 });
      expect(await shop.traces([ids.name])).toEqual([]);
      const found = await shop.find({ email: ids.email });
      if (steps === 0) expect(found).toBeUndefined();
      else expect(found).toMatchObject({ firstName: 'Newt', facts: { purchaseCount: 1 } });
      expect(found?.id).not.toBe(old);
      expect((await shop.api.call('GET /v1/customers/{customerId}', { params: { customerId: old } })).status).toBe(410);
    }
  }, 30_000);

  test('what was recorded before and is kept after has no body', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const late = shop.queues.of('keep').splice(0);
    await erased();
    shop.queues.of('keep').push(...late);
    await shop.keep();
    expect(await shop.traces(personal())).toEqual([]);
  });
});

describe('what was worked out of the person', () => {
  test('receipts go, jobs are withdrawn and keep their decision alone, and the night passes by', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const customerId = (await shop.find({ email: ids.email }))?.id as string;
    const { tables } = shop.api.embedded;
    const consent = { state: 'granted', occurredAt: day(10), sourceId: 'shop' } as const;
    const jobs = new OutreachStore(shop.api.store, tables.outreach);
    const decision: Decision = {
      decidedAt: day(99),
      channels: [{ channel: 'email', possible: true, reason: 'consent_granted', consent }],
      chosen: 'email',
    };
    const play = { id: 'thanks', version: 1 };
    const trigger = { kind: 'tier', tier: 'gold', previousTier: null, runId: 'run_1' } as const;
    await jobs.addJob(newJob({ id: `job_${count}`, customerId, play, trigger, decision }));
    const Item = { ...receiptKey(customerId, day(90), 'run_1'), customerId, runId: 'run_1' };
    await shop.api.client.send(new PutCommand({ TableName: tables.ledger, Item }));
    await erased();
    expect(await jobs.readJob(`job_${count}`)).toMatchObject({
      status: 'withdrawn',
      reason: 'customer_erased',
      decision: { chosen: 'email', channels: [{ channel: 'email', possible: true, reason: 'consent_granted' }] },
    });
    expect(await shop.traces([`value#${customerId}`])).toEqual([]);
    expect((await shop.traces(['"granted"'])).filter((place) => place.includes('in outreach'))).toEqual([]);
    const night = populationStore(shop.api.store, tables);
    const { rows } = await night.assignPage(aRun, { segment: 0, of: 1 }, undefined);
    expect(rows.filter((row) => row.customerId === customerId && row.counts)).toEqual([]);
    expect((await night.readAgain(aRun, [customerId])).rows).toEqual([]);
  });

  test('the bus hears of it, and of nothing else', () => {
    const image = (item: Record<string, unknown>) => marshall(item);
    const change = (OldImage: Record<string, unknown> | undefined) =>
      changeOf({
        eventName: OldImage ? 'MODIFY' : 'INSERT',
        dynamodb: {
          Keys: image({ customerId: 'cus_1' }),
          NewImage: image({ customerId: 'cus_1', version: 2, erasedAt: today, sources: [] }),
          ...(OldImage && { OldImage: image({ customerId: 'cus_1', ...OldImage }) }),
        },
      });
    expect(change({ version: 1, profile: {} })).toEqual({ kind: 'erasure', customerId: 'cus_1', at: today });
    expect(change({ version: 1, mergedInto: 'cus_2' })).toEqual({ kind: 'erasure', customerId: 'cus_1', at: today });
    expect(change({ version: 1, erasedAt: day(1) })).toBeUndefined();
    expect(change(undefined)).toBeUndefined();
    expect(eventsOf({ kind: 'erasure', customerId: 'cus_1', at: today })).toEqual([
      { type: 'CustomerErased', detail: { customerId: 'cus_1', at: today } },
    ]);
  });
});

describe('a call of a partner', () => {
  test('about somebody who was erased is answered so, and an order is kept without the person', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const customerId = await erased();
    const report = (item: object) => shop.api.call('POST /v1/interactions', { body: item });
    const common = { occurredAt: day(20), externalId: `p${count}` };
    const call = await report({ type: 'call', ...common, customerId, text: 'hello' });
    expect([call.status, call.body.code]).toEqual([410, 'customer_erased']);
    const byAddress = await report({ type: 'review', ...common, rating: 5, customer: { email: ids.email } });
    expect([byAddress.status, byAddress.body.code]).toEqual([410, 'customer_erased']);
    const lines = await total();
    const sale = { type: 'order', ...common, total: { amount: '5.00', currency: 'EUR' } };
    const kept = await report({ ...sale, customer: { email: ids.email, firstName: ids.name } });
    expect([kept.status, kept.body.customerId]).toEqual([201, null]);
    expect(await total()).toBe(lines + 1);
    const later = await report({ ...sale, externalId: `q${count}`, occurredAt: day(105), customerId });
    expect([later.status, later.body.code]).toEqual([410, 'customer_erased']);
    const merge = { params: { customerId }, body: { into: `${customerId}0` } };
    expect((await shop.api.call('POST /v1/customers/{customerId}/merge', merge)).status).toBe(410);
    expect((await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } })).status).toBe(
      410,
    );
    expect(await shop.traces(personal())).toEqual([]);
  });

  test('needs its scope', async () => {
    const key = await shop.api.keyFor('acme', ['privacy:read']);
    const body = { type: 'erasure', customerId: 'cus_x' };
    const { status, body: answered } = await shop.api.call('POST /v1/privacy-requests', { key, body });
    expect([status, answered.code]).toEqual([403, 'insufficient_scope']);
    expect((await shop.api.call('GET /v1/privacy-requests', { key })).status).toBe(200);
  });
});

describe('a body that is too large for one item', () => {
  test('goes with its pieces, and does not come back with the delivery', async () => {
    await shop.deliver('orders/create', order(1, day(10)));
    const noise = Array.from({ length: 24_000 }, () => randomUUID());
    const unread = { id: 'x', noise, note: ids.email };
    await shop.deliver('orders/create', unread);
    await shop.deliver('orders/updated', order(1, day(10), { noise }));
    await shop.keep();
    const pieces = async () => (await shop.everything()).filter(({ item }) => String(item.sk).startsWith('body#'));
    expect((await pieces()).length).toBeGreaterThanOrEqual(2);
    await erased();
    expect(await pieces()).toEqual([]);
    await shop.deliver('orders/create', unread);
    await shop.keep();
    expect(await pieces()).toEqual([]);
    expect(await shop.traces(personal())).toEqual([]);
  });
});
