import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { NightSchedule } from '../../shared/contracts/schedule.ts';
import { type BoundTable, throttleMetrics } from './bound-table.ts';
import { RapportFunction } from './function.ts';
import type { RapportHttpApi } from './http-api.ts';
import { DeadLetterQueue } from './queue.ts';

export interface EngineParts {
  http: RapportHttpApi;
  publish: RapportFunction;
  machine: StateMachine;
  schedule: NightSchedule;
}

const fiveMinutes = { period: Duration.minutes(5) };

/** Whatever needs a person in one stack, told to one topic. */
export class Alarms extends Construct {
  readonly alarms: Alarm[] = [];
  private readonly topic: Topic;

  /** @param props.address e-mail address of whoever is told; others can subscribe to the topic */
  constructor(scope: Construct, id: string, props: { address?: string }) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Rapport alarms', enforceSSL: true });
    this.topic.grantPublish(
      new ServicePrincipal('cloudwatch.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (props.address !== undefined) this.topic.addSubscription(new EmailSubscription(props.address));
    new CfnOutput(this, 'TopicArn', { value: this.topic.topicArn, description: 'Subscribe here to hear of alarms' });
  }

  watchTables(tables: Record<string, BoundTable>): this {
    for (const [name, bound] of Object.entries(tables)) this.onThrottledTable(name, bound);
    return this;
  }

  /** Every dead-letter queue and function that the stack has by now is found by itself. */
  watchEngine({ http, publish, machine, schedule }: EngineParts): this {
    for (const part of Stack.of(this).node.findAll()) {
      if (part instanceof DeadLetterQueue) this.onDeadLetters(part);
      if (part instanceof RapportFunction) this.onThrottledFunction(part);
    }
    this.onStreamAge(publish);
    this.onServerErrors(http);
    this.onNight(machine, schedule);
    return this;
  }

  private onDeadLetters({ queue, node }: DeadLetterQueue): void {
    const metric = queue.metricApproximateNumberOfMessagesVisible({ ...fiveMinutes, statistic: Stats.MAXIMUM });
    this.alarm(`${named(node.path)}NotEmpty`, `Dead letters in ${node.path}: look, mend, re-drive`, metric, 0);
  }

  private onThrottledFunction({ lambda, node }: RapportFunction): void {
    const metric = lambda.metricThrottles(fiveMinutes);
    this.alarm(
      `${named(node.path)}Throttled`,
      `${node.path} is throttled: the account's concurrency is used up`,
      metric,
      0,
    );
  }

  private onThrottledTable(name: string, bound: BoundTable): void {
    const { period } = fiveMinutes;
    const throttled = [...throttleMetrics(bound, 'Read', period), ...throttleMetrics(bound, 'Write', period)];
    const sum = new MathExpression({
      expression: 'SUM(METRICS())',
      label: 'Throttled',
      usingMetrics: Object.fromEntries(throttled.map((metric, number) => [`m${number}`, metric])),
      period,
    });
    this.alarm(`${named(name)}TableThrottled`, `Table ${name} throttles: a hot partition, or a sudden rise`, sum, 0);
  }

  private onStreamAge(publish: RapportFunction): void {
    const age = publish.lambda.metric('IteratorAge', { ...fiveMinutes, statistic: Stats.MAXIMUM });
    this.alarm('StreamLags', 'Events leave the tables more than ten minutes late', age, 10 * 60_000);
  }

  private onServerErrors({ api }: RapportHttpApi): void {
    this.alarm(
      'ServerErrors',
      'The API answers with faults of its own',
      api.metricServerError({ ...fiveMinutes, statistic: Stats.SUM }),
      5,
    );
  }

  private onNight(machine: StateMachine, { weekday }: NightSchedule): void {
    const failed = new MathExpression({
      expression: 'failed + aborted + timedOut',
      label: 'Nights that failed',
      usingMetrics: {
        failed: machine.metricFailed(fiveMinutes),
        aborted: machine.metricAborted(fiveMinutes),
        timedOut: machine.metricTimedOut(fiveMinutes),
      },
      ...fiveMinutes,
    });
    this.alarm('NightFailed', 'A value run failed, was aborted or ran out of time', failed, 0);
    // CloudWatch looks back over seven days at most: too short to tell whether a weekly night is late.
    if (weekday !== undefined) return;
    this.add('NightMissing', {
      alarmDescription: 'No value run came to its end within 26 hours (rings on a new stage until its first night)',
      metric: machine.metricSucceeded({ period: Duration.hours(1), statistic: Stats.SUM }),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 26,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }

  /** Rings as soon as one period lies above the threshold. */
  private alarm(id: string, alarmDescription: string, metric: IMetric, threshold: number): void {
    this.add(id, {
      alarmDescription,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }

  private add(id: string, props: ConstructorParameters<typeof Alarm>[2]): void {
    const alarm = new Alarm(this, id, props);
    alarm.addAlarmAction(new SnsAction(this.topic));
    this.alarms.push(alarm);
  }
}

/** `Rapport-dev-Engine/Night/ScheduleDeadLetters` → `NightScheduleDeadLetters`. */
function named(path: string): string {
  const parts = path.split('/');
  return (parts.length > 1 ? parts.slice(1) : parts)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}
