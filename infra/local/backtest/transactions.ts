import { stat } from 'node:fs/promises';
import type { PurchaseRow } from '../../../shared/contracts/backtest.ts';
import { Failure } from '../command.ts';
import { bytesOf, type Row, rowsFrom } from '../import/layout.ts';

/** The file is not what it should be. */
export class FileError extends Failure {
  constructor(message: string) {
    super(message, 1);
  }
}

const columns = ['customer_id', 'date', 'spend'] as const;

/**
 * The rows of a file, one after the other.
 * @throws FileError
 */
export async function* transactionsOf(file: string): AsyncGenerator<PurchaseRow> {
  const facts = await stat(file).catch(() => undefined);
  if (!facts?.isFile()) throw new FileError(`There is no file ${file}.`);
  const beginning = (await bytesOf(file, 0, Math.min(facts.size, 65_536))).toString('utf8');
  let places: number[] | undefined;
  try {
    for await (const { record, info } of rowsFrom(file, 0, delimiterOf(beginning)) as AsyncIterable<NumberedRow>) {
      if (places === undefined) {
        places = placesOf(file, record);
        continue;
      }
      const [customer = -1, date = -1, spend = -1] = places;
      yield {
        line: info.lines,
        customerId: (record[customer] ?? '').trim(),
        date: record[date] ?? '',
        spend: record[spend] ?? '',
      };
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!code.startsWith('CSV_')) throw error;
    throw new FileError(`${file} is no CSV: ${message}.`);
  }
  if (places === undefined) throw new FileError(`${file} is empty.`);
}

type NumberedRow = Row & { info: { lines: number } };

/** The most frequent one in the header. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split(/\r?\n/, 1);
  const counts = [',', ';', '\t'].map((one) => ({ one, count: header.split(one).length }));
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).one;
}

function placesOf(file: string, header: readonly string[]): number[] {
  const names = header.map((name) => name.trim().toLowerCase());
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length === 0) return columns.map((name) => names.indexOf(name));
  throw new FileError(`${file} has no column ${missing.join(', ')}; it has ${names.slice(0, 20).join(', ')}.`);
}
