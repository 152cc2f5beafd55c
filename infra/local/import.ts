import { UsageError } from './api-access.ts';
import { importFile } from './import/run.ts';
import { help, readImportSettings } from './import/settings.ts';

try {
  const settings = readImportSettings(process.argv.slice(2), process.env);
  if (settings) process.exitCode = await importFile(settings, process.stdout);
  else console.log(help);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}
