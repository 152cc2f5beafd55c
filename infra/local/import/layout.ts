import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Parser, parse } from 'csv-parse';
import { csv, groupColumns, type ImportFormat, importFormats, mediaTypeOf } from '../../../shared/contracts/imports.ts';
import { UsageError } from '../command.ts';

/** How a file is laid out: what has to be known to cut it. */
export type Layout =
  | { kind: 'lines'; format: ImportFormat }
  | { kind: 'array'; format: ImportFormat; begin: number }
  | { kind: 'rows'; format: ImportFormat; delimiter: string; group: number[]; header: Buffer; begin: number };

const peeked = 256 * 1024;
const byteOrderMark = '\ufeff';

/**
 * Looks at the beginning of a file.
 * @throws UsageError where it is of no known format, or not of the one that was named
 */
export async function layoutOf(file: string, wanted: ImportFormat | undefined): Promise<Layout> {
  const text = await beginningOf(file);
  const [first = ''] = text.replace(byteOrderMark, '').trimStart();
  if (first === '') throw new UsageError(`${file} is empty.`);
  if (first === '{' || first === '[') {
    const format = wanted ?? formatOfObject(text);
    if (mediaTypeOf(format) === csv) throw new UsageError(`${file} is JSON, not ${format}.`);
    if (first === '{') return { kind: 'lines', format };
    return { kind: 'array', format, begin: Buffer.byteLength(text.slice(0, text.indexOf('[') + 1)) };
  }
  const delimiter = delimiterOf(text);
  const { cells, bytes } = await headerOf(file, delimiter);
  const format = wanted ?? formatOfHeader(cells);
  if (mediaTypeOf(format) !== csv) throw new UsageError(`${file} is no JSON, as ${format} is.`);
  const group = (groupColumns[format] ?? []).map((column) => cells.indexOf(column));
  if (group.includes(-1)) throw new UsageError(`${file} lacks the columns of ${format}.`);
  const header = Buffer.from((await bytesOf(file, 0, bytes)).toString('utf8').replace(byteOrderMark, ''));
  return { kind: 'rows', format, delimiter, group, header, begin: bytes };
}

async function beginningOf(file: string): Promise<string> {
  return (await bytesOf(file, 0, peeked)).toString('utf8');
}

/** Fewer at the end of the file. */
export async function bytesOf(file: string, start: number, end: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(end - start);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** The most frequent one in the header; the API chooses alike. */
function delimiterOf(text: string): string {
  const header = text.slice(0, Math.max(0, text.search(/\r?\n|$/)));
  const counts = [',', ';', '\t'].map((one) => ({ one, count: header.split(one).length }));
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).one;
}

/**
 * Rows with what of the file was read up to their end, in bytes.
 * @param most so many, all where absent: what is wrong behind them is not looked at
 */
export function rowsFrom(file: string, start: number, delimiter: string, most?: number): Parser {
  const parser = parse({
    ...(most !== undefined && { to: most }),
    bom: start === 0,
    delimiter,
    info: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: 1_000_000,
  });
  const stream = createReadStream(file, { start, highWaterMark: 256 * 1024 });
  stream.on('error', (error) => parser.destroy(error));
  parser.on('close', () => stream.destroy());
  return stream.pipe(parser);
}

export interface Row {
  record: string[];
  info: { bytes: number };
}

async function headerOf(file: string, delimiter: string): Promise<{ cells: string[]; bytes: number }> {
  for await (const { record, info } of rowsFrom(file, 0, delimiter, 1) as AsyncIterable<Row>)
    return { cells: record.map((name) => name.trim()), bytes: info.bytes };
  throw new UsageError(`${file} has no header.`);
}

const unknown = `Its format is not known by its looks: name it by --format (${importFormats.join(', ')}).`;

function formatOfHeader(columns: readonly string[]): ImportFormat {
  const has = (...names: string[]) => names.every((name) => columns.includes(name));
  if (has('Name', 'Financial Status', 'Lineitem name')) return 'shopify-csv';
  if (has('order_id', 'order_total')) return 'woocommerce-csv';
  if (has('type', 'externalId', 'occurredAt')) return 'rapport-csv';
  throw new UsageError(unknown);
}

/** By the names that stand in the first object, wherever they stand in it. */
function formatOfObject(text: string): ImportFormat {
  const has = (...names: string[]) => names.every((name) => text.includes(`"${name}"`));
  if (has('date_created_gmt', 'order_key') || has('date_created_gmt', 'line_items')) return 'woocommerce-ndjson';
  if (has('total_price', 'created_at')) return 'shopify-ndjson';
  if (has('type', 'externalId', 'occurredAt')) return 'rapport-ndjson';
  throw new UsageError(unknown);
}
