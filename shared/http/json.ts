import { parse } from 'lossless-json';
import { Problem } from '../engine/problem.ts';

const deepest = 16;

/**
 * Reads JSON of strangers: valid UTF-8, at most 16 levels deep, no key twice, no `__proto__`. Numbers that a double
 * cannot hold exactly as written come back as their text: `820982911946154508`, `10.10`.
 * @throws Problem 400 `malformed_json` that says where, never what
 */
export function readJson(body: Uint8Array): unknown {
  const text = decode(body);
  checkDepth(text);
  try {
    return parse(text, refuseProto, { parseNumber: exactNumber, onDuplicateKey: refuseTwice });
  } catch (error) {
    if (error instanceof Problem) throw error;
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

/** Before parsing: a parser that recurses must not meet ten million brackets. */
function checkDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > deepest) throw malformed(`The body is nested deeper than ${deepest} levels.`);
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}

function exactNumber(text: string): number | string {
  const number = Number(text);
  const isExact = Number.isInteger(number) ? Number.isSafeInteger(number) : true;
  return isExact && String(number) === text ? number : text;
}

function refuseTwice({ position }: { position: number }): never {
  throw malformed(`The body names a key twice, at position ${position}.`);
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw malformed('The body has a key __proto__.');
  return value;
}

function placeOf(error: unknown): string {
  const match = error instanceof Error ? /at position (\d+)/.exec(error.message) : undefined;
  return match ? `, at position ${match[1]}` : '';
}

function malformed(detail: string): Problem {
  return new Problem(400, 'malformed_json', detail);
}
