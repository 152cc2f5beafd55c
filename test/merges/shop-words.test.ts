import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { type Answered, type Engine, openEngine, today } from './engine.ts';

let engine: Engine;
let count = 0;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.stop());
beforeEach(() => {
  count += 100;
});

const addressOf = (name: string) => `${name}${count}@example.com`;

/** An order of the customer with this number; none for a guest. */
const order = (number: number, customer: number | undefined, email: string, change: object = {}) =>
  engine.told('orders/create', {
    id: count + number,
    created_at: `2026-03-0${number}T10:00:00Z`,
    updated_at: `2026-03-0${number}T10:00:00Z`,
    currency: 'EUR',
    total_price: '10.00',
    email,
    ...(customer !== undefined && { customer: { id: count + customer, email } }),
    ...change,
  });
const merge = (kept: number, gone: number, status = 'completed') =>
  engine.told('customers/merge', {
    admin_graphql_api_customer_kept_id: `gid://shopify/Customer/${count + kept}`,
    admin_graphql_api_customer_deleted_id: `gid://shopify/Customer/${count + gone}`,
    admin_graphql_api_job_id: null,
    status,
    errors: [],
  });
const verified = (customer: number, email: string, change: object = {}) =>
  engine.told('customers/update', {
    id: count + customer,
    email,
    verified_email: true,
    updated_at: '2026-03-20T10:00:00Z',
    ...change,
  });

/** Who is found by an address, or by a number of the shop's. */
async function find(by: string | number): Promise<Answered | undefined> {
  const found = typeof by === 'number' ? { externalId: `shop:${count + by}` } : { email: by };
  const { handler } = await import('../../functions/api/api.ts');
  const { httpEvent, lambdaContext } = await import('../http-event.ts');
  const headers = { authorization: 'Bearer rk_test_admin_key_of_more_than_thirty_two_characters' };
  const answer = await handler(httpEvent({ routeKey: 'GET /v1/customers', query: found, headers }), lambdaContext());
  return JSON.parse(answer.body ?? '{}').data[0];
}

const idOf = async (by: string | number) => (await find(by))?.id ?? '';
const purchases = async (by: string | number) =>
  ((await find(by))?.facts as { purchaseCount: number } | undefined)?.purchaseCount;
const journal = async (customerId: string) =>
  (await engine.call('GET /v1/customers/{customerId}/merges', { customerId })).body.data ?? [];
const unmerge = (customerId: string) => engine.call('POST /v1/customers/{customerId}/unmerge', { customerId }, {});
const suggested = async (customerId: string) =>
  ((await engine.call('GET /v1/merge-suggestions', {})).body.data ?? []).filter((suggestion) =>
    (suggestion.customerIds as string[]).includes(customerId),
  );

describe("a shop's merge of two customers", () => {
  const said = { kept: 'order of the one kept', gone: 'order of the other', merge: 'merge' };
  const orders = [
    ['kept', 'gone', 'merge'],
    ['kept', 'merge', 'gone'],
    ['gone', 'merge', 'kept'],
    ['merge', 'gone', 'kept'],
    ['merge', 'kept', 'gone'],
  ] as const;

  test.each(orders)('comes to the same by %s, %s, %s', async (...sequence) => {
    const say: Record<keyof typeof said, () => Promise<string>> = {
      kept: () => order(1, 1, addressOf('kept')),
      gone: () => order(2, 2, addressOf('gone')),
      merge: () => merge(1, 2),
    };
    for (const which of sequence) expect(await say[which]()).toBe('recorded');
    for (const which of sequence) expect(await say[which]()).toBe('duplicate');
    for (const by of [1, 2, addressOf('kept'), addressOf('gone')]) expect(await purchases(by)).toBe(2);
    const id = await idOf(1);
    expect(await journal(id)).toMatchObject([{ kind: 'merge', by: 'shop', into: id, at: today }]);
    const [line] = await journal(id);
    expect((await unmerge(String(line?.customerId))).body.status).toBe('parted');
    expect([await purchases(1), await purchases(2)]).toEqual([1, 1]);
    expect(await merge(1, 2)).toBe('duplicate');
    expect(await purchases(1)).toBe(1);
  });

  test.each(['failed', 'in_progress', 'requested'])('that is %s does nothing', async (status) => {
    await order(1, 1, addressOf('kept'));
    await order(2, 2, addressOf('gone'));
    expect(await merge(1, 2, status)).toBe('ignored');
    expect(await purchases(1)).toBe(1);
  });

  test('moves the orders that the shop then calls those of the one kept, and no merge line is doubled', async () => {
    await order(1, 1, addressOf('kept'));
    await order(2, 2, addressOf('gone'));
    await merge(1, 2);
    const gone = (await journal(await idOf(1)))[0]?.customerId ?? '';
    await engine.told('orders/updated', {
      id: count + 2,
      created_at: '2026-03-02T10:00:00Z',
      updated_at: '2026-03-09T10:00:00Z',
      currency: 'EUR',
      total_price: '12.00',
      email: addressOf('kept'),
      customer: { id: count + 1, email: addressOf('kept') },
    });
    expect(await purchases(2)).toBe(2);
    await unmerge(gone);
    expect([await purchases(1), await purchases(2)]).toEqual([2, 0]);
  });

  test('holds for one of whom only a test spoke before, and whose order comes later', async () => {
    await order(1, 1, addressOf('kept'));
    await order(2, 2, addressOf('gone'), { test: true });
    expect(await merge(1, 2)).toBe('recorded');
    expect(await purchases(2)).toBe(1);
    await order(3, 2, addressOf('gone'));
    expect(await purchases(1)).toBe(2);
  });

  test('does not join those again, by way of others, whom somebody took apart', async () => {
    for (const customer of [1, 2, 3]) await order(customer, customer, addressOf(`c${customer}`));
    await merge(1, 2);
    await unmerge((await journal(await idOf(1)))[0]?.customerId ?? '');
    await merge(3, 2);
    expect(await purchases(2)).toBe(2);
    expect(await merge(1, 3)).toBe('duplicate');
    expect(await purchases(1)).toBe(1);
  });

  test('makes an order of either no first purchase where the other bought before', async () => {
    const firstOf = async (id: string) =>
      (await engine.lines(id)).flatMap((line) => (line.type === 'order' ? [line.first] : []));
    await order(2, 1, addressOf('kept'));
    await merge(1, 2);
    const gone = (await journal(await idOf(1)))[0]?.customerId ?? '';
    await order(3, 2, addressOf('gone'));
    expect(await firstOf(gone)).toEqual([false]);
    await order(1, 2, addressOf('gone'));
    expect(await firstOf(gone)).toEqual([true, false]);
  });

  test('into itself is set aside', async () => {
    expect(await merge(1, 1)).toBe('quarantined');
  });
});

describe('an address that the shop has verified', () => {
  test('joins the guest who ordered under it, whatever came first', async () => {
    await order(1, undefined, addressOf('ada'));
    await order(2, 1, addressOf('old'));
    expect(await verified(1, addressOf('ada'))).toBe('recorded');
    expect(await purchases(1)).toBe(2);
    expect(await journal(await idOf(1))).toMatchObject([{ kind: 'merge', by: 'verified_email' }]);
    expect(await verified(1, addressOf('ada'))).toBe('duplicate');
    expect(await suggested(await idOf(1))).toEqual([]);
  });

  test('joins nobody whom the shop knows by another id: that is a suggestion', async () => {
    await order(1, 1, addressOf('ada'));
    await order(2, 2, addressOf('bea'));
    await verified(2, addressOf('ada'));
    expect([await purchases(1), await purchases(2)]).toEqual([1, 1]);
    expect(await suggested(await idOf(1))).toMatchObject([{ reason: 'same_email' }]);
  });

  test('joins nobody again whom somebody took apart', async () => {
    await order(1, undefined, addressOf('ada'));
    const guest = await idOf(addressOf('ada'));
    await order(2, 1, addressOf('old'));
    await verified(1, addressOf('ada'));
    await unmerge(guest);
    await verified(1, addressOf('ada'), { updated_at: '2026-03-21T10:00:00Z' });
    expect([await purchases(1), await purchases(addressOf('ada'))]).toEqual([1, 1]);
  });

  test('counts for nothing where it is not verified, or a dismissal said no', async () => {
    await order(1, undefined, addressOf('ada'));
    await order(2, 1, addressOf('old'));
    await verified(1, addressOf('ada'), { verified_email: false });
    const [suggestion] = await suggested(await idOf(1));
    expect(suggestion?.reason).toBe('same_email');
    const params = { suggestionId: String(suggestion?.id) };
    await engine.call('DELETE /v1/merge-suggestions/{suggestionId}', params);
    await verified(1, addressOf('ada'));
    expect(await purchases(1)).toBe(1);
  });
});

describe('values that identify nobody', () => {
  test.each([
    'noreply@shop.example',
    'No-Reply@shop.example',
    'guest@till.example',
    'walk-in@till.example',
    'pos@till.example',
  ])('%s leads to nobody and stands in no profile', async (email) => {
    await order(1, 1, email);
    await order(2, 2, email);
    await order(3, undefined, email);
    expect([await purchases(1), await purchases(2)]).toEqual([1, 1]);
    expect((await find(1))?.email).toBeUndefined();
    expect(await find(email)).toBeUndefined();
  });

  test('people who are called so are people', async () => {
    for (const name of ['walkinshaw', 'guestave', 'posner', 'noreen']) {
      await order(1, undefined, `${name}${count}@example.com`, { id: `${count}${name.length}${name.charCodeAt(0)}` });
      expect(await purchases(`${name}${count}@example.com`)).toBe(1);
    }
  });

  test("the source names the shop's own", async () => {
    const params = { sourceId: 'shop' };
    const { client, embedded } = engine.door;
    const key = { TableName: embedded.tables.registry, Key: sourceKey('shop') };
    const { Item = {} } = await client.send(new GetCommand(key));
    const { platform, currency, timeZone } = Item;
    const given = { platform, currency, timeZone, nobody: [' Kasse@Shop.example', '+49 30 123456'] };
    const { status, body } = await engine.call('PUT /v1/sources/{sourceId}', params, given);
    expect([status, body.nobody]).toEqual([200, ['kasse@shop.example', '+4930123456']]);
    await order(1, 1, 'kasse@shop.example', { customer: { id: count + 1, phone: '+49 30 123456' } });
    await order(2, 2, 'kasse@shop.example', { customer: { id: count + 2, phone: '+49 30 123456' } });
    expect([await purchases(1), await purchases(2)]).toEqual([1, 1]);
    expect(await suggested(await idOf(1))).toEqual([]);
    const bad = await engine.call('PUT /v1/sources/{sourceId}', params, { ...given, nobody: ['kasse'] });
    expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request']);
  });

  test('an address with which more than five customers come leads to nobody from then on', async () => {
    const placeholder = addressOf('kasse');
    for (let customer = 1; customer <= 6; customer++) await order(customer, customer, placeholder);
    expect((await find(6))?.email).toBe(placeholder);
    await order(7, 7, placeholder);
    expect((await find(7))?.email).toBeUndefined();
    expect(await find(placeholder)).toBeUndefined();
    expect(await order(8, undefined, placeholder)).toBe('recorded');
    for (let customer = 1; customer <= 7; customer++) expect(await purchases(customer)).toBe(1);
  });

  test('a household of five is none of these: a guest among them is the one who was first', async () => {
    for (let customer = 1; customer <= 5; customer++) await order(customer, customer, addressOf('home'));
    await order(8, undefined, addressOf('home'));
    expect([await purchases(1), await purchases(2)]).toEqual([2, 1]);
  });
});
