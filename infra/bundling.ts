import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';

export const repositoryRoot = resolve(fileURLToPath(new URL('..', import.meta.url)));

/** nodemailer and other CommonJS packages `require` Node's own modules, which an ES module has to be given. */
const requireForCommonJs =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/**
 * How every function becomes one file. The SDK goes in with the rest: the one of the runtime starts 23 ms later.
 * Paths inside the bundle are relative to the repository, so the same source gives the same bytes in every folder.
 * @param entry path of the entry file, relative to the repository root
 */
export function bundleOptions(entry: string): BuildOptions & { format: 'esm' } {
  return {
    entryPoints: [resolve(repositoryRoot, entry)],
    absWorkingDir: repositoryRoot,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: false,
    legalComments: 'none',
    charset: 'utf8',
    banner: { js: requireForCommonJs },
    logLevel: 'error',
  };
}

/** Writes the bundle of a function as `index.mjs` into a folder. */
export function bundleInto(folder: string, entry: string): void {
  buildSync({ ...bundleOptions(entry), outfile: resolve(folder, 'index.mjs') });
}

/** A path as templates and messages show it: relative to the repository, with forward slashes. */
export function repositoryPath(path: string): string {
  return relative(repositoryRoot, resolve(repositoryRoot, path)).split(sep).join('/');
}
