import { zoneOffset } from '../domain/calendar.ts';
import { type Instant, instantOf, later, millisecondsOf, parseInstant } from '../domain/instant.ts';
import { Unintelligible } from '../engine/fact.ts';
import type { ExportRow } from '../engine/storefront.ts';

/** Cells of shops' own exports. Columns that a file lacks are empty cells. */

/** Nothing where the cell is empty. Spreadsheets write `'` before what is not to be taken for a number. */
export function cell(row: ExportRow, column: string): string | undefined {
  const text = (row[column] ?? '').trim().replace(/^'/, '');
  return text === '' ? undefined : text;
}

/** @throws Unintelligible where the cell is empty */
export function neededCell(row: ExportRow, column: string): string {
  const text = cell(row, column);
  if (text === undefined) throw new Unintelligible(`${column}: is missing`);
  return text;
}

/** @throws Unintelligible for what a spreadsheet made of a long number: `5.55E+12` */
export function idCell(row: ExportRow, column: string): string {
  const text = neededCell(row, column);
  if (!/^\d{1,20}$/.test(text)) throw new Unintelligible(`${column}: is no whole number`);
  return text;
}

const wallClock = /^(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})[ ]+(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

/**
 * A time: `2024-05-01 10:00:00 -0400`, or by the shop's own clock `2024-05-01 10:00:00` or `5/1/2024 10:00:00`.
 * @throws Unintelligible where the cell is none of these
 */
export function timeCell(row: ExportRow, column: string, timeZone: string): Instant | undefined {
  const text = cell(row, column);
  if (text === undefined) return undefined;
  const instant = parseInstant(text.replace(/ (?=(?:[+-]\d{2}:?\d{2}|Z)$)/, '').replace(/ UTC$/, 'Z'));
  const found = instant ?? parseInstant(atZone(text, timeZone));
  if (!found) throw new Unintelligible(`${column}: is no time that is understood`);
  return found;
}

function atZone(text: string, timeZone: string): string {
  const [, year, month, day, ...clock] = wallClock.exec(text) ?? reordered(american.exec(text)) ?? [];
  if (year === undefined) return '';
  const [hour = '', minute = '', second = '00'] = clock;
  const two = (part = '') => part.padStart(2, '0');
  const local = `${year}-${two(month)}-${two(day)}T${two(hour)}:${minute}:${second}`;
  const shown = parseInstant(`${local}Z`);
  if (!shown) return '';
  // The offset at the moment that is looked for, found by way of one that is near.
  const offsetAt = offsetOf(timeZone);
  const near = millisecondsOf(shown) - offsetAt(millisecondsOf(shown));
  return new Date(millisecondsOf(shown) - offsetAt(near)).toISOString();
}

function reordered(match: RegExpExecArray | null): string[] | undefined {
  if (!match) return undefined;
  const [all, month = '', day = '', year = '', ...clock] = match;
  return [all, year, month, day, ...clock];
}

const offsets = new Map<string, ReturnType<typeof zoneOffset>>();

function offsetOf(timeZone: string) {
  const known = offsets.get(timeZone) ?? zoneOffset(timeZone);
  offsets.set(timeZone, known);
  return known;
}

/**
 * The time of a state of which a file tells no time, only that of its order: of those of one second the one that comes
 * later in an order's life is a little later, in milliseconds.
 */
export function inStage(at: Instant, stage: number): Instant {
  return instantOf(millisecondsOf(at) + stage);
}

export function latestOf(first: Instant, ...others: (Instant | undefined)[]): Instant {
  return others.reduce<Instant>((latest, next) => later(latest, next) ?? latest, first);
}
