import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { absent, hasSharedMaterial, listShared } from '../shared-material.ts';

const folder = 'fixtures/webhooks';
const tests = fileURLToPath(new URL('..', import.meta.url));

/** What is not looked at by anybody proves nothing: a body that is added wants an expectation of its own. */
test.skipIf(!hasSharedMaterial)(`each real body is named by a test of its platform${absent}`, () => {
  const texts = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(`${tests}/${path}`, 'utf8'));
  const bodies = listShared(folder).filter((path) => path.endsWith('.json'));
  expect(bodies.length).toBeGreaterThan(40);
  const unnamed = bodies.filter((path) => {
    const [name = '', platform] = path
      .replace(/\.json$/, '')
      .split('/')
      .reverse();
    const place = platform === undefined ? `${folder}/` : `${folder}/${platform}/`;
    const isNamed = (text: string) => text.includes(`'${name}'`) || text.includes(`/${name}.json`);
    return !texts.some((text) => text.includes(place) && isNamed(text));
  });
  expect(unnamed).toEqual([]);
});
