import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consentChannels, consentPurposes } from '../../shared/domain/consent.ts';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  api = await openApi();
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(() => api.stop());

const report = (body: unknown, more = {}) => api.call('POST /v1/interactions', { body, ...more });
const customer = (customerId: string) => api.call('GET /v1/customers/{customerId}', { params: { customerId } });
const ledger = (customerId: string, query: Record<string, string> = {}, more = {}) =>
  api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId }, query, ...more });

const anOrder = (change: Record<string, unknown> = {}) => ({
  type: 'order',
  externalId: 'A-1',
  occurredAt: '2026-03-01T10:30:00+01:00',
  customer: { externalId: 'c-1', email: ' Ada@Example.com', firstName: 'Ada' },
  total: { amount: '181.09', currency: 'EUR' },
  ...change,
});

test('an order makes a customer with facts; again it is a duplicate', async () => {
  const first = await report(anOrder());
  expect(first.status).toBe(201);
  expect(first.body.status).toBe('recorded');
  const second = await report(anOrder());
  expect([second.status, second.body.status, second.body.id]).toEqual([200, 'duplicate', first.body.id]);

  const { body } = await customer(first.body.customerId);
  expect(body).toMatchObject({
    email: 'ada@example.com',
    firstName: 'Ada',
    facts: {
      purchaseCount: 1,
      totalSpent: { amount: '181.09', currency: 'EUR' },
      totalRefunded: { amount: '0.00', currency: 'EUR' },
      firstPurchaseAt: '2026-03-01T09:30:00.000Z',
      lastPurchaseAt: '2026-03-01T09:30:00.000Z',
    },
    tier: null,
    previousTier: null,
    tierSince: null,
    consents: [],
  });
  expect(body.identities).toHaveLength(2);
  expect(body.identities).toEqual(
    expect.arrayContaining([
      { namespace: 'partner-admin', value: 'c-1' },
      { namespace: 'email', value: 'ada@example.com' },
    ]),
  );
});

test('every kind stands in the ledger, newest first, with its own fields', async () => {
  const person = { email: 'kinds@example.com' };
  const { body: order } = await report(anOrder({ externalId: 'K-1', customer: person }));
  await report({
    type: 'refund',
    externalId: 'K-1-r',
    orderExternalId: 'K-1',
    occurredAt: '2026-03-02T09:00:00Z',
    amount: { amount: '81.09', currency: 'EUR' },
  });
  for (const [day, type] of ['call', 'visit', 'message', 'review'].entries()) {
    const occurredAt = `2026-03-1${day}T09:00:00Z`;
    const more = type === 'review' ? { rating: 5, text: 'Good.\nVery good.' } : { direction: 'in', channel: 'phone' };
    expect((await report({ type, externalId: `K-${type}`, occurredAt, customer: person, ...more })).status).toBe(201);
  }
  const { body } = await ledger(order.customerId);
  expect(body.nextCursor).toBeNull();
  expect(body.data.map(({ type }) => type)).toEqual(['review', 'message', 'visit', 'call', 'refund', 'order']);
  expect(body.data[0]).toMatchObject({ rating: 5, text: 'Good.\nVery good.', sourceId: 'partner-admin' });
  expect(body.data[4]).toMatchObject({
    externalId: 'K-1-r',
    orderExternalId: 'K-1',
    amount: { amount: '81.09', currency: 'EUR' },
  });
  expect(body.data[5]).toMatchObject({ purchase: true, test: false, total: { amount: '181.09', currency: 'EUR' } });
  const { facts } = (await customer(order.customerId)).body;
  expect(facts).toMatchObject({
    purchaseCount: 1,
    totalSpent: { amount: '100.00' },
    totalRefunded: { amount: '81.09' },
  });
});

test('a partner may assert every channel and purpose, and each stands for itself', async () => {
  const person = { email: 'all-consents@example.com' };
  const said = consentChannels.flatMap((channel) => consentPurposes.map((purpose) => ({ channel, purpose })));
  let id = '';
  for (const [index, one] of said.entries()) {
    const state = index % 2 === 0 ? 'granted' : 'refused';
    const heard = {
      type: 'consent',
      externalId: `all-${index}`,
      occurredAt: '2026-01-01T00:00:00Z',
      state,
      customer: person,
    };
    const { status, body } = await report({ ...heard, ...one });
    expect(status).toBe(201);
    id = body.customerId as string;
  }
  const { consents } = (await customer(id)).body;
  expect(consents).toHaveLength(said.length);
  for (const [index, one] of said.entries())
    expect(consents).toContainEqual(
      expect.objectContaining({ ...one, state: index % 2 === 0 ? 'granted' : 'refused' }),
    );
  const occurredAt = '2026-01-01T00:00:00Z';
  const heard = { type: 'consent', externalId: 'x', occurredAt, state: 'granted', customer: person };
  expect((await report({ ...heard, channel: 'fax' })).body.errors[0]?.pointer).toBe('/channel');
  expect((await report({ ...heard, channel: 'email', purpose: 'any' })).body.errors[0]?.pointer).toBe('/purpose');
});

test('a consent that a partner heard counts from when it was said, whenever it is told', async () => {
  const person = { email: 'consent@example.com' };
  const said = (externalId: string, state: string, occurredAt: string, more: object = {}) =>
    report({ type: 'consent', externalId, occurredAt, channel: 'email', state, customer: person, ...more });
  const { body, status } = await said('C-2', 'refused', '2026-03-02T09:00:00Z');
  expect([status, body.status]).toEqual([201, 'recorded']);
  expect((await said('C-1', 'granted', '2026-03-01T09:00:00Z')).status).toBe(201);
  expect((await said('C-2', 'refused', '2026-03-02T09:00:00Z')).body).toMatchObject({
    status: 'duplicate',
    id: body.id,
  });
  const stated = async () => (await customer(body.customerId)).body.consents;
  expect(await stated()).toMatchObject([
    { channel: 'email', purpose: 'marketing', state: 'refused', sourceId: 'partner-admin' },
  ]);
  await said('C-3', 'granted', '2026-03-03T09:00:00Z', { customer: undefined, customerId: body.customerId });
  expect(await stated()).toMatchObject([{ state: 'granted', occurredAt: '2026-03-03T09:00:00.000Z' }]);
  const lines = (await ledger(body.customerId)).body.data;
  expect(lines.map(({ type, state }) => [type, state])).toEqual([
    ['consent', 'granted'],
    ['consent', 'refused'],
    ['consent', 'granted'],
  ]);
  expect((await said('C-4', 'perhaps', '2026-03-04T09:00:00Z')).status).toBe(400);
});

describe('an id that was used for something else', () => {
  const person = { email: 'twice@example.com' };
  const consent = {
    type: 'consent',
    externalId: 'K-1',
    occurredAt: '2026-03-02T09:00:00Z',
    channel: 'email',
    state: 'refused',
    customer: person,
  };
  const call = { type: 'call', externalId: 'K-1', occurredAt: '2026-03-02T09:00:00Z', text: 'tea', customer: person };

  test.each<[string, object, object]>([
    ['the other word', consent, { state: 'granted' }],
    ['another time', consent, { occurredAt: '2026-03-02T09:00:01Z' }],
    ['another channel', consent, { channel: 'sms' }],
    ['another text', call, { text: 'coffee' }],
    ['no text', call, { text: undefined }],
    ['another time of a call', call, { occurredAt: '2026-03-01T09:00:00Z' }],
    ['another person', consent, { customer: { email: 'somebody.else@example.com' } }],
    ['another person of a call', call, { customer: { email: 'somebody.else@example.com' } }],
  ])('%s is refused, and what was said stands', async (_, first, change) => {
    const kept = await report(first);
    expect([200, 201]).toContain(kept.status);
    const { status, body } = await report({ ...first, ...change });
    expect([status, body.code, body.errors[0]?.pointer]).toEqual([409, 'interaction_conflict', '/externalId']);
    expect((await report(first)).body).toMatchObject({ id: kept.body.id, status: 'duplicate' });
    const batch = await report({ interactions: [{ ...first, ...change }, first] });
    expect(batch.body.data.map(({ httpStatus }) => httpStatus)).toEqual([409, 200]);
    expect((await customer(kept.body.customerId)).body.consents).toMatchObject([
      { channel: 'email', state: 'refused' },
    ]);
  });

  test('of a consent that is dated ahead: the same again is a duplicate', async () => {
    const ahead = { ...consent, externalId: 'K-2', occurredAt: new Date(Date.now() + 60_000).toISOString() };
    expect((await report(ahead)).status).toBe(201);
    expect((await report(ahead)).body.status).toBe('duplicate');
    expect((await report({ ...ahead, state: 'granted' })).status).toBe(409);
  });

  test('of two at once one stands', async () => {
    const answers = await Promise.all(
      ['granted', 'refused'].map((state) => report({ ...consent, externalId: 'K-3', state })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });
});

test('a refund before its order waits for it', async () => {
  const refund = await report({
    type: 'refund',
    externalId: 'E-1-r',
    orderExternalId: 'E-1',
    occurredAt: '2026-03-02T09:00:00Z',
    amount: { amount: '1.09', currency: 'EUR' },
  });
  expect([refund.status, refund.body.customerId]).toEqual([201, null]);
  const order = await report(anOrder({ externalId: 'E-1', customer: { email: 'early@example.com' } }));
  const { data } = (await ledger(order.body.customerId)).body;
  expect(data.map(({ id }) => id)).toContain(refund.body.id);
  expect((await customer(order.body.customerId)).body.facts.totalSpent.amount).toBe('180.00');
});

test('a correction with a later updatedAt counts, a cancellation takes the purchase back', async () => {
  const change = { externalId: 'U-1', customer: { email: 'update@example.com' } };
  const { customerId } = (await report(anOrder(change))).body;
  const corrected = { ...change, total: { amount: '90.00', currency: 'EUR' }, updatedAt: '2026-03-05T00:00:00Z' };
  expect((await report(anOrder(corrected))).status).toBe(201);
  expect((await customer(customerId)).body.facts.totalSpent.amount).toBe('90.00');
  expect((await report(anOrder({ ...corrected, cancelledAt: '2026-03-06T00:00:00Z' }))).status).toBe(201);
  expect((await customer(customerId)).body.facts).toMatchObject({ purchaseCount: 0, firstPurchaseAt: null });
});

test('customers are found by any identity, written in any way', async () => {
  const person = { externalId: 'x:1', email: 'Find+me@example.com', phone: '+49 (30) 123456' };
  const { customerId } = (await report(anOrder({ externalId: 'F-1', customer: person }))).body;
  for (const query of [
    { email: 'find+ME@example.com' },
    { phone: '+4930123456' },
    { phone: '0049 30 123456' },
    { externalId: 'partner-admin:x:1' },
  ]) {
    const { status, body } = await api.call('GET /v1/customers', { query });
    expect(status).toBe(200);
    expect(body.data.map(({ id }) => id)).toEqual([customerId]);
    expect(body.nextCursor).toBeNull();
  }
  for (const rawQuery of ['phone=+4930123456', 'email=find+me@example.com'])
    expect((await api.call('GET /v1/customers', { rawQuery })).body.data).toHaveLength(1);
  expect((await api.call('GET /v1/customers', { query: { email: 'nobody@example.com' } })).body.data).toEqual([]);
});

test.each([
  ['none', {}],
  ['two', { email: 'a@example.com', phone: '+4930123456' }],
  ['no address', { email: 'ada' }],
  ['no country code', { phone: '030 123456' }],
  ['no source', { externalId: '1001' }],
  ['a NUL', { externalId: 'shop:\u0000' }],
  ['an unknown filter', { name: 'Ada' }],
  ['a limit of 101', { email: 'a@example.com', limit: '101' }],
  ['a limit of 1e2', { email: 'a@example.com', limit: '1e2' }],
])('a search by %s is refused', async (_, query) => {
  const { status, body } = await api.call('GET /v1/customers', { query: query as Record<string, string> });
  expect([status, body.code]).toEqual([400, 'invalid_request']);
});

test('a parameter that is given twice is refused', async () => {
  const { status, body } = await api.call('GET /v1/customers', { rawQuery: 'email=a@example.com&email=b@example.com' });
  expect([status, body.code]).toEqual([400, 'invalid_request']);
});

test.each([
  ['a negative amount', { total: { amount: '-1.00', currency: 'EUR' } }, '/total/amount'],
  ['an absurd amount', { total: { amount: '99999999999999', currency: 'EUR' } }, '/total/amount'],
  ['an amount finer than its currency', { total: { amount: '1.001', currency: 'EUR' } }, '/total/amount'],
  ['a decimal yen', { total: { amount: '1.5', currency: 'JPY' } }, '/total/amount'],
  ['a number for an amount', { total: { amount: 181.09, currency: 'EUR' } }, '/total/amount'],
  ['NaN', { total: { amount: 'NaN', currency: 'EUR' } }, '/total/amount'],
  ['an unknown currency', { total: { amount: '1.00', currency: 'EUX' } }, '/total/currency'],
  ['the year 50000', { occurredAt: '50000-01-01T00:00:00Z' }, '/occurredAt'],
  ['the 30th of February', { occurredAt: '2026-02-30T00:00:00Z' }, '/occurredAt'],
  ['a number for a time', { occurredAt: 1767225600 }, '/occurredAt'],
  ['nobody', { customer: undefined }, '/customer'],
  ['nobody in particular', { customer: { firstName: 'Ada' } }, '/customer'],
  ['somebody twice', { customerId: 'cus_1' }, '/customer'],
  ['no address', { customer: { email: 'ada@' } }, '/customer/email'],
  ['a NUL in an id', { externalId: 'a\u0000b' }, '/externalId'],
  ['a # in an id', { externalId: 'a#b' }, '/externalId'],
  ['an id of 256 characters', { externalId: 'a'.repeat(256) }, '/externalId'],
  ['half a surrogate', { externalId: '\ud800' }, '/externalId'],
  [
    'a control character in a name',
    { customer: { email: 'a@example.com', firstName: 'A\u001b[2J' } },
    '/customer/firstName',
  ],
  ['an unknown field', { colour: 'red' }, '/colour'],
  ['a field of another kind', { rating: 5 }, '/rating'],
  ['an unknown type', { type: 'theft' }, '/type'],
  ['a type of everybody', { type: 'toString' }, '/type'],
])('%s is refused with its pointer, and nothing is kept', async (_, change, pointer) => {
  const { status, body } = await report(anOrder({ externalId: 'BAD', ...change }));
  expect([status, body.code]).toEqual([400, 'invalid_request']);
  expect(body.errors.map((fault) => fault.pointer)).toContain(pointer);
});

test('a text that is no text is refused', async () => {
  for (const body of ['"order"', '[]', 'null', '5', '{}']) expect((await report(body)).status).toBe(400);
});

test('an unknown customer id is 404', async () => {
  const call = { type: 'call', externalId: 'N-1', occurredAt: '2026-03-01T00:00:00Z', customerId: 'cus_unknown' };
  const { status, body } = await report(call);
  expect([status, body.code]).toEqual([404, 'customer_not_found']);
  for (const path of ['', '/interactions', '/value']) {
    const routeKey = `GET /v1/customers/{customerId}${path}`;
    expect((await api.call(routeKey, { params: { customerId: 'cus_unknown' } })).status).toBe(404);
  }
});

test('a batch is answered item by item, and one bad item holds back no other', async () => {
  const items = [
    anOrder({ externalId: 'B-1', customer: { email: 'batch@example.com' } }),
    anOrder({ externalId: 'B-2', total: { amount: '-1', currency: 'EUR' } }),
    anOrder({ externalId: 'B-1', customer: { email: 'batch@example.com' } }),
    'not an object',
    { type: 'review', externalId: 'B-3', occurredAt: '2026-03-01T00:00:00Z', customerId: 'cus_unknown' },
    { ...anOrder({ externalId: 'B-4' }), type: 'call', total: undefined, text: 'a'.repeat(40_000) },
  ];
  const { status, body } = await report({ interactions: items });
  expect(status).toBe(207);
  expect(body.data.map(({ httpStatus }) => httpStatus)).toEqual([201, 400, 200, 400, 404, 413]);
  expect(body.data[1]?.problem.errors[0]?.pointer).toBe('/interactions/1/total/amount');
});

test('a batch has 1 to 100 items and 500 kB, an item 32 kB', async () => {
  expect((await report({ interactions: [] })).status).toBe(400);
  expect((await report({ interactions: Array.from({ length: 101 }, () => ({})) })).status).toBe(400);
  expect((await report({ interactions: [], more: 1 })).status).toBe(400);
  expect((await report(`{"interactions":["${'a'.repeat(500_000)}"]}`)).body.code).toBe('body_too_large');
  expect((await report(anOrder({ text: 'a'.repeat(33_000) }))).body.code).toBe('item_too_large');
});

test('a partner reports under its own name, or under a source that its key names', async () => {
  const key = await api.keyFor('acme', ['interactions:write'], { sources: ['shop'] });
  const own = await report(anOrder({ externalId: 'P-1', customer: { email: 'p@example.com' } }), { key });
  const { data } = (await ledger(own.body.customerId)).body;
  expect(data[0]?.sourceId).toBe('partner-acme');
  expect((await report(anOrder({ externalId: 'P-2', sourceId: 'shop' }), { key })).status).toBe(201);
  for (const sourceId of ['partner-admin', 'partner-other', 'nowhere', 'email']) {
    const { status, body } = await report(anOrder({ externalId: 'P-3', sourceId }), { key });
    expect([status, body.code]).toEqual([404, 'source_not_found']);
  }
  const stranger = await api.keyFor('stranger', ['interactions:write']);
  expect((await report(anOrder({ externalId: 'P-4', sourceId: 'shop' }), { key: stranger })).status).toBe(404);
});

test('two partners’ equal ids are two orders', async () => {
  const [a, b] = [await api.keyFor('a', ['interactions:write']), await api.keyFor('b', ['interactions:write'])];
  const order = anOrder({ externalId: 'SAME', customer: { email: 'same@example.com' } });
  const answers = [await report(order, { key: a }), await report(order, { key: b })];
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect((await customer(answers[0]?.body.customerId as string)).body.facts.purchaseCount).toBe(2);
});

test('pages show every item exactly once, whatever their size', async () => {
  const email = 'pages@example.com';
  const items = Array.from({ length: 23 }, (_, i) => ({
    type: 'call',
    externalId: `page-${i}`,
    // Several at one time: the order must be total.
    occurredAt: `2026-03-01T00:00:0${i % 4}Z`,
    customer: { email },
  }));
  const { body } = await report({ interactions: items });
  const customerId = body.data[0]?.customerId as string;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let turn = 0; turn < 50; turn++) {
        const limit = String(sizes[turn % sizes.length]);
        const page = await ledger(customerId, { limit, ...(cursor && { cursor }) });
        seen.push(...page.body.data.map(({ externalId }) => externalId as string));
        cursor = page.body.nextCursor ?? undefined;
        if (!cursor) break;
        expect(page.body.data).toHaveLength(Number(limit));
      }
      expect([...seen].sort()).toEqual(items.map(({ externalId }) => externalId).sort());
    }),
    { numRuns: 12 },
  );
});

test('a cursor that was changed, or made for another key, customer or list, is refused', async () => {
  const { body } = await report({
    interactions: ['one', 'two'].flatMap((name) =>
      [1, 2, 3].map((i) => ({
        type: 'call',
        externalId: `${name}-${i}`,
        occurredAt: `2026-03-0${i}T00:00:00Z`,
        customer: { email: `${name}@example.com` },
      })),
    ),
  });
  const [one, two] = [body.data[0]?.customerId as string, body.data[3]?.customerId as string];
  const cursor = (await ledger(one, { limit: '1' })).body.nextCursor as string;
  expect((await ledger(one, { limit: '1', cursor })).body.data[0]?.externalId).toBe('one-2');
  const key = await api.keyFor('reader', ['interactions:read', 'keys:read']);
  for (const answer of [
    await ledger(two, { cursor }),
    await ledger(one, { cursor }, { key }),
    await api.call('GET /v1/keys', { query: { cursor } }),
    await ledger(one, { cursor: '' }),
    await ledger(one, { cursor: 'not a cursor' }),
    await ledger(one, { cursor: `${cursor}A` }),
    await ledger(one, { cursor: Buffer.from(one).toString('base64url') }),
  ]) {
    expect(answer.status).toBe(400);
    expect(answer.body.code).toMatch(/^invalid_(cursor|request)$/);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(cursor.length - 1), fc.constantFrom('A', 'z', '0', '_'), async (at, letter) => {
      fc.pre(cursor[at] !== letter);
      const changed = cursor.slice(0, at) + letter + cursor.slice(at + 1);
      expect((await ledger(one, { cursor: changed })).body.code).toBe('invalid_cursor');
    }),
    { numRuns: 30 },
  );
});
