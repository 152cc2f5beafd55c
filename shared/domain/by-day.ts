/**
 * A list by day, the first one first, after one of its days changed.
 * @param change what becomes of the day, of what is known of it; nothing where nothing is left
 */
export function withDay<Day extends { day: number }>(
  days: readonly Day[],
  day: number,
  change: (known: Day | undefined) => Day | undefined,
): Day[] {
  let place = days.length;
  while (place > 0 && (days[place - 1] as Day).day > day) place -= 1;
  const known = days[place - 1]?.day === day ? days[place - 1] : undefined;
  const changed = change(known);
  return [...days.slice(0, known ? place - 1 : place), ...(changed ? [changed] : []), ...days.slice(place)];
}
