import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleInto } from '../../infra/bundling.ts';

describe('a bundle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rapport-bundle-'));
    await writeFile(join(folder, 'common.cjs'), `module.exports = require('node:path').basename;\n`);
    await writeFile(
      join(folder, 'entry.ts'),
      `import basename from './common.cjs';\nexport const handler = (path: string): string => basename(path);\n`,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const bundle = async (name: string) => {
    const into = join(folder, name);
    await mkdir(into);
    bundleInto(into, join(folder, 'entry.ts'));
    return join(into, 'index.mjs');
  };

  it('is the same in every output folder', async () => {
    const [here, there] = [await bundle('here'), await bundle('there')];
    expect(await readFile(here, 'utf8')).toBe(await readFile(there, 'utf8'));
  });

  it('is an ES module in which CommonJS packages find what Node brings', async () => {
    const { handler } = await import(pathToFileURL(await bundle('run')).href);
    expect(handler('/a/b.txt')).toBe('b.txt');
  });
});
