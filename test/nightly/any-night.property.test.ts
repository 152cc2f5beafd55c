import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Customer } from '../../shared/domain/customer.ts';
import { defaultTierPolicy, tierOf } from '../../shared/domain/tier-policy.ts';
import { type Receipt, runIdOf, type ValueRun } from '../../shared/domain/value-run.ts';
import { type Expected, expectedOf } from './oracle.ts';
import { asOf, boughtAt, populations } from './population.ts';
import { aNight, type Call, type Night } from './sequencer.ts';

/** The day after, or so much later that many fall, some of them within the margin. */
const nextNights = fc.constantFrom('2026-03-31T01:00:00.000Z', '2026-04-09T01:00:00.000Z');

/** What goes wrong on the way, by the number of the call. */
const troubles = fc.record({
  pageSize: fc.constantFrom(7, 50, 1000),
  remaining: fc.constantFrom(0, 60_000),
  breakOff: fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.boolean()), { maxLength: 3 }),
  refuse: fc.constantFrom(0, 2, 3),
});

type Troubles = typeof troubles extends fc.Arbitrary<infer T> ? T : never;

it('gives everybody the standing of the oracle, whatever the segments, the pages and the troubles', async () => {
  await fc.assert(
    fc.asyncProperty(
      populations,
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom('Europe/Berlin', 'Asia/Kolkata', 'America/Los_Angeles', 'Pacific/Apia'),
      nextNights,
      troubles,
      troubles,
      async (populate, segments, timeZone, nextDay, first, second) => {
        const population = populate(timeZone);
        const night = await aNight({ segments, timeZone });
        try {
          await night.put(population);
          const { seen, run } = await disturbed(night, asOf, first);
          const expected = expectedOf(population, asOf, timeZone);
          await check(night, { run, before: seen, expected, asOf });

          const changed = await aDayLater(night, population, timeZone);
          const next = await disturbed(night, nextDay, second);
          await check(night, {
            run: next.run,
            before: next.seen,
            expected: expectedOf(changed, nextDay, timeZone),
            asOf: nextDay,
          });
        } finally {
          await night.stop();
        }
      },
    ),
    // Making a failing case smaller would take longer than the test may.
    { numRuns: Number(process.env.RUNS ?? 3), endOnFailure: true },
  );
}, 240_000);

async function disturbed(night: Night, asOf: string, { pageSize, remaining, breakOff, refuse }: Troubles) {
  const seen = await night.customers();
  night.watch(async (call) => {
    const fault = breakOff.find(([number]) => number === call.number);
    if (fault && !fault[1]) throw new Error('broke off before');
    const answer = await inPart(call, pageSize, refuse);
    if (fault) throw new Error('broke off after');
    return answer;
  });
  const run = await night.run({ asOf }, { remaining });
  night.watch((call) => call.send());
  if (!run) throw new Error('the run was skipped');
  return { seen, run };
}

/** Small pages, and batches of which every n-th member is refused at first. */
async function inPart(call: Call, pageSize: number, refuse: number): Promise<unknown> {
  const { operation, input, number } = call;
  if (operation === 'Scan') return call.send({ ...input, Limit: pageSize });
  if (refuse === 0 || number % 2 === 0) return call.send();
  const isRefused = (_: unknown, index: number) => index % refuse === refuse - 1;
  if (operation === 'BatchWrite') {
    const [[table, requests]] = Object.entries(input.RequestItems as Record<string, unknown[]>) as [
      [string, unknown[]],
    ];
    const refused = requests.filter(isRefused);
    const taken = requests.filter((request) => !refused.includes(request));
    if (taken.length === 0) return { UnprocessedItems: { [table]: refused } };
    const answer = await call.send({ ...input, RequestItems: { [table]: taken } });
    return { ...(answer as object), UnprocessedItems: { [table]: refused } };
  }
  if (operation === 'BatchExecuteStatement') {
    const statements = input.Statements as unknown[];
    const refused = statements.filter(isRefused);
    const taken = statements.filter((statement) => !refused.includes(statement));
    const error = { Error: { Code: number % 4 === 1 ? 'ThrottlingError' : 'TransactionConflict' } };
    if (taken.length === 0) return { Responses: statements.map(() => error) };
    const answer = (await call.send({ ...input, Statements: taken })) as { Responses: unknown[] };
    const answers = [...answer.Responses];
    return { ...answer, Responses: statements.map((one) => (refused.includes(one) ? error : answers.shift())) };
  }
  return call.send();
}

/** Every fifth customer bought something, every eleventh is gone. */
async function aDayLater(
  { put, client, tables, customers }: Night,
  population: Customer[],
  timeZone: string,
): Promise<Customer[]> {
  const now = [...(await customers()).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const bought = now
    .filter((_, index) => index % 5 === 0 && index % 11 !== 0)
    .map((customer): Customer => ({ ...boughtAt(customer, { at: asOf, spent: 7_000n }, timeZone), live: true }));
  await put(bought);
  const gone = now.filter((_, index) => index % 11 === 0);
  for (const { id } of gone)
    await client.send(new DeleteCommand({ TableName: tables.customers, Key: { customerId: id } }));
  expect(population.length).toBe(now.length);
  return [...(await customers()).values()];
}

interface Outcome {
  run: ValueRun;
  before: Map<string, Customer>;
  expected: Map<string, Expected>;
  asOf: string;
}

async function check(night: Night, { run, before, expected, asOf }: Outcome): Promise<void> {
  const after = await night.customers();
  const receipts = new Map<string, Receipt>(
    (await night.receipts()).filter(({ runId }) => runId === run.id).map((receipt) => [receipt.customerId, receipt]),
  );
  const migrations: Record<string, Record<string, number>> = {};
  let changed = 0;
  for (const [id, customer] of after) {
    const was = before.get(id);
    const wanted = expected.get(id);
    if (!wanted) {
      expect(customer.standing).toBeUndefined();
      continue;
    }
    const { standing } = customer;
    const { tier: wantedTier, group: wantedGroup, scores: wantedScores } = wanted;
    expect({ tier: standing?.tier, group: standing?.group, scores: standing?.scores }).toEqual({
      tier: wantedTier,
      group: wantedGroup,
      scores: wantedScores,
    });
    expect(standing?.fallingSince).toBe(wanted.fallingSince);
    const kept =
      was?.standing?.tier === wanted.tier &&
      was.standing.fallingSince === wanted.fallingSince &&
      same(was.standing.scores, wanted.scores);
    const from = was?.standing?.tier ?? 'none';
    migrations[from] ??= {};
    const row = migrations[from];
    row[wanted.tier] = (row[wanted.tier] ?? 0) + 1;
    const receipt = receipts.get(id);
    if (kept) {
      expect([customer.version, customer.standing, receipt]).toEqual([was.version, was.standing, undefined]);
      continue;
    }
    changed += 1;
    expect(customer.version).toBe((was?.version ?? 0) + 1);
    expect(standing).toMatchObject({ runId: run.id, previousTier: was?.standing?.tier ?? null });
    expect(standing?.since).toBe(was?.standing?.tier === wanted.tier ? was.standing.since : asOf);
    const { inputs, cutPoints, scores, tier, group } = receipt ?? {};
    if (!cutPoints) throw new Error(`${id} has no receipt`);
    const policy = defaultTierPolicy('EUR');
    expect(tierOf(policy, policy.weights, cutPoints, inputs ?? undefined)).toEqual({
      tier: receipt?.held?.tierByScores ?? tier,
      group,
      ...(scores && { scores }),
    });
    expect(receipt).toMatchObject({ tier: wanted.tier, previousTier: was?.standing?.tier ?? null, asOf });
  }
  expect(receipts.size).toBe(changed);
  const { report, cutPoints } = run;
  const buyers = [...expected.values()].filter(({ scores }) => scores).length;
  expect(run).toMatchObject({ id: runIdOf(asOf), state: 'succeeded' });
  const recent = [...expected.values()].filter(({ scores, lapsed }) => scores && !lapsed).length;
  expect(cutPoints).toMatchObject({ kind: recent < 500 ? 'absolute' : 'quintiles', buyers: recent });
  expect(report).toMatchObject({ customers: expected.size, buyers, changed, migrations });
  const sums: Record<string, number> = {};
  for (const { tier } of expected.values()) sums[tier] = (sums[tier] ?? 0) + 1;
  expect(report?.tiers).toEqual(sums);
}

function same(a: Expected['scores'], b: Expected['scores']): boolean {
  return (
    JSON.stringify([a?.recency, a?.frequency, a?.monetary]) === JSON.stringify([b?.recency, b?.frequency, b?.monetary])
  );
}
