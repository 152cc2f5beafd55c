import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

const timeout = Duration.seconds(30);

/** What the doors took, kept to be looked up: some seconds after the answer, many in one call. */
export class KeptDeliveries extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: {
      doors: RapportFunction[];
      customers: BoundTable;
      deliveries: BoundTable;
      days: number;
      createFunction: FunctionFactory;
    },
  ) {
    super(scope, id);
    const { doors, customers, deliveries, days } = props;
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    const { queue } = new WorkQueue(this, 'Messages', { workTimeout: timeout, attempts: 10, deadLetters });
    for (const door of doors) {
      door
        .sendsTo(queue, variables.keepQueue)
        .writes(deliveries)
        // When a message was heard first, where it speaks of somebody who was erased.
        .reads(deliveries)
        .set(variables.deliveryDays, String(days))
        .tells('DeliveryNotKept');
    }
    const keep = props
      .createFunction(this, 'Keep', {
        entry: 'functions/webhooks/keep.ts',
        description: 'Keeps deliveries, and counts them',
        timeout,
        memorySize: 512,
      })
      // Of whoever was erased while a delivery was on its way, no body is kept.
      .reads(customers, deliveries)
      .insertsInBulk(deliveries)
      .deletes(deliveries)
      .set(variables.deliveryDays, String(days))
      .tells('KeepingBrokeOff');
    keep.lambda.addEventSource(
      new SqsEventSource(queue, {
        // Lambda hands over 6 MB at most, however many these are.
        batchSize: 100,
        maxBatchingWindow: Duration.seconds(5),
        maxConcurrency: 5,
        reportBatchItemFailures: true,
      }),
    );
  }
}
