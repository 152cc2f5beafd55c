import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { openShop, type ShopDoor } from './shop-door.ts';

let api: ShopDoor;
beforeAll(async () => {
  api = await openShop();
});
afterAll(() => api.stop());

const holdClock = (now: string) =>
  api.client.send(new PutCommand({ TableName: api.embedded.tables.registry, Item: { ...clockKey, now } }));

async function draft(change: object): Promise<void> {
  const { published } = (await api.call('GET /v1/tier-policy')).body;
  const { version: _, ...rules } = published as object as Record<string, unknown>;
  expect((await api.call('PUT /v1/tier-policy', { body: { ...rules, ...change } })).status).toBe(200);
}

async function preview() {
  const { status, body } = await api.call('POST /v1/tier-policy/preview');
  expect([status, body.run?.status]).toEqual([200, 'succeeded']);
  const params = { runId: String(body.run?.id) };
  const listed = (await api.call('GET /v1/value-runs/{runId}/differences', { params })).body.data;
  const differences = listed as unknown as { customerId: string; was: Place; is: Place }[];
  return { report: body.run?.report, differences };
}
type Place = { tier: string; scores: object };

const placeOf = async (customerId: string): Promise<Place> => {
  const { body } = await api.call('GET /v1/customers/{customerId}/value', { params: { customerId } });
  return body as unknown as Place;
};

it('fails, and says why, where its draft is published before it begins', async () => {
  await draft({});
  api.machine.visit = async () => void (await api.call('POST /v1/tier-policy/publish'));
  const { status, body } = await api.call('POST /v1/tier-policy/preview');
  api.machine.visit = async () => undefined;
  expect([status, body.run]).toMatchObject([200, { status: 'failed', failure: 'no_draft' }]);
  expect(api.machine.executions.get(String(body.run?.id))?.status).toBe('SUCCEEDED');
  expect((await api.call('POST /v1/tier-policy/preview')).body.code).toBe('no_draft');
});

describe('a preview after new orders', () => {
  let [ada, bea, cem, dee] = ['', '', '', ''];
  beforeAll(async () => {
    await holdClock('2026-03-10T02:00:00.000Z');
    ada = await api.buys('ada', '2026-03-01', '100.00');
    bea = await api.buys('bea', '2026-03-01', '20.00');
    cem = await api.buys('cem', '2026-03-01', '20.00');
    for (const day of ['2026-03-02', '2026-03-03']) {
      await api.buys('ada', day, '40.00');
      await api.buys('bea', day, '20.00');
    }
    await api.night('2026-03-10T02:00:00Z');
    await holdClock('2026-03-12T12:00:00.000Z');
    // Both would change in the next night, whatever the policy.
    await api.buys('cem', '2026-03-11', '200.00');
    dee = await api.buys('dee', '2026-03-11', '20.00');
  });

  it('of a draft that is no other lists nobody, and says how many change in any case', async () => {
    await draft({});
    const { report, differences } = await preview();
    expect(differences).toEqual([]);
    expect(report).toMatchObject({
      differences: 0,
      withoutDraft: 2,
      changed: 2,
      migrations: { gold: { gold: 1 }, silver: { silver: 2 }, bronze: { bronze: 1 } },
    });
  });

  it('lists whom the draft changes, with what the published policy would make of them', async () => {
    const tiers = [13, 10, 9, 6, 3].map((atLeast, index) => ({
      name: ['platinum', 'gold', 'silver', 'bronze', 'basic'][index],
      atLeast,
    }));
    await draft({ tiers });
    const { report, differences } = await preview();
    expect(differences.map(({ customerId, was, is }) => [customerId, was.tier, is.tier]).sort()).toEqual(
      [
        [bea, 'silver', 'gold'],
        [cem, 'silver', 'gold'],
      ].sort(),
    );
    expect(report).toMatchObject({
      differences: 2,
      withoutDraft: 2,
      changed: 3,
      migrations: { gold: { gold: 1 }, silver: { gold: 2 }, bronze: { bronze: 1 } },
    });
    expect([(await placeOf(ada)).tier, (await placeOf(bea)).tier, (await placeOf(cem)).tier]).toEqual([
      'gold',
      'silver',
      'bronze',
    ]);
    expect((await placeOf(dee)).tier).toBeNull();
  });

  it('compares with cut points of the published policy, by its own window and scores', async () => {
    await draft({ standardErrorAtMost: 1 });
    expect((await api.call('POST /v1/tier-policy/publish')).status).toBe(201);
    await draft({
      windowDays: 30,
      weights: { recency: 0, frequency: 1, monetary: 0, contribution: 2, lifetimeValue: 0 },
    });
    await api.buys('cem', '2026-03-12', '900.00');
    await holdClock('2026-04-05T02:00:00.000Z');
    const { report, differences } = await preview();
    expect(differences.length).toBeGreaterThan(1);
    expect(report).toMatchObject({ differences: differences.length });
    await api.night('2026-04-05T02:00:00Z');
    for (const { customerId, was, is } of differences) {
      const { tier, scores } = await placeOf(customerId);
      expect({ tier, scores }).toEqual({ tier: was.tier, scores: was.scores });
      expect(is.scores).toHaveProperty('contribution');
    }
  });
});
