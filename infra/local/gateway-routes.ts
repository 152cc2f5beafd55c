import type { MatchedRoute } from './gateway-event.ts';

export interface Route<Target> {
  /** `POST /v1/webhooks/{sourceId}`, `ANY /a`, `GET /files/{path+}` or `$default` */
  key: string;
  target: Target;
}

export type Match<Target> =
  | { kind: 'route'; route: MatchedRoute; target: Target }
  | { kind: 'otherMethods'; allow: string[] }
  | { kind: 'none' };

/**
 * Chooses among routes as an HTTP API does: a full match before a greedy `{name+}`, a method before `ANY`,
 * `$default` last. A path that only other methods know is told apart, so that it can be answered with 405.
 */
export function router<Target>(routes: readonly Route<Target>[]): (method: string, path: string) => Match<Target> {
  const parsed = routes.filter(({ key }) => key !== '$default').map(parse);
  const fallback = routes.find(({ key }) => key === '$default');
  return (method, path) => {
    const segments = path.split('/').slice(1);
    const onPath = parsed.flatMap((candidate) => {
      const parameters = matchPath(candidate.segments, segments);
      return parameters ? [{ ...candidate, parameters }] : [];
    });
    const [best] = onPath
      .filter((candidate) => candidate.method === method || candidate.method === 'ANY')
      .sort((a, b) => rank(a) - rank(b));
    if (best)
      return { kind: 'route', target: best.target, route: { routeKey: best.key, pathParameters: best.parameters } };
    if (fallback)
      return { kind: 'route', target: fallback.target, route: { routeKey: '$default', pathParameters: {} } };
    if (onPath.length === 0) return { kind: 'none' };
    return { kind: 'otherMethods', allow: [...new Set(onPath.map((candidate) => candidate.method))].sort() };
  };
}

interface Parsed<Target> extends Route<Target> {
  method: string;
  segments: string[];
}

function parse<Target>(route: Route<Target>): Parsed<Target> {
  const [method = '', path = ''] = route.key.split(' ');
  return { ...route, method, segments: path.split('/').slice(1) };
}

function rank({ method, segments }: { method: string; segments: string[] }): number {
  const variable = segments.filter((segment) => segment.startsWith('{')).length;
  const greedy = segments.at(-1)?.endsWith('+}') ? 1 : 0;
  return greedy * 1000 + variable * 10 + (method === 'ANY' ? 1 : 0);
}

function matchPath(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  const greedy = pattern.at(-1)?.endsWith('+}') ?? false;
  if (greedy ? path.length < pattern.length : path.length !== pattern.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const name = /^\{([^}+]+)\+?\}$/.exec(part)?.[1];
    const value = greedy && index === pattern.length - 1 ? path.slice(index).join('/') : (path[index] ?? '');
    if (name === undefined) {
      if (part !== value) return undefined;
    } else {
      if (value === '') return undefined;
      parameters[name] = decode(value);
    }
  }
  return parameters;
}

/** An escape that means nothing is left as it is. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
