/** When the night falls due: a wall-clock time in the merchant's zone, every day or on one weekday. */
export interface NightSchedule {
  hour: number;
  minute: number;
  /** 0 = Sunday … 6 = Saturday; absent = every day. */
  weekday?: number;
  /** IANA name, e.g. `Europe/Berlin`. */
  timeZone: string;
}

const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

/** The schedule as EventBridge Scheduler writes it. */
export function cronExpression({ hour, minute, weekday }: NightSchedule): string {
  return weekday === undefined
    ? `cron(${minute} ${hour} * * ? *)`
    : `cron(${minute} ${hour} ? * ${weekdays[weekday]} *)`;
}

/**
 * Reads the forms that {@link cronExpression} writes.
 * @throws Error for any other expression
 */
export function parseCronExpression(expression: string, timeZone: string): NightSchedule {
  const match = /^cron\((\d{1,2}) (\d{1,2}) (?:\* \* \?|\? \* ([A-Z]{3})) \*\)$/.exec(expression);
  const weekday = match?.[3] === undefined ? undefined : (weekdays as readonly string[]).indexOf(match[3]);
  if (!match || weekday === -1)
    throw new Error(`schedule ${expression} is not of the forms cron(M H * * ? *) and cron(M H ? * DAY *)`);
  return { minute: Number(match[1]), hour: Number(match[2]), timeZone, ...(weekday === undefined ? {} : { weekday }) };
}

/**
 * The first instant after `after` at which the schedule falls due, in milliseconds since 1970.
 * As with EventBridge Scheduler, a wall-clock time that the change to summer time skips falls due
 * at the first minute after the gap, and one that occurs twice falls due once, the first time.
 */
export function nextOccurrence(schedule: NightSchedule, after: number): number {
  const start = wallClock(after, schedule.timeZone);
  for (let day = 0; day <= 8; day++) {
    const date = new Date(Date.UTC(start.year, start.month - 1, start.day + day));
    if (schedule.weekday !== undefined && date.getUTCDay() !== schedule.weekday) continue;
    const due = instantOf(date, schedule);
    if (due > after) return due;
  }
  throw new Error('a schedule falls due at least once in eight days');
}

interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

function wallClock(instant: number, timeZone: string): WallClock {
  const parts = formatter(timeZone).formatToParts(instant);
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
  };
}

const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(timeZone: string): Intl.DateTimeFormat {
  let found = formatters.get(timeZone);
  if (!found) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formatters.set(timeZone, found);
  }
  return found;
}

const minutes = 60_000;

/** The first instant whose wall clock shows the given day and the schedule's time, or a later time of that day. */
function instantOf(date: Date, { hour, minute, timeZone }: NightSchedule): number {
  const wanted = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), hour, minute);
  // Offsets lie between -12 and +14 hours: walk by quarter hours (every zone in use changes on one), then by minutes.
  for (let instant = wanted - 14 * 60 * minutes; instant <= wanted + 16 * 60 * minutes; instant += 15 * minutes) {
    if (shown(instant, timeZone) < wanted) continue;
    let first = instant;
    while (shown(first - minutes, timeZone) >= wanted) first -= minutes;
    return first;
  }
  throw new Error(`time zone ${timeZone} has no such time`);
}

function shown(instant: number, timeZone: string): number {
  const w = wallClock(instant, timeZone);
  return Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute);
}
