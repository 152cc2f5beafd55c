import { type CfnElement, Duration, RemovalPolicy, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JitterType,
  JsonPath,
  LogLevel,
  Map as MapState,
  StateMachine,
  Succeed,
  TaskInput,
  type TaskStateBase,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import { cronExpression, type NightSchedule } from '../../shared/contracts/schedule.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue } from './queue.ts';
import type { RunParts } from './run-parts.ts';

export interface NightProps {
  tables: { customers: BoundTable; ledger: BoundTable; registry: BoundTable };
  runParts: RunParts;
  createFunction: FunctionFactory;
  schedule: NightSchedule;
  segments: number;
}

type Step = 'begin' | 'countWaiting' | 'measure' | 'fit' | 'assign' | 'report';

/**
 * The value run: begin → count what waited → measure each segment → fit → assign each segment → report. Started with
 * segments it only counts what waited for an exchange rate.
 * The state carries only which run and which segment; everything else lies in the tables, or in the bucket, so any step can be repeated.
 */
export class Night extends Construct {
  readonly machine: StateMachine;
  /** The last step of every night. */
  readonly report: RapportFunction;

  constructor(scope: Construct, id: string, props: NightProps) {
    super(scope, id);
    const steps = stepsOf(this, props);
    const destination = new LogGroup(this, 'Log', {
      // Step Functions writes through a resource policy of 5 kB; this prefix keeps it short.
      logGroupName: `/aws/vendedlogs/states/${Stack.of(this).stackName}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const settings = {
      timeout: Duration.hours(6),
      tracingEnabled: true,
      logs: { destination, level: LogLevel.ALL, includeExecutionData: false },
    };
    this.machine = new StateMachine(this, 'ValueRun', {
      comment: 'Works out anew what every customer is worth',
      definitionBody: DefinitionBody.fromChainable(definition(this, steps, props.segments)),
      ...settings,
    });
    acceptWildcards(this.machine, Object.values(steps));
    this.report = steps.report;
    scheduleOf(this, this.machine, props.schedule);
  }
}

function stepsOf(
  scope: Construct,
  { tables, runParts, createFunction, schedule, segments }: NightProps,
): Record<Step, RapportFunction> {
  const { customers, ledger, registry } = tables;
  const step = (
    id: string,
    entry: `functions/${string}.ts`,
    description: string,
    minutes: number,
    memorySize: number,
  ) =>
    createFunction(scope, id, { entry, description, timeout: Duration.minutes(minutes), memorySize })
      .reads(registry)
      .writes(registry);
  return {
    begin: step('Begin', 'functions/nightly/begin.ts', 'Opens a value run, or skips it', 1, 512)
      .set(variables.segments, String(segments))
      .set(variables.nightSchedule, JSON.stringify(schedule)),
    countWaiting: step(
      'CountWaiting',
      'functions/nightly/count-waiting.ts',
      'Counts orders that waited for an exchange rate',
      5,
      1024,
    )
      .reads(customers, ledger)
      .writes(customers, ledger),
    measure: step('Measure', 'functions/nightly/measure.ts', 'Measures one segment of the customers', 5, 1024)
      .scans(customers)
      .reads(customers, ledger)
      .keepsParts(runParts, { reads: ['measure'], writes: ['measure'] }),
    fit: step('Fit', 'functions/nightly/fit.ts', 'Merges the measures and fits the cut points', 5, 1024).keepsParts(
      runParts,
      { reads: ['measure'] },
    ),
    assign: step('Assign', 'functions/nightly/assign.ts', 'Scores one segment and writes what changed', 5, 1024)
      .scans(customers)
      .reads(customers, ledger)
      .updatesInBulk(customers)
      .writesInBulk(ledger)
      .keepsParts(runParts, { reads: ['assign'], writes: ['assign'] }),
    // It reads and drops all that the segments left, one after the other.
    report: step('Report', 'functions/nightly/report.ts', 'Closes a value run with its report', 5, 1024).keepsParts(
      runParts,
      { reads: ['measure', 'assign'], deletes: ['measure', 'assign'] },
    ),
  };
}

function taskOf(
  scope: Construct,
  id: string,
  { lambda }: RapportFunction,
  options: { payload?: TaskInput; resultPath?: string } = {},
): TaskStateBase {
  return (
    new LambdaInvoke(scope, id, {
      lambdaFunction: lambda,
      payloadResponseOnly: true,
      retryOnServiceExceptions: false,
      ...options,
    })
      .addRetry({
        errors: [
          'Lambda.ServiceException',
          'Lambda.AWSLambdaException',
          'Lambda.SdkClientException',
          'Lambda.ClientExecutionTimeoutException',
          'Lambda.TooManyRequestsException',
        ],
        interval: Duration.seconds(1),
        maxAttempts: 8,
        backoffRate: 2,
        maxDelay: Duration.minutes(1),
        jitterStrategy: JitterType.FULL,
      })
      // Every step can be repeated, so whatever else went wrong is worth another try.
      .addRetry({ errors: ['States.ALL'], interval: Duration.seconds(2), maxAttempts: 3, backoffRate: 3 })
  );
}

/** One segment for each branch; a step that runs out of time answers `done: false` and goes on where it stopped. */
function eachSegment(
  scope: Construct,
  functions: Record<Step, RapportFunction>,
  name: string,
  step: Step,
  segments: number,
): MapState {
  const work = taskOf(scope, `${name} segment`, functions[step]);
  return new MapState(scope, `${name} all segments`, {
    itemsPath: JsonPath.stringAt('$.segments'),
    maxConcurrency: segments,
    resultPath: JsonPath.DISCARD,
  }).itemProcessor(
    work.next(
      new Choice(scope, `${name} done?`)
        .when(Condition.booleanEquals('$.done', true), new Succeed(scope, `${name} segment done`))
        .otherwise(work),
    ),
  );
}

function definition(scope: Construct, functions: Record<Step, RapportFunction>, segments: number) {
  const task = (id: string, step: Step, options: { payload?: TaskInput; resultPath?: string } = {}) =>
    taskOf(scope, id, functions[step], options);
  const each = (name: string, step: Step) => eachSegment(scope, functions, name, step, segments);
  const run = TaskInput.fromObject({ runId: JsonPath.stringAt('$.runId'), asOf: JsonPath.stringAt('$.asOf') });

  // A run that failed for good says so, and so does the execution.
  const payload = TaskInput.fromObject({
    runId: JsonPath.stringAt('$.runId'),
    asOf: JsonPath.stringAt('$.asOf'),
    error: JsonPath.objectAt('$.error'),
  });
  const failed = task('Report failure', 'report', { payload }).next(new Fail(scope, 'Failed', { error: 'RunFailed' }));
  const caught = (work: TaskStateBase | MapState) => work.addCatch(failed, { resultPath: '$.error' });

  const measure = caught(each('Measure', 'measure'));
  measure
    .next(caught(task('Fit model', 'fit', { payload: run, resultPath: JsonPath.DISCARD })))
    .next(caught(each('Assign', 'assign')))
    .next(caught(task('Report run', 'report', { payload: run })));
  // When rates come in, what waited for them is counted without a night.
  const isNight = new Choice(scope, 'A night?')
    .when(Condition.isPresent('$.runId'), measure)
    .otherwise(new Succeed(scope, 'Counted'));
  // What cannot be counted goes on waiting: no reason to leave out the night.
  const count = each('Count waiting', 'countWaiting').addCatch(isNight, { resultPath: JsonPath.DISCARD });
  count.next(isNight);
  const begin = task('Begin run', 'begin').next(
    new Choice(scope, 'Skipped?')
      .when(Condition.booleanEquals('$.skipped', true), new Succeed(scope, 'Skipped'))
      .when(Condition.booleanEquals('$.rehearsal', true), measure)
      .otherwise(count),
  );
  return new Choice(scope, 'Rates came in?').when(Condition.isPresent('$.segments'), count).otherwise(begin);
}

function scheduleOf(scope: Construct, machine: StateMachine, schedule: NightSchedule): void {
  const deadLetters = new DeadLetterQueue(scope, 'ScheduleDeadLetters');
  new Schedule(scope, 'Schedule', {
    description: 'The night falls',
    schedule: ScheduleExpression.expression(cronExpression(schedule), TimeZone.of(schedule.timeZone)),
    target: new StepFunctionsStartExecution(machine, {
      input: ScheduleTargetInput.fromObject({ scheduledTime: ContextAttribute.scheduledTime }),
      retryAttempts: 10,
      maxEventAge: Duration.hours(2),
      deadLetterQueue: deadLetters.queue,
    }),
  });
}

function acceptWildcards(machine: StateMachine, steps: RapportFunction[]): void {
  const stack = Stack.of(machine);
  Validations.of(machine).acknowledge(
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Log delivery and X-Ray know no narrower resource than all.',
    },
    ...steps.map(({ lambda }) => ({
      id: `AwsSolutions-IAM5[Resource::<${stack.getLogicalId(lambda.node.defaultChild as CfnElement)}.Arn>:*]`,
      reason: 'CDK lets a task invoke each version of its own function.',
    })),
  );
}
