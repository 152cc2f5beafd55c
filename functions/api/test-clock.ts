import { type NightSchedule, nextOccurrence } from '../../shared/contracts/schedule.ts';
import { instantOf, millisecondsOf } from '../../shared/domain/instant.ts';
import { runIdOf } from '../../shared/domain/value-run.ts';
import { readTestClock } from '../../shared/dynamodb/clock.ts';
import { holdTestClock } from '../../shared/dynamodb/test-clock-store.ts';
import { advanceClock, releaseClock } from '../../shared/engine/advance-clock.ts';
import { Problem } from '../../shared/engine/problem.ts';
import type { HttpAnswer } from '../../shared/http/request.ts';
import { route } from '../../shared/http/route.ts';
import { clock, clockIn } from '../../shared/http/schemas/test-clock.ts';
import type { Door } from './door.ts';
import { finishRun, startRun } from './value-run-machine.ts';

const answers = { 200: { description: 'The clock', schema: clock } };

export const showClock = route({
  summary: 'Shows the clock of a test stage',
  scope: 'test-clock:read',
  answers,
  async answer(door: Door) {
    requireTestStage(door);
    return shown(door);
  },
});

export const moveClock = route({
  summary: 'Moves the clock forward; what falls due on the way is done, in order, before the answer',
  scope: 'test-clock:write',
  body: clockIn,
  answers,
  async answer(door: Door, { body }) {
    requireTestStage(door);
    const schedule = nightScheduleOf(door);
    await advanceClock(body.now, door.now, {
      hold: () => holdTestClock(door.client, door.tables.registry, door.realTime),
      nightAfter: (instant) => instantOf(nextOccurrence(schedule, millisecondsOf(instant))),
      async runNight(asOf, meanwhile) {
        const execution = await startRun(door.machine(), runIdOf(asOf), { asOf });
        await finishRun(door.machine(), execution, async () => {
          requireTime(door);
          await meanwhile();
        });
      },
    });
    return shown(door);
  },
});

export const unsetClock = route({
  summary: 'Gives real time back',
  scope: 'test-clock:write',
  answers,
  async answer(door: Door) {
    requireTestStage(door);
    await releaseClock({ hold: () => holdTestClock(door.client, door.tables.registry, door.realTime) });
    return shown(door);
  },
});

async function shown({ client, tables, realTime }: Door): Promise<HttpAnswer> {
  const held = await readTestClock(client, tables.registry);
  return { status: 200, body: { now: held ?? instantOf(realTime()), frozen: held !== undefined } };
}

/** @throws Problem `not_a_test_stage` */
function requireTestStage({ testStage }: Door): void {
  if (!testStage) throw new Problem(403, 'not_a_test_stage', 'The clock can be moved on a test stage alone.');
}

/** @throws Problem `clock_under_way` before the function is cut off: the same call goes on from where it stands */
function requireTime({ request }: Door): void {
  if (request.remaining() > 3_000) return;
  const detail = 'The clock is on its way. Send the same again: it goes on from where it stands.';
  throw new Problem(503, 'clock_under_way', detail, { retryAfter: 1 });
}

function nightScheduleOf({ nightSchedule }: Door): NightSchedule {
  if (nightSchedule === undefined) throw new Error('environment lacks NIGHT_SCHEDULE');
  return nightSchedule;
}
