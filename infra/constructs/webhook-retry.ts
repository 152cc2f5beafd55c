import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

/** One delivery a call: each has its time, and a store that is away costs none of the others a try. */
const timeout = Duration.seconds(6);

/** Authentic deliveries that the tables could not take: a try every 36 seconds for two hours. */
export class WebhookRetry extends Construct {
  readonly retry: RapportFunction;

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
    const { queue } = new WorkQueue(this, 'Deliveries', { workTimeout: timeout, attempts: 200, deadLetters });
    props.receive.sendsTo(queue, variables.retryQueue);
    this.retry = props
      .createFunction(this, 'Retry', {
        entry: 'functions/webhooks/retry.ts',
        description: 'Records deliveries that the tables could not take at first',
        timeout,
        memorySize: 512,
      })
      .reads(customers, ledger, registry)
      .writes(customers, ledger, registry);
    this.retry.lambda.addEventSource(new SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true }));
  }
}
