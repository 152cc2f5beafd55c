import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerSettings } from './function-messages.ts';

/** Runs within a worker thread: one function's bundle, any number of invocations at a time. */
const settings = workerData as WorkerSettings;
const port = parentPort;
if (!port) throw new Error('this module runs in a worker thread');
const post = (message: FromWorker) => port.postMessage(message);

// The SDK announces on every start which Node it will want next year; that is not for the log of a shop.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (!String(args[0]).includes('NodeVersionSupportWarning')) emitWarning(...args);
};

/** A stray error belongs to no invocation: as in Lambda it ends the whole environment. Its message may hold anything. */
function crash(kind: string) {
  return (error: unknown) => {
    post({ crashed: `${kind} ${error instanceof Error ? error.name : typeof error}` });
    process.exit(1);
  };
}
process.on('uncaughtException', crash('uncaught'));
process.on('unhandledRejection', crash('unhandled rejection of'));

type Handler = (event: unknown, context: object) => unknown;

function describe(error: unknown): { errorType: string; errorMessage: string; trace: string[] } {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n').slice(1, 6) };
}

let handler: Handler | undefined;
let failed: unknown;
try {
  const module = (await import(settings.bundle)) as Record<string, unknown>;
  if (typeof module.handler !== 'function') throw new Error('the entry exports no function named handler');
  handler = module.handler as Handler;
  post({ ready: true });
} catch (error) {
  failed = error;
  post({ broken: describe(error) });
}

port.on('message', (message: ToWorker) => {
  run(message).catch((error: unknown) => post({ id: message.id, error: describe(error) }));
});

async function run({ id, event, deadline }: ToWorker): Promise<void> {
  if (!handler) throw failed;
  const context = {
    ...settings.context,
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  const value = await handler(event, context);
  // Lambda hands results on as JSON; what JSON leaves out is left out here as well.
  post({ id, result: value === undefined ? 'null' : JSON.stringify(value) });
}
