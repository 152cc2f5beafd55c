import { type Instant, millisecondsOf } from './instant.ts';

/** What is remembered of the pages of a list, so that one that goes round, or never ends, is seen to. */
export interface PageTrail {
  /** How many there were. */
  pages: number;
  /** A page that others are compared with: the first, second, fourth, eighth …, so that a circle of any size is found. */
  mark: string;
  /** How often the marked page came again and said nothing new. */
  repeats: number;
}

export const noPages: PageTrail = { pages: 0, mark: '', repeats: 0 };

/** The trail with one more page. @param isNews whether anything of it was not known */
export function withPage(trail: PageTrail, ids: readonly string[], isNews: boolean): PageTrail {
  const pages = trail.pages + 1;
  const page = `${ids.length} ${ids[0] ?? ''} ${ids.at(-1) ?? ''}`;
  if (Number.isInteger(Math.log2(pages))) return { pages, mark: page, repeats: 0 };
  return { ...trail, pages, repeats: trail.repeats + (page === trail.mark && !isNews ? 1 : 0) };
}

const day = 86_400_000;
const fewPages = 200;
const pagesPerDay = 2_000;
const mostPages = 100_000;

/** Why a list is not gone on with; nothing where it may be. @param span what is listed of */
export function endlessness(
  { pages, repeats }: PageTrail,
  { since, until }: { since: Instant; until: Instant },
): string | undefined {
  if (repeats >= 3) return 'list_loops: the shop lists the same things again and again.';
  const days = Math.max(0, millisecondsOf(until) - millisecondsOf(since)) / day;
  const most = Math.min(mostPages, Math.ceil(fewPages + pagesPerDay * days));
  return pages >= most ? `list_endless: the shop's list has no end after ${pages} pages.` : undefined;
}
