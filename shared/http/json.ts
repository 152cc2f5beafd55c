import { parse } from 'lossless-json';
import { Problem } from '../engine/problem.ts';

const deepest = 16;

/**
 * Reads JSON of strangers: valid UTF-8, at most 16 levels deep, no key twice, no `__proto__`. Numbers that a double
 * cannot hold exactly come back as their text: `820982911946154508`, `92.43999999999999999`.
 * @throws Problem 400 `malformed_json` that says where, never what
 */
export function readJson(body: Uint8Array): unknown {
  const text = decode(body);
  if (checkShape(text).hasPlainNumbers) {
    try {
      return JSON.parse(text);
    } catch {
      // The other parser says where.
    }
  }
  try {
    return parse(text, undefined, { parseNumber: exactNumber });
  } catch (error) {
    throw malformed(`The body is not JSON${placeOf(error)}.`);
  }
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw malformed('The body is not valid UTF-8.');
  }
}

/**
 * Before parsing: a parser that recurses must not meet ten million brackets, and neither minds a key that comes twice
 * with the same value.
 * @returns whether a double holds each number exactly: such a body is parsed in a fifth of the time
 */
function checkShape(text: string): { hasPlainNumbers: boolean } {
  /** For each open object the keys that it has named; nothing for an array. */
  const open: (Set<string> | undefined)[] = [];
  let keyComes = false;
  let hasPlainNumbers = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      const end = endOfString(text, i);
      if (keyComes) nameKey(open.at(-1), text.slice(i, end + 1), i);
      keyComes = false;
      i = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (open.length === deepest) throw malformed(`The body is nested deeper than ${deepest} levels.`);
      keyComes = code === 0x7b;
      open.push(keyComes ? new Set() : undefined);
    } else if (code === 0x7d || code === 0x5d) {
      open.pop();
      keyComes = false;
    } else if (code === 0x2c) keyComes = open.at(-1) !== undefined;
    else if (isOfNumber(code)) {
      const end = endOfNumber(text, i);
      hasPlainNumbers &&= isPlain(text, i, end);
      i = end - 1;
    }
  }
  return { hasPlainNumbers };
}

/** A digit or the sign before it. */
function isOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d;
}

/** The place behind the number that begins at `start`, or where its exponent does. */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (isOfNumber(text.charCodeAt(end)) || text.charCodeAt(end) === 0x2e) end++;
  return end;
}

/** Fifteen digits at most, without an exponent, and no zero with a sign. */
function isPlain(text: string, start: number, end: number): boolean {
  const next = text.charCodeAt(end) | 0x20;
  return end - start <= 15 && next !== 0x65 && !text.startsWith('-0', start);
}

/** Where the string that begins at `start` ends. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i;
  }
  return text.length;
}

function nameKey(keys: Set<string> | undefined, quoted: string, position: number): void {
  const key = quoted.includes('\\') ? unescaped(quoted) : quoted.slice(1, -1);
  if (key === undefined || !keys) return;
  if (key === '__proto__') throw malformed('The body has a key __proto__.');
  if (keys.has(key)) throw malformed(`The body names a key twice, at position ${position}.`);
  keys.add(key);
}

/** Nothing where the text is no string: the parser will say so. */
function unescaped(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

/** What is longer is no number that anybody reckons with. */
const longestNumber = 40;

/** A double gives back fifteen digits as they were written, whatever zeros or exponent stand around them. */
function exactNumber(text: string): number | string {
  if (text.length > longestNumber) return text;
  const number = Number(text);
  const isInRange = Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
  const digits = text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '');
  const isExact = digits.length <= 15 && (number !== 0 || digits === '');
  return isInRange && (isExact || String(number) === text) ? number || 0 : text;
}

function placeOf(error: unknown): string {
  const match = error instanceof Error ? /at position (\d+)/.exec(error.message) : undefined;
  return match ? `, at position ${match[1]}` : '';
}

function malformed(detail: string): Problem {
  return new Problem(400, 'malformed_json', detail);
}
