import { UsageError } from './api-access.ts';
import { replay } from './replay/run.ts';
import { help, readReplaySettings } from './replay/settings.ts';

try {
  const settings = readReplaySettings(process.argv.slice(2), process.env);
  if (settings) process.exitCode = await replay(settings, process.stdout);
  else console.log(help);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}
