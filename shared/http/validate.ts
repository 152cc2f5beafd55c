import * as z from 'zod/mini';
import { type FieldFault, Problem } from '../engine/problem.ts';

const mostFaults = 20;

/**
 * The value as the schema reads it.
 * @param place where it stands in the request: empty for the body, `/query`, `/path`
 * @throws Problem 400 `invalid_request` with a pointer for each bad field, never with a value
 */
export function validate<Schema extends z.core.$ZodType>(
  schema: Schema,
  value: unknown,
  place = '',
): z.core.output<Schema> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.flatMap((issue) => faultsOf(issue, value, place)));
}

export function invalid(faults: readonly FieldFault[]): Problem {
  const shown = faults.slice(0, mostFaults);
  return new Problem(400, 'invalid_request', 'Some fields cannot be taken as they are.', { faults: shown });
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown, place: string): FieldFault[] {
  const pointer = place + pointerOf(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ pointer: pointer + pointerOf([key]), detail: 'is not a known field' }));
    case 'invalid_type': {
      const missing = at(value, issue.path) === undefined;
      return [{ pointer, detail: missing ? 'is missing' : `must be of type ${issue.expected}` }];
    }
    case 'invalid_value':
      return [{ pointer, detail: `must be ${oneOf(issue.values)}` }];
    case 'invalid_union':
      return [
        {
          pointer,
          detail: 'options' in issue ? `must be ${oneOf(issue.options ?? [])}` : 'has none of the known forms',
        },
      ];
    case 'too_big':
      return [{ pointer, detail: `must be at most ${issue.maximum}${unitOf(issue.origin)}` }];
    case 'too_small':
      return [
        {
          pointer,
          detail: `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`,
        },
      ];
    case 'invalid_format':
      return [{ pointer, detail: issue.message === 'Invalid input' ? `must match ${issue.pattern}` : issue.message }];
    default:
      return [{ pointer, detail: issue.message }];
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters long' : origin === 'array' ? ' items long' : '';
}

/** At most this much of a field's name is told back. */
const longestName = 128;

function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).slice(0, longestName).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      inner !== null && typeof inner === 'object' ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
    value,
  );
}
