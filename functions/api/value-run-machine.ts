import { setTimeout as wait } from 'node:timers/promises';
import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Rehearsal } from '../../shared/domain/rehearsal.ts';
import { Problem } from '../../shared/engine/problem.ts';

/** A state machine. Of the value run's executions the name of the first for a run is the run's id. */
export interface Machine {
  client: SFNClient;
  /** ARN of the state machine. */
  arn: string;
}

const mostAttempts = 20;
const unfinished = ['RUNNING', 'PENDING_REDRIVE'];

/**
 * Starts the run, or finds the execution that is under way or has succeeded. After one that failed a new one goes on
 * where it was.
 * @returns the ARN of the execution
 */
export async function startRun(
  machine: Machine,
  runId: string,
  input: { asOf: Instant; runId?: string; rehearsal?: Rehearsal },
): Promise<string> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const name = attempt === 1 ? runId : `${runId}-${attempt}`;
    const executionArn = await start(machine, name, JSON.stringify(input));
    if (executionArn !== undefined) return executionArn;
    const existing = `${machine.arn.replace(':stateMachine:', ':execution:')}:${name}`;
    const status = await statusOf(machine, existing);
    if (status === 'SUCCEEDED' || unfinished.includes(status)) return existing;
  }
  throw new Problem(503, 'value_run_failing', `The value run failed ${mostAttempts} times.`);
}

/** Starts counting the orders that waited for an exchange rate; two that run at once do no harm. */
export async function startCounting({ client, arn: stateMachineArn }: Machine, shards: number): Promise<void> {
  const segments = Array.from({ length: shards }, (_, segment) => ({ segment, of: shards }));
  try {
    await client.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify({ segments }) }));
  } catch (error) {
    throw new Problem(
      503,
      'counting_unavailable',
      'The rates are kept; orders that waited are counted tonight, or now by the same call again.',
      {
        cause: error,
        retryAfter: 2,
      },
    );
  }
}

/** Runs to the end; `meanwhile` is called at every look. @throws Problem `value_run_failed` */
export async function finishRun(machine: Machine, executionArn: string, meanwhile: () => Promise<void>): Promise<void> {
  // Each pause is a tenth of the time so far: a short night is not kept waiting, a long one is not asked too often.
  for (let pause = 10; ; pause = Math.min(1000, pause * 1.1)) {
    const status = await statusOf(machine, executionArn);
    if (status === 'SUCCEEDED') return;
    if (!unfinished.includes(status)) throw new Problem(503, 'value_run_failed', 'The value run of a night failed.');
    await meanwhile();
    await wait(pause);
  }
}

/** Waits until an execution has ended, or for as long as the caller may. */
export async function lookUntil(machine: Machine, executionArn: string, isLate: () => boolean): Promise<void> {
  for (let pause = 10; !isLate(); pause = Math.min(1000, pause * 1.1)) {
    if (!unfinished.includes(await statusOf(machine, executionArn))) return;
    await wait(pause);
  }
}

/** Nothing where an execution of this name is there already. */
async function start({ client, arn }: Machine, name: string, input: string): Promise<string | undefined> {
  try {
    const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn: arn, name, input }));
    // A call that is repeated while the execution runs is answered as the first was.
    return executionArn;
  } catch (error) {
    if (error instanceof Error && error.name === 'ExecutionAlreadyExists') return undefined;
    throw machineFault(error);
  }
}

async function statusOf({ client }: Machine, executionArn: string): Promise<string> {
  try {
    return (await client.send(new DescribeExecutionCommand({ executionArn }))).status ?? 'RUNNING';
  } catch (error) {
    throw machineFault(error);
  }
}

function machineFault(cause: unknown): Problem {
  return new Problem(503, 'value_run_machine_unavailable', 'The value run cannot be started or followed now.', {
    cause,
    retryAfter: 2,
  });
}
