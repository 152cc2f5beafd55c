import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { NightSchedule } from '../../shared/contracts/schedule.ts';
import { isKeyText } from '../../shared/domain/identity.ts';
import { type Instant, instantOf, parseInstant } from '../../shared/domain/instant.ts';
import { type Rehearsal, studyOf } from '../../shared/domain/rehearsal.ts';
import { runIdOf } from '../../shared/domain/value-run.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readTestClock } from '../../shared/dynamodb/clock.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import type { SegmentTask } from '../../shared/engine/measure-segment.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { beginRehearsal, beginRun, longestUnderWay, type Opening } from '../../shared/engine/value-run.ts';

const environment = readVariables(process.env, [variables.registryTable, variables.nightSchedule, variables.segments]);
const registry = environment[variables.registryTable];
const schedule: NightSchedule = JSON.parse(environment[variables.nightSchedule]);
const testStage = process.env[variables.testStage] === 'true';
const client = connect();
const stores = { runs: valueRunStore(client, registry), policies: tierPolicyStore(client, registry) };

/** By the schedule, on demand for one `asOf`, or to see what would be. */
export type NightInput =
  | { scheduledTime: string }
  | { asOf: string; runId?: string }
  | { asOf: string; runId: string; rehearsal: Rehearsal };

/**
 * Opens a value run. A scheduled night is skipped while the test clock holds: the test clock starts its own nights.
 * So are a run that has finished and one older than the current run.
 */
export async function handler(input: NightInput) {
  const held = testStage ? await readTestClock(client, registry) : undefined;
  const machineTime = Date.now();
  const { asOf, runId } = named(input);
  if (held && 'scheduledTime' in input) return { skipped: true, reason: 'test_clock', runId, asOf, segments: [] };
  const { baseCurrency: currency, baseTimeZone } = await readSettings(client, registry);
  const rehearsal = 'rehearsal' in input ? input.rehearsal : undefined;
  const opening: Opening = {
    runId,
    asOf,
    now: held ?? instantOf(machineTime),
    machineTime,
    timeZone: baseTimeZone ?? schedule.timeZone,
    segments: Number(environment[variables.segments]),
    currency,
    underWay: 'scheduledTime' in input ? longestUnderWay : 0,
  };
  const opened = rehearsal ? await beginRehearsal(stores, opening, rehearsal) : await beginRun(stores, opening);
  if (opened.skipped) return { ...opened, segments: [] };
  const study = studyOf(rehearsal);
  const segments: SegmentTask[] = Array.from({ length: opened.segments }, (_, segment) => ({
    runId,
    asOf,
    segment,
    of: opened.segments,
    ...(rehearsal && { rehearsal: true }),
    ...(study && { study: study.kind }),
  }));
  return { skipped: false, runId, asOf, rehearsal: rehearsal !== undefined, segments };
}

function named(input: NightInput): { asOf: Instant; runId: string } {
  const asOf = parseInstant('scheduledTime' in input ? input.scheduledTime : input.asOf);
  if (asOf === undefined) throw new Problem(422, 'as_of_invalid', 'A value run needs an RFC 3339 time as its asOf.');
  const runId = 'runId' in input && input.runId !== undefined ? input.runId : runIdOf(asOf);
  if (!isKeyText(runId)) throw new Problem(422, 'run_id_invalid', 'The id of the value run cannot form a key.');
  return { asOf, runId };
}
