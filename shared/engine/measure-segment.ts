import { calendarOf } from '../domain/calendar.ts';
import type { ContactDays } from '../domain/contacts.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { type Profitability, reckonerOf } from '../domain/profitability.ts';
import type { PurchaseDays } from '../domain/purchase-days.ts';
import type { Study } from '../domain/rehearsal.ts';
import { countForReports, noReportCounts } from '../domain/reports/report-counts.ts';
import { emptyMeasure, type Measure, measureCustomer, type RfmInputs, rfmInputsOf } from '../domain/rfm.ts';
import type { SalesDays } from '../domain/sales.ts';
import { countCustomer, emptyModelCounts } from '../domain/value-model.ts';
import { type ValueRun, withoutDraft } from '../domain/value-run.ts';
import { addWaiting, type MeasurePart, type Parts, type Runs, readRun } from './value-run.ts';

/** One page of a segment; without a cursor it is the last. */
export interface Page<Row> {
  rows: Row[];
  cursor?: string;
  /** Read units that the page took. */
  units: number;
}

/** What a night looks at in every customer. */
export interface MeasuredRow {
  /** False while only tests speak of this customer, or all purchases wait for a rate: left out of value. */
  counts: boolean;
  days: PurchaseDays;
  /** Read where they are asked for: few policies need them of everybody. */
  sales: () => SalesDays;
  contacts: () => ContactDays;
  /** Purchases that wait for a rate, by currency; absent where none does. */
  waiting?: Record<string, number>;
}

export interface MeasuredPopulation {
  /** Of customers that changed after what the run may know, what the ledger says of the time before. */
  measurePage(run: ValueRun, segment: Segment, cursor: string | undefined): Promise<Page<MeasuredRow>>;
}

export interface Segment {
  segment: number;
  of: number;
}

/** What the steps over segments take and, with `done` beside it, answer. */
export interface SegmentTask extends Segment {
  runId: string;
  asOf: Instant;
  /** Nothing is written to customers. */
  rehearsal?: boolean;
  /** What is looked at instead of the value of customers. */
  study?: Study['kind'];
}

/** A step stops and answers when less than this is left of its time, in milliseconds. */
export const reserve = 10_000;

/** After so many pages the result so far is saved, so that a crash costs little. */
export const pagesPerSave = 100;

/**
 * Measures the customers of one segment. Answers false where time ran out first; called again it goes on from there.
 * @param remaining milliseconds that this step may still take
 */
export async function measureSegment(
  stores: { runs: Pick<Runs, 'read'>; measures: Parts<MeasurePart>; population: MeasuredPopulation },
  { runId, ...place }: Segment & { runId: string },
  remaining: () => number,
): Promise<boolean> {
  const { measures, population } = stores;
  const run = await readRun(stores.runs, runId);
  const begun = await measures.read(runId, place.segment);
  if (run.state !== 'running' || begun?.done) return true;
  const { today } = spanOf(run);
  const take = measureBy(run);
  const measure = begun?.measure ?? emptyMeasure();
  const beside = withoutDraft(run);
  const takeBeside = beside && measureBy(beside);
  const published = beside && (begun?.published ?? emptyMeasure());
  const counts = begun?.counts ?? emptyModelCounts();
  const waiting = { ...begun?.waiting };
  // Nobody asks for the reports of a run that changes nobody.
  const reports = begun ? begun.reports : run.rehearsal ? undefined : noReportCounts();
  let readUnits = begun?.readUnits ?? 0;
  let pages = 0;
  for await (const { rows, cursor, units } of pagesOf(
    (from) => population.measurePage(run, place, from),
    begun?.cursor,
  )) {
    for (const row of rows) {
      if (row.counts) {
        const rfm = take(measure, row);
        if (published) takeBeside?.(published, row);
        countCustomer(counts, row.days, today);
        if (reports) countForReports(reports, row.days, rfm, today);
      }
      if (row.waiting) addWaiting(waiting, row.waiting);
    }
    readUnits += units;
    pages += 1;
    const done = cursor === undefined;
    const late = remaining() < reserve;
    if (done || late || pages % pagesPerSave === 0) {
      await measures.save(runId, place.segment, {
        ...(cursor && { cursor }),
        done,
        measure,
        ...(published && { published }),
        counts,
        ...(reports && { reports }),
        waiting,
        readUnits,
      });
      if (done || late) return done;
    }
  }
  return true;
}

/** Measures customers by the run's policy, one after the other. */
function measureBy(run: ValueRun): (measure: Measure, row: MeasuredRow) => RfmInputs | undefined {
  const span = spanOf(run);
  const profitabilityOf = profitabilityBy(run);
  const weighs = run.policy.weights.contribution > 0;
  return (measure, row) => {
    const rfm = rfmInputsOf(row.days, span);
    const contribution = rfm && weighs ? profitabilityOf(row)?.contribution : undefined;
    measureCustomer(measure, rfm && { ...rfm, ...(contribution !== undefined && { contribution }) });
    return rfm;
  };
}

/** The day of a run, and how far back it looks. */
export function spanOf({ asOf, timeZone, policy }: Pick<ValueRun, 'asOf' | 'timeZone' | 'policy'>): {
  today: number;
  windowDays: number | null;
} {
  return { today: calendarOf(timeZone)(millisecondsOf(asOf)), windowDays: policy.windowDays };
}

/** What is left of a customer's purchases by the run's policy; nothing while there is no base currency. */
export function profitabilityBy(run: Pick<ValueRun, 'asOf' | 'timeZone' | 'currency' | 'policy'>) {
  const reckon = run.currency === undefined ? undefined : reckonerOf(run.policy.costs, run.currency);
  const span = spanOf(run);
  return ({ sales, contacts }: Pick<MeasuredRow, 'sales' | 'contacts'>): Profitability | undefined =>
    reckon?.(sales(), contacts(), span);
}

/** Pages to the end, each next one fetched while the last one is worked on. */
export async function* pagesOf<Row>(
  fetch: (cursor: string | undefined) => Promise<Page<Row>>,
  from: string | undefined,
): AsyncGenerator<Page<Row>> {
  let page = await fetch(from);
  for (;;) {
    if (page.cursor === undefined) {
      yield page;
      return;
    }
    const next = fetch(page.cursor);
    // Whoever stops early never looks at it; a failure is thrown where it is awaited.
    next.catch(() => undefined);
    yield page;
    page = await next;
  }
}
