import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { finished } from 'node:stream/promises';
import { mediaTypeOf } from '../../../shared/contracts/imports.ts';
import { ApiClient, ApiError, type Perseverance } from '../api-client.ts';
import { UsageError } from '../command.ts';
import { beginOf, cut, FileError, type Part } from './cut.ts';
import { dropJournal, type Journal, keepJournal, readJournal } from './journal.ts';
import { type Layout, layoutOf } from './layout.ts';
import { type Counts, described, progressOn, type Screen } from './progress.ts';
import type { ImportSettings } from './settings.ts';
import { checkSoundness } from './soundness.ts';

interface Shown {
  id: string;
  state: 'open' | 'finished';
  counts: Counts;
}

interface PartAnswer {
  items: number;
  next: number;
  done: boolean;
  counts: Counts;
}

/** For tests: smaller parts, and less patience. */
export interface Pace {
  partBytes?: number;
  perseverance?: Perseverance;
}

/** Small enough to be done in one call, and large enough that calls do not matter. */
const usualPartBytes = 250_000;

const none: Counts = { recorded: 0, duplicates: 0, ignored: 0, failed: 0 };

/**
 * Imports a file, or goes on with it.
 * @returns the exit status: 0 where all was recorded
 * @throws UsageError for what the caller can mend
 */
export async function importFile(settings: ImportSettings, screen: Screen, pace: Pace = {}): Promise<number> {
  const { file } = settings;
  const facts = await stat(file).catch(() => {
    throw new UsageError(`There is no file ${file}.`);
  });
  const layout = await layoutOf(file, settings.format);
  const api = new ApiClient(settings.url, settings.key, pace.perseverance);
  const progress = progressOn(screen);
  try {
    const begun = await begin(api, settings, layout, facts, screen);
    let { journal, counts } = begun;
    progress.show(journal.place.offset / facts.size, counts);
    for await (const part of cut(file, layout, journal.place, pace.partBytes ?? usualPartBytes)) {
      const number = journal.parts + 1;
      const before = counts;
      const begin = journal.place.offset;
      await putPart(api, journal, number, part, ({ counts: soFar, next, items }) => {
        counts = sum(before, soFar);
        const share = items === 0 ? 1 : next / items;
        progress.show((begin + share * (part.end.offset - begin)) / facts.size, counts);
      });
      journal = { ...journal, parts: number, place: part.end };
      await keepJournal(file, journal);
    }
    if (journal.parts === 0) {
      const body = layout.kind === 'rows' ? layout.header : Buffer.alloc(0);
      await putPart(api, journal, 1, { body, line: 1, end: journal.place }, () => undefined);
    }
    const ended = await finish(api, journal);
    progress.show(1, ended.counts, true);
    progress.end();
    const errors = await writeErrors(api, file, journal.importId);
    await dropJournal(file);
    screen.write(`Import ${ended.id}: ${described(ended.counts)}.${errors ? ` See ${errors}.` : ''}\n`);
    return ended.counts.failed === 0 ? 0 : 1;
  } catch (error) {
    progress.end();
    if (!(error instanceof ApiError || error instanceof FileError)) throw error;
    const journal = error instanceof ApiError ? await readJournal(file) : undefined;
    const goesOn = journal && error instanceof ApiError && !error.isFinal;
    screen.write(`${error.message}${goesOn ? ' The same command goes on from here.' : ''}\n`);
    if (journal) await writeErrors(api, file, journal.importId).catch(() => undefined);
    return 1;
  }
}

async function begin(
  api: ApiClient,
  { file, sourceId, url, restart }: ImportSettings,
  layout: Layout,
  { size, mtimeMs }: { size: number; mtimeMs: number },
  screen: Screen,
): Promise<{ journal: Journal; counts: Counts }> {
  const { format } = layout;
  const modifiedAt = Math.floor(mtimeMs);
  const known = restart ? undefined : await readJournal(file);
  const isSame =
    known?.url === url &&
    known.sourceId === sourceId &&
    known.format === format &&
    known.size === size &&
    known.modifiedAt === modifiedAt;
  const there = isSame ? await openImport(api, known.importId) : undefined;
  if (known && there) {
    screen.write(`Going on with import ${known.importId}, part ${known.parts + 1}.\n`);
    return { journal: known, counts: there.counts };
  }
  await checkSoundness(file, layout);
  const made = await api.call<Shown>('POST', '/v1/imports', {
    type: 'application/json',
    body: JSON.stringify({ sourceId, format, name: nameOf(file) }),
  });
  screen.write(`Import ${made.id}: ${basename(file)}, ${format}, for the source ${sourceId}.\n`);
  const place = beginOf(layout);
  const journal = { importId: made.id, url, sourceId, format, size, modifiedAt, parts: 0, place };
  await keepJournal(file, journal);
  return { journal, counts: none };
}

/** A name without what the API lets into no text. */
function nameOf(file: string): string {
  return (
    basename(file)
      .replace(/\p{Cc}/gu, ' ')
      .slice(0, 200)
      .toWellFormed() || 'file'
  );
}

/** Nothing where it is not there any more, or ended. */
async function openImport(api: ApiClient, importId: string): Promise<Shown | undefined> {
  try {
    const found = await api.call<Shown>('GET', `/v1/imports/${encodeURIComponent(importId)}`);
    return found.state === 'open' ? found : undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'import_not_found') return undefined;
    throw error;
  }
}

/** The same part is put until all of it was read: each call says how far it came. */
async function putPart(
  api: ApiClient,
  { importId, format }: Journal,
  number: number,
  { body, line }: Part,
  show: (answer: PartAnswer) => void,
): Promise<void> {
  const path = `/v1/imports/${encodeURIComponent(importId)}/parts/${number}?line=${line}`;
  const type = mediaTypeOf(format as Layout['format']);
  for (;;) {
    const answer = await api.call<PartAnswer>('PUT', path, { type, body });
    show(answer);
    if (answer.done) return;
  }
}

async function finish(api: ApiClient, { importId, parts }: Journal): Promise<Shown> {
  const body = JSON.stringify({ parts: Math.max(1, parts) });
  const path = `/v1/imports/${encodeURIComponent(importId)}/finish`;
  return api.call<Shown>('POST', path, { type: 'application/json', body });
}

/** @returns the file with the errors; nothing where there are none, and then no file either */
async function writeErrors(api: ApiClient, file: string, importId: string): Promise<string | undefined> {
  const path = `${file}.errors.ndjson`;
  let next: string | undefined = `/v1/imports/${encodeURIComponent(importId)}/errors`;
  let { text, next: more } = await api.text(next);
  if (text === '') {
    await rm(path, { force: true });
    return undefined;
  }
  const stream = createWriteStream(path);
  for (;;) {
    stream.write(text);
    next = more;
    if (next === undefined) break;
    ({ text, next: more } = await api.text(next));
  }
  stream.end();
  await finished(stream);
  return path;
}

function sum(a: Counts, b: Counts): Counts {
  return {
    recorded: a.recorded + b.recorded,
    duplicates: a.duplicates + b.duplicates,
    ignored: a.ignored + b.ignored,
    failed: a.failed + b.failed,
  };
}
