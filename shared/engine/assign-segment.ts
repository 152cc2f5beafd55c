import type { Standing } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import { outlookBy } from '../domain/outlook.ts';
import { rfmInputsOf } from '../domain/rfm.ts';
import { emptyTally, type Tally, tallyCustomer } from '../domain/tally.ts';
import {
  type FittedRun,
  isFitted,
  type Judgement,
  judge,
  type Receipt,
  type Units,
  type ValueRun,
} from '../domain/value-run.ts';
import {
  type MeasuredRow,
  type Page,
  pagesOf,
  pagesPerSave,
  profitabilityBy,
  reserve,
  type Segment,
  spanOf,
} from './measure-segment.ts';
import { Problem } from './problem.ts';
import { type AssignPart, type Parts, type Runs, readRun } from './value-run.ts';

/** A customer as the night finds it. */
export interface Candidate extends MeasuredRow {
  customerId: string;
  version: number;
  standing?: Standing;
  /** In a replay: what the run that is computed again made of the customer; `standing` is that from before it. */
  judged?: Standing;
}

/** A standing to write, if the customer still exists and still has this version. */
export interface Change {
  customerId: string;
  version: number;
  standing: Standing;
}

export interface AssignedPopulation {
  assignPage(run: ValueRun, segment: Segment, cursor: string | undefined): Promise<Page<Candidate>>;
  /** The customers as they are now; those that no longer exist are absent. */
  readAgain(run: ValueRun, customerIds: readonly string[]): Promise<{ rows: Candidate[]; units: number }>;
  /** Writes all; answers with the ids of those that have changed meanwhile or are gone. */
  writeStandings(changes: readonly Change[], now: Instant): Promise<{ conflicts: string[]; units: number }>;
}

export interface Receipts {
  put(receipts: readonly Receipt[]): Promise<{ units: number }>;
  drop(run: { id: string; asOf: Instant }, customerIds: readonly string[]): Promise<{ units: number }>;
}

export interface AssignStores {
  runs: Pick<Runs, 'read' | 'current'>;
  assigned: Parts<AssignPart>;
  population: AssignedPopulation;
  receipts: Receipts;
}

/** So many changes are gathered over pages before they are written. */
const changesPerWrite = 200;
/** So often a customer that keeps changing is judged again. */
const attempts = 6;

type Changed = Candidate & { judgement: Judgement & { kind: 'changed' } };

/**
 * Scores the customers of one segment and writes those whose tier or scores changed. Answers false where time ran out
 * first; called again it goes on from there.
 *
 *   part saved with the ids ─► receipts ─► customers ─► (next pages …) part saved with the next ids
 *
 * Killed anywhere, the pages since the last save are judged again: who was written is known by the run in the
 * standing, and a receipt that nothing came of is known by the saved ids and dropped.
 *
 * @param remaining milliseconds that this step may still take
 * @throws Problem `customers_contended` where customers changed faster than they could be written; what was written
 * stays, and calling again goes on
 */
export async function assignSegment(
  stores: AssignStores,
  { runId, ...place }: Segment & { runId: string },
  { now, remaining }: { now: Instant; remaining: () => number },
): Promise<boolean> {
  const { population, assigned } = stores;
  const run = await readRun(stores.runs, runId);
  const begun = await assigned.read(runId, place.segment);
  if (run.state !== 'running' || begun?.done) return true;
  if (!isFitted(run)) throw new Problem(409, 'value_run_unfitted', 'The value run has no cut points yet.');
  const judgeRow = judgeFor(run);
  let saved = begun ?? { done: false, tally: emptyTally(), units: { read: 0, write: 0 }, unsettled: [] };
  const tally = structuredClone(saved.tally);
  const units = { ...saved.units };
  const suspects = new Set(saved.unsettled);
  let changed: Changed[] = [];
  let orphans: string[] = [];
  let pages = 0;
  for await (const page of pagesOf((from) => population.assignPage(run, place, from), begun?.cursor)) {
    units.read += page.units;
    for (const row of page.rows) {
      const judgement = judgeRow(row);
      const suspect = suspects.size > 0 && suspects.delete(row.customerId);
      if (judgement?.kind === 'changed') changed.push({ ...row, judgement });
      else if (judgement) tallyCustomer(tally, row, judgement);
      if (suspect && judgement?.kind !== 'changed' && judgement?.kind !== 'written') orphans.push(row.customerId);
    }
    const { cursor } = page;
    const done = cursor === undefined;
    const late = remaining() < reserve;
    pages += 1;
    const due = pages % pagesPerSave === 0;
    if (!done && !late && !due && changed.length < changesPerWrite) continue;
    if (changed.length > 0) {
      const unsettled = [...changed.map(({ customerId }) => customerId), ...orphans, ...suspects];
      const [current, open] = await Promise.all([
        stores.runs.current(),
        assigned.save(runId, place.segment, { ...saved, unsettled }),
      ]);
      // A later run has taken over, or this segment was finished by another call: nothing more may be written.
      if (current?.runId !== runId || !open) return true;
      orphans.push(...(await write(stores, run, { changed, tally, units, now })));
    }
    if (done) orphans.push(...suspects);
    if (orphans.length > 0) units.write += (await stores.receipts.drop(run, orphans)).units;
    saved = {
      ...(cursor && { cursor }),
      done,
      tally: structuredClone(tally),
      units: { ...units },
      unsettled: done ? [] : [...suspects],
    };
    changed = [];
    orphans = [];
    if (done || late || due) await assigned.save(runId, place.segment, saved);
    if (done || late) return done;
  }
  return true;
}

/** Writes receipts and standings; answers with the customers whose receipts nothing came of. */
async function write(
  { population, receipts }: AssignStores,
  run: FittedRun,
  { changed, tally, units, now }: { changed: Changed[]; tally: Tally; units: Units; now: Instant },
): Promise<string[]> {
  const judgeRow = judgeFor(run);
  const orphans: string[] = [];
  let open = changed;
  for (let attempt = 1; open.length > 0; attempt++) {
    if (attempt > attempts)
      throw new Problem(503, 'customers_contended', 'Customers keep changing while they are scored.', {
        retryAfter: 2,
      });
    units.write += (await receipts.put(open.map(({ judgement }) => judgement.receipt))).units;
    const changes = open.map(({ customerId, version, judgement: { standing } }) => ({ customerId, version, standing }));
    const written = await population.writeStandings(changes, now);
    units.write += written.units;
    const conflicts = new Set(written.conflicts);
    for (const { customerId, judgement } of open)
      if (!conflicts.has(customerId)) tallyCustomer(tally, { customerId }, judgement);
    if (conflicts.size === 0) break;
    const again = await population.readAgain(run, written.conflicts);
    units.read += again.units;
    open = [];
    for (const row of again.rows) {
      const judgement = judgeRow(row);
      if (judgement?.kind === 'changed') {
        open.push({ ...row, judgement });
        conflicts.delete(row.customerId);
      } else if (judgement) {
        tallyCustomer(tally, row, judgement);
        if (judgement.kind === 'written') conflicts.delete(row.customerId);
      }
    }
    orphans.push(...conflicts);
  }
  return orphans;
}

/** Nothing for a customer who is left out of value. */
export function judgeFor(run: FittedRun): (row: Candidate) => Judgement | undefined {
  const span = spanOf(run);
  const profitabilityOf = profitabilityBy(run);
  return ({ counts, customerId, standing, ...row }) =>
    counts
      ? judge(run, {
          customerId,
          standing,
          rfm: rfmInputsOf(row.days, span),
          profitability: () => profitabilityOf(row),
          outlook: () => outlookBy(run, row.days),
        })
      : undefined;
}
