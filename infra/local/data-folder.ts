import { mkdirSync } from 'node:fs';
import { StartError } from './start-error.ts';

/** Makes a folder for what lasts, readable by its owner alone. @throws StartError where it cannot be made */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new StartError(`the folder ${path} cannot be made (${code}): choose another with RAPPORT_DATA`);
  }
}
