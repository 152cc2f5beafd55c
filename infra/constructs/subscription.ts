import { ArnFormat, CfnOutput, Stack } from 'aws-cdk-lib';
import { ArnPrincipal, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { deliveriesQueue, deliveriesWorker } from './webhook-retry.ts';

/** The user that commercetools sends as (its reference of SqsDestination, `authenticationMode: IAM`). */
const sender = 'arn:aws:iam::362576667341:user/subscriptions';

/**
 * The queue that a subscription of commercetools delivers to, by itself or by a rule on the bus of its partner source:
 * the right to send is the authentication.
 */
export class Subscription extends Construct {
  readonly take: RapportFunction;

  constructor(
    scope: Construct,
    id: string,
    props: {
      sourceId: string;
      customers: BoundTable;
      ledger: BoundTable;
      registry: BoundTable;
      createFunction: FunctionFactory;
    },
  ) {
    super(scope, id);
    const queue = deliveriesQueue(this, 'Messages', 'DeadLetters');
    queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Subscription',
        principals: [new ArnPrincipal(sender)],
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
      }),
    );
    const stack = Stack.of(this);
    const rules = stack.formatArn({
      service: 'events',
      resource: 'rule',
      resourceName: 'aws.partner/commercetools.com/*',
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'PartnerSource',
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account }, ArnLike: { 'aws:SourceArn': rules } },
      }),
    );
    this.take = deliveriesWorker(this, 'Take', {
      entry: 'functions/webhooks/subscription.ts',
      description: 'Records what a subscription of commercetools delivers',
      queue,
      tables: props,
      createFunction: props.createFunction,
    }).set(variables.subscriptionSource, props.sourceId);
    new CfnOutput(this, 'QueueUrl', { value: queue.queueUrl, description: 'Where commercetools delivers to' });
    new CfnOutput(this, 'QueueArn', { value: queue.queueArn, description: 'Target of a rule of EventBridge' });
  }
}
