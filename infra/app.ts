import { fileURLToPath } from 'node:url';
import { App, Tags, Validations } from 'aws-cdk-lib';
import { readOptions } from './options.ts';
import { DataStack } from './stacks/data.ts';
import { EngineStack } from './stacks/engine.ts';

/** Kept here rather than in cdk.json, so that the command line, the tests and the local stack synthesise the same. */
const featureFlags = {
  // The data stack cannot be deleted under the engine.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  '@aws-cdk/core:target-partitions': ['aws', 'aws-cn'],
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:checkSecretUsage': true,
  '@aws-cdk/core:validateAgainstDefaultRules': true,
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/aws-iam:importedRoleStackSafeDefaultPolicyName': true,
  '@aws-cdk/aws-events:eventsTargetQueueSameAccount': true,
  '@aws-cdk/aws-events:requireEventBusPolicySid': true,
  '@aws-cdk/aws-lambda:useCdkManagedLogGroup': true,
};

/**
 * Lays the whole of Rapport out.
 * @param options.context the options of {@link readOptions}, and CDK's own (`aws:cdk:bundling-stacks: []` skips bundling)
 * @param options.outdir where the templates go; default `cdk.out`
 * @throws Error where an option is not understood
 */
export function createApp(options: { context?: Record<string, unknown>; outdir?: string } = {}): App {
  const app = new App({
    context: { ...featureFlags, ...options.context },
    analyticsReporting: false,
    ...(options.outdir === undefined ? {} : { outdir: options.outdir }),
  });
  const chosen = readOptions(app.node);
  const data = new DataStack(app, `Rapport-${chosen.stage}-Data`, { testStage: chosen.testStage, ...chosen.alarms });
  const { tables, runParts } = data;
  new EngineStack(app, `Rapport-${chosen.stage}-Engine`, { tables, runParts, options: chosen });
  Tags.of(app).add('rapport:stage', chosen.stage, {
    // CDK would tag it; CloudFormation's schema of it has no tags.
    excludeResourceTypes: ['AWS::CloudWatch::Dashboard'],
  });
  return app;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { AwsSolutionsChecks } = await import('cdk-nag');
  const app = createApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}
