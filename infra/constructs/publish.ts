import { Duration } from 'aws-cdk-lib';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue } from './queue.ts';

/**
 * The outbox: an event exists because a table changed.
 * A dead letter here holds the place in the stream, not the record, and the stream forgets after 24 hours.
 */
export class Publish extends Construct {
  readonly publish: RapportFunction;

  constructor(
    scope: Construct,
    id: string,
    props: {
      tables: { customers: BoundTable; ledger: BoundTable; outreach: BoundTable };
      bus: EventBus;
      createFunction: FunctionFactory;
    },
  ) {
    super(scope, id);
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.publish = props
      .createFunction(this, 'Function', {
        entry: 'functions/stream/publish.ts',
        description: 'Tells the bus what the streams of the tables show',
        timeout: Duration.seconds(30),
        memorySize: 512,
      })
      .putsEventsTo(props.bus);

    const patiently = {
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // Time ends it, not number: the bus may be away for hours.
      retryAttempts: 10_000,
      maxRecordAge: Duration.hours(20),
      onFailure: new SqsDlq(deadLetters.queue),
    };
    this.publish
      .follows(props.tables.customers, {
        ...patiently,
        filters: [FilterCriteria.filter({ eventName: FilterRule.or('INSERT', 'MODIFY') })],
      })
      .follows(props.tables.ledger, {
        ...patiently,
        // Interactions alone: their partition key is a customer. Pointers and receipts are no events.
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.isEqual('INSERT'),
            dynamodb: { Keys: { pk: { S: FilterRule.beginsWith('cus_') } } },
          }),
          // Of those that change only orders that begin to count.
          FilterCriteria.filter({
            eventName: FilterRule.isEqual('MODIFY'),
            dynamodb: {
              Keys: { pk: { S: FilterRule.beginsWith('cus_') } },
              NewImage: { begins: { BOOL: FilterRule.exists() } },
            },
          }),
        ],
      })
      .follows(props.tables.outreach, {
        ...patiently,
        // New jobs that ask for a channel; silence asks for none.
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.isEqual('INSERT'),
            dynamodb: { NewImage: { status: { S: FilterRule.isEqual('requested') } } },
          }),
        ],
      });
  }
}
