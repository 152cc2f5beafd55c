import * as z from 'zod/mini';
import { type Calendar, calendarOf } from '../../shared/domain/calendar.ts';
import { explain } from '../../shared/domain/explain.ts';
import { millisecondsOf } from '../../shared/domain/instant.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import { type Outlook, outlookBy } from '../../shared/domain/outlook.ts';
import type { Profitability } from '../../shared/domain/profitability.ts';
import type { CutPoints, ScoreInputs } from '../../shared/domain/rfm.ts';
import { type Receipt, runIdOf, type ValueRun } from '../../shared/domain/value-run.ts';
import { latestRun, listReceipts, listValueRuns } from '../../shared/dynamodb/value-reads.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { profitabilityBy } from '../../shared/engine/measure-segment.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { value, valueHistory, valueRun, valueRunIn, valueRuns } from '../../shared/http/schemas/value.ts';
import { shownMoney } from './answers.ts';
import { existing } from './customers.ts';
import { type Door, pagingOf } from './door.ts';
import { startRun } from './value-run-machine.ts';

export const showValue = route({
  summary: 'Shows what a customer is worth, with the receipt that explains it',
  scope: 'customers:read',
  params: z.strictObject({ customerId: keyText }),
  answers: { 200: { description: 'The value', schema: value } },
  async answer(door: Door, { params: { customerId } }) {
    const { id, standing, facts, contacts } = await existing(door, customerId);
    const { receipts, before } = await listReceipts(door.client, door.tables.ledger, {
      customerId: id,
      runId: standing?.runId,
      limit: 1,
    });
    const receipt = receipts.find(({ runId }) => runId === standing?.runId);
    const run = await latestRun(door.client, door.tables.registry);
    const outlook = run && outlookBy(run, facts.days);
    const past = { sales: () => facts.sales, contacts: () => contacts };
    const profitability = run && facts.days.length > 0 ? profitabilityBy(run)(past) : undefined;
    const body: z.infer<typeof value> = {
      customerId: id,
      tier: standing?.tier ?? null,
      previousTier: standing?.previousTier ?? null,
      since: standing?.since ?? null,
      group: standing?.group ?? null,
      scores: standing?.scores ?? null,
      fallingSince: standing?.fallingSince ?? null,
      runId: standing?.runId ?? null,
      receipt: receipt ? shownReceipt(receipt) : null,
      explanation: receipt ? explain(receipt, before, await calendarAt(door)) : null,
      limitedTo: standing?.limitedTo ? [...standing.limitedTo] : null,
      profitability:
        run && profitability
          ? { runId: run.id, asOf: run.asOf, ...shownProfitability(profitability, run.currency) }
          : null,
      outlook: run && outlook ? shownOutlook(run, outlook) : null,
    };
    return { status: 200, body };
  },
});

export const showValueHistory = route({
  summary: 'Lists what value runs made of a customer, the latest change first, each with its receipt',
  scope: 'customers:read',
  params: z.strictObject({ customerId: keyText }),
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of changes', schema: valueHistory } },
  async answer(door: Door, { params: { customerId }, query }) {
    const { id, standing } = await existing(door, customerId);
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listReceipts(door.client, door.tables.ledger, {
      customerId: id,
      runId: standing?.runId,
      limit,
      ...(after !== undefined && { after }),
    });
    const calendar = await calendarAt(door);
    const data = found.receipts.map((receipt, index) => ({
      ...shownReceipt(receipt),
      explanation: explain(receipt, found.receipts[index + 1] ?? found.before, calendar),
    }));
    return { status: 200, body: page(data, found.next) };
  },
});

/** The merchant's. */
async function calendarAt(door: Door): Promise<Calendar> {
  const { baseTimeZone = 'UTC' } = await door.settings();
  return calendarOf(baseTimeZone);
}

export const showValueRuns = route({
  summary: 'Lists value runs, the latest first',
  scope: 'value-runs:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of value runs', schema: valueRuns } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listValueRuns(door.client, door.tables.registry, {
      limit,
      ...(after !== undefined && { after }),
    });
    return { status: 200, body: page(found.runs.map(shownRun), found.next) };
  },
});

export const showValueRun = route({
  summary: 'Shows a value run with its cut points and its report',
  scope: 'value-runs:read',
  params: z.strictObject({ runId: keyText }),
  answers: { 200: { description: 'The value run', schema: valueRun } },
  async answer({ client, tables }: Door, { params: { runId } }) {
    const run = await valueRunStore(client, tables.registry).read(runId);
    if (!run) throw new Problem(404, 'value_run_not_found', 'There is no such value run, or it has not begun yet.');
    return { status: 200, body: shownRun(run) };
  },
});

/** What clocks of caller and engine may differ by. */
const tolerance = 5 * 60_000;

export const startValueRun = route({
  summary: 'Starts the value run of an instant; one that is there already is answered as it stands',
  scope: 'value-runs:write',
  body: valueRunIn,
  answers: { 202: { description: 'Accepted; follow it by its id', schema: valueRun } },
  async answer(door: Door, { body: { asOf } }) {
    if (millisecondsOf(asOf) > millisecondsOf(door.now) + tolerance) throw inFuture();
    const id = runIdOf(asOf);
    const store = valueRunStore(door.client, door.tables.registry);
    const run = await store.read(id);
    if (!run) {
      const current = await store.current();
      const ahead = current && millisecondsOf(current.asOf) > millisecondsOf(door.now) + tolerance;
      if (current && current.asOf > asOf && !ahead) throw superseded();
    }
    if (run?.state !== 'succeeded') await startRun(door.machine(), id, { asOf });
    const shown = run && run.state !== 'failed' ? shownRun(run) : requested(id, asOf);
    return { status: 202, headers: { location: `/v1/value-runs/${id}` }, body: shown };
  },
});

function inFuture(): Problem {
  return new Problem(422, 'as_of_in_future', 'A value run cannot look at a time that has not come.', {
    faults: [{ pointer: '/asOf', detail: 'lies in the future' }],
  });
}

function superseded(): Problem {
  return new Problem(409, 'value_run_superseded', 'There is a later value run: values do not go back in time.', {
    faults: [{ pointer: '/asOf', detail: 'lies before the latest value run' }],
  });
}

function requested(id: string, asOf: string): z.infer<typeof valueRun> {
  return { id, asOf, status: 'requested', startedAt: null, finishedAt: null, rehearsal: null };
}

export function shownRun(run: ValueRun): z.infer<typeof valueRun> {
  const {
    id,
    asOf,
    state,
    startedAt,
    finishedAt,
    failure,
    timeZone,
    policy,
    cutPoints,
    model,
    currency,
    report,
    rehearsal,
  } = run;
  return {
    id,
    asOf,
    status: state,
    startedAt,
    finishedAt: finishedAt ?? null,
    ...(failure !== undefined && { failure }),
    timeZone,
    policyVersion: policy.version,
    ...(cutPoints && { cutPoints: shownCuts(cutPoints, currency) }),
    ...(model && { model }),
    ...(report && { report }),
    rehearsal: rehearsal ?? null,
  };
}

export function shownReceipt(receipt: Receipt): NonNullable<z.infer<typeof value>['receipt']> {
  const { runId, asOf, policyVersion, inputs, cutPoints, scores, tier, previousTier, group, held, currency } = receipt;
  const { windowDays, weights, profitability, limitedTo, outlook } = receipt;
  return {
    runId,
    asOf,
    policyVersion,
    windowDays,
    inputs: inputs && shownInputs(inputs, currency),
    cutPoints: shownCuts(cutPoints, currency),
    scores,
    weights: { ...weights },
    tier,
    previousTier,
    group,
    held: held ?? null,
    profitability: profitability ? shownProfitability(profitability, currency) : null,
    limitedTo: limitedTo ? [...limitedTo] : null,
    outlook: outlook ? { ...outlook, lifetimeValue: shownOrNull(outlook.lifetimeValue, currency) } : null,
  };
}

function shownInputs({ totalSpent, contribution, lifetimeValue, ...inputs }: ScoreInputs, currency?: string) {
  return {
    ...inputs,
    totalSpent: shownMinor(totalSpent, currency),
    ...(contribution !== undefined && { contribution: shownMinor(contribution, currency) }),
    ...(lifetimeValue !== undefined && { lifetimeValue: shownMinor(lifetimeValue, currency) }),
  };
}

function shownProfitability(of: Profitability, currency: string | undefined) {
  return {
    netSales: shownMinor(of.netSales, currency),
    costOfGoods: shownMinor(of.costOfGoods, currency),
    refundsCost: shownMinor(of.refundsCost, currency),
    costToServe: shownMinor(of.costToServe, currency),
    contribution: shownMinor(of.contribution, currency),
  };
}

function shownOutlook({ id, asOf, currency }: ValueRun, { meanValue, lifetimeValue, ...outlook }: Outlook) {
  return {
    runId: id,
    asOf,
    ...outlook,
    meanValue: shownOrNull(meanValue, currency),
    lifetimeValue: shownOrNull(lifetimeValue, currency),
  };
}

const shownOrNull = (minor: bigint | null, currency: string | undefined) =>
  minor === null ? null : shownMinor(minor, currency);

function shownCuts(cuts: CutPoints, currency: string | undefined) {
  const { kind, buyers, recency, frequency, monetary, contribution, lifetimeValue } = cuts;
  const amounts = (of: readonly (bigint | null)[]) => of.map((minor) => shownOrNull(minor, currency));
  return {
    kind,
    buyers,
    recency: [...recency],
    frequency: [...frequency],
    monetary: amounts(monetary),
    ...(contribution && { contribution: amounts(contribution) }),
    ...(lifetimeValue && { lifetimeValue: lifetimeValue.map((minor) => shownMinor(minor, currency)) }),
  };
}

/** Before a source has fixed the base currency there is no amount but zero: ISO 4217 calls that no currency XXX. */
function shownMinor(minor: bigint, currency = noCurrency) {
  return shownMoney({ minor, currency });
}
