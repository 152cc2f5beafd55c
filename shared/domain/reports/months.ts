/*
 * Calendar months as numbers: months since January 1970, of days since 1970-01-01 in whichever calendar those are.
 */

const known: number[] = [];

export function monthOf(day: number): number {
  const found = known[day];
  if (found !== undefined) return found;
  const date = new Date(day * 86_400_000);
  const month = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
  known[day] = month;
  return month;
}

/** `2026-11` */
export function textOfMonth(month: number): string {
  return `${1970 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`;
}
