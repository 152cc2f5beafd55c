import { runCommand } from './command.ts';
import { replay } from './replay/run.ts';
import { help, readReplaySettings } from './replay/settings.ts';

await runCommand(
  help,
  () => readReplaySettings(process.argv.slice(2), process.env),
  (settings) => replay(settings, process.stdout),
);
