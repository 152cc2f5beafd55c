import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Difference } from '../../shared/domain/rehearsal.ts';
import type { CutPoints } from '../../shared/domain/rfm.ts';
import { defaultTierPolicy } from '../../shared/domain/tier-policy.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { listDifferences } from '../../shared/dynamodb/difference-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import type { Candidate } from '../../shared/engine/assign-segment.ts';
import { mergeCustomers } from '../../shared/engine/merge-customers.ts';
import { record } from '../../shared/engine/record.ts';
import { rehearseSegment } from '../../shared/engine/rehearse-segment.ts';
import { aBuyer, asOf } from './population.ts';
import { aNight, type Night } from './sequencer.ts';

const second = 1_000;
const ago = (milliseconds: number) => new Date(Date.parse(asOf) - milliseconds).toISOString();
const mint = mintWith('salt');

describe('a difference of a replay', () => {
  let night: Night;
  let of: ValueRun;
  beforeEach(async () => {
    night = await aNight({ segments: 2 });
    for (const person of ['ada', 'ben', 'cem']) await tell(person, 'first', { at: ago(90 * 86_400 * second) });
    await night.holdClock(asOf);
    of = (await night.run({ asOf })) as ValueRun;
    await night.holdClock('2026-04-05T00:00:00.000Z');
  });
  afterEach(() => night.stop());

  async function tell(
    person: string,
    order: string,
    {
      at,
      receivedAt = at,
      playedAt,
      total = 6_000n,
    }: { at: string; receivedAt?: string; playedAt?: string; total?: bigint },
  ) {
    const snapshot = { updatedAt: at, total: { minor: total, currency: 'EUR' }, test: false };
    const placedAt = ago(90 * 86_400 * second);
    const fact = {
      kind: 'order' as const,
      externalId: `${person}-${order}`,
      order: { snapshot, placedAt, refunds: {}, consents: {} },
      who: { externalId: person },
      at,
    };
    const frame = { sourceId: 'shop', baseCurrency: 'EUR', baseTimeZone: 'Europe/Berlin', receivedAt, playedAt, mint };
    await record(recordStore(night.store, night.tables), fact, frame);
  }

  async function differences(): Promise<Difference[]> {
    const runId = `replay_${of.id}`;
    await night.run({ asOf, runId, rehearsal: { kind: 'replay', of: of.id } });
    return (await listDifferences(night.store, night.tables.registry, { runId, limit: 10 })).differences;
  }
  const only = async () => {
    const found = await differences();
    expect(found).toHaveLength(1);
    return found[0]?.causes;
  };

  it('is there for an order that its shop changed since', async () => {
    await tell('ada', 'first', { at: '2026-04-01T00:00:00.000Z', total: 99_000n });
    expect(await only()).toEqual(['order_changed']);
  });

  it('is there for an order of which its shop told something else since, whenever it was changed', async () => {
    await tell('ada', 'first', { at: ago(3_600 * second), receivedAt: '2026-04-01T00:00:00.000Z', total: 99_000n });
    expect(await only()).toEqual(['order_changed']);
  });

  it('is there for an order of which a replay recorded something else since, though it came before', async () => {
    await tell('ada', 'first', { at: ago(3_600 * second), playedAt: '2026-04-01T00:00:00.000Z', total: 99_000n });
    expect(await only()).toEqual(['order_changed']);
  });

  it('is there for what was under way when somebody started the run', async () => {
    await tell('ben', 'second', { at: ago(5 * second) });
    expect(await only()).toEqual(['under_way']);
  });

  it('has no known cause where something had waited to be recorded', async () => {
    await tell('cem', 'second', { at: ago(3_600 * second) });
    expect(await only()).toEqual(['unknown']);
  });

  it('is there for persons who were made one since', async () => {
    const [one = '', other = ''] = [...(await night.customers()).keys()];
    const frame = { at: '2026-04-01T00:00:00.000Z', by: 'api:key_1', mint };
    await mergeCustomers(recordStore(night.store, night.tables), { from: one, into: other }, frame);
    expect(await only()).toEqual(['merged']);
  });
});

it('lies with others where the cut points of the run computed again make no difference', async () => {
  const cuts = (monetary: bigint[]): CutPoints => ({
    kind: 'quintiles',
    buyers: 600,
    recency: [300, 200, 100, 50],
    frequency: [2, 3, 4, 5],
    monetary,
  });
  const common = {
    asOf,
    startedAt: asOf,
    knownBy: asOf,
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    policy: defaultTierPolicy('EUR'),
    segments: 1,
  };
  const then: ValueRun = { ...common, id: 'run_then', state: 'succeeded', cutPoints: cuts([100n, 200n, 300n, 400n]) };
  const now: ValueRun = {
    ...common,
    id: 'replay_now',
    state: 'running',
    cutPoints: cuts([100n, 200n, 300n, 600n]),
    rehearsal: { kind: 'replay', of: 'run_then' },
  };
  const { id: customerId, facts, version } = aBuyer('ada', 1, 500n, ago(86_400 * second));
  const row = {
    customerId,
    version,
    counts: true,
    days: facts.days,
    sales: () => [],
    contacts: () => [],
  } as unknown as Candidate;
  const judged = { tier: 'gold', previousTier: null, group: 'active', runId: 'run_then', since: asOf };
  const found: Difference[] = [];
  const rehearse = (scores: { recency: number; frequency: number; monetary: number }) =>
    rehearseSegment(
      {
        runs: { read: async (id) => (id === 'run_then' ? then : now) },
        assigned: { read: async () => undefined, save: async () => true, drop: async () => undefined },
        population: {
          assignPage: async () => ({ rows: [{ ...row, judged: { ...judged, scores } }], units: 1 }),
        },
        differences: { put: async (_run, _place, differences) => void found.push(...differences) },
        hindsight: { causesSince: async () => ['merged'] },
      },
      { runId: 'replay_now', segment: 0, of: 1 },
      () => 60_000,
    );
  await rehearse({ recency: 5, frequency: 1, monetary: 5 });
  await rehearse({ recency: 5, frequency: 1, monetary: 1 });
  expect(found.map(({ is, causes }) => [is.scores?.monetary, causes])).toEqual([
    [4, ['cut_points']],
    [4, ['merged']],
  ]);
});
