import { Duration, TimeZone } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { SqsSendMessage } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import { cronExpression, type NightSchedule } from '../../shared/contracts/schedule.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

const timeout = Duration.minutes(5);

/**
 * Persons are forgotten by a worker behind a queue; it hands on by the same queue what one call does not finish. Once a day
 * it looks through all requests that are open.
 */
export class Privacy extends Construct {
  private readonly queue: WorkQueue;

  constructor(
    scope: Construct,
    id: string,
    props: {
      tables: {
        customers: BoundTable;
        deliveries: BoundTable;
        ledger: BoundTable;
        outreach: BoundTable;
        registry: BoundTable;
      };
      days: number;
      createFunction: FunctionFactory;
      schedule: NightSchedule;
    },
  ) {
    super(scope, id);
    const { customers, deliveries, ledger, outreach, registry } = props.tables;
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.queue = new WorkQueue(this, 'Erasures', { workTimeout: timeout, attempts: 5, deadLetters });
    const work = props
      .createFunction(this, 'Worker', {
        entry: 'functions/privacy/work.ts',
        description: 'Forgets persons',
        timeout,
        memorySize: 512,
      })
      .reads(customers, deliveries, ledger, outreach, registry)
      .writes(customers, deliveries, ledger, outreach, registry)
      // Whoever one source spoke of: nothing lists them.
      .scans(customers)
      .set(variables.deliveryDays, String(props.days))
      .tells('ErasureBrokeOff', 'PrivacyRequestPressing');
    this.sentBy(work);
    work.lambda.addEventSource(
      new SqsEventSource(this.queue.queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 5 }),
    );
    new Schedule(this, 'Schedule', {
      description: 'Open requests for the rights of persons are looked through',
      schedule: ScheduleExpression.expression(cronExpression(props.schedule), TimeZone.of(props.schedule.timeZone)),
      target: new SqsSendMessage(this.queue.queue, {
        input: ScheduleTargetInput.fromObject({ scheduledTime: ContextAttribute.scheduledTime }),
        retryAttempts: 10,
        maxEventAge: Duration.hours(2),
        deadLetterQueue: new DeadLetterQueue(this, 'ScheduleDeadLetters').queue,
      }),
    });
  }

  /** Lets functions hand on an erasure. */
  sentBy(...senders: RapportFunction[]): this {
    for (const sender of senders) sender.sendsTo(this.queue.queue, variables.erasureQueue);
    return this;
  }
}
