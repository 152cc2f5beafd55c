import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import type { Fault } from '../fault-proxy.ts';
import { at, fill, ids } from './listed-orders.ts';
import { openReconciliations, type ReconciliationDoor } from './reconciliation-door.ts';

let api: ReconciliationDoor;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  api = await openReconciliations();
});
afterAll(() => api.stop());
beforeEach(() => api.reset());

/** The first such call is carried out, and its answer lost. */
function loseOnce(operation: string, fault: Fault, isMeant: (body: string) => boolean = () => true): () => number {
  let lost = 0;
  api.proxy.plan = (called, body) => {
    if (called !== operation || lost > 0 || !isMeant(body)) return 'none';
    lost += 1;
    return fault;
  };
  return () => lost;
}

/** With its token forgotten too, as by an engine that was killed. */
const losses = ['lost-answer', 'forgotten-answer'] as const;

describe.each(losses)('a %s', (loss) => {
  test('to the beginning of a comparison: it runs', async () => {
    const sourceId = await api.aSource('shopify');
    fill(api.shop, 'shopify', ids(20));
    const lost = loseOnce('TransactWriteItems', loss);
    const started = await api.start(sourceId, at(0));
    expect([lost(), started.status]).toEqual([1, 202]);
    await api.workAll();
    expect(await api.show(sourceId, String(started.body.id))).toMatchObject({ state: 'succeeded', recorded: 20 });
  });

  test('to the publishing of a tier policy: it is published once', async () => {
    await api.aSource('shopify');
    const show = async () =>
      (await api.call('GET /v1/tier-policy')).body as unknown as { published: Record<string, unknown> };
    const { version, ...rules } = (await show()).published;
    await api.call('PUT /v1/tier-policy', { body: rules });
    const lost = loseOnce('TransactWriteItems', loss);
    const { status, body } = await api.call('POST /v1/tier-policy/publish');
    expect([lost(), status, body.version]).toEqual([1, 201, Number(version) + 1]);
    expect((await show()).published).toEqual({ ...rules, version: Number(version) + 1 });
  });

  test('to the undoing of a merge: no second one is undone', async () => {
    const [a = '', b = '', c = ''] = await threeInARow(loss);
    const lost = loseOnce('TransactWriteItems', loss);
    expect((await unmerge(b)).status).toBe(200);
    expect(lost()).toBe(1);
    expect(await Promise.all([a, b, c].map(homeOf))).toEqual([a, b, b]);
  });
});

test('an answer to a step of a comparison that is lost: it goes on', async () => {
  const sourceId = await api.aSource('shopify');
  fill(api.shop, 'shopify', ids(120));
  const { body } = await api.start(sourceId, at(0));
  const lost = loseOnce('PutItem', 'lost-answer', (said) => said.includes(String(body.id)));
  await api.workAll();
  expect(lost()).toBe(1);
  expect(await api.show(sourceId, String(body.id))).toMatchObject({ state: 'succeeded', recorded: 120 });
});

test('whoever asks again for a merge to be undone is told of that one; another has to be named', async () => {
  const [a = '', b = '', c = ''] = await threeInARow('twice');
  const first = await unmerge(b);
  expect(first.body).toMatchObject({ status: 'parted', customerId: b, into: a });
  const again = await Promise.all([unmerge(b), unmerge(b)]);
  for (const { status, body } of again) {
    expect(status).toBe(200);
    expect(body).toEqual({ ...(first.body as object), status: 'unchanged' });
  }
  expect(await Promise.all([a, b, c].map(homeOf))).toEqual([a, b, b]);
  const { body } = await api.call('GET /v1/customers/{customerId}/merges', { params: { customerId: c } });
  const lines = body.data as unknown as { mergeId: string; customerId: string }[];
  const mergeId = lines.find(({ customerId }) => customerId === c)?.mergeId;
  expect((await unmerge(b, mergeId)).body).toMatchObject({ status: 'parted', customerId: c, into: b });
  expect(await Promise.all([a, b, c].map(homeOf))).toEqual([a, b, c]);
});

test.each([
  ['later', undefined],
  ['on a clock that stands', '2026-12-24T12:00:00Z'],
])('whoever asks again %s takes no other merge back either', async (when, now) => {
  const TableName = api.embedded.tables.registry;
  if (now !== undefined) await api.client.send(new PutCommand({ TableName, Item: { ...clockKey, now } }));
  onTestFinished(async () => void (await api.client.send(new DeleteCommand({ TableName, Key: clockKey }))));
  const [a = '', b = '', c = ''] = await threeInARow(when.replaceAll(' ', '-'));
  const first = await unmerge(b);
  await unmerge(c);
  await merge(c, b);
  for (let again = 0; again < 3; again++)
    expect((await unmerge(b)).body).toEqual({ ...(first.body as object), status: 'unchanged' });
  expect(await Promise.all([a, b, c].map(homeOf))).toEqual([a, b, b]);
  expect((await unmerge(c)).body).toMatchObject({ status: 'parted', customerId: c, into: b });
  expect(await Promise.all([a, b, c].map(homeOf))).toEqual([a, b, c]);
});

/** The third was merged into the second, and both into the first. */
async function threeInARow(name: string): Promise<string[]> {
  const customers = await Promise.all(
    ['a', 'b', 'c'].map(async (letter) => {
      const order = {
        type: 'order',
        externalId: `${name}-${letter}`,
        occurredAt: '2026-03-01T10:00:00Z',
        customer: { email: `${name}-${letter}@example.com` },
        total: { amount: '10.00', currency: 'EUR' },
      };
      return String((await api.call('POST /v1/interactions', { body: order })).body.customerId);
    }),
  );
  const [a = '', b = '', c = ''] = customers;
  await merge(c, b);
  await merge(b, a);
  return customers;
}

const merge = (customerId: string, into: string) =>
  api.call('POST /v1/customers/{customerId}/merge', { params: { customerId }, body: { into } });

const unmerge = (customerId: string, mergeId?: string) =>
  api.call('POST /v1/customers/{customerId}/unmerge', {
    params: { customerId },
    ...(mergeId !== undefined && { body: { mergeId } }),
  });

async function homeOf(customerId: string): Promise<string> {
  const { body } = await api.call('GET /v1/customers/{customerId}', { params: { customerId } });
  return String(body.id);
}
