import { Worker } from 'node:worker_threads';
import { StartError } from './start-error.ts';
import type { StackTemplate } from './template.ts';

export interface SynthInput {
  /** `file:` URL of the module that exports `createApp`. */
  app: string;
  context: Record<string, unknown>;
  /** Where the templates go. */
  outdir: string;
}

export type SynthOutput = { stacks: StackTemplate[] } | { failure: string };

/**
 * Synthesises the app in a thread: meanwhile the engine starts, and the memory that the CDK took is given back.
 * @throws StartError where the app cannot be synthesised
 */
export async function synthesise(input: SynthInput): Promise<StackTemplate[]> {
  const worker = new Worker(new URL('./synth-worker.mjs', import.meta.url), {
    workerData: input,
    execArgv: [],
    stderr: true,
    env: {
      ...process.env,
      CDK_VALIDATION: 'false',
      CDK_DISABLE_VERSION_CHECK: '1',
      JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1',
    },
  });
  worker.stderr.resume();
  const output = await new Promise<SynthOutput>((resolve) => {
    worker.once('message', resolve);
    worker.once('error', (error: Error) => resolve({ failure: error.stack ?? error.message }));
    worker.once('exit', (code) => resolve({ failure: `the thread ended with status ${code}` }));
  });
  void worker.terminate();
  if ('failure' in output) throw new StartError(`the CDK app cannot be synthesised: ${output.failure}`);
  return output.stacks;
}
