import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const roots = ['functions', 'infra', 'shared'];

interface Cruise {
  modules: { source: string }[];
  summary: { totalCruised: number; violations: { from: string; rule: { name: string } }[] };
}

/** Runs the rules of the repository over the three source folders of a tree. */
async function cruise(tree: string): Promise<Cruise> {
  const binary = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const rules = join(root, '.dependency-cruiser.cjs');
  const output = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [binary, '--config', rules, '--output-type', 'json', ...roots],
      { cwd: tree, maxBuffer: 100_000_000 },
      // Violations are the tool's exit status; what it printed tells whether it ran.
      (error, stdout, stderr) => (stdout === '' ? reject(error ?? new Error(stderr)) : resolve(stdout)),
    );
  });
  return JSON.parse(output);
}

describe('the tree', () => {
  let found: Cruise;
  beforeAll(async () => {
    found = await cruise(root);
  });

  it('keeps the import rules', () => {
    expect(found.summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`)).toEqual([]);
  });

  it.each([...roots, 'shared/domain', 'shared/engine', 'shared/contracts', 'shared/aws'])(
    'has modules that were read in %s',
    (folder) => {
      expect(found.modules.filter(({ source }) => source.startsWith(`${folder}/`)).length).toBeGreaterThan(0);
    },
  );
});

describe('the rules', () => {
  let tree: string;
  let found: Cruise;

  const innocent: Record<string, string> = {
    'shared/domain/money.ts': `export const money = 1;`,
    'shared/domain/tier.ts': `import { money } from './money.ts'; export const tier = money;`,
    'shared/engine/record.ts': `import { tier } from '../domain/tier.ts'; export const record = tier;`,
    'shared/contracts/routes.ts': `export const routes = [];`,
    'shared/aws/call.ts': `import 'node:https'; export const call = 1;`,
    'shared/dynamodb/client.ts': `import { call } from '../aws/call.ts'; export const client = call;`,
    'shared/dynamodb/store.ts': `import 'node:crypto'; import { record } from '../engine/record.ts'; export const store = record;`,
    'shared/channels/email.ts': `import { routes } from '../contracts/routes.ts'; export const email = routes;`,
    'functions/api/api.ts': `import { store } from '../../shared/dynamodb/store.ts'; export const handler = store;`,
    'functions/api/customers.ts': `import { handler } from './api.ts'; export const customers = handler;`,
    'functions/api/queue.ts': `import { call } from '../../shared/aws/call.ts'; export const queue = call;`,
    'infra/app.ts': `import { routes } from '../shared/contracts/routes.ts'; export const app = routes;`,
    'infra/engine.ts': `import { call } from '../shared/aws/call.ts'; export const engine = call;`,
    'test/fixture.ts': `export const fixture = 1;`,
  };

  /** One forbidden import each, under the rule that has to catch it. */
  const planted: Record<string, { rule: string; source: string }> = {
    'shared/domain/of-engine.ts': { rule: 'domain-is-pure', source: `import '../engine/record.ts';` },
    'shared/domain/of-node.ts': { rule: 'domain-is-pure', source: `import 'node:crypto';` },
    'shared/domain/of-package.ts': { rule: 'domain-is-pure', source: `import 'zod';` },
    'shared/domain/of-type.ts': {
      rule: 'domain-is-pure',
      source: `import type { routes } from '../contracts/routes.ts'; export type Routes = typeof routes;`,
    },
    'shared/engine/of-store.ts': { rule: 'engine-knows-the-domain-alone', source: `import '../dynamodb/store.ts';` },
    'shared/engine/of-node.ts': { rule: 'engine-knows-the-domain-alone', source: `import 'node:crypto';` },
    'shared/contracts/of-domain.ts': { rule: 'contracts-stand-alone', source: `import '../domain/money.ts';` },
    'shared/aws/of-domain.ts': { rule: 'aws-calls-stand-alone', source: `import '../domain/money.ts';` },
    'shared/aws/of-contracts.ts': { rule: 'aws-calls-stand-alone', source: `import '../contracts/routes.ts';` },
    'shared/engine/of-aws.ts': { rule: 'engine-knows-the-domain-alone', source: `import '../aws/call.ts';` },
    'shared/channels/of-aws.ts': { rule: 'stores-alone-make-aws-calls', source: `import '../aws/call.ts';` },
    'shared/http/of-store.ts': { rule: 'adapters-know-no-other-adapter', source: `import '../dynamodb/store.ts';` },
    'shared/channels/of-function.ts': {
      rule: 'adapters-know-no-other-adapter',
      source: `import '../../functions/api/api.ts';`,
    },
    'shared/storefronts/of-test.ts': {
      rule: 'adapters-know-no-other-adapter',
      source: `import '../../test/fixture.ts';`,
    },
    'shared/utils/of-anything.ts': { rule: 'shared-has-known-folders', source: `import 'node:fs';` },
    'functions/webhooks/of-api.ts': { rule: 'functions-know-no-other-workload', source: `import '../api/api.ts';` },
    'functions/stream/of-infra.ts': {
      rule: 'functions-know-no-other-workload',
      source: `import '../../infra/app.ts';`,
    },
    'infra/of-function.ts': {
      rule: 'infra-knows-contracts-and-calls-alone',
      source: `import '../functions/api/api.ts';`,
    },
    'infra/of-domain.ts': {
      rule: 'infra-knows-contracts-and-calls-alone',
      source: `import '../shared/domain/money.ts';`,
    },
    'shared/dynamodb/of-nowhere.ts': { rule: 'nothing-unresolved', source: `import './missing.ts';` },
  };

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'rapport-architecture-'));
    await cp(join(root, 'tsconfig.json'), join(tree, 'tsconfig.json'));
    const sources = Object.entries(planted).map(([path, { source }]) => [path, source] as const);
    for (const [path, source] of [...Object.entries(innocent), ...sources]) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), `${source}\n`);
    }
    found = await cruise(tree);
  });
  afterAll(() => rm(tree, { recursive: true, force: true }));

  it.each(Object.entries(planted))('catch %s', (path, { rule }) => {
    const broken = found.summary.violations.filter(({ from }) => from === path).map((violation) => violation.rule.name);
    expect(broken).toContain(rule);
  });

  it.each(Object.keys(innocent))('let %s be', (path) => {
    expect(found.summary.violations.filter(({ from }) => from === path)).toEqual([]);
  });
});
