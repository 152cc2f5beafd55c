import type { JsonCall } from '../../shared/aws/json-call.ts';
import { patternOf } from './build-bus.ts';
import { queueByArn } from './build-queues.ts';
import type { LocalFunction } from './functions.ts';
import type { Log } from './log.ts';
import type { Positions } from './positions.ts';
import { knownProperties } from './properties.ts';
import type { Queue } from './queue.ts';
import { StartError } from './start-error.ts';
import { QueueSubscription } from './subscription-queue.ts';
import { StreamSubscription } from './subscription-stream.ts';
import type { Resource, Template } from './template.ts';
import type { Ticker } from './ticker.ts';

interface MappingProperties {
  EventSourceArn: string;
  FunctionName: string;
  Enabled?: boolean;
  BatchSize?: number;
  MaximumBatchingWindowInSeconds?: number;
  BisectBatchOnFunctionError?: boolean;
  MaximumRetryAttempts?: number;
  MaximumRecordAgeInSeconds?: number;
  FunctionResponseTypes?: string[];
  FilterCriteria?: { Filters?: { Pattern: string }[] };
  DestinationConfig?: { OnFailure?: { Destination?: string } };
  ScalingConfig?: { MaximumConcurrency?: number };
}

const known = [
  'EventSourceArn',
  'FunctionName',
  'Enabled',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'FunctionResponseTypes',
  'FilterCriteria',
  'DestinationConfig',
  'ScalingConfig',
] as const;

export interface SubscriptionParts {
  template: Template;
  functions: ReadonlyMap<string, LocalFunction>;
  queues: ReadonlyMap<string, Queue>;
  engine: JsonCall;
  positions: Positions;
  ticker: Ticker;
  region: string;
  log: Log;
}

export interface Subscriptions {
  streams: StreamSubscription[];
  queues: QueueSubscription[];
  /** Names of the queues that somebody works off. */
  consumed: Set<string>;
}

export function buildSubscriptions(parts: SubscriptionParts): Subscriptions {
  const built: Subscriptions = { streams: [], queues: [], consumed: new Set() };
  for (const resource of parts.template.of('AWS::Lambda::EventSourceMapping')) {
    // A stream that the stack meets for the first time is read from its start: nothing came before it.
    const properties = knownProperties<MappingProperties>(resource, known, [
      'StartingPosition',
      'ParallelizationFactor',
      'MetricsConfig',
    ]);
    if (properties.Enabled === false) continue;
    const target = parts.functions.get(
      parts.template.find('AWS::Lambda::Function', properties.FunctionName)?.name ?? '',
    );
    if (!target)
      throw new StartError(
        `${resource.label} subscribes ${properties.FunctionName}, which is no function of the template`,
      );
    if (properties.EventSourceArn.includes(':dynamodb:'))
      built.streams.push(stream(resource, properties, target, parts));
    else built.queues.push(queue(resource, properties, target, parts, built.consumed));
  }
  return built;
}

function stream(resource: Resource, properties: MappingProperties, target: LocalFunction, parts: SubscriptionParts) {
  const destination = properties.DestinationConfig?.OnFailure?.Destination;
  return new StreamSubscription(
    target,
    {
      streamArn: properties.EventSourceArn,
      batchSize: properties.BatchSize ?? 100,
      window: properties.MaximumBatchingWindowInSeconds ?? 0,
      retries: properties.MaximumRetryAttempts ?? -1,
      maximumAge: properties.MaximumRecordAgeInSeconds ?? -1,
      bisect: properties.BisectBatchOnFunctionError ?? false,
      reportsItemFailures: reportsItemFailures(properties),
      wants: filterOf(resource, properties),
      onFailure: destination ? queueByArn(parts.template, parts.queues, destination, resource.label) : undefined,
    },
    parts,
  );
}

function queue(
  resource: Resource,
  properties: MappingProperties,
  target: LocalFunction,
  parts: SubscriptionParts,
  consumed: Set<string>,
) {
  const source = queueByArn(parts.template, parts.queues, properties.EventSourceArn, resource.label);
  consumed.add(source.settings.name);
  return new QueueSubscription(
    target,
    source,
    {
      batchSize: properties.BatchSize ?? 10,
      window: properties.MaximumBatchingWindowInSeconds ?? 0,
      concurrency: properties.ScalingConfig?.MaximumConcurrency ?? 5,
      reportsItemFailures: reportsItemFailures(properties),
      wants: filterOf(resource, properties),
      region: parts.region,
    },
    parts,
  );
}

function reportsItemFailures({ FunctionResponseTypes = [] }: MappingProperties): boolean {
  return FunctionResponseTypes.includes('ReportBatchItemFailures');
}

/** A record is wanted where any of the filters matches, or where there is none. */
function filterOf({ label }: Resource, { FilterCriteria }: MappingProperties): (record: unknown) => boolean {
  const filters = (FilterCriteria?.Filters ?? []).map(({ Pattern }) => patternOf(label, parse(label, Pattern)));
  return filters.length === 0 ? () => true : (record) => filters.some((matches) => matches(record));
}

function parse(label: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StartError(`${label}: the filter is not JSON`);
  }
}
