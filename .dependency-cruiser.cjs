const adapters = 'dynamodb|s3|storefronts|channels|http';
const folders = `domain|engine|contracts|aws|${adapters}`;

/** Who may import whom. The README shows the same as a table. */
module.exports = {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'The domain knows itself alone: no package, nothing of Node.',
      severity: 'error',
      from: { path: '^shared/domain/' },
      to: { pathNot: '^shared/domain/' },
    },
    {
      name: 'engine-knows-the-domain-alone',
      comment: 'Use cases see the world through ports of their own.',
      severity: 'error',
      from: { path: '^shared/engine/' },
      to: { pathNot: '^shared/(engine|domain)/' },
    },
    {
      name: 'contracts-stand-alone',
      comment: 'Infrastructure and runtime share names, not code.',
      severity: 'error',
      from: { path: '^shared/contracts/' },
      to: { pathNot: '^shared/contracts/' },
    },
    {
      name: 'aws-calls-stand-alone',
      comment: "How a call is signed and sent is nobody else's business, and nothing else is its.",
      severity: 'error',
      from: { path: '^shared/aws/' },
      to: { path: '^(shared|functions|infra|test)/', pathNot: '^shared/aws/' },
    },
    {
      name: 'stores-alone-make-aws-calls',
      comment: 'Of the adapters: the functions and the local stack may make calls, too.',
      severity: 'error',
      from: { path: '^shared/', pathNot: '^shared/(aws|dynamodb|s3)/' },
      to: { path: '^shared/aws/' },
    },
    {
      name: 'adapters-know-no-other-adapter',
      comment: 'Stores, storefronts, channels and HTTP meet in the functions.',
      severity: 'error',
      from: { path: `^shared/(${adapters})/` },
      to: { path: '^(shared|functions|infra|test)/', pathNot: '^shared/(engine|domain|contracts|aws|$1)/' },
    },
    {
      name: 'shared-has-known-folders',
      comment: 'A new folder under shared/ needs a rule of its own here.',
      severity: 'error',
      from: { path: '^shared/', pathNot: `^shared/(${folders})/` },
      to: {},
    },
    {
      name: 'functions-know-no-other-workload',
      comment: 'What two workloads need lives under shared/.',
      severity: 'error',
      from: { path: '^functions/([^/]+)/' },
      to: { path: '^(functions|infra|test)/', pathNot: '^functions/$1/' },
    },
    {
      name: 'infra-knows-contracts-and-calls-alone',
      comment: 'Functions are named by the path of their entry file, never imported.',
      severity: 'error',
      from: { path: '^infra/' },
      to: { path: '^(shared|functions|test)/', pathNot: '^shared/(contracts|aws)/' },
    },
    {
      name: 'runtime-needs-no-development-package',
      comment: 'Types excepted: they leave nothing in a bundle.',
      severity: 'error',
      from: { path: '^(shared|functions)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycle',
      comment: 'Two modules that need each other are one, or lack a third. Types excepted: they load nothing.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolved',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
