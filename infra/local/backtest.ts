import { backtestFile } from './backtest/run.ts';
import { help, readBacktestSettings } from './backtest/settings.ts';
import { runCommand } from './command.ts';

await runCommand(
  help,
  () => readBacktestSettings(process.argv.slice(2)),
  async (settings) => {
    await backtestFile(settings, (text) => process.stdout.write(text));
    return 0;
  },
);
