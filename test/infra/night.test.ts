import { beforeAll, describe, expect, it } from 'vitest';
import { at, functionOf, type Json, list, ofType, type Resource, synthesise, target } from './template.ts';

const schedule = { hour: 2, minute: 30, weekday: 1, timeZone: 'Europe/Berlin' };

let engine: Resource[];
let onTestStage: Resource[];
beforeAll(() => {
  engine = synthesise().engine;
  onTestStage = synthesise({ stage: 'trial', testStage: true, nightSchedule: schedule }).engine;
});

describe('the night', () => {
  it('measures and assigns segment by segment, and repeats what fails', () => {
    const states = definitionOf(machineOf('ValueRun'));
    expect(Object.keys(states as object).sort()).toEqual([
      'A night?',
      'Assign all segments',
      'Begin run',
      'Count waiting all segments',
      'Counted',
      'Failed',
      'Fit model',
      'Measure all segments',
      'Rates came in?',
      'Report failure',
      'Report run',
      'Skipped',
      'Skipped?',
    ]);
    for (const name of ['Begin run', 'Fit model', 'Report run'])
      expect(list(at(states, name, 'Retry')).length).toBeGreaterThan(0);
    for (const name of ['Count waiting', 'Measure', 'Assign']) {
      const segments = at(states, `${name} all segments`);
      expect(at(segments, 'ItemsPath')).toBe('$.segments');
      expect(at(segments, 'MaxConcurrency')).toBe(16);
      const inner = at(segments, 'ItemProcessor', 'States');
      expect(list(at(inner, `${name} segment`, 'Retry')).length).toBeGreaterThan(0);
      expect(at(inner, `${name} done?`, 'Default')).toBe(`${name} segment`);
    }
  });

  it('says of a run that failed for good that it did', () => {
    const states = definitionOf(machineOf('ValueRun'));
    for (const name of ['Measure all segments', 'Fit model', 'Assign all segments', 'Report run'])
      expect(at(states, name, 'Catch')).toEqual([
        { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Report failure' },
      ]);
    expect(at(states, 'Report failure', 'Parameters')).toEqual({
      'runId.$': '$.runId',
      'asOf.$': '$.asOf',
      'error.$': '$.error',
    });
    expect(at(states, 'Report failure', 'Next')).toBe('Failed');
    expect(at(states, 'Failed', 'Type')).toBe('Fail');
  });

  it('does not fail for orders that go on waiting', () => {
    expect(at(definitionOf(machineOf('ValueRun')), 'Count waiting all segments', 'Catch')).toEqual([
      { ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'A night?' },
    ]);
  });

  it('counts what waited without a night, when rates come in', () => {
    const states = definitionOf(machineOf('ValueRun'));
    expect(at(states, 'Rates came in?', 'Choices')).toEqual([
      { Variable: '$.segments', IsPresent: true, Next: 'Count waiting all segments' },
    ]);
    expect(at(states, 'Rates came in?', 'Default')).toBe('Begin run');
    expect(at(states, 'A night?', 'Choices')).toEqual([
      { Variable: '$.runId', IsPresent: true, Next: 'Measure all segments' },
    ]);
    expect(at(states, 'A night?', 'Default')).toBe('Counted');
  });

  it('leaves no data in its log', () => {
    for (const { properties } of ofType(engine, 'AWS::StepFunctions::StateMachine'))
      expect(at(properties, 'LoggingConfiguration', 'IncludeExecutionData')).toBe(false);
  });

  it('falls by the clock of the merchant', () => {
    const [daily, weekly] = [engine, onTestStage].map(nightOf);
    if (!daily || !weekly) throw new Error('there is no night');
    const when = ({ properties }: Resource) => [
      at(properties, 'ScheduleExpression'),
      at(properties, 'ScheduleExpressionTimezone'),
    ];
    expect(when(daily)).toEqual(['cron(0 3 * * ? *)', 'UTC']);
    expect(when(weekly)).toEqual(['cron(30 2 ? * MON *)', 'Europe/Berlin']);
    expect(at(daily.properties, 'Target', 'Input')).toBe('{"scheduledTime":"<aws.scheduler.scheduled-time>"}');
    for (const entry of ['api/api', 'nightly/begin']) {
      const told = at(functionOf(onTestStage, entry).properties, 'Environment', 'Variables', 'NIGHT_SCHEDULE');
      expect(JSON.parse(String(told))).toEqual(schedule);
    }
  });
});

describe('the daily work beside the night', () => {
  it.each([
    ['reconcile/work', 'RECONCILE_QUEUE_URL'],
    ['privacy/work', 'ERASURE_QUEUE_URL'],
  ])('of %s falls an hour after the night, every day, and is told to its queue', (entry, variable) => {
    const worker = functionOf(onTestStage, entry);
    const queue = target(at(worker.properties, 'Environment', 'Variables', variable));
    const [schedule, ...others] = ofType(onTestStage, 'AWS::Scheduler::Schedule').filter(
      (found) => target(at(found.properties, 'Target', 'Arn')) === queue,
    );
    expect(others).toEqual([]);
    const { properties } = schedule ?? { properties: null };
    expect(at(properties, 'ScheduleExpression')).toBe('cron(30 3 * * ? *)');
    expect(at(properties, 'Target', 'Input')).toBe('{"scheduledTime":"<aws.scheduler.scheduled-time>"}');
  });
});

/** The schedule that starts the value run. */
function nightOf(resources: Resource[]): Resource {
  const machines = ofType(resources, 'AWS::StepFunctions::StateMachine').map(({ id }) => id);
  const found = ofType(resources, 'AWS::Scheduler::Schedule').find(({ properties }) =>
    machines.includes(target(at(properties, 'Target', 'Arn'))),
  );
  if (!found) throw new Error('nothing starts the night');
  return found;
}

function machineOf(name: string): Resource {
  const [found] = ofType(engine, 'AWS::StepFunctions::StateMachine').filter(({ id }) => id.includes(name));
  if (!found) throw new Error(`there is no state machine ${name}`);
  return found;
}

/** The states of the definition, with what CloudFormation fills in left out. */
function definitionOf({ properties }: Resource): Json {
  const parts = list(at(properties, 'DefinitionString', 'Fn::Join', 1));
  const text = parts.map((part) => (typeof part === 'string' ? part : 'arn')).join('');
  return at(JSON.parse(text), 'States');
}
