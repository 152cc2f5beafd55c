import { relative } from 'node:path';
import { adminKey } from './admin-key.ts';
import { firstSteps } from './first-steps.ts';
import { lineLog } from './log.ts';
import { readSettings, type Settings } from './settings.ts';
import { type LocalStack, startLocalStack } from './stack.ts';
import { StartError } from './start-error.ts';

const help = `npm start: runs Rapport whole on this machine, on 127.0.0.1 alone.

  PORT                       where it listens; default 8787, 0 chooses a free port
  RAPPORT_DATA               folder of everything that lasts; default .rapport
  RAPPORT_ADMIN_KEY          the admin key: begins with rk_, 32 characters or more;
                             default: one is made at the first start and shown once
  RAPPORT_SENDER             From of messages, "My shop <hello@example.com>": names the shop
  RAPPORT_SMTP_URL           smtp:// or smtps:// address: messages leave instead of lying in the outbox
  AWS_ENDPOINT_URL_DYNAMODB  another DynamoDB-compatible engine instead of the embedded one

Ctrl-C stops it; whatever was acknowledged is there at the next start.`;

/** A terminal tells Ctrl-C to everyone in front of it, and npm passes it on: both are one. */
const sameSignal = 500;

async function main(settings: Settings): Promise<void> {
  const key = adminKey(settings.dataFolder, settings.adminKey);
  const starting = startLocalStack({
    dataFolder: settings.dataFolder,
    port: settings.port,
    context: { adminKeyHash: key.hash, ...settings.mail },
    ...(settings.engine ? { engine: settings.engine } : {}),
    log: lineLog((line) => console.error(line)),
  });
  stopOnSignal(starting);
  const stack = await starting;
  console.log(greeting(stack.url, settings));
  if (!key.made) return;
  console.log(
    `Your admin key, shown this once (only its hash is kept; RAPPORT_ADMIN_KEY sets another):\n\n  ${key.made.key}\n`,
  );
  console.log(`Try it:\n\n${firstSteps(stack.url, key.made.key, new Date().toISOString())}`);
  key.made.keep();
}

function greeting(url: string, { dataFolder }: Settings): string {
  const folder = relative(process.cwd(), dataFolder);
  return `
Rapport listens on ${url}

  health   ${url}/health
  API      ${url}/openapi.json
  outbox   ${url}/_local/outbox
  status   ${url}/_local/status, and ${url}/_local/dead-letters
  data     ${folder === '' || folder.startsWith('..') ? dataFolder : folder}

Ctrl-C stops it.
`;
}

/** The first signal stops in order, a second one at once. */
function stopOnSignal(starting: Promise<LocalStack>): void {
  let since: number | undefined;
  const onSignal = () => {
    if (since !== undefined) {
      if (performance.now() - since > sameSignal) process.exit(130);
      return;
    }
    since = performance.now();
    starting
      .then((stack) => stack.stop())
      .then(
        () => process.exit(0),
        (error: Error) => fail(error),
      );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

function fail(error: unknown): never {
  const expected = error instanceof StartError;
  console.error(expected ? error.message : error);
  process.exit(1);
}

const asked = process.argv.slice(2);
if (asked.includes('--help') || asked.includes('-h')) console.log(help);
else if (asked.length > 0) {
  console.error(`${asked.join(' ')} is not understood\n\n${help}`);
  process.exit(2);
} else {
  const settings = settingsOrExit();
  main(settings).catch(fail);
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
