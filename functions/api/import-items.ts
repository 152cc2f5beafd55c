import { csv, type ImportFormat, mediaTypeOf } from '../../shared/contracts/imports.ts';
import type { Platform, Source } from '../../shared/domain/source.ts';
import type { Translation } from '../../shared/engine/fact.ts';
import type { ImportItem } from '../../shared/engine/import-part.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { byItsSource } from '../../shared/engine/receive.ts';
import type { ExportRow } from '../../shared/engine/storefront.ts';
import { readJson } from '../../shared/http/json.ts';
import { linesOf, rowsOf } from '../../shared/http/lines.ts';
import { itemBytes } from '../../shared/http/route.ts';
import { invalid } from '../../shared/http/validate.ts';
import { exports, type PlatformExports } from '../../shared/storefronts/exports.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { checkedInteraction, factOf } from './interaction-fact.ts';
import { goesOnInteraction, interactionOf, neededColumns } from './interaction-row.ts';

/** The platform whose own export a format is; absent for ours, which any source may be given. */
export function platformOf(format: ImportFormat): Platform | undefined {
  const [name] = format.split('-');
  return name === 'rapport' ? undefined : (name as Platform);
}

/**
 * The items of a part, each of which is read when its turn comes: what is wrong with one is no matter of the others.
 * @param firstLine line of the file at which the part begins, the header of CSV left out
 * @throws Problem `malformed_csv`, `other_columns`
 */
export function itemsOf(format: ImportFormat, body: Uint8Array, source: Source, firstLine: number): ImportItem[] {
  const asSaid = (said: Translation): Translation =>
    said.kind === 'fact' ? { kind: 'fact', fact: byItsSource(said.fact, source, storefronts) } : said;
  const platform = platformOf(format);
  const known = platform && exports[platform];
  if (mediaTypeOf(format) === csv) {
    return groupsOf(body, known, firstLine).map(({ line, rows, fault }) => ({
      line,
      read() {
        if (fault) throw new Problem(400, 'malformed_row', fault);
        return known ? asSaid(known.csv.translate(rows, source)) : ourFact(interactionOf(rows), source);
      },
    }));
  }
  return linesOf(body).map(({ line, bytes }) => ({
    line: firstLine + line - 1,
    read() {
      const item = readJson(bytes);
      if (known) return asSaid(known.order(item, source));
      if (bytes.byteLength > itemBytes)
        throw new Problem(413, 'item_too_large', `An interaction has at most ${itemBytes} bytes.`);
      return ourFact(item, source);
    },
  }));
}

function ourFact(item: unknown, source: Source): Translation {
  const given = checkedInteraction(item);
  if (given.sourceId !== undefined && given.sourceId !== source.id)
    throw invalid([{ pointer: '/sourceId', detail: 'must be the source of the import, or left out' }]);
  return { kind: 'fact', fact: factOf(given, source.id) };
}

interface Group {
  line: number;
  rows: ExportRow[];
  fault?: string;
}

function groupsOf(body: Uint8Array, known: PlatformExports | undefined, firstLine: number): Group[] {
  const { header, rows } = rowsOf(body);
  const missing = (known?.csv.needs ?? neededColumns).filter((column) => !header.includes(column));
  if (missing.length > 0)
    throw new Problem(422, 'other_columns', `The file is of another format: its header lacks ${missing.join(', ')}.`);
  const goesOn = known?.csv.goesOn ?? goesOnInteraction;
  const groups: Group[] = [];
  // The header is the first line of every part.
  for (const { line, cells } of rows) {
    const row = Object.fromEntries(header.map((column, index) => [column, cells[index] ?? '']));
    const fault = cells.slice(header.length).some((text) => text !== '')
      ? 'The row has more cells than the header.'
      : '';
    const last = groups.at(-1);
    const first = last?.rows[0];
    if (last && first && goesOn(first, row)) {
      last.rows.push(row);
      if (fault) last.fault = fault;
    } else groups.push({ line: firstLine + line - 2, rows: [row], ...(fault && { fault }) });
  }
  return groups;
}
