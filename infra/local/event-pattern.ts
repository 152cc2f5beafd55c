import { isObject, leafMatcher, PatternError, type Scalar } from './event-pattern-leaf.ts';

type Matcher = (event: unknown, at: unknown) => boolean;

/**
 * EventBridge's pattern language, also used by the filters of event source mappings.
 * Fields are joined by "and", the values of one field by "or"; a field of the event that is an array matches where one
 * of its elements does; several fields below an array of objects have to match in the same element.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * @throws PatternError for a pattern that EventBridge would refuse
 */
export function compilePattern(pattern: unknown): (event: unknown) => boolean {
  if (!isObject(pattern)) throw new PatternError('a pattern is an object');
  const matches = fields(pattern, []);
  return (event) => matches(event, event);
}

function fields(pattern: Record<string, unknown>, path: readonly string[]): Matcher {
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new PatternError(`${place(path)}: an empty object is not allowed`);
  const all = entries.map(([name, value]) => (isOr(name, value) ? anyOf(value, path) : field(name, value, path)));
  return (event, at) => all.every((matches) => matches(event, at));
}

function field(name: string, value: unknown, parent: readonly string[]): Matcher {
  const path = [...parent, name];
  if (isObject(value)) {
    const inner = fields(value, path);
    return (event, at) => candidates(child(at, name)).some((element) => inner(event, element));
  }
  if (!Array.isArray(value)) throw new PatternError(`${place(path)}: expected an object or an array`);
  if (value.length === 0) throw new PatternError(`${place(path)}: an empty array is not allowed`);
  const conditions = value.map((condition) =>
    isExists(condition) ? condition.exists : leafMatcher(condition, place(path)),
  );
  return (event, at) => {
    const leaves = scalars(child(at, name));
    return conditions.some((condition) => {
      if (condition === true) return leaves.length > 0;
      // Absence is asked of the whole event, not of the element at hand.
      if (condition === false) return leaves.length === 0 && leavesAt(event, path).length === 0;
      return leaves.some(condition);
    });
  };
}

function anyOf(alternatives: Record<string, unknown>[], path: readonly string[]): Matcher {
  const any = alternatives.map((alternative) => fields(alternative, path));
  return (event, at) => any.some((matches) => matches(event, at));
}

const operators = new Set([
  'exactly',
  'exists',
  'anything-but',
  'prefix',
  'suffix',
  'equals-ignore-case',
  'wildcard',
  'numeric',
  'cidr',
]);

/** `$or` is the operator only before a list of two objects or more that name no operator; else it is a field's name. */
function isOr(name: string, value: unknown): value is Record<string, unknown>[] {
  return (
    name === '$or' &&
    Array.isArray(value) &&
    value.length >= 2 &&
    value.every((entry) => isObject(entry) && !Object.keys(entry).some((key) => operators.has(key)))
  );
}

function isExists(condition: unknown): condition is { exists: boolean } {
  if (!isObject(condition) || !('exists' in condition)) return false;
  if (Object.keys(condition).length !== 1 || typeof condition.exists !== 'boolean')
    throw new PatternError('exists takes true or false');
  return true;
}

function child(at: unknown, name: string): unknown {
  return isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
}

/** What the fields below may match in: the value itself or, of an array, each of its elements. */
function candidates(value: unknown): unknown[] {
  if (!Array.isArray(value)) return [value];
  return value.length === 0 ? [undefined] : value.flatMap(candidates);
}

function scalars(value: unknown): Scalar[] {
  if (Array.isArray(value)) return value.flatMap(scalars);
  return value === undefined || (typeof value === 'object' && value !== null) ? [] : [value as Scalar];
}

function leavesAt(event: unknown, path: readonly string[]): Scalar[] {
  const values = path.reduce<unknown[]>(
    (level, name) => level.flatMap(candidates).map((value) => child(value, name)),
    [event],
  );
  return values.flatMap(scalars);
}

function place(path: readonly string[]): string {
  return path.length === 0 ? 'the pattern' : path.join('.');
}
