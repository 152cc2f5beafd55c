import type { Outcome } from './functions.ts';
import { comparison, type Definition, type Retrier, type Rule, type State } from './states-definition.ts';
import { fill, hasPath, PathError, readPath, writePath } from './states-path.ts';

/** A failed state or execution, by the name under which `Retry` and `Catch` know it. */
export class StatesError extends Error {
  override name = 'StatesError';
  readonly error: string;
  constructor(error: string, cause: string) {
    super(cause);
    this.error = error;
  }
}

export interface RunParts {
  /** Invokes the function that a task names. */
  invoke(resource: string, input: unknown): Promise<Outcome>;
  /** Told of each state that is entered, repetitions among them, and whether it is one of a map's. */
  entered?(inMap: boolean): void;
  /** Milliseconds; rejects when the execution is stopped. */
  pause(milliseconds: number): Promise<void>;
  /** True once the execution is stopped or the stack ends. */
  stopped(): boolean;
}

/**
 * Runs a definition to its end.
 * @returns the output
 * @throws StatesError where the execution fails
 */
export async function runStates(
  definition: Definition,
  input: unknown,
  context: object,
  parts: RunParts,
): Promise<unknown> {
  let data = input;
  for (let name: string | undefined = definition.StartAt; name !== undefined; ) {
    if (parts.stopped()) throw new StatesError('States.Aborted', 'the execution was stopped');
    const state: State | undefined = definition.States[name];
    if (!state) throw new StatesError('States.Runtime', `there is no state ${name}`);
    const step = await attempt(state, data, { ...context, State: { Name: name } }, parts);
    data = step.data;
    name = step.next;
  }
  return data;
}

interface Step {
  data: unknown;
  next: string | undefined;
}

/** One state with its retries and catchers. */
async function attempt(state: State, input: unknown, context: object, parts: RunParts): Promise<Step> {
  const used = new Map<Retrier, number>();
  for (;;) {
    parts.entered?.('Map' in context);
    try {
      return await enter(state, input, context, parts);
    } catch (cause) {
      const error = asStatesError(cause);
      const retrier = parts.stopped() ? undefined : state.Retry?.find(({ ErrorEquals }) => covers(ErrorEquals, error));
      const tries = retrier ? (used.get(retrier) ?? 0) : 0;
      if (retrier && tries < (retrier.MaxAttempts ?? 3)) {
        used.set(retrier, tries + 1);
        await parts.pause(waitBefore(retrier, tries));
        continue;
      }
      const catcher = state.Catch?.find(({ ErrorEquals }) => covers(ErrorEquals, error));
      if (!catcher || parts.stopped()) throw error;
      const output = { Error: error.error, Cause: error.message };
      return { data: withResult(catcher.ResultPath, input, output), next: catcher.Next };
    }
  }
}

function waitBefore(
  { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds, JitterStrategy }: Retrier,
  tries: number,
): number {
  const delay = Math.min(IntervalSeconds * BackoffRate ** tries, MaxDelaySeconds ?? Number.POSITIVE_INFINITY) * 1000;
  return JitterStrategy === 'FULL' ? delay * Math.random() : delay;
}

function asStatesError(cause: unknown): StatesError {
  if (cause instanceof StatesError) return cause;
  if (cause instanceof PathError) return new StatesError('States.Runtime', cause.message);
  return new StatesError('States.Runtime', cause instanceof Error ? cause.name : 'failure');
}

/** `States.ALL` covers everything but what no repetition can mend; `States.TaskFailed` everything but time-outs. */
function covers(names: readonly string[], { error }: StatesError): boolean {
  return names.some(
    (name) =>
      name === error ||
      (name === 'States.ALL' && error !== 'States.Runtime' && error !== 'States.DataLimitExceeded') ||
      (name === 'States.TaskFailed' && error !== 'States.Timeout' && error !== 'States.Runtime'),
  );
}

async function enter(state: State, raw: unknown, context: object, parts: RunParts): Promise<Step> {
  const input = state.InputPath === null ? {} : readPath(state.InputPath ?? '$', raw, context);
  const onwards = (output: unknown): Step => ({
    data: state.OutputPath === null ? {} : readPath(state.OutputPath ?? '$', output, context),
    next: state.End ? undefined : state.Next,
  });
  const parameters = () => (state.Parameters === undefined ? input : fill(state.Parameters, input, context));
  const result = (value: unknown) => {
    const selected = state.ResultSelector === undefined ? value : fill(state.ResultSelector, value, context);
    return onwards(withResult(state.ResultPath, raw, selected));
  };
  switch (state.Type) {
    case 'Task':
      return result(await task(state, parameters(), parts));
    case 'Map':
      return result(await map(state, input, context, parts));
    case 'Parallel': {
      const branches = (state.Branches ?? []).map((branch) => runStates(branch, parameters(), context, parts));
      return result(await allOrFirstError(branches));
    }
    case 'Pass':
      return onwards(withResult(state.ResultPath, raw, state.Result === undefined ? parameters() : state.Result));
    case 'Wait': {
      const seconds = state.SecondsPath === undefined ? state.Seconds : readPath(state.SecondsPath, input, context);
      await parts.pause(Number(seconds) * 1000);
      return onwards(input);
    }
    case 'Choice': {
      const chosen = state.Choices?.find((rule) => holds(rule, input, context))?.Next ?? state.Default;
      if (chosen === undefined) throw new StatesError('States.NoChoiceMatched', 'no choice matched');
      return { ...onwards(input), next: chosen };
    }
    case 'Succeed':
      return { ...onwards(input), next: undefined };
    case 'Fail':
      throw new StatesError(state.Error ?? 'States.Fail', state.Cause ?? '');
  }
}

/** `null` throws the result away; absent, it takes the place of the input. */
function withResult(path: string | null | undefined, input: unknown, result: unknown): unknown {
  return path === null ? input : writePath(path ?? '$', input, result);
}

async function task(state: State, input: unknown, parts: RunParts): Promise<unknown> {
  const invocation = parts.invoke(state.Resource ?? '', input);
  const outcome = await (state.TimeoutSeconds === undefined
    ? invocation
    : Promise.race([invocation, late(state.TimeoutSeconds)]));
  if ('value' in outcome) return outcome.value;
  const { errorType, errorMessage, trace } = outcome.failure;
  throw new StatesError(errorType, JSON.stringify({ errorMessage, errorType, trace }));
}

async function late(seconds: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000).unref());
  throw new StatesError('States.Timeout', `the task took more than ${seconds} s`);
}

async function map(state: State, input: unknown, context: object, parts: RunParts): Promise<unknown[]> {
  const items = readPath(state.ItemsPath ?? '$', input, context);
  const processor = state.ItemProcessor ?? state.Iterator;
  if (!Array.isArray(items) || !processor) throw new StatesError('States.Runtime', 'a map goes over an array');
  const results: unknown[] = new Array(items.length);
  let next = 0;
  let failed = false;
  const selector = state.ItemSelector ?? state.Parameters;
  const worker = async () => {
    while (next < items.length && !failed) {
      const index = next++;
      const value: unknown = items[index];
      const within = { ...context, Map: { Item: { Index: index, Value: value } } };
      const item = selector === undefined ? value : fill(selector, input, within);
      results[index] = await runStates(processor, item, within, parts).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const workers = Math.min(items.length, state.MaxConcurrency || 40);
  await allOrFirstError(Array.from({ length: workers }, worker));
  return results;
}

/** Waits for all, so that nothing goes on behind a failed execution; then the first error. */
async function allOrFirstError(work: Promise<unknown>[]): Promise<unknown[]> {
  const ended = await Promise.allSettled(work);
  const failure = ended.find((one) => one.status === 'rejected');
  if (failure) throw failure.reason;
  return ended.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
}

function holds(rule: Rule, input: unknown, context: unknown): boolean {
  if (rule.And) return rule.And.every((inner) => holds(inner, input, context));
  if (rule.Or) return rule.Or.some((inner) => holds(inner, input, context));
  if (rule.Not) return !holds(rule.Not, input, context);
  const operator = Object.keys(rule).find((key) => comparison.test(key)) ?? '';
  const path = rule.Variable ?? '$';
  if (operator === 'IsPresent') return hasPath(path, input, context) === rule.IsPresent;
  const value = readPath(path, input, context);
  const byPath = operator.endsWith('Path');
  const operand = byPath ? readPath(String(rule[operator]), input, context) : rule[operator];
  return compare(byPath ? operator.slice(0, -4) : operator, value, operand);
}

function compare(operator: string, value: unknown, operand: unknown): boolean {
  if (operator.startsWith('Is')) return isOfKind(operator.slice(2), value) === operand;
  if (operator === 'BooleanEquals') return typeof value === 'boolean' && value === operand;
  if (operator === 'StringMatches') return typeof value === 'string' && matchesText(String(operand), value);
  const [, kind = '', relation = ''] = /^(String|Numeric|Timestamp)(.+)$/.exec(operator) ?? [];
  const type = kind === 'Numeric' ? 'number' : 'string';
  if (typeof value !== type || typeof operand !== type) return false;
  const [left, right] =
    kind === 'Timestamp' ? [Date.parse(String(value)), Date.parse(String(operand))] : [value, operand];
  const order = (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;
  if (relation === 'Equals') return order === 0;
  if (relation.startsWith('LessThan')) return order < 0 || (order === 0 && relation.endsWith('Equals'));
  return order > 0 || (order === 0 && relation.endsWith('Equals'));
}

function isOfKind(kind: string, value: unknown): boolean {
  if (kind === 'Null') return value === null;
  if (kind === 'Timestamp') return typeof value === 'string' && !Number.isNaN(Date.parse(value));
  return typeof value === { String: 'string', Numeric: 'number', Boolean: 'boolean' }[kind];
}

function matchesText(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
