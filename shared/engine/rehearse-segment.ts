import { canonicalText } from '../domain/canonical.ts';
import type { Standing } from '../domain/customer.ts';
import { type Cause, type Difference, placeOf } from '../domain/rehearsal.ts';
import { emptyTally, tallyCustomer } from '../domain/tally.ts';
import { type FittedRun, isFitted, type Judgement, type ValueRun, withoutDraft } from '../domain/value-run.ts';
import { type AssignedPopulation, type Candidate, judgeFor } from './assign-segment.ts';
import { pagesOf, pagesPerSave, reserve, type Segment } from './measure-segment.ts';
import { Problem } from './problem.ts';
import { type AssignPart, type Parts, type Runs, readRun } from './value-run.ts';

/** Where what a rehearsal finds is kept for a while. */
export interface Differences {
  /** May be repeated: a page of a segment is written over. */
  put(runId: string, place: { segment: number; page: number }, differences: readonly Difference[]): Promise<void>;
}

export interface Hindsight {
  /** What happened to a customer that a run could not know; nothing where nothing is known. */
  causesSince(run: ValueRun, customerId: string): Promise<Cause[]>;
}

export interface RehearseStores {
  runs: Pick<Runs, 'read'>;
  assigned: Parts<AssignPart>;
  population: Pick<AssignedPopulation, 'assignPage'>;
  differences: Differences;
  hindsight: Hindsight;
}

const differencesPerPage = 100;

/**
 * Scores the customers of one segment and writes down of whom that makes something else: a replay than the run that it
 * computes again did, a preview than the published policy would of the same purchases. Answers false where time ran out
 * first; called again it goes on from there.
 * @param remaining milliseconds that this step may still take
 */
export async function rehearseSegment(
  { runs, assigned, population, differences, hindsight }: RehearseStores,
  { runId, ...place }: Segment & { runId: string },
  remaining: () => number,
): Promise<boolean> {
  const { segment } = place;
  const run = await readRun(runs, runId);
  const begun = await assigned.read(runId, segment);
  if (run.state !== 'running' || begun?.done) return true;
  if (!isFitted(run)) throw new Problem(409, 'value_run_unfitted', 'The value run has no cut points yet.');
  const judgeRow = judgeFor(run);
  const beside = withoutDraft(run);
  const judgeBeside = beside && isFitted(beside) ? judgeFor(beside) : undefined;
  const causesOf = await explainer(run, { runs, hindsight });
  const { tally, units, rehearsed } = begun ?? { tally: emptyTally(), units: { read: 0, write: 0 } };
  let { pages, differences: count, withoutDraft: anyway = 0 } = rehearsed ?? { pages: 0, differences: 0 };
  let found: Difference[] = [];
  let pagesRead = 0;
  for await (const page of pagesOf((from) => population.assignPage(run, place, from), begun?.cursor)) {
    units.read += page.units;
    for (const row of page.rows) {
      const judgement = judgeRow(row);
      if (!judgement) continue;
      const published = judgeBeside?.(row);
      tallyCustomer(tally, row, published ? { ...judgement, from: published.to } : judgement);
      if (published?.kind === 'changed') anyway += 1;
      const was = published ? standingAfter(row, published) : (row.judged ?? row.standing);
      const difference = differenceOf(row, was, standingAfter(row, judgement));
      if (difference) found.push({ ...difference, ...(await causesOf(row, difference)) });
    }
    const done = page.cursor === undefined;
    const late = remaining() < reserve;
    pagesRead += 1;
    if (!done && !late && pagesRead % pagesPerSave !== 0 && found.length < differencesPerPage) continue;
    for (let from = 0; from < found.length; from += differencesPerPage) {
      await differences.put(runId, { segment, page: pages }, found.slice(from, from + differencesPerPage));
      pages += 1;
    }
    count += found.length;
    found = [];
    const { cursor } = page;
    const progress = { pages, differences: count, ...(beside && { withoutDraft: anyway }) };
    const part = { tally, units, rehearsed: progress, unsettled: [], done, ...(cursor && { cursor }) };
    await assigned.save(runId, segment, part);
    if (done || late) return done;
  }
  return true;
}

function standingAfter({ standing }: Candidate, judgement: Judgement): Standing | undefined {
  return judgement.kind === 'changed' ? judgement.standing : standing;
}

function differenceOf(
  { customerId }: Candidate,
  before: Standing | undefined,
  after: Standing | undefined,
): Difference | undefined {
  if (!after) return undefined;
  const [was, is] = [before ? placeOf(before) : null, placeOf(after)];
  return canonicalText(was) === canonicalText(is) ? undefined : { customerId, was, is };
}

/** Says why a replay makes something else of a customer; nothing in a preview, where the draft is why. */
async function explainer(
  run: FittedRun,
  { runs, hindsight }: Pick<RehearseStores, 'runs' | 'hindsight'>,
): Promise<(row: Candidate, difference: Difference) => Promise<Pick<Difference, 'causes'>>> {
  if (run.rehearsal?.kind !== 'replay') return async () => ({});
  const of = await readRun(runs, run.rehearsal.of);
  const { cutPoints = run.cutPoints, model } = of;
  const { model: _model, ...rest } = run;
  const asThen = judgeFor({ ...rest, cutPoints, ...(model && { model }) });
  return async (row, { was }) => {
    const judgement = asThen(row);
    const standing = judgement ? standingAfter(row, judgement) : row.standing;
    if (standing && canonicalText(placeOf(standing)) === canonicalText(was)) return { causes: ['cut_points'] };
    const known = await hindsight.causesSince(of, row.customerId);
    return { causes: known.length > 0 ? known : ['unknown'] };
  };
}
