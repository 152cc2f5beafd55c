import { createReadStream } from 'node:fs';
import { mostPartBytes } from '../../../shared/contracts/imports.ts';
import { bytesOf, type Layout, type Row, rowsFrom } from './layout.ts';

/** Where in a file a part ends, and the next begins. */
export interface Place {
  /** Bytes. */
  offset: number;
  /** From 1; of an array, the number of the item. */
  line: number;
}

export interface Part {
  body: Buffer;
  /** The line of the file at which it begins, the header left out. */
  line: number;
  end: Place;
}

export class FileError extends Error {}

/** A stretch of the file that must not be cut. */
interface Stretch {
  start: number;
  end: number;
}

const newline = 0x0a;

export function beginOf(layout: Layout): Place {
  if (layout.kind === 'rows') return { offset: layout.begin, line: 1 + breaksIn(layout.header) };
  return { offset: layout.kind === 'array' ? layout.begin : 0, line: 1 };
}

/**
 * Cuts a file into parts of about so many bytes, never within an order; holds one of them in memory. From the same place
 * on the parts are the same.
 */
export async function* cut(file: string, layout: Layout, from: Place, bytes: number): AsyncGenerator<Part> {
  let { line } = from;
  let gathered: Stretch[] = [];
  for await (const stretch of stretchesOf(file, layout, from.offset)) {
    gathered.push(stretch);
    if (stretch.end - (gathered[0]?.start ?? 0) < bytes) continue;
    const part = await partOf(file, layout, gathered, line);
    gathered = [];
    line = part.end.line;
    yield part;
  }
  if (gathered.length > 0) yield await partOf(file, layout, gathered, line);
}

async function partOf(file: string, layout: Layout, stretches: Stretch[], line: number): Promise<Part> {
  const start = stretches[0]?.start ?? 0;
  const offset = stretches.at(-1)?.end ?? start;
  if (offset - start > mostPartBytes) throw new FileError(`At line ${line} an item is larger than the API takes.`);
  const text = await bytesOf(file, start, offset);
  const read = layout.kind === 'array' ? onLines(text, start, stretches) : text;
  const body = layout.kind === 'rows' ? Buffer.concat([layout.header, text]) : read;
  if (body.length > mostPartBytes) throw new FileError(`At line ${line} an item is larger than the API takes.`);
  const lines = layout.kind === 'array' ? stretches.length : breaksIn(text);
  return { body, line, end: { offset, line: line + lines } };
}

/** One item a line: a line break within JSON is white space, as in a string none may stand. */
function onLines(text: Buffer, start: number, items: readonly Stretch[]): Buffer {
  return Buffer.concat(
    items.flatMap((item) => {
      const one = Buffer.from(text.subarray(item.start - start, item.end - start));
      for (let i = 0; i < one.length; i++) if (one[i] === newline || one[i] === 0x0d) one[i] = 0x20;
      return [one, Buffer.from([newline])];
    }),
  );
}

function breaksIn(text: Uint8Array): number {
  let count = 0;
  for (let i = text.indexOf(newline); i !== -1; i = text.indexOf(newline, i + 1)) count++;
  return count;
}

function stretchesOf(file: string, layout: Layout, offset: number): AsyncGenerator<Stretch> {
  if (layout.kind === 'rows') return groupsOf(file, layout, offset);
  return layout.kind === 'array' ? itemsOf(file, offset) : linesOf(file, offset);
}

/** Rows of one order stand together. */
async function* groupsOf(file: string, layout: Layout & { kind: 'rows' }, offset: number): AsyncGenerator<Stretch> {
  let start = offset;
  let end = offset;
  let group: string | undefined;
  try {
    for await (const { record, info } of rowsFrom(file, offset, layout.delimiter) as AsyncIterable<Row>) {
      const next = layout.group.map((column) => record[column] ?? '').join('\0');
      if (group !== undefined && next !== group) {
        yield { start, end };
        start = end;
      }
      group = next;
      end = offset + info.bytes;
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!code.startsWith('CSV_')) throw error;
    throw new FileError(`After byte ${end} the file is no CSV (${code}): it was changed meanwhile.`);
  }
  if (end > start) yield { start, end };
}

async function* linesOf(file: string, offset: number): AsyncGenerator<Stretch> {
  let start = offset;
  let at = offset;
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    for (let i = chunk.indexOf(newline); i !== -1; i = chunk.indexOf(newline, i + 1)) {
      yield { start, end: at + i + 1 };
      start = at + i + 1;
    }
    at += chunk.length;
  }
  if (at > start) yield { start, end: at };
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The items of a JSON array, from within it on. Whether each of them is JSON is for the API to say. */
async function* itemsOf(file: string, offset: number): AsyncGenerator<Stretch> {
  let at = offset;
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  let start = -1;
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    for (const [index, byte] of chunk.entries()) {
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) isText = false;
        continue;
      }
      if (depth === 0 && (byte === comma || byte === closeBracket)) {
        if (start !== -1) yield { start, end: at + index };
        start = -1;
        if (byte === closeBracket) return;
        continue;
      }
      if (start === -1 && byte > 0x20) start = at + index;
      if (byte === quote) isText = true;
      else if (byte === openBrace || byte === openBracket) depth++;
      else if (byte === closeBrace || byte === closeBracket) depth--;
    }
    at += chunk.length;
  }
  throw new FileError('The file ends within its JSON array.');
}
