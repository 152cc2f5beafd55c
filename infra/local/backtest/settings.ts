import { type ApiAccess, readAccess } from '../api-access.ts';
import { readOptions, UsageError } from '../command.ts';

export interface BacktestOutput {
  json: boolean;
  /** A folder for the page. */
  out?: string;
}

interface BacktestFrame extends BacktestOutput {
  /** `1997-09-30` */
  until: string;
  horizonDays: number;
}

export interface FileBacktest extends BacktestFrame {
  file: string;
}

export interface StackBacktest extends BacktestFrame, ApiAccess {}

export const help = `npm run -s backtest -- --transactions FILE.csv --until 1997-09-30 --horizon-days 273
npm run -s backtest -- --until 2026-06-30 --horizon-days 90       # of the customers of a running stack

Fits the value models to the purchases up to a day and compares what they forecast with what came after it.

  --transactions FILE   CSV with the columns customer_id, date and spend, in any order among others; without it the
                        purchases of a running stack, which is asked by its API
  --until DAY           the last day that is fitted to
  --horizon-days N      how many days after it are compared with; of a stack, none beyond today
  --url URL             where Rapport answers; default RAPPORT_URL, else http://127.0.0.1:8787
  --key KEY             a key with the scope value-runs:read; default RAPPORT_KEY
  --json                the figures as JSON on standard output; time in weeks
  --out DIR             writes backtest.json and index.html, a page with plots, into that folder
  --help                this text

Of a file: one row a purchase; rows of one customer on one day are one purchase. Dates as 1997-09-30, 19970930 or a time
in RFC 3339, whose day is the one that is written. Amounts with a point, in one currency; an amount of 0 is a purchase. Rows
with a negative amount (returns) or without a customer are left out and counted. The file may have any size: memory grows
with customers and the days on which they bought.
Of a stack: purchases as they count now, less refunds, in the base currency and the merchant's time zone. Nobody is written
to. Customers who first bought after the day do not count.
Ends with status 2 where the command is wrong, 1 where the file is, or where the stack cannot be asked.
`;

/**
 * @returns nothing where help was asked for
 * @throws UsageError
 */
export function readBacktestSettings(
  given: readonly string[],
  environment: Record<string, string | undefined>,
): FileBacktest | StackBacktest | undefined {
  const values = parsed(given);
  if (values.help) return undefined;
  const { transactions: file, until, out } = values;
  const horizonDays = values['horizon-days'];
  if (file === '') throw new UsageError('Name the file: --transactions FILE.csv.');
  if (!until) throw new UsageError('Name the last day to fit to: --until 1997-09-30.');
  if (!isDay(until)) throw new UsageError(`--until must be a day such as 1997-09-30, not ${JSON.stringify(until)}.`);
  if (!horizonDays) throw new UsageError('Say how many days to compare with: --horizon-days 273.');
  if (!/^[1-9]\d{0,4}$/.test(horizonDays))
    throw new UsageError(`--horizon-days must be a number from 1 to 99999, not ${JSON.stringify(horizonDays)}.`);
  const frame: BacktestFrame = {
    until,
    horizonDays: Number(horizonDays),
    json: values.json ?? false,
    ...(out !== undefined && { out }),
  };
  return file === undefined ? { ...frame, ...readAccess(values, environment) } : { ...frame, file };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readOptions({
    args: [...given],
    options: {
      transactions: text,
      url: text,
      key: text,
      until: text,
      'horizon-days': text,
      json: flag,
      out: text,
      help: { ...flag, short: 'h' },
    },
  }).values;
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}
