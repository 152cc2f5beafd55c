import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // By default one less than there are processors. Some tests wait (for processes, for time-outs): one more fills that in.
    maxWorkers: 3,
    // Libraries are loaded once for each worker; test/each-file.ts keeps files apart.
    isolate: false,
    setupFiles: ['test/each-file.ts'],
    // What a passing test logs is expected there.
    silent: 'passed-only',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // `cdk synth` validates the templates; the tests look at what they say.
    env: { CDK_VALIDATION: 'false' },
  },
});
