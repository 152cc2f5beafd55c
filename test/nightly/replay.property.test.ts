import { GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Order } from '../../shared/domain/order.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { runKey } from '../../shared/dynamodb/keys.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import type { Fact } from '../../shared/engine/fact.ts';
import { record } from '../../shared/engine/record.ts';
import { aNight, type Night } from './sequencer.ts';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 1);
const at = (hours: number) => new Date(start + hours * hour).toISOString();

/** What is told of an order at some hour, of an earlier time. */
const event = fc.record({
  told: fc.nat(2400),
  late: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(2000)),
  person: fc.nat(3),
  order: fc.nat(9),
  kind: fc.constantFrom('order', 'order', 'order', 'payment', 'refund', 'cancellation', 'visit'),
  cents: fc.integer({ min: 100, max: 60_000 }),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

it('a run computed again is identical, whatever came after it and during it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 5, maxLength: 30 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 2400 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (events, hours, segments, costly) => {
        const night = await aNight({ segments });
        try {
          if (costly) await judgeByCosts(night);
          const runs = await nightsThrough(night, events, hours);
          await night.holdClock(at(9000));
          for (const { id, asOf } of runs) {
            const replay = await night.run({ asOf, runId: `replay_${id}`, rehearsal: { kind: 'replay', of: id } });
            expect(replay?.report).toMatchObject({ differences: 0, sameFit: true });
            const { customers, tiers, migrations } = (await run(night, id)).report ?? {};
            expect(replay?.report).toMatchObject({ customers, tiers, migrations });
          }
        } finally {
          await night.stop();
        }
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 8), endOnFailure: true },
  );
}, 120_000);

/** Tells everything in its order; at each of the hours a night falls, and what comes next comes between its passes. */
async function nightsThrough(night: Night, events: readonly Event[], hours: readonly number[]): Promise<ValueRun[]> {
  const runs: ValueRun[] = [];
  // The order itself is told first.
  const rest = events.toSorted((a, b) => a.told - b.told);
  const known = new Map<string, string>();
  const tell = async (one: Event) => {
    const name = `${one.person}-${one.order}`;
    await record(recordStore(night.store, night.tables), factOf(one, known.get(name)), {
      sourceId: 'shop',
      baseCurrency: 'EUR',
      baseTimeZone: 'Europe/Berlin',
      receivedAt: at(one.told),
      mint: mintWith('salt'),
    });
    if (!known.has(name) && one.kind !== 'visit') known.set(name, at(one.told - one.late));
  };
  let told = 0;
  for (const hour of hours.toSorted((a, b) => a - b)) {
    // What came during the night before was told by then.
    if (hour < told) continue;
    while (rest[0] && rest[0].told <= hour) await tell(rest.shift() as Event);
    await night.holdClock(at(hour));
    const next = rest.shift();
    const found = await night.run({ asOf: at(hour) }, next ? { beforeAssign: () => tell(next) } : {});
    if (found) runs.push(found);
    told = next?.told ?? told;
  }
  for (const one of rest) await tell(one);
  return runs;
}

/** Tiers by contribution, with costs and a standard that some miss. */
async function judgeByCosts(night: Night): Promise<void> {
  const policies = tierPolicyStore(night.store, night.tables.registry);
  const { version: _, ...rules } = await policies.current('EUR');
  const { costs } = rules;
  await policies.saveDraft({
    rules: {
      ...rules,
      weights: { recency: 1, frequency: 0, monetary: 0, contribution: 2, lifetimeValue: 0 },
      costs: { ...costs, refunds: { each: '30.00', goodsLost: 0.5 }, service: { ...costs.service, visit: '300.00' } },
      standard: { contributionAtLeast: '50.00', channels: ['email'] },
    },
    updatedAt: at(0),
  });
  await policies.publish('EUR');
}

function factOf({ told, late, person, order, kind, cents }: Event, placedAt: string | undefined): Fact {
  const happened = at(told - late);
  if (kind === 'visit')
    return {
      kind: 'conversation',
      type: 'visit',
      externalId: `v-${[told, late, person, order, cents].join('-')}`,
      who: { externalId: `person-${person}` },
      occurredAt: happened,
      conversation: {},
    };
  // Some count only once they are paid.
  const unpaid = order % 3 === 0 ? { awaitsPayment: true as const } : {};
  const snapshot = { updatedAt: at(-5000), total: { minor: 60_000n, currency: 'EUR' }, test: false, ...unpaid };
  const stated: Order =
    placedAt === undefined || kind === 'order'
      ? { snapshot, placedAt: placedAt ?? happened, refunds: {}, consents: {} }
      : kind === 'cancellation'
        ? { cancelledAt: happened, refunds: {}, consents: {} }
        : kind === 'payment'
          ? { paidAt: happened, refunds: {}, consents: {} }
          : {
              refunds: { [`r-${told}`]: { amount: { minor: BigInt(cents), currency: 'EUR' }, refundedAt: happened } },
              consents: {},
            };
  return {
    kind: 'order' as const,
    externalId: `${person}-${order}`,
    order: stated,
    who: { externalId: `person-${person}` },
    at: at(told),
  };
}

async function run(night: Night, id: string): Promise<ValueRun> {
  const { Item } = await night.client.send(new GetCommand({ TableName: night.tables.registry, Key: runKey(id) }));
  return Item as ValueRun;
}
