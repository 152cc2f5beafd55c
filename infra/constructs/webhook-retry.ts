import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

const timeout = Duration.seconds(10);

/** Authentic deliveries that the tables could not take: a try a minute for more than an hour and a half. */
export class WebhookRetry extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: {
      receive: RapportFunction;
      customers: BoundTable;
      ledger: BoundTable;
      registry: BoundTable;
      createFunction: FunctionFactory;
    },
  ) {
    super(scope, id);
    const { customers, ledger, registry } = props;
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    const { queue } = new WorkQueue(this, 'Deliveries', { workTimeout: timeout, attempts: 100, deadLetters });
    props.receive.sendsTo(queue, variables.retryQueue);
    const retry = props
      .createFunction(this, 'Retry', {
        entry: 'functions/webhooks/retry.ts',
        description: 'Records deliveries that the tables could not take at first',
        timeout,
        memorySize: 512,
      })
      .reads(customers, ledger, registry)
      .writes(customers, ledger, registry);
    retry.lambda.addEventSource(new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true }));
  }
}
