import { type Page, pagesOf, pagesPerSave, reserve } from './measure-segment.ts';
import type { Parts } from './value-run.ts';

/** What the walk through one segment has come to. */
export interface WalkPart<State> {
  /** Where to go on; absent before the first page and when done. */
  cursor?: string;
  done: boolean;
  state: State;
  readUnits: number;
}

/**
 * Goes through the pages of one segment. Answers false where time ran out first; called again it goes on from there, with
 * the state that was saved.
 * @param remaining milliseconds that this step may still take
 */
export async function walkSegment<State, Row>(
  walk: {
    parts: Parts<WalkPart<State>>;
    runId: string;
    segment: number;
    empty(): State;
    fetch(cursor: string | undefined): Promise<Page<Row>>;
    take(state: State, row: Row): void;
  },
  remaining: () => number,
): Promise<boolean> {
  const { parts, runId, segment, take } = walk;
  const begun = await parts.read(runId, segment);
  if (begun?.done) return true;
  const state = begun?.state ?? walk.empty();
  let readUnits = begun?.readUnits ?? 0;
  let pages = 0;
  for await (const { rows, cursor, units } of pagesOf(walk.fetch, begun?.cursor)) {
    for (const row of rows) take(state, row);
    readUnits += units;
    pages += 1;
    const done = cursor === undefined;
    const late = remaining() < reserve;
    if (!done && !late && pages % pagesPerSave !== 0) continue;
    await parts.save(runId, segment, { ...(cursor && { cursor }), done, state, readUnits });
    if (done || late) return done;
  }
  return true;
}
