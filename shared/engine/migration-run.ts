import type { Instant } from '../domain/instant.ts';
import { studyOf } from '../domain/rehearsal.ts';
import {
  type Around,
  countMove,
  mergeMigration,
  noMigration,
  type TierMigration,
} from '../domain/reports/tier-migration.ts';
import type { ValueRun } from '../domain/value-run.ts';
import type { Page, Segment } from './measure-segment.ts';
import { finished, type Parts, type RunResult, type Runs, readRun } from './value-run.ts';
import { type WalkPart, walkSegment } from './walk-segment.ts';

/** Two runs, the earlier one first. */
export interface Span {
  from: Instant;
  to: Instant;
}

export interface MigrationPopulation {
  /** The customers by their tiers after each of the runs. Who was erased is not among them. */
  migrationPage(span: Span, segment: Segment, cursor: string | undefined): Promise<Page<Around>>;
}

export interface MigrationStores {
  runs: Runs;
  population: MigrationPopulation;
  moved: Parts<WalkPart<TierMigration>>;
  results: RunResult<TierMigration>;
}

/** Counts one segment. @param remaining milliseconds that this step may still take */
export async function countMigration(
  { runs, population, moved: parts }: Pick<MigrationStores, 'runs' | 'population' | 'moved'>,
  { runId, ...place }: Segment & { runId: string },
  remaining: () => number,
): Promise<boolean> {
  const run = await readRun(runs, runId);
  if (run.state !== 'running') return true;
  const span = await spanBetween(runs, run);
  return walkSegment(
    {
      parts,
      runId,
      segment: place.segment,
      empty: noMigration,
      fetch: (cursor) => population.migrationPage(span, place, cursor),
      take: (migration, around) => countMove(migration, around),
    },
    remaining,
  );
}

/** Adds up what was counted and closes the run. Answers with the run as it then stands. */
export async function reportMigration(
  { runs, moved, results }: Pick<MigrationStores, 'runs' | 'moved' | 'results'>,
  { runId, now }: { runId: string; now: Instant },
): Promise<ValueRun> {
  const run = await readRun(runs, runId);
  if (run.state === 'running') {
    const migration = noMigration();
    for (let segment = 0; segment < run.segments; segment++)
      mergeMigration(migration, (await finished(moved, run, segment)).state);
    await results.keep(runId, migration);
  }
  const closed = await runs.close(run.state === 'running' ? { ...run, state: 'succeeded', finishedAt: now } : run);
  await moved.drop(runId, run.segments);
  return closed;
}

async function spanBetween(runs: Pick<Runs, 'read'>, { id, rehearsal }: ValueRun): Promise<Span> {
  const study = studyOf(rehearsal);
  if (study?.kind !== 'migration') throw new Error(`${id} is no migration`);
  const [from, to] = await Promise.all([readRun(runs, study.from), readRun(runs, study.to)]);
  return { from: from.asOf, to: to.asOf };
}
