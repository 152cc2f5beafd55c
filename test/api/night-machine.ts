import { randomUUID } from 'node:crypto';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import type { NightInput } from '../../functions/nightly/begin.ts';
import type { WaitingTask } from '../../shared/engine/count-waiting.ts';
import { lambdaContext } from '../http-event.ts';

interface Execution {
  input: string;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
}

/** Step Functions as far as the API sees it; an execution runs the real steps of the night. */
export interface NightMachine {
  /** By name, in the order of their starts. */
  executions: Map<string, Execution>;
  /** What happens before a night; a night whose visit throws fails. */
  visit: (asOf: string) => Promise<void>;
  /** Settles when all waiting orders that were to be counted are. */
  counting: Promise<void>;
  restore(): void;
}

const machineArn = 'arn:aws:states:eu-west-1:123456789012:stateMachine:value-run';

export function nightMachine(): NightMachine {
  const mock = mockClient(SFNClient);
  const machine: NightMachine = {
    executions: new Map(),
    visit: async () => undefined,
    counting: Promise.resolve(),
    restore: () => mock.restore(),
  };
  mock.on(StartExecutionCommand).callsFake(async ({ name, input, stateMachineArn }) => {
    if (stateMachineArn !== machineArn) throw named('StateMachineDoesNotExist');
    const { segments } = JSON.parse(input) as { segments?: WaitingTask[] };
    if (segments) {
      const { handler } = await import('../../functions/nightly/count-waiting.ts');
      machine.counting = machine.counting.then(() => countAll(handler, segments));
      return { executionArn: arnOf(randomUUID()), startDate: new Date() };
    }
    const known = machine.executions.get(name);
    if (known && (known.status !== 'RUNNING' || known.input !== input)) throw named('ExecutionAlreadyExists');
    if (!known) run(machine, name, input);
    return { executionArn: arnOf(name), startDate: new Date() };
  });
  mock.on(DescribeExecutionCommand).callsFake(({ executionArn }) => {
    for (const [name, { status }] of machine.executions) if (arnOf(name) === executionArn) return { status };
    throw named('ExecutionDoesNotExist');
  });
  return machine;
}

const arnOf = (name: string) => `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;

function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}

function run(machine: NightMachine, name: string, input: string): void {
  const execution: Execution = { input, status: 'RUNNING' };
  machine.executions.set(name, execution);
  const given = JSON.parse(input) as NightInput & { asOf: string };
  machine
    .visit(given.asOf)
    .then(() => night(given))
    .then(
      () => {
        execution.status = 'SUCCEEDED';
      },
      () => {
        execution.status = 'FAILED';
      },
    );
}

type CountWaiting = (input: WaitingTask, context: Context) => Promise<WaitingTask & { done: boolean }>;

async function countAll(handler: CountWaiting, segments: readonly WaitingTask[]): Promise<void> {
  for (const segment of segments) {
    let task: WaitingTask & { done?: boolean } = segment;
    while (!task.done) task = await handler(task, lambdaContext());
  }
}

async function night(input: NightInput): Promise<void> {
  const [begin, countWaiting, measure, fit, assign, report] = await Promise.all([
    import('../../functions/nightly/begin.ts'),
    import('../../functions/nightly/count-waiting.ts'),
    import('../../functions/nightly/measure.ts'),
    import('../../functions/nightly/fit.ts'),
    import('../../functions/nightly/assign.ts'),
    import('../../functions/nightly/report.ts'),
  ]);
  const opened = await begin.handler(input);
  if (opened.skipped) return;
  if (!('rehearsal' in input)) await countAll(countWaiting.handler, opened.segments);
  for (const segment of opened.segments) while (!(await measure.handler(segment, lambdaContext())).done);
  await fit.handler(opened);
  for (const segment of opened.segments) while (!(await assign.handler(segment, lambdaContext())).done);
  await report.handler(opened);
}
