import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { csv, type ImportFormat, mediaTypeOf, mostPartBytes, ndjson } from '../../shared/contracts/imports.ts';
import { mayUseSource } from '../../shared/domain/access.ts';
import { addCounts, type HistoryImport, noCounts } from '../../shared/domain/history-import.ts';
import { ImportStore } from '../../shared/dynamodb/import-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { readJson } from '../../shared/http/json.ts';
import { boundBody, isJson, requireFile } from '../../shared/http/request.ts';
import { itemBytes, route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import {
  errorLines,
  finishIn,
  historyImport,
  importIn,
  importPart,
  importQuery,
  imports,
  partNumber,
  partQuery,
} from '../../shared/http/schemas/imports.ts';
import { validate } from '../../shared/http/validate.ts';
import { type Door, pagingOf } from './door.ts';
import { platformOf } from './import-items.ts';
import { donePart, type PartGiven, type PartTaken, takePart } from './import-parts.ts';
import { speakingSource } from './visible-source.ts';

const params = z.strictObject({ importId: keyText });

export const makeImport = route({
  summary: 'Opens an import of history; or takes a small file whole, with sourceId and format in the query',
  scope: 'imports:write',
  query: importQuery,
  bodyShown: importIn,
  files: [ndjson, csv],
  answers: {
    201: { description: 'Opened; or, for a whole file, finished', schema: historyImport },
    202: { description: 'A whole file that took too long: put it again as part 1, then finish', schema: historyImport },
  },
  async answer(door: Door, { query }) {
    const { request } = door;
    if (isJson(request)) {
      boundBody(request, itemBytes);
      const made = await opened(door, validate(importIn, readJson(request.body)));
      return answered(201, made, { put: 0, unfinished: [] });
    }
    const given = validate(importIn, query, '/query');
    requirePart(door, given.format);
    const made = await opened(door, given);
    const part: PartGiven = { part: 1, text: request.body, line: undefined };
    const { progress } = await taken(door, made, part);
    if (!progress.done) return answered(202, { ...made, counts: progress.counts }, { put: 1, unfinished: [1] });
    return answered(201, await finished(door, made, 1), { put: 1, unfinished: [] });
  },
});

export const putPart = route({
  summary: 'Records a part of a file; one that was put before is answered as it was',
  scope: 'imports:write',
  params: z.strictObject({ importId: keyText, part: partNumber }),
  query: partQuery,
  files: [ndjson, csv],
  answers: { 200: { description: 'How far it came; put it again where it is not done', schema: importPart } },
  async answer(door: Door, { params: { importId, part }, query: { line } }) {
    const found = await existing(door, importId);
    requirePart(door, found.format as ImportFormat);
    const given = { part, text: door.request.body, line };
    if (found.state === 'open')
      return { status: 200, body: shownPart(importId, part, await taken(door, found, given)) };
    const { kept } = await donePart(storeOf(door), importId, given);
    if (!kept?.done) throw new Problem(409, 'import_finished', 'This import is finished. Open another.');
    return { status: 200, body: shownPart(importId, part, { progress: kept, errors: [] }) };
  },
});

export const finishImport = route({
  summary: 'Ends an import, once all of its parts are done',
  scope: 'imports:write',
  params,
  body: finishIn,
  answers: { 200: { description: 'Finished', schema: historyImport } },
  async answer(door: Door, { params: { importId }, body: { parts } }) {
    const found = await existing(door, importId);
    const ended = found.state === 'finished' ? found : await finished(door, found, parts);
    return answered(200, ended, { put: ended.parts ?? 0, unfinished: [] });
  },
});

export const dropImport = route({
  summary: 'Forgets an import with its parts and errors; what was recorded stays',
  scope: 'imports:write',
  params,
  answers: { 204: { description: 'Forgotten' } },
  async answer(door: Door, { params: { importId } }) {
    await storeOf(door).drop(await existing(door, importId));
    return { status: 204 };
  },
});

export const showImport = route({
  summary: 'Shows an import and how far it came',
  scope: 'imports:read',
  params,
  answers: { 200: { description: 'The import', schema: historyImport } },
  async answer(door: Door, { params: { importId } }) {
    const found = await existing(door, importId);
    const parts = await storeOf(door).parts(importId);
    const counts = parts.reduce((sum, part) => addCounts(sum, part.counts), noCounts);
    const unfinished = parts.filter(({ done }) => !done).map(({ part }) => part);
    return answered(200, { ...found, counts }, { put: parts.length, unfinished: unfinished.slice(0, 100) });
  },
});

export const showImports = route({
  summary: 'Lists imports, newest first; a page may have fewer than the limit',
  scope: 'imports:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of imports', schema: imports } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await storeOf(door).list({ limit, ...(after !== undefined && { after }) });
    const visible = found.imports.filter(({ sourceId }) => mayUseSource(door.access, sourceId));
    return {
      status: 200,
      body: page(
        visible.map((one) => shown(one, null)),
        found.next,
      ),
    };
  },
});

/** Lambda answers with 6 MB at most. */
const mostErrorBytes = 2_000_000;

export const showErrors = route({
  summary: 'Lists what was not recorded, as NDJSON; the header Link leads to more',
  scope: 'imports:read',
  params,
  query: z.strictObject({ cursor: paging.cursor }),
  answers: { 200: { description: 'A line for each', schema: errorLines, type: ndjson } },
  async answer(door: Door, { params: { importId }, query }) {
    const { after, page } = await pagingOf(door, query);
    await existing(door, importId);
    const from = after === undefined ? undefined : Number(after);
    const { lines, next } = await storeOf(door).errors(importId, { after: from, mostBytes: mostErrorBytes });
    const { nextCursor } = page([], next === undefined ? undefined : String(next));
    const link = `</v1/imports/${encodeURIComponent(importId)}/errors?cursor=${nextCursor}>; rel="next"`;
    return {
      status: 200,
      headers: { 'content-type': ndjson, ...(nextCursor && { link }) },
      text: lines.map((line) => `${line}\n`).join(''),
    };
  },
});

function storeOf({ client, tables, realTime }: Door): ImportStore {
  return new ImportStore(client, tables.registry, realTime());
}

function requirePart({ request }: Door, format: ImportFormat): void {
  requireFile(request, mediaTypeOf(format));
  boundBody(request, mostPartBytes);
}

async function opened(door: Door, { sourceId, format, name }: z.infer<typeof importIn>): Promise<HistoryImport> {
  const { platform } = await speakingSource(door, sourceId);
  const wanted = platformOf(format);
  if (wanted !== undefined && wanted !== platform)
    throw new Problem(422, 'other_platform', `A file of ${wanted} belongs to a source of that platform.`);
  const random = door.nonce === undefined ? randomUUID() : createHash('sha256').update(door.nonce).digest('hex');
  const id = `imp_${random.replaceAll('-', '').slice(0, 32)}`;
  const known = door.nonce === undefined ? undefined : await storeOf(door).read(id);
  if (known) return known;
  const made: HistoryImport = {
    id,
    sourceId,
    format,
    ...(name !== undefined && { name }),
    state: 'open',
    createdAt: door.now,
  };
  await storeOf(door).put(made);
  return made;
}

async function taken(door: Door, found: HistoryImport, given: PartGiven): Promise<PartTaken> {
  const source = await speakingSource(door, found.sourceId);
  return takePart(door, { store: storeOf(door), found, source, given });
}

/** @throws Problem `import_unfinished` */
async function finished(door: Door, found: HistoryImport, wanted: number): Promise<HistoryImport> {
  const store = storeOf(door);
  const parts = await store.parts(found.id);
  const done = new Set(parts.filter((part) => part.done).map(({ part }) => part));
  const missing = Array.from({ length: wanted }, (_, index) => index + 1).filter((part) => !done.has(part));
  if (missing.length > 0 || parts.length > wanted) {
    const which =
      missing.length > 0
        ? `Part ${missing[0]} is not done.`
        : 'More parts were put than that: DELETE it and begin another.';
    throw new Problem(409, 'import_unfinished', which);
  }
  const counts = parts.reduce((sum, part) => addCounts(sum, part.counts), noCounts);
  const ended: HistoryImport = { ...found, state: 'finished', finishedAt: door.now, parts: wanted, counts };
  await store.put(ended);
  return ended;
}

/** @throws Problem `import_not_found`, alike for one that is not there and one of a source that the key may not use */
async function existing(door: Door, importId: string): Promise<HistoryImport> {
  const found = await storeOf(door).read(importId);
  if (!found || !mayUseSource(door.access, found.sourceId))
    throw new Problem(404, 'import_not_found', 'There is no such import.');
  return found;
}

type ShownParts = z.infer<typeof historyImport>['parts'];

function answered(status: number, found: HistoryImport, parts: ShownParts) {
  return { status, headers: { location: `/v1/imports/${found.id}` }, body: shown(found, parts) };
}

function shown(found: HistoryImport, parts: ShownParts): z.infer<typeof historyImport> {
  const { id, sourceId, format, name, state, createdAt, finishedAt, counts } = found;
  return {
    id,
    sourceId,
    format: format as ImportFormat,
    name: name ?? null,
    state,
    createdAt,
    finishedAt: finishedAt ?? null,
    parts,
    counts: counts ?? null,
  };
}

function shownPart(importId: string, part: number, { progress, errors }: PartTaken): z.infer<typeof importPart> {
  const { items, next, done, counts } = progress;
  return { importId, part, items, next, done, counts, errors };
}
