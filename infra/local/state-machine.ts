import { randomUUID } from 'node:crypto';
import type { Outcome } from './functions.ts';
import { Journal } from './journal.ts';
import type { Log } from './log.ts';
import { ServiceError } from './services.ts';
import type { Definition } from './states-definition.ts';
import { type RunParts, runStates, StatesError } from './states-run.ts';

type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';

interface Execution {
  machine: string;
  name: string;
  input: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  status: Status;
  stoppedAt?: number;
  output?: string;
  error?: string;
  cause?: string;
}

export interface Machine {
  arn: string;
  name: string;
  definition: Definition;
}

/** Ended executions are known for as long as with AWS: 90 days, in milliseconds. */
const kept = 90 * 24 * 3_600_000;
const maximumInput = 262_144;

/**
 * Step Functions in its JSON 1.0 protocol. An execution that was accepted is durable: one that the end of the process
 * interrupted runs again from its beginning, under the same name and with the same input. It counts as ended once all
 * that it set off has been worked off.
 */
export class StateMachines {
  readonly #machines: readonly Machine[];
  readonly #executions = new Map<string, Execution>();
  readonly #running = new Map<string, { stop(): void; work: Promise<void> }>();
  readonly #parts: StateMachinesParts;
  #journal!: Journal<Execution>;
  #stopped = false;

  private constructor(machines: readonly Machine[], parts: StateMachinesParts) {
    this.#machines = machines;
    this.#parts = parts;
  }

  static async open(path: string, machines: readonly Machine[], parts: StateMachinesParts): Promise<StateMachines> {
    const opened = new StateMachines(machines, parts);
    opened.#journal = await Journal.open<Execution>(path, {
      replay: (execution) => opened.#executions.set(opened.#arn(execution), execution),
      snapshot: () => opened.#snapshot(),
    });
    return opened;
  }

  /** Takes up what was interrupted. */
  resume(): void {
    for (const execution of this.#executions.values()) {
      const machine = this.#machines.find(({ arn }) => arn === execution.machine);
      if (execution.status !== 'RUNNING' || this.#running.has(this.#arn(execution))) continue;
      if (machine) this.#run(machine, execution);
      else this.#parts.log.error(`execution ${execution.name} waits for a state machine that the template lacks`);
    }
  }

  get running(): number {
    return this.#running.size;
  }

  /** Resolves once the execution is durable; the same name and input give the same answer again. */
  async start(
    machineArn: string,
    name: string | undefined,
    input: string,
  ): Promise<{ arn: string; startedAt: number }> {
    const machine = this.#machines.find(({ arn }) => arn === machineArn);
    if (!machine) throw new ServiceError('StateMachineDoesNotExist', `there is no state machine ${machineArn}`);
    if (name !== undefined && !/^[\w.-]{1,80}$/.test(name))
      throw new ServiceError('InvalidName', `Invalid Name: '${name}'`);
    if (Buffer.byteLength(input) > maximumInput || !isJson(input))
      throw new ServiceError('InvalidExecutionInput', 'Invalid State Machine Execution Input');
    const wanted: Execution = {
      machine: machine.arn,
      name: name ?? randomUUID(),
      input,
      startedAt: Date.now(),
      status: 'RUNNING',
    };
    const arn = this.#arn(wanted);
    const before = this.#executions.get(arn);
    if (before) {
      if (before.status === 'RUNNING' && before.input === input) return { arn, startedAt: before.startedAt };
      throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    }
    this.#executions.set(arn, wanted);
    await this.#journal.append(wanted).catch((error: unknown) => {
      this.#executions.delete(arn);
      throw error;
    });
    this.#run(machine, wanted);
    return { arn, startedAt: wanted.startedAt };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const running = [...this.#running.values()];
    for (const { stop } of running) stop();
    await Promise.all(running.map(({ work }) => work));
    await this.#journal.close();
  }

  readonly service = async (action: string, raw: unknown): Promise<object> => {
    const input = raw as Record<string, string | undefined>;
    switch (action) {
      case 'StartExecution': {
        const { arn, startedAt } = await this.start(input.stateMachineArn ?? '', input.name, input.input ?? '{}');
        return { executionArn: arn, startDate: startedAt / 1000 };
      }
      case 'DescribeExecution':
        return this.#describe(input.executionArn ?? '');
      case 'StopExecution': {
        const execution = this.#find(input.executionArn ?? '');
        if (execution.status === 'RUNNING') {
          await this.#end(execution, { status: 'ABORTED', ...(input.error ? { error: input.error } : {}) });
          this.#running.get(input.executionArn ?? '')?.stop();
        }
        return { stopDate: (execution.stoppedAt ?? Date.now()) / 1000 };
      }
      case 'ListExecutions': {
        const found = [...this.#executions.values()].filter(
          ({ machine, status }) =>
            machine === input.stateMachineArn && (input.statusFilter === undefined || status === input.statusFilter),
        );
        return {
          executions: found
            .reverse()
            .slice(0, 1000)
            .map((execution) => this.#summary(execution)),
        };
      }
      default:
        throw new ServiceError('UnknownOperationException', `the local Step Functions does not know ${action}`);
    }
  };

  #arn({ machine, name }: Pick<Execution, 'machine' | 'name'>): string {
    return `${machine.replace(':stateMachine:', ':execution:')}:${name}`;
  }

  #find(arn: string): Execution {
    const execution = this.#executions.get(arn);
    if (!execution) throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return execution;
  }

  #summary(execution: Execution): object {
    return {
      executionArn: this.#arn(execution),
      stateMachineArn: execution.machine,
      name: execution.name,
      status: execution.status,
      startDate: execution.startedAt / 1000,
      ...(execution.stoppedAt === undefined ? {} : { stopDate: execution.stoppedAt / 1000 }),
    };
  }

  #describe(arn: string): object {
    const execution = this.#find(arn);
    const { input, output, error, cause } = execution;
    return { ...this.#summary(execution), input, output, error, cause };
  }

  #run(machine: Machine, execution: Execution): void {
    const arn = this.#arn(execution);
    const stopping = new AbortController();
    const stopped = () => this.#stopped || stopping.signal.aborted;
    const context = {
      Execution: {
        Id: arn,
        Name: execution.name,
        Input: JSON.parse(execution.input) as unknown,
        StartTime: new Date(execution.startedAt).toISOString(),
      },
      StateMachine: { Id: machine.arn, Name: machine.name },
    };
    const work = runStates(machine.definition, context.Execution.Input, context, {
      invoke: this.#parts.invoke,
      ...(this.#parts.entered && { entered: this.#parts.entered }),
      pause: (milliseconds) => pause(milliseconds, stopping.signal),
      stopped,
    })
      .then(
        (output) => ({ status: 'SUCCEEDED' as const, output: JSON.stringify(output) }),
        (error: unknown) => ({ status: 'FAILED' as const, ...described(error) }),
      )
      .then(async (result) => {
        // An execution that the end of the stack interrupts is taken up again.
        if (stopped()) return;
        await this.#parts.settled();
        if (stopped()) return;
        if (result.status === 'FAILED')
          this.#parts.log.error(`${machine.name}: execution ${execution.name} failed: ${result.error}`);
        await this.#end(execution, result);
      })
      .catch((error: Error) => this.#parts.log.error(`${machine.name}: ${execution.name}: ${error.message}`))
      .finally(() => this.#running.delete(arn));
    this.#running.set(arn, { stop: () => stopping.abort(), work });
  }

  async #end(execution: Execution, result: Partial<Execution>): Promise<void> {
    Object.assign(execution, result, { stoppedAt: Date.now() });
    await this.#journal.append(execution);
  }

  *#snapshot(): Iterable<Execution> {
    for (const [arn, execution] of this.#executions) {
      const ended = execution.status !== 'RUNNING' && Date.now() - (execution.stoppedAt ?? 0) > kept;
      if (ended) this.#executions.delete(arn);
      else yield execution;
    }
  }
}

export interface StateMachinesParts {
  /** Invokes the function that a task names. */
  invoke(resource: string, input: unknown): Promise<Outcome>;
  /** Told of each state that is entered. */
  entered?: RunParts['entered'];
  /** Resolves when all that was set off has been worked off, or after a while. */
  settled(): Promise<unknown>;
  log: Log;
}

function described(error: unknown): { error: string; cause: string } {
  if (error instanceof StatesError) return { error: error.error, cause: error.message };
  return { error: 'States.Runtime', cause: error instanceof Error ? error.name : 'failure' };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
  });
}
