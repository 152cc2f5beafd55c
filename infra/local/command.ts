import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What the caller of a command got wrong, in words for the caller. */
export class UsageError extends Error {}

/** What could not be done, however the command is called. */
export class Failure extends Error {
  /** That the command ends with. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** @throws UsageError for options that are not known, or lack their value */
export function readOptions<const Config extends ParseArgsConfig>(config: Config) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/**
 * Runs a command, and says in its first line what is wrong. Status 2 for wrong usage, that of a {@link Failure}, or what
 * the command answers.
 * @param read nothing where help was asked for
 */
export async function runCommand<Settings>(
  help: string,
  read: () => Settings | undefined,
  run: (settings: Settings) => Promise<number>,
): Promise<void> {
  try {
    const settings = read();
    if (settings) process.exitCode = await run(settings);
    else console.log(help);
  } catch (error) {
    if (error instanceof UsageError) console.error(`${error.message}\n\n${help}`);
    else if (error instanceof Failure) console.error(error.message);
    else throw error;
    process.exitCode = error instanceof Failure ? error.status : 2;
  }
}
