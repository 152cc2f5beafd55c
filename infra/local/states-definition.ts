/** Amazon States Language as far as the local stack runs it: JSONPath, no intrinsic functions. */
export interface Definition {
  StartAt: string;
  States: Record<string, State>;
  TimeoutSeconds?: number;
}

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  ErrorEquals: string[];
  Next: string;
  ResultPath?: string | null;
}

export type Rule = { Next?: string; Variable?: string; And?: Rule[]; Or?: Rule[]; Not?: Rule } & Record<
  string,
  unknown
>;

export interface State {
  Type: 'Task' | 'Choice' | 'Map' | 'Parallel' | 'Pass' | 'Wait' | 'Succeed' | 'Fail';
  Next?: string;
  End?: boolean;
  InputPath?: string | null;
  OutputPath?: string | null;
  ResultPath?: string | null;
  Parameters?: unknown;
  ResultSelector?: unknown;
  Result?: unknown;
  Resource?: string;
  TimeoutSeconds?: number;
  Retry?: Retrier[];
  Catch?: Catcher[];
  Choices?: Rule[];
  Default?: string;
  ItemsPath?: string;
  ItemSelector?: unknown;
  ItemProcessor?: Definition;
  Iterator?: Definition;
  MaxConcurrency?: number;
  Branches?: Definition[];
  Seconds?: number;
  SecondsPath?: string;
  Error?: string;
  Cause?: string;
}

const common = ['Type', 'Comment', 'Next', 'End', 'InputPath', 'OutputPath'];
const work = ['ResultPath', 'Parameters', 'ResultSelector', 'Retry', 'Catch'];
const fields: Record<string, readonly string[]> = {
  Task: [...common, ...work, 'Resource', 'TimeoutSeconds'],
  Choice: [...common, 'Choices', 'Default'],
  Map: [...common, ...work, 'ItemsPath', 'ItemSelector', 'ItemProcessor', 'Iterator', 'MaxConcurrency', 'Label'],
  Parallel: [...common, ...work, 'Branches'],
  Pass: [...common, 'ResultPath', 'Parameters', 'Result'],
  Wait: [...common, 'Seconds', 'SecondsPath'],
  Succeed: common,
  Fail: [...common, 'Error', 'Cause'],
};

/**
 * What of a definition the local stack would not run as AWS does; empty = nothing.
 * @param isFunction whether a task's resource is a function of the stack
 */
export function unsupported(definition: Definition, isFunction: (resource: string) => boolean): string[] {
  const faults: string[] = [];
  const language = (definition as { QueryLanguage?: string }).QueryLanguage;
  if (language !== undefined && language !== 'JSONPath') faults.push(`the query language ${language}`);
  if (!definition.States[definition.StartAt]) faults.push(`the start at ${definition.StartAt}, which is not there`);
  for (const [name, state] of Object.entries(definition.States)) {
    const known = fields[state.Type];
    if (!known) faults.push(`${name}: the type ${state.Type}`);
    for (const field of Object.keys(state)) if (known && !known.includes(field)) faults.push(`${name}: ${field}`);
    if (JSON.stringify(state).includes('"States.Format(') || /"States\.\w+\(/.test(JSON.stringify(state)))
      faults.push(`${name}: intrinsic functions`);
    if (state.Type === 'Task' && !isFunction(state.Resource ?? ''))
      faults.push(`${name}: the resource ${state.Resource}`);
    for (const next of successors(state)) if (!definition.States[next]) faults.push(`${name}: ${next} is not there`);
    for (const inner of [state.ItemProcessor, state.Iterator, ...(state.Branches ?? [])]) {
      const mode = (inner as { ProcessorConfig?: { Mode?: string } } | undefined)?.ProcessorConfig?.Mode;
      if (mode === 'DISTRIBUTED') faults.push(`${name}: a distributed map`);
      if (inner) faults.push(...unsupported(inner, isFunction).map((fault) => `${name}: ${fault}`));
    }
    for (const rule of state.Choices ?? [])
      faults.push(...unknownComparisons(rule).map((fault) => `${name}: ${fault}`));
  }
  return faults;
}

function successors({ Next, Default, Choices = [], Catch = [] }: State): string[] {
  return [Next, Default, ...Choices.map((rule) => rule.Next), ...Catch.map((catcher) => catcher.Next)].filter(
    (next): next is string => next !== undefined,
  );
}

export const comparison =
  /^(?:(String|Numeric|Timestamp)(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)(Path)?|BooleanEquals(Path)?|StringMatches|Is(Null|Present|String|Numeric|Boolean|Timestamp))$/;

function unknownComparisons(rule: Rule): string[] {
  const inner = [...(rule.And ?? []), ...(rule.Or ?? []), ...(rule.Not ? [rule.Not] : [])];
  const own = Object.keys(rule).filter((key) => !['Next', 'Variable', 'And', 'Or', 'Not', 'Comment'].includes(key));
  return [...own.filter((key) => !comparison.test(key)), ...inner.flatMap(unknownComparisons)];
}
