import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type BacktestAnswer,
  type BacktestOrder,
  type BacktestReport,
  backtestEntry,
} from '../../../shared/contracts/backtest.ts';
import { repositoryRoot } from '../../bundling.ts';
import { pageOf } from './page.ts';
import { notes, tableOf } from './print.ts';
import type { BacktestOutput, FileBacktest } from './settings.ts';
import { FileError, transactionsOf } from './transactions.ts';

/**
 * @param say takes what goes to standard output
 * @throws FileError for a file that cannot be read as purchases
 */
export async function backtestFile(settings: FileBacktest, say: (text: string) => void): Promise<void> {
  const { file, until, horizonDays } = settings;
  const answer = await backtest({ rows: transactionsOf(file), until, horizonDays });
  if (answer.kind === 'refused') {
    const place = answer.line === undefined ? '' : `, line ${answer.line}`;
    throw new FileError(`${file}${place}: ${answer.reason}.`);
  }
  const { report, seconds } = answer;
  const remarks = notes(report);
  await show({ report, remarks, table: () => tableOf(report, remarks, seconds) }, settings, say);
}

/** Writes the page where one is asked for, and the figures in the form that is asked for. */
export async function show(
  { report, remarks, table }: { report: BacktestReport; remarks: readonly string[]; table: () => string },
  { json, out }: BacktestOutput,
  say: (text: string) => void,
): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'backtest.json'), text);
    await writeFile(join(out, 'index.html'), pageOf(report, remarks));
  }
  if (json) say(text);
  else say(`${table()}${out === undefined ? '' : `\nThe page: ${join(out, 'index.html')}\n`}`);
}

/** The function that answers, run here: it needs nothing but the rows. */
export async function backtest(order: BacktestOrder): Promise<BacktestAnswer> {
  const entry = pathToFileURL(resolve(repositoryRoot, backtestEntry)).href;
  const { handler } = (await import(entry)) as { handler(order: BacktestOrder): Promise<BacktestAnswer> };
  return handler(order);
}
