import { backtestFile } from './backtest/run.ts';
import { help, readBacktestSettings } from './backtest/settings.ts';
import { backtestStack } from './backtest/stack.ts';
import { runCommand } from './command.ts';

await runCommand(
  help,
  () => readBacktestSettings(process.argv.slice(2), process.env),
  async (settings) => {
    const say = (text: string) => process.stdout.write(text);
    if ('file' in settings) await backtestFile(settings, say);
    else await backtestStack(settings, say, (text) => process.stderr.write(text));
    return 0;
  },
);
