import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import type { Rehearsal } from '../domain/rehearsal.ts';
import type { ReportCounts } from '../domain/reports/report-counts.ts';
import type { Measure } from '../domain/rfm.ts';
import type { Tally } from '../domain/tally.ts';
import type { TierPolicy, TierRules } from '../domain/tier-policy.ts';
import type { ModelCounts } from '../domain/value-model.ts';
import type { FittedRun, Units, ValueRun } from '../domain/value-run.ts';
import { Problem } from './problem.ts';

/** Where runs are kept. Every method may be repeated. */
export interface Runs {
  read(runId: string): Promise<ValueRun | undefined>;
  /** Which run is the current one, and which one it took over from. */
  current(): Promise<CurrentRun | undefined>;
  /** Makes a run the current one, if `seen` still is. */
  takeOver(run: { runId: string; asOf: Instant }, seen: CurrentRun | undefined): Promise<boolean>;
  /** Opens a run; one that is there stays as it is, except that a failed one runs again. */
  open(run: ValueRun, machineTime: number): Promise<void>;
  /** Keeps cut points, model and what else was measured, if there are none yet. */
  keepFit(run: FittedRun & Required<Pick<ValueRun, 'measured'>>): Promise<void>;
  /** Ends a run that is running and shows it in the list of runs. Answers with the run as it then stands. */
  close(run: ValueRun): Promise<ValueRun>;
  /** The machine's time at which the run was opened, in milliseconds since 1970. */
  openedAt(runId: string): Promise<number>;
}

export interface CurrentRun {
  runId: string;
  asOf: Instant;
  previousRunId?: string;
}

/** Progress and result of each segment of one phase. */
export interface Parts<Part extends { done: boolean }> {
  read(runId: string, segment: number): Promise<Part | undefined>;
  /** False where the segment is already done: what is done stays. */
  save(runId: string, segment: number, part: Part): Promise<boolean>;
  drop(runId: string, segments: number): Promise<void>;
}

export interface MeasurePart {
  /** Where to go on; absent before the first page and when done. */
  cursor?: string;
  done: boolean;
  measure: Measure;
  /** Of a preview: by the published policy. */
  published?: Measure;
  counts: ModelCounts;
  /** Absent in a rehearsal, and in what was measured before there were reports. */
  reports?: ReportCounts;
  /** Purchases that wait for a rate, by currency; absent in what was measured before there were rates. */
  waiting?: Record<string, number>;
  readUnits: number;
}

export interface AssignPart {
  /** Where to go on; absent before the first page and when done. */
  cursor?: string;
  done: boolean;
  /** What was counted up to the cursor. */
  tally: Tally;
  units: Units;
  /** Customers after the cursor for whom receipts may stand in the ledger that nothing came of. */
  unsettled: string[];
  /**
   * Of a rehearsal: pages of differences that are written, and how many those are; of a preview, how many customers would
   * change without the draft.
   */
  rehearsed?: { pages: number; differences: number; withoutDraft?: number };
}

/** What came of a run beside its record. */
export interface RunResult<Value> {
  read(runId: string): Promise<Value | undefined>;
  /** What is kept first stays. */
  keep(runId: string, value: Value): Promise<void>;
  drop(runId: string): Promise<void>;
}

export interface TierPolicies {
  /** What is not published yet. */
  draft(): Promise<{ id: string; rules: TierRules } | undefined>;
  /** The latest published policy, or the default one, which is kept once the base currency is known. */
  current(currency: string | undefined): Promise<TierPolicy>;
}

export interface Opening {
  runId: string;
  asOf: Instant;
  now: Instant;
  /** The machine's time, in milliseconds since 1970; only ever compared with itself. */
  machineTime: number;
  timeZone: string;
  segments: number;
  currency: string | undefined;
  /** What was received in the last milliseconds before the start may still be under way: it is for the next run. */
  underWay: number;
}

export type Opened =
  | { skipped: true; runId: string; asOf: Instant; reason: 'finished' | 'superseded' | 'no_draft' }
  | { skipped: false; runId: string; asOf: Instant; segments: number };

const tolerance = 5 * 60_000;

/** Milliseconds: a webhook waits for the store for seconds at most; then the delivery goes to the retry queue. */
export const longestUnderWay = 15_000;

/**
 * Opens a run, or goes on with one that was interrupted. Runs follow each other in the order of their `asOf`: one that
 * is older than the current run is skipped, and an unfinished run that a later one takes over from ends there.
 */
export async function beginRun(stores: { runs: Runs; policies: TierPolicies }, opening: Opening): Promise<Opened> {
  const { runs, policies } = stores;
  const { runId, asOf, now } = opening;
  if (millisecondsOf(asOf) > millisecondsOf(now) + tolerance)
    throw new Problem(422, 'as_of_in_future', 'A value run cannot look at a time that has not come.');
  const known = await runs.read(runId);
  if (known && known.asOf !== asOf)
    throw new Problem(409, 'value_run_exists', 'There is a value run with this id and another asOf.');
  if (known?.state === 'succeeded') return { skipped: true, runId, asOf, reason: 'finished' };
  const run = known ?? (await newRun(policies, opening));
  // Before it is the current one: whoever takes over from it has to find it, and whoever asked for it as well.
  await runs.open(run, opening.machineTime);
  if (await becomeCurrent(runs, opening)) return { skipped: false, runId, asOf, segments: run.segments };
  await endSuperseded(runs, runId, now);
  return { skipped: true, runId, asOf, reason: 'superseded' };
}

async function newRun(policies: TierPolicies, opening: Opening): Promise<ValueRun> {
  const { runId: id, asOf, now, underWay, timeZone, currency, segments } = opening;
  const policy = await policies.current(currency);
  const knownBy = instantOf(millisecondsOf(now) - underWay);
  const at = { asOf, state: 'running' as const, startedAt: now, knownBy };
  return { id, ...at, timeZone, ...(currency && { currency }), policy, segments };
}

/**
 * Opens a run that changes nobody, or goes on with one that was interrupted. A preview whose draft is gone by now fails at
 * once, so that whoever follows it sees why.
 * @throws Problem `value_run_unknown` and `value_run_unfinished` for a replay
 */
export async function beginRehearsal(
  { runs, policies }: { runs: Runs; policies: TierPolicies },
  opening: Opening,
  rehearsal: Rehearsal,
): Promise<Opened> {
  const { runId, asOf, now, segments, timeZone, currency } = opening;
  const known = await runs.read(runId);
  if (known?.state === 'succeeded') return { skipped: true, runId, asOf, reason: 'finished' };
  const common = { id: runId, asOf, state: 'running' as const, startedAt: now, segments, rehearsal };
  const run: ValueRun =
    known ??
    (rehearsal.kind === 'replay'
      ? { ...common, ...(await replayed(runs, rehearsal.of)) }
      : {
          ...common,
          knownBy: now,
          timeZone,
          ...(currency && { currency }),
          ...(rehearsal.kind === 'preview'
            ? await drafted(policies, currency)
            : { policy: await policies.current(currency) }),
        });
  await runs.open(run, opening.machineTime);
  const { rehearsal: opened = rehearsal } = run;
  if (opened.kind === 'preview' && opened.draftId === undefined) {
    await runs.close({ ...run, state: 'failed', failure: 'no_draft', finishedAt: now });
    return { skipped: true, runId, asOf, reason: 'no_draft' };
  }
  return { skipped: false, runId, asOf, segments: run.segments };
}

/** What a replay takes over from the run that it computes again. */
async function replayed(runs: Runs, of: string) {
  const { state, rehearsal, knownBy, timeZone, currency, policy } = await readRun(runs, of);
  if (state !== 'succeeded' || rehearsal)
    throw new Problem(409, 'value_run_unfinished', 'Only a value run that has succeeded can be computed again.');
  return { knownBy, timeZone, policy, ...(currency && { currency }) };
}

/** By which draft a preview judges, and which one that is: another may take its place meanwhile; and the policy beside it. */
async function drafted(
  policies: TierPolicies,
  currency: string | undefined,
): Promise<Pick<ValueRun, 'policy' | 'published'> & { rehearsal: Rehearsal }> {
  const [published, draft] = await Promise.all([policies.current(currency), policies.draft()]);
  const policy = draft ? { ...draft.rules, version: published.version + 1 } : published;
  return {
    policy,
    published: { policy: published },
    rehearsal: { kind: 'preview', ...(draft && { draftId: draft.id }) },
  };
}

async function becomeCurrent(runs: Runs, { runId, asOf, now }: Opening): Promise<boolean> {
  for (;;) {
    const current = await runs.current();
    if (current?.runId === runId) {
      await endSuperseded(runs, current.previousRunId, now);
      return true;
    }
    // A run ahead of the clock itself was held at a time that a test clock has since given back.
    const ahead = current && millisecondsOf(current.asOf) > millisecondsOf(now) + tolerance;
    if (current && current.asOf > asOf && !ahead) return false;
    await runs.takeOver({ runId, asOf }, current);
  }
}

async function endSuperseded(runs: Runs, runId: string | undefined, now: Instant): Promise<void> {
  const run = runId === undefined ? undefined : await runs.read(runId);
  if (run?.state === 'running') await runs.close({ ...run, state: 'failed', failure: 'superseded', finishedAt: now });
}

/** @throws Problem `value_run_unknown` */
export async function readRun(runs: Pick<Runs, 'read'>, runId: string): Promise<ValueRun> {
  const run = await runs.read(runId);
  if (!run) throw new Problem(404, 'value_run_unknown', 'There is no such value run.');
  return run;
}

/** Adds numbers of waiting purchases, by currency. */
export function addWaiting(into: Record<string, number>, from: Record<string, number>): void {
  for (const [currency, times] of Object.entries(from)) into[currency] = (into[currency] ?? 0) + times;
}

/** Ends a run whose steps failed for good. It can be started again under its id and goes on where it was. */
export async function failRun(runs: Runs, { runId, now, failure }: { runId: string; now: Instant; failure: string }) {
  const run = await readRun(runs, runId);
  if (run.state !== 'running') return run;
  return runs.close({ ...run, state: 'failed', failure, finishedAt: now });
}

/** @throws Problem `value_run_unfinished` */
export async function finished<Part extends { done: boolean }>(parts: Parts<Part>, run: ValueRun, segment: number) {
  const part = await parts.read(run.id, segment);
  if (!part?.done) throw new Problem(409, 'value_run_unfinished', `Segment ${segment} of the value run is not done.`);
  return part;
}
