import { type Instant, millisecondsOf } from '../domain/instant.ts';
import { Problem } from './problem.ts';

/** The test clock as it is held by one mover: nobody else moves it meanwhile. */
export interface HeldClock {
  /** What the clock holds; absent while real time runs. */
  now: Instant | undefined;
  /** A night that fell due at `now` and has not ended: its mover died over it. */
  due: Instant | undefined;
  /** Moves the clock, and says which night falls due there. @throws Problem `clock_moving` where the hold was lost */
  move(now: Instant, due?: Instant): Promise<void>;
  /** Keeps the hold during a long night; may be called as often as one likes. */
  keep(): Promise<void>;
  /** Gives real time back. */
  unset(): Promise<void>;
  release(): Promise<void>;
}

export interface ClockPorts {
  /** @throws Problem `clock_moving` where somebody else is moving it */
  hold(): Promise<HeldClock>;
  /** The first night after an instant. */
  nightAfter(instant: Instant): Instant;
  /** Runs the value run of a night to its end, with all that it sets off; calls `meanwhile` every now and then. */
  runNight(asOf: Instant, meanwhile: () => Promise<void>): Promise<void>;
}

/** More nights than this in one call would keep the caller waiting for too long. */
const mostNights = 400;

/** While real time runs it goes on between the caller's reading it and the call. */
const tolerance = 60_000;

/**
 * Moves the test clock forward to `to`. Every night that falls due on the way runs to its end, in order, before the
 * clock goes on. Where a night fails, the clock stands at it, and the same call goes on from there.
 * @param now by the clock at the door
 * @throws Problem `clock_backwards`, `clock_leap_too_far`, `clock_moving`
 */
export async function advanceClock(to: Instant, now: Instant, ports: ClockPorts): Promise<void> {
  const clock = await ports.hold();
  try {
    const from = clock.now ?? now;
    const earliest = millisecondsOf(from) - (clock.now === undefined ? tolerance : 0);
    if (millisecondsOf(to) < earliest)
      throw new Problem(409, 'clock_backwards', `The clock stands at ${from} and moves forward only.`);
    const nights = nightsBetween(from, to, ports);
    if (clock.due !== undefined) await ports.runNight(clock.due, () => clock.keep());
    for (const night of nights) {
      await clock.move(night, night);
      await ports.runNight(night, () => clock.keep());
    }
    await clock.move(to);
  } finally {
    await clock.release();
  }
}

/** Gives real time back. */
export async function releaseClock(ports: Pick<ClockPorts, 'hold'>): Promise<void> {
  const clock = await ports.hold();
  try {
    await clock.unset();
  } finally {
    await clock.release();
  }
}

function nightsBetween(from: Instant, to: Instant, { nightAfter }: ClockPorts): Instant[] {
  const nights: Instant[] = [];
  for (let night = nightAfter(from); night <= to; night = nightAfter(night)) {
    if (nights.length === mostNights) {
      throw new Problem(400, 'clock_leap_too_far', `More than ${mostNights} nights fall due on the way.`, {
        faults: [{ pointer: '/now', detail: `go in steps; the ${mostNights}th night is that of ${nights.at(-1)}` }],
      });
    }
    nights.push(night);
  }
  return nights;
}
