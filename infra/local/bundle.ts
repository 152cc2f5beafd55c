import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, repositoryRoot } from '../bundling.ts';
import { StartError } from './start-error.ts';

/** The same bundles as are deployed, but for the Node that is here and in a form that a stack trace can be read in. */
const here = { target: `node${process.versions.node}`, logLevel: 'silent' } as const;

/**
 * Bundles functions by their entries.
 * @param entries paths relative to the repository, as the template's metadata names them
 * @returns `file:` URL of the bundle, by entry
 * @throws StartError with the compiler's messages
 */
export async function bundleFunctions(folder: string, entries: readonly string[]): Promise<Map<string, string>> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const name = (entry: string) => entry.replace(/\.ts$/, '').replaceAll('/', '-');
  const [first] = entries;
  if (first === undefined) return new Map();
  // One run for all: what they share, the SDK above all, is read once.
  const entryPoints = Object.fromEntries(entries.map((entry) => [name(entry), resolve(repositoryRoot, entry)]));
  const outExtension = { '.js': '.mjs' };
  await compile({ ...bundleOptions(first), ...here, minify: false, entryPoints, outdir: folder, outExtension });
  return new Map(entries.map((entry) => [entry, pathToFileURL(join(folder, `${name(entry)}.mjs`)).href]));
}

/** The code that every function's thread begins with. */
export async function bundleWorker(folder: string): Promise<URL> {
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, 'worker.mjs');
  const entry = fileURLToPath(new URL('./function-worker.ts', import.meta.url));
  await compile({ entryPoints: [entry], bundle: true, format: 'esm', platform: 'node', ...here, outfile });
  return pathToFileURL(outfile);
}

async function compile(options: Parameters<typeof build>[0]): Promise<void> {
  try {
    await build(options);
  } catch (error) {
    throw new StartError(`a function cannot be bundled: ${(error as Error).message}`);
  }
}
