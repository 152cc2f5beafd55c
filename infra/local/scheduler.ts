import { type NightSchedule, nextOccurrence, parseCronExpression } from '../../shared/contracts/schedule.ts';
import type { Log } from './log.ts';
import type { Positions } from './positions.ts';
import { StartError } from './start-error.ts';

export interface ScheduleSettings {
  name: string;
  schedule: NightSchedule;
  /** With `<aws.scheduler.scheduled-time>` wherever the time belongs. */
  input: string;
  /** Resolves once the target has the input durably. */
  deliver(input: string, scheduledTime: string): Promise<void>;
}

/** @throws StartError for what the local stack would not run as EventBridge Scheduler does */
export function readSchedule(
  label: string,
  properties: Record<string, unknown>,
): Omit<ScheduleSettings, 'name' | 'deliver'> {
  const { ScheduleExpression, ScheduleExpressionTimezone = 'UTC', FlexibleTimeWindow, Target } = properties;
  const target = Target as { Input?: string };
  if ((FlexibleTimeWindow as { Mode?: string } | undefined)?.Mode === 'FLEXIBLE')
    throw new StartError(`${label}: the local stack runs no flexible time windows`);
  try {
    const schedule = parseCronExpression(String(ScheduleExpression), String(ScheduleExpressionTimezone));
    nextOccurrence(schedule, Date.now());
    return { schedule, input: target.Input ?? '{}' };
  } catch (error) {
    throw new StartError(`${label}: ${(error as Error).message}`);
  }
}

/** The wall clock may be set at any time: it is looked at again after so many milliseconds at the latest. */
const longestSleep = 30_000;
const retryAfter = 5_000;

/**
 * Fires schedules. The last time that fired is kept: after a stop, the latest occurrence that was missed fires once.
 * A clock that jumps ahead is the same as a stop; one that is set back fires nothing twice.
 */
export class Scheduler {
  readonly #schedules: readonly ScheduleSettings[];
  readonly #positions: Positions;
  readonly #log: Log;
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  constructor(schedules: readonly ScheduleSettings[], positions: Positions, log: Log) {
    this.#schedules = schedules;
    this.#positions = positions;
    this.#log = log;
  }

  start(): void {
    for (const schedule of this.#schedules) {
      // A schedule that is new has missed nothing.
      if (this.#positions.get(this.#key(schedule)) === undefined)
        this.#positions.set(this.#key(schedule), String(Date.now()));
      void this.#look(schedule);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #key({ name }: ScheduleSettings): string {
    return `schedule ${name}`;
  }

  async #look(schedule: ScheduleSettings, known?: number): Promise<void> {
    const now = Date.now();
    const last = this.#last(schedule, now);
    // Looked for once, not at every look: it only changes when the schedule fired.
    let next =
      known !== undefined && known > last && known < now + 10 * day ? known : nextOccurrence(schedule.schedule, last);
    let wait = next - now;
    if (wait <= 0) {
      const due = latestOccurrence(schedule.schedule, last, now) ?? next;
      try {
        const scheduledTime = new Date(due).toISOString().replace('.000Z', 'Z');
        const input = schedule.input.replaceAll('<aws.scheduler.scheduled-time>', scheduledTime);
        await schedule.deliver(input, scheduledTime);
        this.#positions.set(this.#key(schedule), String(due));
        next = nextOccurrence(schedule.schedule, due);
        wait = next - Date.now();
      } catch (error) {
        this.#log.error(`schedule ${schedule.name}: ${(error as Error).name}; trying again`);
        wait = retryAfter;
      }
    }
    if (this.#stopped) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        void this.#look(schedule, next);
      },
      Math.max(1, Math.min(wait, longestSleep)),
    );
    this.#timers.add(timer);
  }

  /** A clock that was far ahead once must not silence the schedule until that day comes. */
  #last(schedule: ScheduleSettings, now: number): number {
    const last = Number(this.#positions.get(this.#key(schedule)));
    if (last <= now + 1.5 * day) return last;
    this.#positions.set(this.#key(schedule), String(now));
    return now;
  }
}

const day = 86_400_000;

/** The last occurrence after `after` that is not later than `now`; both in milliseconds since 1970. */
export function latestOccurrence(schedule: NightSchedule, after: number, now: number): number | undefined {
  let latest: number | undefined;
  // Whatever lies further back is outdone by a later occurrence: a schedule falls due at least once in eight days.
  let from = Math.max(after, now - 9 * day);
  for (;;) {
    const next = nextOccurrence(schedule, from);
    if (next > now) return latest;
    latest = next;
    from = next;
  }
}
