import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../shared/contracts/routes.ts';
import {
  at,
  byId,
  entryOf,
  functionOf,
  functionsOf,
  type Json,
  list,
  ofType,
  type Resource,
  synthesise,
  target,
} from './template.ts';

let engine: Resource[];
let onTestStage: Resource[];
beforeAll(() => {
  engine = synthesise().engine;
  onTestStage = synthesise({ stage: 'trial', testStage: true }).engine;
});

describe('functions', () => {
  it('are those of the design', () => {
    expect(functionsOf(engine).map(entryOf).sort()).toEqual([
      'api/api',
      'nightly/assign',
      'nightly/begin',
      'nightly/count-waiting',
      'nightly/fit',
      'nightly/measure',
      'nightly/report',
      'outreach/deliver',
      'outreach/plan',
      'privacy/work',
      'reconcile/work',
      'stream/publish',
      'webhooks/keep',
      'webhooks/receive',
      'webhooks/retry',
    ]);
  });

  it('are each made of a bundle of their own', () => {
    const bundles = functionsOf(engine).map(({ properties }) => at(properties, 'Code', 'S3Key'));
    expect(new Set(bundles).size).toBe(bundles.length);
  });

  it('run on Graviton and the supported Node, with a log of their own that forgets', () => {
    for (const { properties } of functionsOf(engine)) {
      expect(at(properties, 'Runtime')).toBe('nodejs24.x');
      expect(at(properties, 'Architectures')).toEqual(['arm64']);
      expect(at(properties, 'Handler')).toBe('index.handler');
      const log = byId(engine, target(at(properties, 'LoggingConfig', 'LogGroup')));
      expect(at(log.properties, 'RetentionInDays')).toBeGreaterThan(0);
    }
    const logs = functionsOf(engine).map(({ properties }) => target(at(properties, 'LoggingConfig', 'LogGroup')));
    expect(new Set(logs).size).toBe(logs.length);
    for (const { properties } of ofType(engine, 'AWS::Logs::LogGroup'))
      expect(at(properties, 'RetentionInDays')).toBeGreaterThan(0);
  });

  it('have a gigabyte where a caller waits', () => {
    for (const entry of ['webhooks/receive', 'api/api'])
      expect(at(functionOf(engine, entry).properties, 'MemorySize')).toBe(1024);
  });

  it('know of the test clock on a test stage alone', () => {
    const testStage = ({ properties }: Resource) => at(properties, 'Environment', 'Variables', 'TEST_STAGE');
    expect(functionsOf(engine).map(testStage).filter(Boolean)).toEqual([]);
    for (const found of functionsOf(onTestStage)) {
      expect(testStage(found)).toBe('true');
      expect(at(found.properties, 'Environment', 'Variables', 'REGISTRY_TABLE')).not.toBeNull();
    }
  });
});

describe('the HTTP API', () => {
  it('has the routes of the contract, each answered by its workload', () => {
    const entries = { webhooks: 'webhooks/receive', api: 'api/api' };
    const found = ofType(engine, 'AWS::ApiGatewayV2::Route').map(({ properties }) => {
      const integration = JSON.stringify(at(properties, 'Target'));
      const { properties: target_ } = byId(engine, /"Ref":"([^"]+)"/.exec(integration)?.[1] ?? '');
      expect(at(target_, 'PayloadFormatVersion')).toBe('2.0');
      return [at(properties, 'RouteKey'), entryOf(byId(engine, target(at(target_, 'IntegrationUri'))))];
    });
    const expected = routes.map(({ method, path, workload }) => [`${method} ${path}`, entries[workload]]);
    expect(found.sort()).toEqual(expected.sort());
  });

  it('is throttled and keeps an access log without the caller', () => {
    const [stage] = ofType(engine, 'AWS::ApiGatewayV2::Stage');
    const properties = stage?.properties ?? null;
    expect(at(properties, 'DefaultRouteSettings', 'ThrottlingRateLimit')).toBeGreaterThan(0);
    const format = String(at(properties, 'AccessLogSettings', 'Format'));
    expect(format).toContain('$context.requestId');
    expect(format).not.toMatch(/sourceIp|userAgent|\$context\.path|queryString|authorizer|identity/);
  });
});

describe('asynchronous edges', () => {
  const queues = () => ofType(engine, 'AWS::SQS::Queue');

  it('end in a dead-letter queue, each with an alarm', () => {
    const ends = new Set<string>();
    for (const { properties } of ofType(engine, 'AWS::Lambda::EventSourceMapping')) {
      const source = at(properties, 'EventSourceArn');
      const end = isOwnQueue(source)
        ? at(byId(engine, target(source)).properties, 'RedrivePolicy', 'deadLetterTargetArn')
        : at(properties, 'DestinationConfig', 'OnFailure', 'Destination');
      ends.add(target(end));
    }
    for (const { properties } of ofType(engine, 'AWS::Events::Rule'))
      for (const to of list(at(properties, 'Targets'))) {
        ends.add(target(at(to, 'DeadLetterConfig', 'Arn')));
        expect(at(to, 'RetryPolicy', 'MaximumRetryAttempts')).toBeGreaterThan(0);
        expect(byId(engine, target(at(to, 'Arn'))).type).toBe('AWS::SQS::Queue');
      }
    for (const { properties } of ofType(engine, 'AWS::Scheduler::Schedule'))
      ends.add(target(at(properties, 'Target', 'DeadLetterConfig', 'Arn')));

    const watched = ofType(engine, 'AWS::CloudWatch::Alarm')
      .filter(({ properties }) => at(properties, 'MetricName') === 'ApproximateNumberOfMessagesVisible')
      .map(({ properties }) => target(at(properties, 'Dimensions', 0, 'Value')));
    expect(watched.sort()).toEqual([...ends].sort());
    for (const end of ends) expect(at(byId(engine, end).properties, 'MessageRetentionPeriod')).toBe(14 * 24 * 3600);
  });

  it('end in the queues that the README tells how to re-drive, and to which', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const rows = [...readme.matchAll(/^\| `(\w+DeadLetters)` \|.*\|(?: re-drive to `(\w+)`)?.*\|$/gm)];
    const named = (id: string) => id.replace(/Queue[0-9A-F]{8}$/, '');
    const homes = new Map(queues().map(({ id }) => [named(id), undefined as string | undefined]));
    for (const { id, properties } of queues()) {
      const end = at(properties, 'RedrivePolicy', 'deadLetterTargetArn');
      if (end === null) continue;
      homes.set(named(target(end)), named(id));
      homes.delete(named(id));
    }
    expect(new Map(rows.map(([, end = '', home]) => [end, home]))).toEqual(homes);
  });

  it('report failures item by item', () => {
    for (const { properties } of ofType(engine, 'AWS::Lambda::EventSourceMapping'))
      expect(at(properties, 'FunctionResponseTypes')).toEqual(['ReportBatchItemFailures']);
  });

  it('hide a message for six times as long as the work may take', () => {
    for (const { properties } of ofType(engine, 'AWS::Lambda::EventSourceMapping')) {
      const source = at(properties, 'EventSourceArn');
      if (!isOwnQueue(source)) continue;
      const hidden = Number(at(byId(engine, target(source)).properties, 'VisibilityTimeout'));
      const work = Number(at(byId(engine, target(at(properties, 'FunctionName'))).properties, 'Timeout'));
      expect(hidden).toBeGreaterThanOrEqual(6 * work);
    }
  });

  it('call no function without a queue between', () => {
    expect(ofType(engine, 'AWS::Lambda::EventInvokeConfig')).toEqual([]);
    for (const { properties } of functionsOf(engine)) expect(at(properties, 'DeadLetterConfig')).toBeNull();
    const callers = ofType(engine, 'AWS::Lambda::Permission').map(({ properties }) => at(properties, 'Principal'));
    expect(new Set(callers)).toEqual(new Set(['apigateway.amazonaws.com']));
  });

  it('outlast a store that is away for hours: what is to be planned, and deliveries that wait', () => {
    const outlasts = (entry: string) => {
      const { id } = functionOf(engine, entry);
      const mapping = ofType(engine, 'AWS::Lambda::EventSourceMapping').find(
        ({ properties }) => target(at(properties, 'FunctionName')) === id,
      );
      const { properties } = byId(engine, target(at(mapping?.properties ?? null, 'EventSourceArn')));
      return Number(at(properties, 'VisibilityTimeout')) * Number(at(properties, 'RedrivePolicy', 'maxReceiveCount'));
    };
    expect(outlasts('outreach/plan')).toBe(12 * 3600);
    // Where the worker cannot set its longer waits, too.
    expect(outlasts('webhooks/retry')).toBe(3 * 3600);
  });

  it('publish what the streams show of customers, interactions and jobs, isolating what fails', () => {
    const streams = ofType(engine, 'AWS::Lambda::EventSourceMapping').filter(
      ({ properties }) => !isOwnQueue(at(properties, 'EventSourceArn')),
    );
    const filters = streams.map(({ properties }) =>
      list(at(properties, 'FilterCriteria', 'Filters')).map((filter) => JSON.parse(String(at(filter, 'Pattern')))),
    );
    expect(filters).toEqual([
      [{ eventName: ['INSERT', 'MODIFY'] }],
      [
        { eventName: ['INSERT'], dynamodb: { Keys: { pk: { S: [{ prefix: 'cus_' }] } } } },
        {
          eventName: ['MODIFY'],
          dynamodb: {
            Keys: { pk: { S: [{ prefix: 'cus_' }] } },
            NewImage: { begins: { BOOL: [{ exists: true }] } },
          },
        },
      ],
      [{ eventName: ['INSERT'], dynamodb: { NewImage: { status: { S: ['requested'] } } } }],
    ]);
    for (const { properties } of streams) {
      expect(at(properties, 'BisectBatchOnFunctionError')).toBe(true);
      expect(at(properties, 'MaximumRetryAttempts')).toBeGreaterThan(0);
      expect(at(properties, 'StartingPosition')).toBe('TRIM_HORIZON');
    }
  });

  it('take events by pattern: first orders that are neither history nor tests, tiers, e-mail', () => {
    const patterns = ofType(engine, 'AWS::Events::Rule').map(({ properties }) => at(properties, 'EventPattern'));
    expect(patterns).toEqual([
      {
        source: ['rapport'],
        'detail-type': ['InteractionRecorded'],
        detail: { type: ['order'], first: [true], backfill: [false], test: [false] },
      },
      { source: ['rapport'], 'detail-type': ['TierChanged'], detail: { customerId: [{ exists: true }] } },
      { source: ['rapport'], 'detail-type': ['OutreachRequested'], detail: { channel: ['email'] } },
    ]);
  });

  it('are encrypted and closed to plain HTTP', () => {
    for (const { properties } of queues()) expect(at(properties, 'SqsManagedSseEnabled')).toBe(true);
    const closed = ofType(engine, 'AWS::SQS::QueuePolicy').map(({ properties }) => {
      expect(JSON.stringify(at(properties, 'PolicyDocument'))).toContain('"aws:SecureTransport":"false"');
      return target(at(properties, 'Queues', 0));
    });
    expect(closed.sort()).toEqual(
      queues()
        .map(({ id }) => id)
        .sort(),
    );
  });
});

/** A queue of this stack; streams belong to the data stack. */
function isOwnQueue(arn: Json): boolean {
  return at(arn, 'Fn::GetAtt') !== null;
}
