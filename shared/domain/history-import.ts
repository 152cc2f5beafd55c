import type { Instant } from './instant.ts';

export interface ImportCounts {
  recorded: number;
  /** Known already: nothing new was said. */
  duplicates: number;
  /** What is no order, such as a draft. */
  ignored: number;
  failed: number;
}

export const noCounts: ImportCounts = { recorded: 0, duplicates: 0, ignored: 0, failed: 0 };

export function addCounts(a: ImportCounts, b: ImportCounts): ImportCounts {
  return {
    recorded: a.recorded + b.recorded,
    duplicates: a.duplicates + b.duplicates,
    ignored: a.ignored + b.ignored,
    failed: a.failed + b.failed,
  };
}

/** One item that was not recorded. Holds no personal data: where, and what is wrong there, never the value. */
export interface ImportError {
  /** Of the file, from 1; where the file is a JSON array, the number of the item. */
  line: number;
  code: string;
  detail: string;
}

/** A file of history that is being recorded, or was. */
export interface HistoryImport {
  id: string;
  sourceId: string;
  format: string;
  /** What the caller calls it. */
  name?: string;
  state: 'open' | 'finished';
  createdAt: Instant;
  finishedAt?: Instant;
  /** Once finished. */
  parts?: number;
  counts?: ImportCounts;
}

/** How far one part of a file has come. */
export interface ImportPart {
  /** SHA-256 of its text: a part that is put again must be the same. */
  hash: string;
  items: number;
  /** The item to go on with: all before it are counted. */
  next: number;
  done: boolean;
  counts: ImportCounts;
}

/** More errors than this in one part are counted and not kept. */
export const errorsPerPart = 10_000;
