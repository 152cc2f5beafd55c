import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { OutreachStore } from '../../shared/dynamodb/outreach-store.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, type Body, openApi } from './door.ts';

let api: ApiDoor;
let count = 0;
let ada: string;
let bea: string;
beforeAll(async () => {
  api = await openApi();
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
});
afterAll(() => api.stop());
beforeEach(async () => {
  count += 1;
  ada = await bought('ada', 1, '100.00');
  bea = await bought('bea', 2, '30.00');
});

const report = (body: unknown) => api.call('POST /v1/interactions', { body });
const show = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}', { params: { customerId } })).body;
/** As it is shown, but for the time of its last change. */
const state = async (customerId: string) => ({ ...((await show(customerId)) as object), updatedAt: '' });
const idsOf = (suggestion: Body): string[] => [...(suggestion.customerIds ?? [])].sort();
const of = (customerId: string) => (suggestion: Body) => idsOf(suggestion).includes(customerId);
const merge = (customerId: string, into: string, key?: string) =>
  api.call('POST /v1/customers/{customerId}/merge', { params: { customerId }, body: { into }, ...(key && { key }) });
/** Without a body, where there is nothing to say. */
const unmerge = (customerId: string, mergeId?: string) =>
  api.call('POST /v1/customers/{customerId}/unmerge', {
    params: { customerId },
    ...(mergeId !== undefined && { body: { mergeId } }),
  });
const journal = async (customerId: string, query: Record<string, string> = {}) =>
  (await api.call('GET /v1/customers/{customerId}/merges', { params: { customerId }, query })).body;
const ledger = async (customerId: string, query: Record<string, string> = {}) =>
  (await api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId }, query })).body;
const suggestions = async (query: Record<string, string> = {}) =>
  (await api.call('GET /v1/merge-suggestions', { query })).body;

const addressOf = (name: string) => `${name}${count}@example.com`;

/** An order of somebody on a day of March; answers with the customer. */
async function bought(name: string, day: number, amount: string, change: Record<string, unknown> = {}) {
  const { status, body } = await report({
    type: 'order',
    externalId: `${name}-${count}-${day}`,
    occurredAt: `2026-03-${String(day).padStart(2, '0')}T10:00:00Z`,
    customer: { externalId: `${name}-${count}`, email: addressOf(name) },
    total: { amount, currency: 'EUR' },
    ...change,
  });
  expect(status).toBe(201);
  return body.customerId as string;
}

describe('merging', () => {
  test('makes one customer of two, whom both ids and all identities lead to', async () => {
    const { status, body } = await merge(bea, ada);
    expect([status, body]).toEqual([
      200,
      { status: 'merged', mergeId: expect.stringMatching(/^mrg_/), customerId: bea, into: ada },
    ]);
    for (const id of [ada, bea]) {
      expect(await show(id)).toMatchObject({
        id: ada,
        mergedIds: [bea],
        facts: {
          purchaseCount: 2,
          totalSpent: { amount: '130.00' },
          firstPurchaseAt: '2026-03-01T10:00:00.000Z',
          lastPurchaseAt: '2026-03-02T10:00:00.000Z',
        },
      });
      expect((await show(id)).identities).toHaveLength(4);
      expect((await ledger(id)).data.map(({ externalId }) => externalId)).toEqual([`bea-${count}-2`, `ada-${count}-1`]);
    }
    for (const name of ['ada', 'bea']) {
      const found = await api.call('GET /v1/customers', { query: { email: addressOf(name) } });
      expect(found.body.data.map(({ id }) => id)).toEqual([ada]);
    }
  });

  test('again changes nothing, and the other way round neither', async () => {
    const { body: first } = await merge(bea, ada);
    const before = await show(ada);
    for (const [from, into] of [
      [bea, ada],
      [ada, bea],
    ] as const) {
      const { status, body } = await merge(from, into);
      expect([status, body.status, body.mergeId]).toEqual([200, 'unchanged', first.mergeId]);
    }
    expect(await show(ada)).toEqual(before);
    expect((await journal(ada)).data).toHaveLength(1);
  });

  test('at once from both sides, by many, is done once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? merge(bea, ada) : merge(ada, bea))),
    );
    const statuses = answers.map(({ status, body }) => `${status} ${body.status}`);
    expect(statuses.toSorted()).toEqual(['200 merged', ...Array(7).fill('200 unchanged')]);
    expect((await journal(ada)).data).toHaveLength(1);
    expect((await show(bea)).facts.purchaseCount).toBe(2);
  });

  test('is refused where it makes no sense', async () => {
    const cyd = await bought('cyd', 3, '5.00');
    const tess = await bought('tess', 4, '5.00', { test: true });
    const code = async (from: string, into: string) => {
      const { status, body } = await merge(from, into);
      return `${status} ${body.code}`;
    };
    expect(await code(ada, ada)).toBe('409 merge_into_itself');
    expect(await code('cus_unknown', ada)).toBe('404 customer_not_found');
    expect(await code(ada, 'cus_unknown')).toBe('404 customer_not_found');
    expect(await code(tess, ada)).toBe('409 test_data');
    await merge(bea, ada);
    expect(await code(bea, cyd)).toBe('409 already_merged');
    expect(await code(cyd, bea)).toMatch(/^200/);
    expect((await show(cyd)).mergedIds?.toSorted()).toEqual([bea, cyd].sort());
  });

  test('asks for the right to write customers', async () => {
    const key = await api.keyFor('reader', ['customers:read']);
    const { status, body } = await merge(bea, ada, key);
    expect([status, body.code]).toEqual([403, 'insufficient_scope']);
  });

  test('ends at twenty persons', async () => {
    for (let person = 0; person < 18; person++)
      expect((await merge(await bought(`p${person}-`, 3, '1.00'), ada)).status).toBe(200);
    expect((await merge(bea, ada)).status).toBe(200);
    expect((await show(bea)).facts).toMatchObject({ purchaseCount: 20, totalSpent: { amount: '148.00' } });
    const { status, body } = await merge(await bought('one-more', 3, '1.00'), ada);
    expect([status, body.code]).toEqual([409, 'too_many_persons']);
  }, 60_000);

  test('lets later interactions find their own persons, also when both are in one of them', async () => {
    await merge(bea, ada);
    expect(await bought('bea', 5, '7.00')).toBe(ada);
    expect(
      (await report({ type: 'call', externalId: `call-${count}`, occurredAt: '2026-03-06T10:00:00Z', customerId: bea }))
        .body,
    ).toMatchObject({ status: 'recorded', customerId: ada });
    // The shop says now that the order was Ada's: it moves from one person to the other.
    const moved = { updatedAt: '2026-03-07T10:00:00Z', customer: { externalId: `ada-${count}` } };
    await bought('bea', 5, '8.00', moved);
    expect((await show(bea)).facts).toMatchObject({ purchaseCount: 3, totalSpent: { amount: '138.00' } });
    await unmerge(bea);
    expect((await show(ada)).facts).toMatchObject({ purchaseCount: 2, totalSpent: { amount: '108.00' } });
    expect((await show(bea)).facts).toMatchObject({ purchaseCount: 1, totalSpent: { amount: '30.00' } });
    expect((await ledger(bea)).data.map(({ type }) => type)).toEqual(['call', 'order']);
  });

  test('shows the latest word of whoever said it', async () => {
    await bought('ada', 10, '1.00', { customer: { externalId: `ada-${count}`, firstName: 'Ada' } });
    await bought('bea', 11, '1.00', { customer: { externalId: `bea-${count}`, firstName: 'Bea' } });
    await merge(ada, bea);
    expect(await show(ada)).toMatchObject({ id: bea, firstName: 'Bea', email: addressOf('bea') });
    await unmerge(ada);
    expect(await show(ada)).toMatchObject({ id: ada, firstName: 'Ada', email: addressOf('ada') });
  });

  test('pages through the ledgers of all persons as if they were one', async () => {
    for (let day = 3; day < 12; day++) await bought(day % 2 ? 'ada' : 'bea', day, '1.00');
    await merge(bea, ada);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await ledger(bea, { limit: '3', ...(cursor !== null && { cursor }) });
      seen.push(...page.data.map(({ occurredAt }) => String(occurredAt)));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toHaveLength(11);
    expect(seen).toEqual(seen.toSorted().reverse());
  });
});

describe('taking a merge back', () => {
  test('gives each what is its own, and repeating it changes nothing', async () => {
    const before = [await state(ada), await state(bea)];
    const { body: done } = await merge(bea, ada);
    const { status, body } = await unmerge(bea);
    expect([status, body]).toEqual([200, { ...(done as object), status: 'parted' }]);
    expect([await state(ada), await state(bea)]).toEqual(before);
    for (const repeated of [await unmerge(bea), await unmerge(ada), await unmerge(bea, String(done.mergeId))])
      expect([repeated.status, repeated.body]).toEqual([200, { ...(done as object), status: 'unchanged' }]);
    const { data } = await journal(ada);
    expect(data.map(({ kind }) => kind)).toEqual(['unmerge', 'merge']);
    expect(data[1]).toMatchObject({ by: 'api:key_admin', customerId: bea, into: ada, movedIds: [bea] });
    expect((await journal(bea)).data).toEqual(data);
  });

  test('of one merge among others takes along who had been merged before', async () => {
    const [cyd, dee] = [await bought('cyd', 3, '5.00'), await bought('dee', 4, '6.00')];
    const { body: one } = await merge(bea, cyd);
    const { body: two } = await merge(cyd, ada);
    await merge(dee, ada);
    expect((await show(bea)).facts.totalSpent.amount).toBe('141.00');
    const ambiguous = await unmerge(ada);
    expect([ambiguous.status, ambiguous.body.code]).toEqual([409, 'merge_not_named']);
    expect((await unmerge(ada, String(two.mergeId))).body).toMatchObject({
      status: 'parted',
      customerId: cyd,
      into: ada,
    });
    expect((await show(bea)).facts.totalSpent.amount).toBe('35.00');
    expect(await show(bea)).toMatchObject({ id: cyd, mergedIds: [bea] });
    expect(await show(dee)).toMatchObject({ id: ada, mergedIds: [dee], facts: { totalSpent: { amount: '106.00' } } });
    expect((await unmerge(cyd, String(one.mergeId))).body).toMatchObject({
      status: 'parted',
      customerId: bea,
      into: cyd,
    });
    expect(await show(bea)).toMatchObject({ id: bea, mergedIds: [], facts: { totalSpent: { amount: '30.00' } } });
  });

  test('in the order in which they were done leaves the later one standing', async () => {
    const cyd = await bought('cyd', 3, '5.00');
    const { body: one } = await merge(bea, cyd);
    await merge(cyd, ada);
    await unmerge(ada, String(one.mergeId));
    expect(await show(bea)).toMatchObject({ id: bea, mergedIds: [] });
    expect(await show(cyd)).toMatchObject({ id: ada, mergedIds: [cyd], facts: { totalSpent: { amount: '105.00' } } });
  });

  test('by many at once, with orders in between, is done once', async () => {
    await merge(bea, ada);
    const days = [11, 12, 13, 14];
    const [statuses] = await Promise.all([
      Promise.all(Array.from({ length: 4 }, async () => (await unmerge(bea)).body.status)),
      ...days.map((day) => bought(day % 2 ? 'ada' : 'bea', day, '1.00')),
    ]);
    expect(statuses.toSorted()).toEqual(['parted', 'unchanged', 'unchanged', 'unchanged']);
    expect((await show(ada)).facts).toMatchObject({ purchaseCount: 3, totalSpent: { amount: '102.00' } });
    expect((await show(bea)).facts).toMatchObject({ purchaseCount: 3, totalSpent: { amount: '32.00' } });
  });

  test('that never was is refused', async () => {
    expect((await unmerge(ada)).body.code).toBe('not_merged');
    const unknown = await unmerge(ada, 'mrg_unknown');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'merge_not_found']);
    expect((await unmerge('cus_unknown')).body.code).toBe('customer_not_found');
  });
});

describe('suggestions', () => {
  const shared = () => ({ externalId: `ada-${count}`, email: addressOf('bea') });

  test('come where a message names two customers, once', async () => {
    for (const day of [5, 6]) await bought('ada', day, '1.00', { customer: shared() });
    const { data } = await suggestions();
    expect(data[0]).toMatchObject({ id: expect.stringMatching(/^sug_/), reason: 'same_email' });
    expect(data.filter(of(ada)).map(idsOf)).toEqual([[ada, bea].sort()]);
  });

  test('are taken off by a merge, and do not come back after it was taken back', async () => {
    await bought('ada', 5, '1.00', { customer: shared() });
    await merge(bea, ada);
    const open = async () => (await suggestions()).data.filter(of(ada));
    expect(await open()).toEqual([]);
    await unmerge(bea);
    await bought('ada', 6, '1.00', { customer: { ...shared(), email: addressOf('ada') } });
    await bought('ada', 7, '1.00', { customer: shared() });
    expect(await open()).toEqual([]);
  });

  test('are taken off by dismissing them', async () => {
    await bought('ada', 5, '1.00', { customer: shared() });
    const found = (await suggestions()).data.find(of(ada));
    const dismiss = (suggestionId = '') =>
      api.call('DELETE /v1/merge-suggestions/{suggestionId}', { params: { suggestionId } });
    expect((await dismiss(found?.id)).status).toBe(204);
    expect((await dismiss(found?.id)).status).toBe(204);
    expect((await suggestions()).data.filter(of(ada))).toEqual([]);
    const unknown = await dismiss('sug_unknown');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'suggestion_not_found']);
  });

  test('name the customers that the persons are by now, page by page', async () => {
    const cyd = await bought('cyd', 3, '5.00');
    await bought('ada', 5, '1.00', { customer: shared() });
    await merge(bea, cyd);
    const seen: string[][] = [];
    let cursor: string | null = null;
    do {
      const page = await suggestions({ limit: '1', ...(cursor !== null && { cursor }) });
      seen.push(...page.data.map(idsOf));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toContainEqual([ada, cyd].sort());
  });
});

test('the jobs of all persons are listed by any of their ids', async () => {
  const jobs = new OutreachStore(api.store, api.embedded.tables.outreach);
  await merge(bea, ada);
  for (const customerId of [ada, bea]) await jobs.addJob(aJob({ id: `job_${customerId}`, customerId }));
  for (const customerId of [ada, bea]) {
    const { body } = await api.call('GET /v1/outreach-jobs', { query: { customerId } });
    expect(body.data.map(({ id }) => id).sort()).toEqual([`job_${ada}`, `job_${bea}`].sort());
  }
});

test('the value is that of the customer, whichever id asks', async () => {
  await merge(bea, ada);
  const { body } = await api.call('GET /v1/customers/{customerId}/value', { params: { customerId: bea } });
  expect(body.customerId).toBe(ada);
});
