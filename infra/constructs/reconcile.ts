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
 * Comparisons with what shops list: a queue of those that are to be begun or gone on with. The worker hands on by the
 * same queue what one call does not finish.
 */
export class Reconcile extends Construct {
  private readonly queue: WorkQueue;

  constructor(
    scope: Construct,
    id: string,
    props: {
      tables: { customers: BoundTable; ledger: BoundTable; registry: BoundTable };
      createFunction: FunctionFactory;
      schedule: NightSchedule;
    },
  ) {
    super(scope, id);
    const { customers, ledger, registry } = props.tables;
    const deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.queue = new WorkQueue(this, 'Work', { workTimeout: timeout, attempts: 5, deadLetters });
    const work = props
      .createFunction(this, 'Worker', {
        entry: 'functions/reconcile/work.ts',
        description: 'Records what shops list and no webhook told',
        timeout,
        memorySize: 512,
      })
      .reads(customers, ledger, registry)
      .writes(customers, ledger, registry)
      .tells('ReconciliationFailed');
    this.sentBy(work);
    work.lambda.addEventSource(
      new SqsEventSource(this.queue.queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 5 }),
    );
    scheduleOf(this, this.queue, props.schedule);
  }

  /** Lets a function hand on a reconciliation. */
  sentBy(sender: RapportFunction): this {
    sender.sendsTo(this.queue.queue, variables.reconcileQueue);
    return this;
  }
}

function scheduleOf(scope: Construct, { queue }: WorkQueue, schedule: NightSchedule): void {
  new Schedule(scope, 'Schedule', {
    description: 'Shops are asked for what they list',
    schedule: ScheduleExpression.expression(cronExpression(schedule), TimeZone.of(schedule.timeZone)),
    target: new SqsSendMessage(queue, {
      input: ScheduleTargetInput.fromObject({ scheduledTime: ContextAttribute.scheduledTime }),
      retryAttempts: 10,
      maxEventAge: Duration.hours(2),
      deadLetterQueue: new DeadLetterQueue(scope, 'ScheduleDeadLetters').queue,
    }),
  });
}
