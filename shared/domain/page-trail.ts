import { type Instant, millisecondsOf } from './instant.ts';

/** What is remembered of the pages of a list, so that one that goes round, or never ends, is seen to. */
export interface PageTrail {
  /** How many there were. */
  pages: number;
  /** The same with those that were asked for smaller as parts; absent where all were whole. */
  whole?: number;
  /** A page that others are compared with: the first, second, fourth, eighth …, so that a circle of any size is found. */
  mark: string;
  /** How often the marked page came again and said nothing new. */
  repeats: number;
}

export const noPages: PageTrail = { pages: 0, mark: '', repeats: 0 };

/**
 * The trail with one more page.
 * @param isNews whether anything of it was not known
 * @param share of a whole page that was asked for
 */
export function withPage(trail: PageTrail, ids: readonly string[], isNews: boolean, share = 1): PageTrail {
  const pages = trail.pages + 1;
  const whole = (trail.whole ?? trail.pages) + share;
  const page = `${ids.length} ${ids[0] ?? ''} ${ids.at(-1) ?? ''}`;
  const length = { pages, ...(whole < pages && { whole }) };
  if (Number.isInteger(Math.log2(pages))) return { ...length, mark: page, repeats: 0 };
  return { ...trail, ...length, repeats: trail.repeats + (page === trail.mark && !isNews ? 1 : 0) };
}

const day = 86_400_000;
const fewPages = 200;
const pagesPerDay = 2_000;
const mostPages = 100_000;

/** Why a list is not gone on with; nothing where it may be. @param span what is listed of */
export function endlessness(
  { pages, whole = pages, repeats }: PageTrail,
  { since, until }: { since: Instant; until: Instant },
): string | undefined {
  if (repeats >= 3) return 'list_loops: the shop lists the same things again and again.';
  const days = Math.max(0, millisecondsOf(until) - millisecondsOf(since)) / day;
  const most = Math.min(mostPages, Math.ceil(fewPages + pagesPerDay * days));
  return whole >= most ? `list_endless: the shop's list has no end after ${pages} pages.` : undefined;
}
