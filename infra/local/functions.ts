import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FromWorker, FunctionFailure, ToWorker, WorkerSettings } from './function-messages.ts';
import type { Log } from './log.ts';

export interface FunctionSettings {
  name: string;
  arn: string;
  /** `file:` URL of the bundle. */
  bundle: string;
  /** Seconds. */
  timeout: number;
  /** Megabytes; told to the handler, not enforced. */
  memory: number;
  environment: Record<string, string>;
}

/** What an invocation comes to: the handler's result as JSON would carry it, or the error as Lambda words it. */
export type Outcome = { value: unknown } | { failure: FunctionFailure };

interface Invocation {
  id: string;
  settle(outcome: Outcome): void;
  timer: NodeJS.Timeout;
}

interface Environment {
  worker: Worker;
  invocations: Map<string, Invocation>;
  /** No further invocation is given to it; it ends with its last one. */
  retired: boolean;
}

/**
 * One function of the template, as a bundle in a thread of its own with nothing but its own environment variables.
 * A thread takes any number of invocations at a time. One that let an invocation time out is replaced, and ends once
 * its other invocations have; one that breaks down fails the invocations it had.
 */
export class LocalFunction {
  readonly settings: FunctionSettings;
  readonly #workerPath: URL;
  readonly #log: Log;
  #current: Environment | undefined;
  readonly #environments = new Set<Environment>();

  /** @param workerPath the bundled `function-worker.ts` */
  constructor(settings: FunctionSettings, workerPath: URL, log: Log) {
    this.settings = settings;
    this.#workerPath = workerPath;
    this.#log = log;
  }

  /** Starts the thread before the first invocation needs it. */
  warm(): void {
    this.#environment();
  }

  /** Never rejects. */
  invoke(event: unknown): Promise<Outcome> {
    const requestId = randomUUID();
    const environment = this.#environment();
    return new Promise((settle) => {
      const milliseconds = this.settings.timeout * 1000;
      const timer = setTimeout(() => this.#timeOut(environment, requestId), milliseconds);
      environment.invocations.set(requestId, { id: requestId, settle, timer });
      const message: ToWorker = { id: requestId, event, deadline: Date.now() + milliseconds };
      environment.worker.postMessage(message);
    });
  }

  get inFlight(): number {
    return [...this.#environments].reduce((sum, { invocations }) => sum + invocations.size, 0);
  }

  async stop(): Promise<void> {
    const ending = [...this.#environments].map((environment) => this.#end(environment, 'the stack was stopped'));
    await Promise.all(ending);
  }

  #environment(): Environment {
    this.#current ??= this.#start();
    return this.#current;
  }

  #start(): Environment {
    const { name, arn, bundle, memory, environment } = this.settings;
    const workerData: WorkerSettings = {
      bundle,
      context: {
        functionName: name,
        functionVersion: '$LATEST',
        invokedFunctionArn: arn,
        memoryLimitInMB: String(memory),
        logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME ?? `/aws/lambda/${name}`,
        logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME ?? 'local',
      },
    };
    const options = { workerData, env: environment, execArgv: [], stdout: true, stderr: true, name: name.slice(0, 15) };
    const started: Environment = {
      worker: new Worker(this.#workerPath, options),
      invocations: new Map(),
      retired: false,
    };
    this.#environments.add(started);
    this.#listen(started);
    return started;
  }

  #listen(environment: Environment): void {
    const { worker } = environment;
    const { name } = this.settings;
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => this.#log.fromFunction(name, text));
    }
    worker.on('message', (message: FromWorker) => {
      if ('id' in message) this.#answered(environment, message);
      else if ('crashed' in message) this.#log.error(`${name}: ${message.crashed}; the function starts anew`);
      else if ('broken' in message) this.#broken(environment, message.broken);
    });
    // The error of a thread may carry what it was working on: only its kind is told.
    worker.on('error', (error: Error) => this.#log.error(`${name}: ${error.name} ended the function; it starts anew`));
    worker.on('exit', () => this.#ended(environment, 'Runtime exited before the invocation was done'));
  }

  #answered(environment: Environment, message: Extract<FromWorker, { id: string }>): void {
    const invocation = environment.invocations.get(message.id);
    if (!invocation) return;
    const value = 'error' in message ? undefined : parse(message.result);
    this.#settle(environment, invocation, 'error' in message ? { failure: message.error } : { value });
  }

  /** The bundle does not load: the invocations that wait are answered with that, and the next one tries again. */
  #broken(environment: Environment, failure: FunctionFailure): void {
    this.#log.error(`${this.settings.name} does not load: ${failure.errorType}: ${failure.errorMessage}`);
    this.#retire(environment);
    if (environment.invocations.size === 0) void environment.worker.terminate();
  }

  #timeOut(environment: Environment, id: string): void {
    const invocation = environment.invocations.get(id);
    if (!invocation) return;
    const seconds = this.settings.timeout.toFixed(2);
    const errorMessage = `${new Date().toISOString()} ${id} Task timed out after ${seconds} seconds`;
    this.#log.error(`${this.settings.name}: ${errorMessage}`);
    this.#retire(environment);
    this.#settle(environment, invocation, { failure: { errorType: 'Sandbox.Timedout', errorMessage, trace: [] } });
  }

  #retire(environment: Environment): void {
    environment.retired = true;
    if (this.#current === environment) this.#current = undefined;
  }

  #settle(environment: Environment, invocation: Invocation, outcome: Outcome): void {
    clearTimeout(invocation.timer);
    environment.invocations.delete(invocation.id);
    invocation.settle(outcome);
    if (environment.retired && environment.invocations.size === 0) void environment.worker.terminate();
  }

  #ended(environment: Environment, errorMessage: string): void {
    this.#retire(environment);
    this.#environments.delete(environment);
    const failure = { errorType: 'Runtime.ExitError', errorMessage, trace: [] };
    for (const invocation of [...environment.invocations.values()]) this.#settle(environment, invocation, { failure });
  }

  async #end(environment: Environment, why: string): Promise<void> {
    this.#ended(environment, why);
    await environment.worker.terminate();
  }
}

function parse(result: string | undefined): unknown {
  return result === undefined ? null : JSON.parse(result);
}
