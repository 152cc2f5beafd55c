import { isDay, type Publication, parseRatio } from '../domain/exchange-rate.ts';
import { isCurrency } from '../domain/money.ts';

/** Rates as they were published, with the currencies that are none of today's: nothing is kept of those. */
export interface Read extends Publication {
  passedOver: string[];
}

const mostDays = 20_000;
const mostCurrencies = 200;

/**
 * Reads the ECB's euro foreign exchange reference rates (ecb.europa.eu/stats/eurofxref), units of each currency for one
 * euro, in both of its CSV forms: the daily one (`Date, USD, JPY, …, `, days as `20 November 2026`, blanks) and the
 * historic one (`Date,USD,JPY,…,`, ISO days, `N/A` where there was no rate). Both have a comma behind the last value of
 * each line. A file that was cut within a number must not pass for a whole one: where the header has that comma each line
 * must have it, else the last line must have its end.
 * @returns what is wrong, by line, where it is neither
 */
export function readEcbRates(text: string): Read | { fault: string } {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const [first, ...codes] = cellsOf(head);
  const hasEnd = endsWithComma(head);
  if (first !== 'Date' || codes.length === 0) return { fault: 'line 1: must begin with Date and name the currencies' };
  const odd = codes.find((code) => !/^[A-Z]{3}$/.test(code));
  if (odd !== undefined) return { fault: 'line 1: names what is no currency' };
  if (new Set(codes).size < codes.length) return { fault: 'line 1: names a currency twice' };
  if (codes.length > mostCurrencies) return { fault: `line 1: names more than ${mostCurrencies} currencies` };
  if (lines.length > mostDays) return { fault: `has more than ${mostDays} lines` };

  const rates: Publication['rates'][number][] = [];
  const days = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const at = `line ${index + 2}`;
    const [when = '', ...values] = cellsOf(line);
    const date = dayIn(when);
    if (date === undefined) return { fault: `${at}: must begin with a day` };
    if (days.has(date)) return { fault: `${at}: is a day that stands there already` };
    days.add(date);
    const isWhole = hasEnd ? endsWithComma(line) : index < lines.length - 1;
    if (values.length === codes.length && !isWhole)
      return { fault: `${at}: ${hasEnd ? 'must end with a comma, as line 1 does' : 'must end with a line break'}` };
    if (values.length !== codes.length) return { fault: `${at}: must have a value for each currency of line 1` };
    for (const [column, code] of codes.entries()) {
      const value = values[column] ?? '';
      if (value === 'N/A' || value === '' || !isCurrency(code)) continue;
      const units = parseRatio(value);
      if (!units) return { fault: `${at}: the rate of ${code} must be a decimal number greater than 0` };
      rates.push({ date, currency: code, ...units });
    }
  }
  return { base: 'EUR', rates, passedOver: codes.filter((code) => !isCurrency(code)) };
}

function endsWithComma(line: string): boolean {
  return line.trimEnd().endsWith(',');
}

/** Without the empty one behind the comma at the end. */
function cellsOf(line: string): string[] {
  const cells = line.split(',').map((cell) => cell.trim());
  return cells.length > 1 && cells.at(-1) === '' ? cells.slice(0, -1) : cells;
}

const months = 'january february march april may june july august september october november december'.split(' ');

/** `2026-11-20`, or `20 November 2026`, or with the month cut to three letters or more. */
function dayIn(text: string): string | undefined {
  const match = /^(\d{1,2}) ([A-Za-z]{3,9}) (\d{4})$/.exec(text);
  if (!match) return isDay(text) ? text : undefined;
  const [, day = '', name = '', year = ''] = match;
  const month = months.findIndex((one) => one.startsWith(name.toLowerCase())) + 1;
  const written = `${year}-${String(month).padStart(2, '0')}-${day.padStart(2, '0')}`;
  return month > 0 && isDay(written) ? written : undefined;
}
