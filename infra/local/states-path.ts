/** The JSONPath that the local state machines use: `$`, `$.a.b`, `$['a']`, `$[0]`, and `$$.` for the context. */
export class PathError extends Error {
  override name = 'PathError';
}

export function readPath(path: string, data: unknown, context: unknown): unknown {
  const inContext = path.startsWith('$$');
  return steps(inContext ? path.slice(1) : path).reduce<unknown>(
    (at, step) => {
      const found = typeof at === 'object' && at !== null && Object.hasOwn(at, step);
      if (!found) throw new PathError(`the path ${path} leads nowhere`);
      return (at as Record<string, unknown>)[step];
    },
    inContext ? context : data,
  );
}

export function hasPath(path: string, data: unknown, context: unknown): boolean {
  try {
    readPath(path, data, context);
    return true;
  } catch (error) {
    if (error instanceof PathError) return false;
    throw error;
  }
}

/** `data` with `value` at the path; objects on the way are made. */
export function writePath(path: string, data: unknown, value: unknown): unknown {
  return place(steps(path), data, value);
}

function place([step, ...rest]: string[], data: unknown, value: unknown): unknown {
  if (step === undefined) return value;
  const around = typeof data === 'object' && data !== null ? data : {};
  return { ...around, [step]: place(rest, (around as Record<string, unknown>)[step], value) };
}

/** A payload template: fields whose name ends with `.$` take what their path leads to. */
export function fill(template: unknown, data: unknown, context: unknown): unknown {
  if (Array.isArray(template)) return template.map((element) => fill(element, data, context));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) =>
      name.endsWith('.$')
        ? [name.slice(0, -2), readPath(String(value), data, context)]
        : [name, fill(value, data, context)],
    ),
  );
}

function steps(path: string): string[] {
  if (!path.startsWith('$')) throw new PathError(`${path} is no path`);
  const found = [...path.slice(1).matchAll(/\.([\p{L}\p{N}_-]+)|\['([^']*)'\]|\[(\d+)\]/gu)];
  if (found.map(([whole]) => whole).join('') !== path.slice(1))
    throw new PathError(`the local state machine does not understand the path ${path}`);
  return found.map(([, name, quoted, index]) => name ?? quoted ?? index ?? '');
}
