import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

/** Time to ask a shop for an order and its parts. */
const timeout = Duration.seconds(30);

/** With waits that grow from two seconds to a quarter of an hour: between 13 and 16 hours. */
const attempts = 60;

/**
 * Works deliveries off a queue, one a call: each has its time, and a shop or a store that is away costs none of the others
 * a try. Few at a time: shops bound how often they are asked.
 */
export function deliveriesWorker(
  scope: Construct,
  name: string,
  {
    entry,
    description,
    queue,
    tables: { customers, ledger, registry },
    createFunction,
  }: {
    entry: `functions/${string}.ts`;
    description: string;
    queue: Queue;
    tables: { customers: BoundTable; ledger: BoundTable; registry: BoundTable };
    createFunction: FunctionFactory;
  },
): RapportFunction {
  const worker = createFunction(scope, name, { entry, description, timeout, memorySize: 512 })
    .reads(customers, ledger, registry)
    .writes(customers, ledger, registry)
    // The event source gives the right to set the wait before the next try.
    .set(variables.retryQueue, queue.queueUrl)
    .tells('DeliveryQuarantined', 'RetryBrokeOff');
  worker.lambda.addEventSource(
    new SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 5 }),
  );
  return worker;
}

/** A queue of deliveries, with its end. */
export function deliveriesQueue(scope: Construct, name: string, endName: string): Queue {
  const deadLetters = new DeadLetterQueue(scope, endName);
  return new WorkQueue(scope, name, { workTimeout: timeout, attempts, deadLetters }).queue;
}

/** Authentic deliveries that the tables could not take, and those whose matter has to be fetched from the shop. */
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
    const queue = deliveriesQueue(this, 'Deliveries', 'DeadLetters');
    props.receive.sendsTo(queue, variables.retryQueue);
    this.retry = deliveriesWorker(this, 'Retry', {
      entry: 'functions/webhooks/retry.ts',
      description: 'Records deliveries that the tables could not take at first, and fetches what others only name',
      queue,
      tables: props,
      createFunction: props.createFunction,
    });
  }
}
