import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Place } from './cut.ts';

/** How far the import of a file has come: kept beside the file, so that the same command goes on. */
export interface Journal {
  importId: string;
  url: string;
  sourceId: string;
  format: string;
  /** Of the file: one that was changed is another. */
  size: number;
  modifiedAt: number;
  /** Parts that are done. */
  parts: number;
  place: Place;
}

const pathOf = (file: string) => `${file}.import.json`;

export async function readJournal(file: string): Promise<Journal | undefined> {
  try {
    return JSON.parse(await readFile(pathOf(file), 'utf8')) as Journal;
  } catch {
    return undefined;
  }
}

export async function keepJournal(file: string, journal: Journal): Promise<void> {
  const path = pathOf(file);
  await writeFile(`${path}.new`, `${JSON.stringify(journal, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

export async function dropJournal(file: string): Promise<void> {
  await rm(pathOf(file), { force: true });
}
