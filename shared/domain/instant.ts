/** A moment in UTC with milliseconds, `2026-03-01T09:30:00.000Z`: instants compare as text. */
export type Instant = string;

const earliest = Date.UTC(1970, 0, 1);
const latest = Date.UTC(2200, 0, 1);

/** From milliseconds since 1970. @throws RangeError outside 1970 to 2199 */
export function instantOf(milliseconds: number): Instant {
  if (!(milliseconds >= earliest && milliseconds < latest)) throw new RangeError('instant outside 1970 to 2199');
  return new Date(milliseconds).toISOString();
}

/** In milliseconds since 1970. */
export function millisecondsOf(instant: Instant): number {
  return Date.parse(instant);
}

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:?\d{2})$/;

/** Reads an RFC 3339 time with its offset; nothing where the text is none, or lies outside 1970 to 2199. */
export function parseInstant(text: string): Instant | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = ''] = match;
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const shown = new Date(local).toISOString();
  if (!shown.startsWith(`${year}-${month}-${day}T${hour}:${minute}:${second}`)) return undefined;
  const milliseconds = Math.floor(Number(`0${fraction}`) * 1000);
  const [, sign, offsetHours, offsetMinutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  if (Number(offsetHours ?? 0) > 23 || Number(offsetMinutes ?? 0) > 59) return undefined;
  const offset = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * 60_000 * (sign === '-' ? -1 : 1);
  const instant = local + milliseconds - offset;
  return instant >= earliest && instant < latest ? new Date(instant).toISOString() : undefined;
}

/** The earlier of two; an absent one does not count. */
export function earlier(a: Instant, b: Instant): Instant;
export function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined;
export function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** The later of two; an absent one does not count. */
export function later(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}
