import { lineLog } from '../../infra/local/log.ts';
import { startLocalStack } from '../../infra/local/stack.ts';

/** Runs the small app until it is told to end, or killed: `stack-process.ts <data folder>`. Says where it listens. */
const stack = await startLocalStack({
  dataFolder: process.argv[2] ?? '',
  port: 0,
  app: new URL('./app/app.ts', import.meta.url).href,
  log: lineLog((line) => console.error(line)),
});
// Whoever hears that it is there may end it at once.
process.on('SIGTERM', () => void stack.stop().then(() => process.exit(0)));
console.log(JSON.stringify({ url: stack.url, engineUrl: stack.engineUrl }));
