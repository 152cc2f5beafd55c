import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  type Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { LogLine } from '../../shared/contracts/log-lines.ts';
import type { NightSchedule } from '../../shared/contracts/schedule.ts';
import { type BoundTable, throttleMetrics } from './bound-table.ts';
import { RapportFunction } from './function.ts';
import type { RapportHttpApi } from './http-api.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

export interface EngineParts {
  http: RapportHttpApi;
  publish: RapportFunction;
  machine: StateMachine;
  /** The last step of every night. */
  report: RapportFunction;
  schedule: NightSchedule;
}

/** More than a handful within five minutes is no hiccup. */
const aHandful = 5;

/** What the software finds by itself: how many within five minutes are too many, and what to do. */
const findings: Record<LogLine, { threshold: number; description: string }> = {
  DeliveryQuarantined: {
    threshold: 0,
    description:
      'A delivery was not understood: GET /v1/deliveries?status=quarantined tells why; mend, then POST /v1/deliveries/{id}/replay',
  },
  DeliveryNotKept: {
    threshold: aHandful,
    description:
      'Deliveries are recorded but cannot be looked up later: look at the log of the function for the name of the error, and whether the queue of kept deliveries answers',
  },
  KeepingBrokeOff: {
    threshold: aHandful,
    description:
      'Deliveries are not kept, or not counted: look at the log of the function for the name of the error; messages are tried ten times',
  },
  OutreachFailed: {
    threshold: 0,
    description:
      'A provider refused a message for good: GET /v1/outreach-jobs?status=failed tells why (a bad address, or an unverified sender)',
  },
  OutreachUnconfirmed: {
    threshold: 0,
    description:
      'A message may have left or not, and is not sent again: GET /v1/outreach-jobs?status=unconfirmed, then ask the provider',
  },
  ErasureBrokeOff: {
    threshold: 0,
    description:
      'Forgetting a person broke off, and is tried five times: GET /v1/privacy-requests tells which; look at the log of the function for the name of the error',
  },
  PrivacyRequestPressing: {
    threshold: 0,
    description:
      'A request for the rights of a person is due within a week: see GET /v1/privacy-requests; fetch an export to its end, or mend what keeps an erasure',
  },
  RetryBrokeOff: {
    threshold: aHandful,
    description:
      'Deliveries in the retry queue cannot be recorded: look at the log of the function for the name of the error; they are tried for two hours',
  },
  PlanningBrokeOff: {
    threshold: aHandful,
    description:
      'Outreach cannot be planned: look at the log of the function for the name of the error; events are tried for twelve hours',
  },
  ReconciliationFailed: {
    threshold: 0,
    description:
      'A comparison with what a shop lists failed, or could not read some of it: GET /v1/sources/{id}/reconciliations tells why. After a failure the next day takes over its span; what was not read is for another one, begun by hand once the cause is mended',
  },
  SendingBrokeOff: {
    threshold: aHandful,
    description:
      'Messages cannot be sent: look at the log of the function for the name of the error; requests are tried five times',
  },
};

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

  /** Every queue and function that the stack has by now is found by itself. */
  watchEngine({ http, publish, machine, report, schedule }: EngineParts): this {
    const told = new Map<LogLine, Metric>();
    for (const part of Stack.of(this).node.findAll()) {
      if (part instanceof DeadLetterQueue) this.onDeadLetters(part);
      if (part instanceof WorkQueue) this.onWaiting(part);
      if (!(part instanceof RapportFunction)) continue;
      this.onThrottledFunction(part);
      if (!http.answering.includes(part)) this.onErrors(part);
      for (const [line, metric] of part.told) told.set(line, metric);
    }
    for (const [line, metric] of told) this.onFindings(line, metric);
    this.onStreamAge(publish);
    this.onServerErrors(http);
    this.onNight(machine, report, schedule);
    return this;
  }

  private onDeadLetters({ queue, node }: DeadLetterQueue): void {
    const metric = queue.metricApproximateNumberOfMessagesVisible({ ...fiveMinutes, statistic: Stats.MAXIMUM });
    this.alarm(
      `${named(node.path)}NotEmpty`,
      `Dead letters in ${node.path}: look, mend, re-drive (README, When something stops)`,
      metric,
      0,
    );
  }

  /**
   * SQS leaves out of this age what was received more than three times: it tells of work that nobody takes up, and
   * {@link findings} of work that fails.
   */
  private onWaiting({ queue, node }: WorkQueue): void {
    const metric = queue.metricApproximateAgeOfOldestMessage({ ...fiveMinutes, statistic: Stats.MAXIMUM });
    this.alarm(
      `${named(node.path)}Waits`,
      `Messages in ${node.path} wait for more than 15 minutes: see whether its function runs, is throttled, or has more than it can do`,
      metric,
      15 * 60,
    );
  }

  /** Of functions that a queue, a stream or the night calls: nobody else would see them. */
  private onErrors({ lambda, node }: RapportFunction): void {
    const metric = lambda.metricErrors({ ...fiveMinutes, statistic: Stats.SUM });
    this.alarm(
      `${named(node.path)}Errors`,
      `${node.path} breaks down or runs out of time: look where in its log; what it was given comes again`,
      metric,
      aHandful,
    );
  }

  private onFindings(line: LogLine, metric: Metric): void {
    const { threshold, description } = findings[line];
    this.alarm(line, description, metric.with(fiveMinutes), threshold);
  }

  private onThrottledFunction({ lambda, node }: RapportFunction): void {
    const metric = lambda.metricThrottles(fiveMinutes);
    this.alarm(
      `${named(node.path)}Throttled`,
      `${node.path} is throttled: see which function uses up the account's concurrency, or ask for more`,
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
    this.alarm(
      `${named(name)}TableThrottled`,
      `Table ${name} throttles: a sudden rise passes; for a hot partition look at the table's Contributor Insights`,
      sum,
      0,
    );
  }

  private onStreamAge(publish: RapportFunction): void {
    const age = publish.lambda.metric('IteratorAge', { ...fiveMinutes, statistic: Stats.MAXIMUM });
    this.alarm(
      'StreamLags',
      'Events leave the tables more than ten minutes late: look at the log of publish; the stream forgets after 24 hours',
      age,
      10 * 60_000,
    );
  }

  private onServerErrors({ api }: RapportHttpApi): void {
    this.alarm(
      'ServerErrors',
      'The API answers with faults of its own: look at the logs of the functions behind it for the name of the error',
      api.metricServerError({ ...fiveMinutes, statistic: Stats.SUM }),
      5,
    );
  }

  private onNight(machine: StateMachine, report: RapportFunction, { weekday }: NightSchedule): void {
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
    this.alarm(
      'NightFailed',
      'A value run failed, was aborted or ran out of time: GET /v1/value-runs tells why, POST /v1/value-runs starts another',
      failed,
      0,
    );
    // CloudWatch looks back over seven days at most: too short to tell whether a weekly night is late.
    if (weekday !== undefined) return;
    this.add('NightMissing', {
      alarmDescription:
        'No value run came to its end within 26 hours: see whether the schedule is on (rings on a new stage until its first night)',
      // Executions that only count what waited for a rate succeed as well: the report is a night's own.
      metric: report.lambda.metricInvocations({ period: Duration.hours(1), statistic: Stats.SUM }),
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
