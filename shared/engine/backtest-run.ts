import { calendarOf } from '../domain/calendar.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import type { Fits } from '../domain/models/backtest.ts';
import {
  type BeforeCounts,
  countBefore,
  fitBefore,
  mergeBefore,
  noBeforeCounts,
} from '../domain/models/backtest-counts.ts';
import { reportOf, type ShownBacktest } from '../domain/models/backtest-report.ts';
import {
  type BacktestSight,
  type BacktestTally,
  backtestCounter,
  backtestOf,
  isRankedExactly,
  mergeBacktestTally,
  noBacktestTally,
} from '../domain/models/backtest-tally.ts';
import { parseDay, textOfDay } from '../domain/models/purchase-text.ts';
import { decimalsOf } from '../domain/money.ts';
import { studyOf } from '../domain/rehearsal.ts';
import type { ValueRun } from '../domain/value-run.ts';
import type { MeasuredPopulation, Segment } from './measure-segment.ts';
import { Problem } from './problem.ts';
import { finished, type Parts, type RunResult, type Runs, readRun } from './value-run.ts';
import { type WalkPart, walkSegment } from './walk-segment.ts';

/*
 * A backtest goes through the customers twice, as a night does: first it counts what there was up to the day, and fits to
 * it; then it compares what would have been forecast for each customer with what came. Nobody is written to, and the ledger
 * is asked only for those who change while it runs.
 */

/** What was fitted, and whether to single histories and amounts or to buckets of them. */
export interface FittedBacktest {
  fits: Fits;
  exact: { histories: boolean; spend: boolean };
}

export interface BacktestResult {
  /** Null where nobody had bought by the day. */
  report: ShownBacktest | null;
  exact: { histories: boolean; spend: boolean; ranking: boolean };
}

export interface BacktestStores {
  runs: Runs;
  population: MeasuredPopulation;
  before: Parts<WalkPart<BeforeCounts>>;
  after: Parts<WalkPart<BacktestTally>>;
  fits: RunResult<FittedBacktest>;
  results: RunResult<BacktestResult>;
}

type Only<Names extends keyof BacktestStores> = Pick<BacktestStores, Names>;

/** First pass. @param remaining milliseconds that this step may still take */
export async function countBacktest(
  { runs, population, before: parts }: Only<'runs' | 'population' | 'before'>,
  { runId, ...place }: Segment & { runId: string },
  remaining: () => number,
): Promise<boolean> {
  const run = await readRun(runs, runId);
  if (run.state !== 'running') return true;
  const { until } = frameOf(run);
  return walkSegment(
    {
      parts,
      runId,
      segment: place.segment,
      empty: noBeforeCounts,
      fetch: (cursor) => population.measurePage(run, place, cursor),
      take(counts, { counts: isCustomer, days }) {
        if (isCustomer) countBefore(counts, days, until);
      },
    },
    remaining,
  );
}

/** Adds up what was counted and fixes the fits, once and for all. */
export async function fitBacktest(
  { runs, before, fits }: Only<'runs' | 'before' | 'fits'>,
  runId: string,
): Promise<void> {
  const run = await readRun(runs, runId);
  if (run.state !== 'running' || (await fits.read(runId))) return;
  const counts = noBeforeCounts();
  for (let segment = 0; segment < run.segments; segment++)
    mergeBefore(counts, (await finished(before, run, segment)).state);
  await fits.keep(runId, {
    fits: fitBefore(counts, frameOf(run).minorPerUnit),
    exact: { histories: counts.histories.level === 0, spend: counts.spend.level === 0 },
  });
}

/** Second pass. @param remaining milliseconds that this step may still take */
export async function compareBacktest(
  { runs, population, after: parts, fits }: Only<'runs' | 'population' | 'after' | 'fits'>,
  { runId, ...place }: Segment & { runId: string },
  remaining: () => number,
): Promise<boolean> {
  const run = await readRun(runs, runId);
  if (run.state !== 'running') return true;
  const { fits: found } = await fitted(fits, runId);
  const count = backtestCounter({ ...frameOf(run), fits: found });
  return walkSegment(
    {
      parts,
      runId,
      segment: place.segment,
      empty: noBacktestTally,
      fetch: (cursor) => population.measurePage(run, place, cursor),
      take(tally, { counts: isCustomer, days }) {
        if (isCustomer) count(tally, days);
      },
    },
    remaining,
  );
}

/** Adds up the comparisons and closes the run. Answers with the run as it then stands. */
export async function reportBacktest(
  { runs, before, after, fits, results }: Only<'runs' | 'before' | 'after' | 'fits' | 'results'>,
  { runId, now }: { runId: string; now: Instant },
): Promise<ValueRun> {
  const run = await readRun(runs, runId);
  if (run.state === 'running') await results.keep(runId, await result());
  const closed = await runs.close(run.state === 'running' ? { ...run, state: 'succeeded', finishedAt: now } : run);
  await Promise.all([before.drop(runId, run.segments), after.drop(runId, run.segments), fits.drop(runId)]);
  return closed;

  async function result(): Promise<BacktestResult> {
    const { fits: found, exact } = await fitted(fits, runId);
    const tally = noBacktestTally();
    for (let segment = 0; segment < run.segments; segment++)
      mergeBacktestTally(tally, (await finished(after, run, segment)).state);
    const frame = frameOf(run);
    const backtest = backtestOf(tally, { ...frame, fits: found });
    const shown = {
      until: textOfDay(frame.until),
      horizonDays: frame.end - frame.until,
      lastDay: textOfDay(frame.today),
      leftOut: { withoutCustomer: 0, negative: 0, beyondHorizon: tally.beyond },
    };
    return {
      report: backtest ? reportOf(backtest, shown) : null,
      exact: { ...exact, ranking: isRankedExactly(tally) },
    };
  }
}

async function fitted(fits: RunResult<FittedBacktest>, runId: string): Promise<FittedBacktest> {
  const found = await fits.read(runId);
  if (!found) throw new Problem(409, 'value_run_unfitted', 'The backtest has fitted nothing yet.');
  return found;
}

function frameOf({
  id,
  asOf,
  timeZone,
  currency,
  rehearsal,
}: ValueRun): Omit<BacktestSight, 'fits'> & { today: number } {
  const study = studyOf(rehearsal);
  const until = study?.kind === 'backtest' ? parseDay(study.until) : undefined;
  if (study?.kind !== 'backtest' || until === undefined) throw new Error(`${id} is no backtest`);
  return {
    until,
    end: until + study.horizonDays,
    // Before there is a base currency nobody has bought.
    minorPerUnit: 10 ** decimalsOf(currency ?? 'EUR'),
    today: calendarOf(timeZone)(millisecondsOf(asOf)),
  };
}
