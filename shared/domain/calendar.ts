/** The number of the calendar day (days since 1970-01-01) that a moment, in milliseconds since 1970, falls on. */
export type Calendar = (milliseconds: number) => number;

const day = 86_400_000;
const unknown = Number.NaN;

/**
 * The calendar of a time zone. Offsets are kept by the UTC day, so that the millions of moments of a night cost an
 * array look-up each; only on a day with a change of offset is the zone asked for the moment itself.
 * @param timeZone IANA name
 * @throws RangeError for a zone that does not exist
 */
export function calendarOf(timeZone: string): Calendar {
  const known = calendars.get(timeZone) ?? newCalendar(timeZone);
  calendars.set(timeZone, known);
  return known;
}

const calendars = new Map<string, Calendar>();

function newCalendar(timeZone: string): Calendar {
  const offsetAt = zoneOffset(timeZone);
  const starts: number[] = [];
  const atStart = (number: number) => {
    const known = starts[number] ?? unknown;
    if (!Number.isNaN(known)) return known;
    const offset = offsetAt(number * day);
    starts[number] = offset;
    return offset;
  };
  return (milliseconds) => {
    const number = Math.floor(milliseconds / day);
    const offset = atStart(number);
    return Math.floor((milliseconds + (offset === atStart(number + 1) ? offset : offsetAt(milliseconds))) / day);
  };
}

/** Wall clock minus UTC at a moment in milliseconds since 1970, in milliseconds. */
export function zoneOffset(timeZone: string): (milliseconds: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (milliseconds) => {
    const parts = new Map(format.formatToParts(milliseconds).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return shown - Math.floor(milliseconds / 1000) * 1000;
  };
}
