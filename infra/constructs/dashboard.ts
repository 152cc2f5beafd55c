import { Duration, Stack } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  PeriodOverride,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type BoundTable, throttleMetrics } from './bound-table.ts';
import { RapportFunction } from './function.ts';
import type { RapportHttpApi } from './http-api.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

export interface DashboardProps {
  alarms: Alarm[];
  http: RapportHttpApi;
  publish: RapportFunction;
  machine: StateMachine;
  tables: Record<string, BoundTable>;
}

/** One page in the order of the flow: door, tables, stream, outreach, night. */
export class RapportDashboard extends Construct {
  constructor(scope: Construct, id: string, { alarms, http, publish, machine, tables }: DashboardProps) {
    super(scope, id);
    const parts = Stack.of(this).node.findAll();
    const functions = parts.filter((part) => part instanceof RapportFunction);
    const queues = parts.filter((part) => part instanceof WorkQueue);
    const findings = new Map(functions.flatMap(({ told }) => [...told]));
    const deadLetters = parts.filter((part) => part instanceof DeadLetterQueue);
    const sum = { statistic: Stats.SUM };

    new Dashboard(this, 'Dashboard', {
      periodOverride: PeriodOverride.AUTO,
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 5 })],
        [
          graph('Requests', [
            http.api.metricCount(sum),
            http.api.metricClientError(sum),
            http.api.metricServerError(sum),
          ]),
          graph('Latency of the API', [
            http.api.metricLatency({ statistic: Stats.p(50), label: 'p50' }),
            http.api.metricLatency({ statistic: Stats.p(99), label: 'p99' }),
          ]),
        ],
        [
          graph(
            'Calls of functions',
            functions.map(({ lambda, node }) => lambda.metricInvocations({ label: node.id })),
          ),
          graph(
            'Errors of functions',
            functions.map(({ lambda, node }) => lambda.metricErrors({ label: node.id })),
          ),
        ],
        [
          graph(
            'Throttled reads',
            Object.values(tables).flatMap((bound) => throttleMetrics(bound, 'Read', Duration.minutes(5))),
          ),
          graph(
            'Throttled writes',
            Object.values(tables).flatMap((bound) => throttleMetrics(bound, 'Write', Duration.minutes(5))),
          ),
        ],
        [graph('Units read', consumed('Read', tables)), graph('Units written', consumed('Write', tables))],
        [
          graph('Age of the stream (ms)', [publish.lambda.metric('IteratorAge', { statistic: Stats.MAXIMUM })]),
          graph(
            'Dead letters',
            deadLetters.map(({ queue, node }) =>
              queue.metricApproximateNumberOfMessagesVisible({ label: node.path, statistic: Stats.MAXIMUM }),
            ),
          ),
        ],
        [
          graph(
            'Age of the oldest message (s)',
            queues.map(({ queue, node }) =>
              queue.metricApproximateAgeOfOldestMessage({ label: node.path, statistic: Stats.MAXIMUM }),
            ),
          ),
          graph('Set aside or broken off', [...findings.values()]),
        ],
        [
          graph('Nights', [machine.metricSucceeded(sum), machine.metricFailed(sum), machine.metricTimedOut(sum)]),
          graph('Duration of the night (ms)', [machine.metricTime({ statistic: Stats.MAXIMUM })]),
        ],
      ],
    });
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 12, height: 6 });
}

function consumed(kind: 'Read' | 'Write', tables: Record<string, BoundTable>): IMetric[] {
  return Object.entries(tables).map(([label, { table }]) => {
    const options = { label, statistic: Stats.SUM };
    return kind === 'Read'
      ? table.metricConsumedReadCapacityUnits(options)
      : table.metricConsumedWriteCapacityUnits(options);
  });
}
