import { readOptions, UsageError } from '../command.ts';

export interface BacktestSettings {
  file: string;
  /** `1997-09-30` */
  until: string;
  horizonDays: number;
  json: boolean;
  /** A folder for the page. */
  out?: string;
}

export const help = `npm run -s backtest -- --transactions FILE.csv --until 1997-09-30 --horizon-days 273

Fits the value models to the purchases up to a day and compares what they forecast with what came after it.

  --transactions FILE   CSV with the columns customer_id, date and spend, in any order among others
  --until DAY           the last day that is fitted to
  --horizon-days N      how many days after it are compared with
  --json                the figures as JSON on standard output; time in weeks
  --out DIR             writes backtest.json and index.html, a page with plots, into that folder
  --help                this text

One row a purchase; rows of one customer on one day are one purchase. Dates as 1997-09-30, 19970930 or a time in RFC 3339,
whose day is the one that is written. Amounts with a point, in one currency; an amount of 0 is a purchase. Rows with a
negative amount (returns) or without a customer are left out and counted. Customers who first bought after the day do not
count. The file may have any size: memory grows with customers and the days on which they bought.
Ends with status 2 where the command is wrong, 1 where the file is.
`;

/**
 * @returns nothing where help was asked for
 * @throws UsageError
 */
export function readBacktestSettings(given: readonly string[]): BacktestSettings | undefined {
  const values = parsed(given);
  if (values.help) return undefined;
  const { transactions: file, until, out } = values;
  const horizonDays = values['horizon-days'];
  if (!file) throw new UsageError('Name the file: --transactions FILE.csv.');
  if (!until) throw new UsageError('Name the last day to fit to: --until 1997-09-30.');
  if (!isDay(until)) throw new UsageError(`--until must be a day such as 1997-09-30, not ${JSON.stringify(until)}.`);
  if (!horizonDays) throw new UsageError('Say how many days to compare with: --horizon-days 273.');
  if (!/^[1-9]\d{0,4}$/.test(horizonDays))
    throw new UsageError(`--horizon-days must be a number from 1 to 99999, not ${JSON.stringify(horizonDays)}.`);
  return {
    file,
    until,
    horizonDays: Number(horizonDays),
    json: values.json ?? false,
    ...(out !== undefined && { out }),
  };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readOptions({
    args: [...given],
    options: {
      transactions: text,
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
