import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // By default one less than there are processors: on two that is no parallel at all.
    maxWorkers: 2,
    // What a passing test logs is expected there.
    silent: 'passed-only',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // `cdk synth` validates the templates; the tests look at what they say.
    env: { CDK_VALIDATION: 'false' },
  },
});
