import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../infra/local/functions.ts';
import { silentLog } from '../../infra/local/log.ts';
import { StateMachines } from '../../infra/local/state-machine.ts';
import type { Definition, State } from '../../infra/local/states-definition.ts';
import { runStates } from '../../infra/local/states-run.ts';

const failing = (errorType: string): Outcome => ({ failure: { errorType, errorMessage: 'no', trace: [] } });
const task = (rest: Partial<State> = {}): State => ({ Type: 'Task', Resource: 'arn:f', End: true, ...rest });
const only = (state: State): Definition => ({ StartAt: 'A', States: { A: state } });

function run(definition: Definition, input: unknown, invoke: (input: never) => Outcome | Promise<Outcome>) {
  const pauses: number[] = [];
  const parts = {
    invoke: async (_resource: string, given: unknown) => invoke(given as never),
    pause: async (milliseconds: number) => void pauses.push(milliseconds),
    stopped: () => false,
  };
  return { pauses, output: runStates(definition, input, { Execution: { Name: 'n' } }, parts) };
}

describe('a definition', () => {
  it('maps over segments, each looping until it is done, no more at a time than is allowed', async () => {
    let running = 0;
    let most = 0;
    const definition = only({
      Type: 'Map',
      ItemsPath: '$.segments',
      MaxConcurrency: 2,
      ResultPath: '$.results',
      End: true,
      ItemProcessor: {
        StartAt: 'Work',
        States: {
          Work: { Type: 'Task', Resource: 'arn:f', Next: 'Done?' },
          'Done?': {
            Type: 'Choice',
            Choices: [{ Variable: '$.done', BooleanEquals: true, Next: 'Over' }],
            Default: 'Work',
          },
          Over: { Type: 'Succeed' },
        },
      },
    });
    const { output } = run(
      definition,
      { segments: [{ to: 3 }, { to: 1 }, { to: 2 }], kept: 1 },
      async (input: { to: number; at?: number }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        const at = (input.at ?? 0) + 1;
        return { value: { ...input, at, done: at === input.to } };
      },
    );
    expect(await output).toEqual({
      segments: [{ to: 3 }, { to: 1 }, { to: 2 }],
      kept: 1,
      results: [
        { to: 3, at: 3, done: true },
        { to: 1, at: 1, done: true },
        { to: 2, at: 2, done: true },
      ],
    });
    expect(most).toBe(2);
  });

  it('fills parameters from data and context, selects and discards results', async () => {
    const state = task({ Parameters: { 'id.$': '$.a.id', 'run.$': '$$.Execution.Name', fixed: 1 }, ResultPath: null });
    const seen: unknown[] = [];
    const { output } = run(only(state), { a: { id: 'x' } }, (input) => {
      seen.push(input);
      return { value: 'discarded' };
    });
    expect(await output).toEqual({ a: { id: 'x' } });
    expect(seen).toEqual([{ id: 'x', run: 'n', fixed: 1 }]);
  });

  it('retries by the name of the error, with growing waits', async () => {
    const state = task({
      Retry: [
        { ErrorEquals: ['Throttled'], IntervalSeconds: 1, BackoffRate: 3, MaxAttempts: 5, MaxDelaySeconds: 5 },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 7, MaxAttempts: 1 },
      ],
    });
    const outcomes = [
      failing('Throttled'),
      failing('Throttled'),
      failing('Throttled'),
      failing('Odd'),
      { value: 'done' },
    ];
    const { pauses, output } = run(only(state), {}, () => outcomes.shift() ?? failing('TooOften'));
    expect(await output).toBe('done');
    expect(pauses).toEqual([1000, 3000, 5000, 7000]);
  });

  it('catches what retries did not mend, and fails with the name of the error otherwise', async () => {
    const definition: Definition = {
      StartAt: 'A',
      States: {
        A: task({ Catch: [{ ErrorEquals: ['Known'], Next: 'B', ResultPath: '$.error' }] }),
        B: { Type: 'Pass', End: true },
      },
    };
    const caught = await run(definition, { kept: 1 }, () => failing('Known')).output;
    expect(caught).toMatchObject({ kept: 1, error: { Error: 'Known' } });
    await expect(run(definition, {}, () => failing('Other')).output).rejects.toMatchObject({ error: 'Other' });
    await expect(run(only({ Type: 'Fail', Error: 'Mine' }), {}, () => failing('x')).output).rejects.toMatchObject({
      error: 'Mine',
    });
  });

  it('chooses by comparisons joined by and, or, not', async () => {
    const choice = (rule: object) =>
      run(
        {
          StartAt: 'A',
          States: {
            A: { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' },
            Yes: { Type: 'Pass', Result: true, End: true },
            No: { Type: 'Pass', Result: false, End: true },
          },
        },
        { n: 5, s: 'abc' },
        () => failing('x'),
      ).output;
    expect(
      await choice({
        And: [{ Variable: '$.n', NumericGreaterThan: 4 }, { Not: { Variable: '$.s', StringEquals: 'x' } }],
      }),
    ).toBe(true);
    expect(
      await choice({
        Or: [
          { Variable: '$.s', IsPresent: false },
          { Variable: '$.s', StringMatches: 'a*d' },
        ],
      }),
    ).toBe(false);
    expect(await choice({ Variable: '$.missing', IsPresent: true })).toBe(false);
  });
});

describe('executions', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rapport-machine-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const machine = { arn: 'arn:aws:states:r:0:stateMachine:M', name: 'M', definition: only(task()) };
  const open = (invoke: (input: unknown) => Promise<Outcome>, settled: () => Promise<unknown> = async () => true) =>
    StateMachines.open(join(folder, 'executions'), [machine], {
      invoke: (_resource, input) => invoke(input),
      settled,
      log: silentLog,
    });
  const describeIt = (machines: StateMachines, executionArn: string) =>
    machines.service('DescribeExecution', { executionArn }) as Promise<{
      status: string;
      output?: string;
      error?: string;
    }>;

  it('are the same one while they run under one name with one input', async () => {
    const machines = await open(() => new Promise((resolve) => setTimeout(() => resolve({ value: 1 }), 20)));
    const { arn } = await machines.start(machine.arn, 'n', '{"a":1}');
    expect(await machines.start(machine.arn, 'n', '{"a":1}')).toMatchObject({ arn });
    await expect(machines.start(machine.arn, 'n', '{"a":2}')).rejects.toMatchObject({ code: 'ExecutionAlreadyExists' });
    await expect(machines.start('arn:x', 'n', '{}')).rejects.toMatchObject({ code: 'StateMachineDoesNotExist' });
    await expect(machines.start(machine.arn, 'm', '{')).rejects.toMatchObject({ code: 'InvalidExecutionInput' });
    await expect.poll(async () => (await describeIt(machines, arn)).status).toBe('SUCCEEDED');
    await expect(machines.start(machine.arn, 'n', '{"a":1}')).rejects.toMatchObject({ code: 'ExecutionAlreadyExists' });
    await machines.stop();
  });

  it('run until what they set off is worked off', async () => {
    let settle: (() => void) | undefined;
    const machines = await open(
      async () => ({ value: 1 }),
      () => new Promise<void>((resolve) => (settle = resolve)),
    );
    const { arn } = await machines.start(machine.arn, undefined, '{}');
    await expect.poll(() => settle !== undefined).toBe(true);
    expect((await describeIt(machines, arn)).status).toBe('RUNNING');
    settle?.();
    await expect.poll(async () => (await describeIt(machines, arn)).status).toBe('SUCCEEDED');
    await machines.stop();
  });

  it('that were interrupted run again with their name and input; ended ones do not', async () => {
    const interrupted = await open(() => new Promise(() => undefined));
    const { arn } = await interrupted.start(machine.arn, 'n', '{"a":1}');

    const inputs: unknown[] = [];
    const again = await open(async (input) => {
      inputs.push(input);
      return { value: 'done' };
    });
    again.resume();
    await expect
      .poll(async () => await describeIt(again, arn))
      .toMatchObject({ status: 'SUCCEEDED', output: '"done"' });
    await again.stop();

    const third = await open(async () => expect.fail('it has ended'));
    third.resume();
    expect(await describeIt(third, arn)).toMatchObject({ status: 'SUCCEEDED' });
    expect(inputs).toEqual([{ a: 1 }]);
    await third.stop();
  });

  it('fail with the error of their function, can be stopped, and are listed', async () => {
    const machines = await open(async (input) => (input === 1 ? failing('Odd') : new Promise(() => undefined)));
    const failed = await machines.start(machine.arn, 'failed', '1');
    await expect
      .poll(async () => await describeIt(machines, failed.arn))
      .toMatchObject({ status: 'FAILED', error: 'Odd' });
    const stopped = await machines.start(machine.arn, 'stopped', '2');
    await machines.service('StopExecution', { executionArn: stopped.arn });
    expect((await describeIt(machines, stopped.arn)).status).toBe('ABORTED');
    const { executions } = (await machines.service('ListExecutions', { stateMachineArn: machine.arn })) as {
      executions: object[];
    };
    expect(executions).toMatchObject([
      { name: 'stopped', status: 'ABORTED' },
      { name: 'failed', status: 'FAILED' },
    ]);
  });
});
