/** Where the stack writes: never a body, an event or a name of a person. */
export interface Log {
  info(line: string): void;
  error(line: string): void;
  /** What a function wrote, in pieces as they come. */
  fromFunction(name: string, text: string): void;
}

/** @param write takes whole lines without their end */
export function lineLog(write: (line: string) => void): Log {
  const begun = new Map<string, string>();
  return {
    info: write,
    error: (line) => write(`error: ${line}`),
    fromFunction(name, text) {
      const lines = ((begun.get(name) ?? '') + text).split('\n');
      begun.set(name, lines.pop() ?? '');
      for (const line of lines) write(`${name}: ${line}`);
    },
  };
}

const nothing = () => undefined;
export const silentLog: Log = { info: nothing, error: nothing, fromFunction: nothing };
