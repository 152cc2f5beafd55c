import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});

const show = async () => (await api.call('GET /v1/tier-policy')).body;
const put = (body: object) => api.call('PUT /v1/tier-policy', { body });
const publish = (body?: object) => api.call('POST /v1/tier-policy/publish', { ...(body && { body }) });
const rulesNow = async () => {
  const { version: _, ...rules } = (await show()).published as object as Record<string, unknown>;
  return rules;
};

test('amounts have no currency before the first source', async () => {
  expect((await show()).published).toMatchObject({ version: 1, prospects: 'prospect' });
  expect((await put(await rulesNow())).body).toMatchObject({ code: 'base_currency_unknown' });
});

test('a draft is kept, shown, and published as the next version, once', async () => {
  const source = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body: source });
  expect((await publish()).body).toMatchObject({ code: 'no_draft' });
  const rules = {
    ...(await rulesNow()),
    tiers: [
      { name: 'friends', atLeast: 9 },
      { name: 'everybody', atLeast: 3 },
    ],
  };
  expect((await put(rules)).status).toBe(200);
  expect(await show()).toMatchObject({ published: { version: 1 }, draft: { rules } });
  const answers = await Promise.all([publish(), publish(), publish()]);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  expect(await show()).toEqual({ published: { ...rules, version: 2 }, draft: null });
});

test('what is put while another is published is a draft again, or what was published', async () => {
  // A clock that stands still gives all drafts one time.
  const Item = { ...clockKey, now: new Date(Date.now() + 1000).toISOString() };
  await api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item }));
  const rules = await rulesNow();
  for (let round = 0; round < 10; round++) {
    const [first, second] = [`a${round}`, `b${round}`].map((name) => ({ ...rules, tiers: [{ name, atLeast: 3 }] }));
    await put(first as object);
    await Promise.all([publish(), put(second as object)]);
    const { published, draft } = await show();
    const names = [published, draft?.rules ?? {}].flatMap((one) => (one as { tiers?: { name: string }[] }).tiers ?? []);
    expect(names.map(({ name }) => name)).toContain(`b${round}`);
  }
  await put(rules);
  await publish();
  await api.client.send(new DeleteCommand({ TableName: api.embedded.tables.registry, Key: clockKey }));
});

test('a draft that took the place of the one that was looked at is not published unseen', async () => {
  const rules = await rulesNow();
  const called = (name: string) => put({ ...rules, tiers: [{ name, atLeast: 3 }] });
  const idOf = ({ draft }: Record<string, unknown>) => String((draft as { id: string }).id);
  const mine = idOf((await called('mine')).body);
  const { run } = (await api.call('POST /v1/tier-policy/preview')).body as unknown as { run: { rehearsal: object } };
  expect(run.rehearsal).toEqual({ kind: 'preview', draftId: mine });
  const theirs = idOf((await called('theirs')).body);
  expect(theirs).not.toBe(mine);

  const { published: before } = await show();
  const refused = await publish({ draftId: mine });
  expect([refused.status, refused.body.code, refused.body.errors[0]?.pointer]).toEqual([
    409,
    'draft_changed',
    '/draftId',
  ]);
  expect(await show()).toMatchObject({
    published: before,
    draft: { id: theirs, rules: { tiers: [{ name: 'theirs' }] } },
  });

  expect((await publish({ draftId: theirs })).body).toMatchObject({ tiers: [{ name: 'theirs' }] });
  expect((await publish({ draftId: theirs })).body).toMatchObject({ code: 'no_draft' });
  expect((await publish({ draft: theirs })).body).toMatchObject({ code: 'invalid_request' });
  await put(rules);
  await publish();
});

test('the next night judges by what was published', async () => {
  const order = {
    type: 'order',
    externalId: 'A-1',
    occurredAt: '2026-03-01T10:30:00Z',
    customer: { email: 'ada@example.com' },
    total: { amount: '181.09', currency: 'EUR' },
  };
  const { customerId } = (await api.call('POST /v1/interactions', { body: order })).body;
  const { id } = (await api.call('POST /v1/value-runs', { body: { asOf: '2026-03-10T02:00:00Z' } })).body;
  const run = () => api.call('GET /v1/value-runs/{runId}', { params: { runId: id } });
  await vi.waitFor(async () => expect((await run()).body.status).toBe('succeeded'), { timeout: 5000 });
  const { version } = (await show()).published as unknown as { version: number };
  expect((await run()).body).toMatchObject({ policyVersion: version });
  const value = await api.call('GET /v1/customers/{customerId}/value', { params: { customerId } });
  expect(value.body).toMatchObject({ tier: 'friends', group: 'active', receipt: { policyVersion: version } });
});

test.each([
  [
    'two tiers of one name',
    {
      tiers: [
        { name: 'a', atLeast: 5 },
        { name: 'a', atLeast: 3 },
      ],
    },
    '/tiers/1/name',
  ],
  [
    'tiers out of order',
    {
      tiers: [
        { name: 'a', atLeast: 5 },
        { name: 'b', atLeast: 5 },
      ],
    },
    '/tiers/1/atLeast',
  ],
  ['buyers without a tier', { tiers: [{ name: 'a', atLeast: 4 }] }, '/tiers/0/atLeast'],
  ['a tier named as that of prospects', { tiers: [{ name: 'prospect', atLeast: 3 }] }, '/tiers/0/name'],
  ['a tier with a name of JavaScript’s own', { tiers: [{ name: '__proto__', atLeast: 3 }] }, '/tiers/0/name'],
  ['a tier named none', { tiers: [{ name: 'none', atLeast: 3 }] }, '/tiers/0/name'],
  ['a blank for a name', { tiers: [{ name: '   ', atLeast: 3 }] }, '/tiers/0/name'],
  ['too few groups', { groups: [['a', 'b', 'c', 'd', 'e']] }, '/groups'],
  ['a margin of all', { descent: { marginPercent: 100, nights: 1 } }, '/descent/marginPercent'],
  ['an unknown field', { tears: [] }, '/tears'],
])('%s is refused', async (_, change, pointer) => {
  const { status, body } = await put({ ...(await rulesNow()), ...change });
  expect([status, body.code]).toEqual([400, 'invalid_request']);
  expect(body.errors.map((fault) => String(fault.pointer))).toContain(pointer);
});

test('tiers may be called as what every object has', async () => {
  const tiers = [
    { name: 'constructor', atLeast: 9 },
    { name: 'toString', atLeast: 3 },
  ];
  await put({ ...(await rulesNow()), tiers, prospects: 'valueOf' });
  const { body } = await api.call('POST /v1/tier-policy/preview');
  expect(body.run).toMatchObject({
    status: 'succeeded',
    report: { tiers: { toString: 1 }, migrations: { friends: { toString: 1 } } },
  });
});

test.each([
  [['5', '5', '6', '7'], '/absolute/spentAtLeast'],
  [['5', '6', '7', '8.001'], '/absolute/spentAtLeast/3'],
  [['5', '6', '7', '6.99'], '/absolute/spentAtLeast'],
])('amounts %s are refused', async (spentAtLeast, pointer) => {
  const rules = await rulesNow();
  const { body } = await put({ ...rules, absolute: { ...(rules.absolute as object), spentAtLeast } });
  expect(body.errors.map((fault) => String(fault.pointer))).toEqual([pointer]);
});

test('a key needs the scope', async () => {
  const { key } = (await api.call('POST /v1/keys', { body: { partner: 'erp', scopes: ['tier-policy:read'] } })).body;
  expect((await api.call('GET /v1/tier-policy', { key })).status).toBe(200);
  expect((await api.call('POST /v1/tier-policy/publish', { key })).status).toBe(403);
});

test('a number is a number, however it is written', async () => {
  const text = JSON.stringify(await rulesNow())
    .replace(/"margin":[^,}]+/, '"margin":0.50')
    .replace(/"discountRate":[^,}]+/, '"discountRate":1e-1');
  const written = text.replace(/"marginPercent":\d+/, '"marginPercent":10.0');
  expect(written).toContain('"marginPercent":10.0');
  const { status, body } = await api.call('PUT /v1/tier-policy', { body: written });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    draft: { rules: { outlook: { margin: 0.5, discountRate: 0.1 }, descent: { marginPercent: 10 } } },
  });
});
