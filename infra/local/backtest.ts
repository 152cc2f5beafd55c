import { backtestFile } from './backtest/run.ts';
import { help, readBacktestSettings, UsageError } from './backtest/settings.ts';
import { FileError } from './backtest/transactions.ts';

try {
  const settings = readBacktestSettings(process.argv.slice(2));
  if (settings) await backtestFile(settings, (text) => process.stdout.write(text));
  else console.log(help);
} catch (error) {
  const isUsage = error instanceof UsageError;
  if (!isUsage && !(error instanceof FileError)) throw error;
  console.error(isUsage ? `${error.message}\n\n${help}` : error.message);
  process.exitCode = isUsage ? 2 : 1;
}
