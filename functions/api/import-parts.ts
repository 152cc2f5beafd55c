import { createHash } from 'node:crypto';
import { csv, type ImportFormat, mediaTypeOf } from '../../shared/contracts/imports.ts';
import {
  addCounts,
  errorsPerPart,
  type HistoryImport,
  type ImportError,
  noCounts,
} from '../../shared/domain/history-import.ts';
import type { Source } from '../../shared/domain/source.ts';
import { rateTrust } from '../../shared/dynamodb/exchange-rate-store.ts';
import type { ImportStore, KeptPart } from '../../shared/dynamodb/import-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { frameOfSource } from '../../shared/engine/draft.ts';
import { importItems } from '../../shared/engine/import-part.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { reportedProblem } from '../../shared/http/problem-answer.ts';
import type { Door } from './door.ts';
import { itemsOf, platformOf } from './import-items.ts';

/** A part takes no more of a call than this, in milliseconds: whoever waits sees it go on. */
const patience = 20_000;
/** What is left of a call for keeping how far it came. */
const reserve = 5_000;

export interface PartGiven {
  part: number;
  text: Uint8Array;
  /** Line of the file at which it begins; absent for the first one. */
  line: number | undefined;
}

/** What one call made of a part. */
export interface PartTaken {
  progress: Omit<KeptPart, 'revision' | 'hash'>;
  /** Of this call. */
  errors: ImportError[];
}

/** The part as it was kept, where it is done. @throws Problem `part_differs` */
export async function donePart(
  store: ImportStore,
  importId: string,
  { part, text }: PartGiven,
): Promise<{ kept: KeptPart | undefined; hash: string }> {
  const kept = await store.readPart(importId, part);
  const hash = createHash('sha256').update(text).digest('hex');
  if (kept && kept.hash !== hash)
    throw new Problem(409, 'part_differs', 'Another text was put as this part. Take a number of its own for it.');
  return { kept, hash };
}

/**
 * Records a part from where it stopped. Items that were recorded and not yet counted when a call was cut off are counted
 * as duplicates by the next.
 * @throws Problem `malformed_csv`, `other_columns`; `part_under_way`; `store_unavailable`, `too_busy`
 */
export async function takePart(
  door: Door,
  { store, found, source, given }: { store: ImportStore; found: HistoryImport; source: Source; given: PartGiven },
): Promise<PartTaken> {
  const format = found.format as ImportFormat;
  const { kept, hash } = await donePart(store, found.id, given);
  if (kept?.done) return { progress: kept, errors: [] };
  const { client, tables, request, now } = door;
  const items = itemsOf(format, given.text, source, given.line ?? (mediaTypeOf(format) === csv ? 2 : 1));
  const end = performance.now() + Math.min(patience, request.remaining() - reserve);
  const { salt } = await door.settings();
  const { next, counts, errors, fault } = await importItems(
    {
      records: recordStore(client, tables, { trustRatesFor: rateTrust(door.testStage) }),
      remaining: () => end - performance.now(),
      onFault: (error) => void reportedProblem(error, request),
    },
    items,
    kept?.next ?? 0,
    {
      frame: frameOfSource(source, { receivedAt: now, mint: mintWith(salt) }),
      fillsIn: platformOf(format) !== undefined && mediaTypeOf(format) === csv,
    },
  );
  const progress = {
    hash,
    items: items.length,
    next,
    done: next === items.length,
    counts: addCounts(kept?.counts ?? noCounts, counts),
  };
  const before = kept && errors.length > 0 ? await store.errorsOfPart(found.id, given.part) : [];
  const all = errors.length > 0 ? [...before, ...errors].slice(0, errorsPerPart) : [];
  const saved = await store.savePart(found.id, { part: given.part, progress, errors: all }, kept?.revision ?? 0);
  if (!saved) throw new Problem(409, 'part_under_way', 'This part is being put by others.', { retryAfter: 2 });
  if (fault) throw fault;
  return { progress, errors: errors.slice(0, errorsPerPart) };
}
