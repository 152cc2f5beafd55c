// JavaScript, so that a thread can begin with it anywhere: it brings in what reads TypeScript.
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
const { app, context, outdir } = workerData;
try {
  const { createApp } = await import(app);
  const assembly = createApp({ context, outdir }).synth();
  const stacks = assembly.stacksRecursively.map(({ stackName, template }) => ({ stackName, template }));
  parentPort.postMessage({ stacks });
} catch (error) {
  parentPort.postMessage({ failure: error instanceof Error ? error.stack : String(error) });
}
