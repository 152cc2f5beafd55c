import { Problem } from '../engine/problem.ts';
import type { HttpAnswer } from './request.ts';

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  410: 'Erased',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Cannot be processed',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not available now',
};

/** RFC 9457. The type of a problem is `urn:rapport:problem:<code>`; codes are stable. */
export function problemAnswer(problem: Problem, requestId: string): HttpAnswer {
  return {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(problem.retryAfter !== undefined && { 'retry-after': String(problem.retryAfter) }),
    },
    body: problemBody(problem, requestId),
  };
}

export function problemBody({ status, code, message, faults }: Problem, requestId: string) {
  return {
    type: `urn:rapport:problem:${code}`,
    title: titles[status] ?? 'Error',
    status,
    code,
    detail: message,
    ...(faults.length > 0 && { errors: faults.map(({ pointer, detail }) => ({ pointer, detail })) }),
    requestId,
  };
}

/** What an error is to the caller: a {@link Problem} as it is; of anything else only that it happened. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Error && error.name === 'TimeoutError')
    return new Problem(503, 'timed_out', 'This took too long. Try again.', { cause: error, retryAfter: 1 });
  return new Problem(500, 'internal', 'Something went wrong here. The request id leads to it.', { cause: error });
}

/** The log line of a failure: names, codes and places, never messages, which may quote what was sent. */
function failureLine(problem: Problem, request: { id: string; routeKey: string }): string {
  return JSON.stringify({
    level: 'error',
    requestId: request.id,
    route: request.routeKey,
    status: problem.status,
    code: problem.code,
    causes: causesOf(problem.cause),
  });
}

interface Cause {
  name: string;
  code?: string;
  stack: string[];
}

function causesOf(error: unknown, depth = 0): Cause[] {
  if (error === undefined || depth > 4) return [];
  if (!(error instanceof Error)) return [{ name: typeof error, stack: [] }];
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const stack = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim());
  return [{ name: error.name, ...(code && { code }), stack }, ...causesOf(error.cause, depth + 1)];
}

/** The problem behind an error; a failure of our own leaves its log line. */
export function reportedProblem(error: unknown, request: { id: string; routeKey: string }): Problem {
  const problem = problemOf(error);
  if (problem.status >= 500) console.error(failureLine(problem, request));
  return problem;
}
