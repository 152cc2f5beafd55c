import { type Instant, instantOf, millisecondsOf } from './instant.ts';

/** The furthest that a source said something ahead of time: by its own clock, and when that was heard. */
export interface SaidAhead {
  said: Instant;
  heard: Instant;
}

/** By source, then by what it spoke of; nothing of sources whose clocks are right. */
export type Ahead = Record<string, Record<string, SaidAhead>>;

/**
 * How far ahead a source's clock may run for what it says to stay in its own order. A state of an order that is dated
 * further ahead stands in the way of later ones for this long at most, a word on a person not at all.
 */
const furthestAhead = 24 * 3_600_000;

/** As late as a source may date what is heard now. */
export function latestSaid(heardAt: Instant): Instant {
  return instantOf(millisecondsOf(heardAt) + furthestAhead);
}

/**
 * When what a source says counts as said: no word later than it was heard, or a clock that runs ahead would speak the last
 * one for years. Nor does saying it again make it later: against what the same source said ahead of time, an earlier word on
 * the same is old news, and has no date; one of the same time is as old as that.
 * @param said by what is spoken of, the source's own time
 */
export function hear(
  ahead: Ahead | undefined,
  said: Readonly<Record<string, Instant>>,
  { sourceId, heardAt }: { sourceId: string; heardAt: Instant },
): { dates: Record<string, Instant>; ahead?: Ahead } {
  const before = ahead && Object.hasOwn(ahead, sourceId) ? ahead[sourceId] : undefined;
  const after = { ...before };
  const dates: Record<string, Instant> = {};
  for (const [about, at] of Object.entries(said)) {
    const known = before?.[about];
    if (known && at < known.said && known.said <= latestSaid(known.heard)) continue;
    if (at > heardAt && (!known || at > known.said)) after[about] = { said: at, heard: heardAt };
    dates[about] = known && at === known.said ? known.heard : at > heardAt ? heardAt : at;
  }
  return {
    dates,
    ...(Object.keys(after).length > 0 ? { ahead: { ...ahead, [sourceId]: after } } : ahead && { ahead }),
  };
}
