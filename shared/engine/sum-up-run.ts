import { canonicalText } from '../domain/canonical.ts';
import type { Instant } from '../domain/instant.ts';
import { decimalsOf } from '../domain/money.ts';
import { mergeReportCounts, noReportCounts, type ReportCounts } from '../domain/reports/report-counts.ts';
import { emptyMeasure, type Measure, mergeMeasure } from '../domain/rfm.ts';
import { emptyTally, mergeTally, type Tally } from '../domain/tally.ts';
import { cutPointsOf } from '../domain/tier-policy.ts';
import { emptyModelCounts, fitValueModel, mergeModelCounts } from '../domain/value-model.ts';
import { isFitted, type RunReport, type ValueRun } from '../domain/value-run.ts';
import {
  type AssignPart,
  addWaiting,
  finished,
  type MeasurePart,
  type Parts,
  type RunResult,
  type Runs,
  readRun,
} from './value-run.ts';

/** Adds up what the segments measured and fixes the run's cut points, models and reports, once and for all. */
export async function fitRun(
  stores: { runs: Runs; measures: Parts<MeasurePart>; reports: RunResult<ReportCounts> },
  runId: string,
): Promise<void> {
  const { runs, measures } = stores;
  const run = await readRun(runs, runId);
  if (run.state !== 'running' || isFitted(run)) return;
  const measure = emptyMeasure();
  const byPublished = emptyMeasure();
  const counts = emptyModelCounts();
  const measured: NonNullable<ValueRun['measured']> = { waiting: {}, readUnits: 0 };
  let reports: ReportCounts | undefined = noReportCounts();
  for (let segment = 0; segment < run.segments; segment++) {
    const part = await finished(measures, run, segment);
    mergeMeasure(measure, part.measure);
    if (part.published) mergeMeasure(byPublished, part.published);
    mergeModelCounts(counts, part.counts);
    addWaiting(measured.waiting, part.waiting ?? {});
    measured.readUnits += part.readUnits;
    if (reports && part.reports) mergeReportCounts(reports, part.reports);
    else reports = undefined;
  }
  if (reports) await stores.reports.keep(runId, reports);
  // Nobody has bought before there is a base currency, so its amounts are never compared with.
  const cuts = ({ policy }: Pick<ValueRun, 'policy'>, by: Measure) => cutPointsOf(policy, by, run.currency ?? 'EUR');
  const { published } = run;
  const model = run.currency && fitValueModel(counts, 10 ** decimalsOf(run.currency));
  await runs.keepFit({
    ...run,
    cutPoints: cuts(run, measure),
    measured,
    ...(published && { published: { ...published, cutPoints: cuts(published, byPublished) } }),
    ...(model && { model }),
  });
}

/** Adds up what the segments did and closes the run. Answers with the run as it then stands. */
export async function reportRun(
  stores: { runs: Runs; measures: Pick<Parts<MeasurePart>, 'drop'>; assigned: Parts<AssignPart> },
  { runId, now, machineTime }: { runId: string; now: Instant; machineTime: number },
): Promise<ValueRun> {
  const { runs, measures, assigned } = stores;
  const run = await readRun(runs, runId);
  const closed = await runs.close(run.state === 'running' ? { ...run, ...(await sumUp()) } : run);
  await Promise.all([measures.drop(runId, run.segments), assigned.drop(runId, run.segments)]);
  return closed;

  async function sumUp(): Promise<Pick<ValueRun, 'state' | 'finishedAt' | 'report'>> {
    const { waiting = {}, readUnits = 0 } = run.measured ?? {};
    const tally = emptyTally();
    const units = { read: readUnits, write: 0 };
    let differences = 0;
    let withoutDraft = 0;
    for (let segment = 0; segment < run.segments; segment++) {
      const part = await finished(assigned, run, segment);
      mergeTally(tally, part.tally);
      differences += part.rehearsed?.differences ?? 0;
      withoutDraft += part.rehearsed?.withoutDraft ?? 0;
      units.read += part.units.read;
      units.write += part.units.write;
    }
    const durationMs = Math.max(0, Math.round(machineTime - (await runs.openedAt(runId))));
    const report: RunReport = {
      ...tally,
      waiting,
      durationMs,
      units,
      ...(run.rehearsal && { differences }),
      ...(run.published && { withoutDraft }),
      ...(await sameness(tally)),
    };
    return { state: 'succeeded', finishedAt: now, report };
  }

  async function sameness(tally: Tally): Promise<Pick<RunReport, 'sameFit' | 'sameCustomers' | 'missing'>> {
    if (run.rehearsal?.kind !== 'replay') return {};
    const fitOf = ({ cutPoints, model }: ValueRun) => canonicalText({ cutPoints, model });
    const of = await readRun(runs, run.rehearsal.of);
    const missing = Math.max(0, (of.report?.customers ?? 0) - tally.customers);
    return { sameFit: fitOf(of) === fitOf(run), sameCustomers: of.report?.who === tally.who, missing };
  }
}
