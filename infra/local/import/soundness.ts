import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { FileError } from './cut.ts';
import type { Layout } from './layout.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
const byteOrderMark = Buffer.from('\ufeff');

/**
 * Reads a file of rows once before anything is sent: what no part of it could be taken for is told by its line, and
 * nothing is left half done. Files of JSON are judged item by item.
 * @throws FileError where it is not UTF-8, or its quotes do not close
 */
export async function checkSoundness(file: string, layout: Layout): Promise<void> {
  if (layout.kind !== 'rows') return;
  const quotes = new Quotes(layout.delimiter);
  let line = 1;
  let isFirst = true;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    const read = Buffer.concat([rest, chunk]);
    const end = read.lastIndexOf(newline) + 1;
    line = checkText(read.subarray(0, end), line);
    rest = read.subarray(end);
    quotes.read(isFirst && chunk.subarray(0, 3).equals(byteOrderMark) ? chunk.subarray(3) : chunk);
    isFirst = false;
  }
  checkText(rest, line);
  quotes.end();
}

/** @returns the line after it */
function checkText(text: Buffer, first: number): number {
  const isSound = isUtf8(text);
  let line = first;
  let start = 0;
  for (let i = text.indexOf(newline); i !== -1; i = text.indexOf(newline, start)) {
    if (!isSound && !isUtf8(text.subarray(start, i))) throw notUtf8(line);
    line++;
    start = i + 1;
  }
  if (!isSound) throw notUtf8(line);
  return line;
}

function notUtf8(line: number): FileError {
  return broken(`Line ${line} is not UTF-8: save the file as UTF-8 (in Excel "CSV UTF-8")`);
}

function broken(fault: string): FileError {
  return new FileError(`${fault}, and give the command again. Nothing was imported.`);
}

/** Where quotes stand in CSV (RFC 4180): they open at the beginning of a cell, and close at its end. */
class Quotes {
  readonly #delimiter: number;
  #state: 'begin' | 'plain' | 'quoted' | 'closed' = 'begin';
  #line = 1;
  /** Line of the last quote that opened. */
  #opened = 0;

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  read(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#state === 'quoted') {
        if (byte === quote) this.#state = 'closed';
      } else if (byte === this.#delimiter || byte === newline) this.#state = 'begin';
      else if (byte === quote) this.#meetQuote();
      else if (this.#state === 'closed') this.#goOnAfterQuote(byte);
      else this.#state = 'plain';
      if (byte === newline) this.#line++;
    }
  }

  /** @throws FileError */
  end(): void {
    if (this.#state === 'quoted') throw broken(`A quote opens in line ${this.#opened} and never closes: mend it`);
  }

  #meetQuote(): void {
    if (this.#state === 'plain')
      throw broken(`In line ${this.#line} a quote stands within a cell that does not begin with one: mend it`);
    // A quote within quotes is written twice.
    if (this.#state === 'begin') this.#opened = this.#line;
    this.#state = 'quoted';
  }

  #goOnAfterQuote(byte: number): void {
    if (byte === carriageReturn) return;
    const where = this.#line === this.#opened ? '' : ` before line ${this.#line}`;
    throw broken(`A quote opens in line ${this.#opened} and does not close as it should${where}: mend it`);
  }
}
