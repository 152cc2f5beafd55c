import { amountScale } from './holdout-cut.ts';

const date = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}.*)?$|^(\d{4})(\d{2})(\d{2})$/;
const msPerDay = 86_400_000;

/**
 * The day (since 1970-01-01) that a text names: 1997-09-30, 19970930, or a time such as 1997-09-30T22:15:00+02:00, whose
 * day is the one that is written. Nothing where there is no such day.
 */
export function parseDay(text: string): number | undefined {
  const match = date.exec(text.trim());
  if (!match) return undefined;
  const [year, month, day] = [match[1] ?? match[4], match[2] ?? match[5], match[3] ?? match[6]].map(Number);
  const at = Date.UTC(year ?? 0, (month ?? 0) - 1, day ?? 0);
  const shown = new Date(at);
  const isDay = shown.getUTCMonth() + 1 === month && shown.getUTCDate() === day && shown.getUTCFullYear() === year;
  return isDay ? at / msPerDay : undefined;
}

/** `1997-09-30` */
export function textOfDay(day: number): string {
  return new Date(day * msPerDay).toISOString().slice(0, 10);
}

/** Amounts below this can be added up a thousandfold without loss. */
const mostAmount = 1e9;

/** Ten thousandths, whole: `12.50` is 125,000. Nothing where the text is no decimal number, or too large. */
export function parseAmount(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(trimmed)) return undefined;
  const amount = Math.round(Number(trimmed) * amountScale);
  return Math.abs(amount) <= mostAmount * amountScale ? amount : undefined;
}
