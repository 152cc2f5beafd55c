import { runCommand } from './command.ts';
import { importFile } from './import/run.ts';
import { help, readImportSettings } from './import/settings.ts';

await runCommand(
  help,
  () => readImportSettings(process.argv.slice(2), process.env),
  (settings) => importFile(settings, process.stdout),
);
