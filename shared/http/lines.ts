import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { Problem } from '../engine/problem.ts';

/** One line of NDJSON, or one row of CSV, with the line of the text at which it begins, from 1. */
export interface NumberedLine {
  line: number;
  bytes: Uint8Array;
}

export interface NumberedRow {
  line: number;
  cells: string[];
}

const newline = 0x0a;

/** The lines of NDJSON that hold anything. */
export function linesOf(body: Uint8Array): NumberedLine[] {
  const lines: NumberedLine[] = [];
  let line = 1;
  for (let start = 0; start < body.length; line++) {
    const found = body.indexOf(newline, start);
    const end = found === -1 ? body.length : found;
    const bytes = body.subarray(start, end);
    if (bytes.some((byte) => byte > 0x20)) lines.push({ line, bytes });
    start = end + 1;
  }
  return lines;
}

/**
 * The header and the rows of CSV (RFC 4180; commas, semicolons or tabs, as in the header). Rows that are shorter than
 * the header have empty cells.
 * @throws Problem 400 `malformed_csv` that says where, never what
 */
export function rowsOf(body: Uint8Array): { header: string[]; rows: NumberedRow[] } {
  const text = decoded(body);
  let at = 0;
  let line = 1;
  let sound = 0;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  try {
    const read = parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      info: true,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 1_000_000,
      on_record(record, { bytes: end }) {
        sound = end;
        return record;
      },
    }) as unknown as { record: string[]; info: { bytes: number } }[];
    const [first, ...rows] = read.map(({ record: cells, info }): NumberedRow => {
      const row = { line: line + leadingBreaks(bytes, at), cells };
      line += breaksIn(bytes, at, info.bytes);
      at = info.bytes;
      return row;
    });
    return { header: (first?.cells ?? []).map((name) => name.trim()), rows };
  } catch {
    const broken = 1 + breaksIn(bytes, 0, sound) + leadingBreaks(bytes, sound);
    throw new Problem(400, 'malformed_csv', `The part is no CSV: the row that begins in its line ${broken} is broken.`);
  }
}

function decoded(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    const broken = linesOf(body).find(({ bytes }) => !isUtf8(bytes))?.line;
    throw new Problem(400, 'malformed_csv', `The part is not valid UTF-8, in its line ${broken}.`);
  }
}

/** The most frequent one in the header; the command chooses alike. */
function delimiterOf(text: string): string {
  const header = text.slice(0, Math.max(0, text.search(/\r?\n|$/)));
  const counts = [',', ';', '\t'].map((one) => ({ one, count: header.split(one).length }));
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).one;
}

function breaksIn(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let i = bytes.indexOf(newline, from); i !== -1 && i < to; i = bytes.indexOf(newline, i + 1)) count++;
  return count;
}

/** Empty lines before a row. */
function leadingBreaks(bytes: Buffer, from: number): number {
  let count = 0;
  for (let i = from; bytes[i] === newline || bytes[i] === 0x0d; i++) if (bytes[i] === newline) count++;
  return count;
}
