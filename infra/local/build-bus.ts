import { join } from 'node:path';
import { AsyncInvocation } from './async-invocation.ts';
import { fileName, queueByArn } from './build-queues.ts';
import { compilePattern } from './event-pattern.ts';
import { PatternError } from './event-pattern-leaf.ts';
import type { Bus, BusRule } from './eventbus.ts';
import type { LocalFunction } from './functions.ts';
import type { Log } from './log.ts';
import { knownProperties } from './properties.ts';
import { Queue } from './queue.ts';
import { StartError } from './start-error.ts';
import type { Resource, Template } from './template.ts';

interface Target {
  Id: string;
  Arn: string;
  DeadLetterConfig?: { Arn?: string };
  RetryPolicy?: object;
}

interface RuleProperties {
  EventBusName?: string;
  EventPattern?: object;
  State?: string;
  Targets?: Target[];
}

export interface BusParts {
  template: Template;
  functions: ReadonlyMap<string, LocalFunction>;
  queues: ReadonlyMap<string, Queue>;
  /** Folder of the journals. */
  folder: string;
  log: Log;
  /** Waits between the attempts of an asynchronous invocation, in seconds. */
  asyncWaits: readonly number[];
}

export interface BuiltBus {
  buses: Bus[];
  rules: BusRule[];
  /** The events that wait for functions, by function. */
  waiting: Map<string, { queue: Queue; invocation: AsyncInvocation }>;
}

export async function buildBus(parts: BusParts): Promise<BuiltBus> {
  const { template } = parts;
  const buses = template.of('AWS::Events::EventBus').map((resource) => {
    knownProperties(resource, [], ['Name', 'Description', 'DeadLetterConfig', 'KmsKeyIdentifier', 'LogConfig']);
    return { name: resource.name, arn: template.arn(resource) };
  });
  const built: BuiltBus = { buses, rules: [], waiting: new Map() };
  for (const resource of template.of('AWS::Events::Rule')) {
    const properties = knownProperties<RuleProperties>(
      resource,
      ['EventBusName', 'EventPattern', 'State', 'Targets'],
      ['Name', 'Description', 'RoleArn'],
    );
    if (properties.State === 'DISABLED') continue;
    if (!properties.EventPattern) throw new StartError(`${resource.label} has no event pattern`);
    const targets: BusRule['targets'] = [];
    for (const target of properties.Targets ?? []) targets.push(await targetOf(resource, target, parts, built));
    const matches = patternOf(resource.label, properties.EventPattern);
    built.rules.push({ bus: properties.EventBusName ?? 'default', matches, targets });
  }
  return built;
}

/** @throws StartError with the place and the reason where the pattern is none */
export function patternOf(label: string, pattern: unknown): (event: unknown) => boolean {
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new StartError(`${label}: ${error.message}`);
  }
}

async function targetOf(
  rule: Resource,
  target: Target,
  parts: BusParts,
  built: BuiltBus,
): Promise<BusRule['targets'][number]> {
  const known = ['Id', 'Arn', 'DeadLetterConfig', 'RetryPolicy'];
  const unknown = Object.keys(target).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StartError(`${rule.label}: the local bus does not know ${unknown.join(', ')} of a target`);
  const { template, functions, queues } = parts;
  const queue = template.find('AWS::SQS::Queue', target.Arn);
  if (queue) {
    const to = queueByArn(template, queues, target.Arn, rule.label);
    return async (event) => void (await to.send(JSON.stringify(event)));
  }
  const resource = template.find('AWS::Lambda::Function', target.Arn);
  const handler = resource && functions.get(resource.name);
  if (!resource || !handler) throw new StartError(`${rule.label}: the local bus cannot deliver to ${target.Arn}`);
  const { invocation } = built.waiting.get(resource.name) ?? (await asynchronously(resource, handler, parts, built));
  return (event) => invocation.accept(event);
}

interface InvokeConfigProperties {
  FunctionName: string;
  MaximumRetryAttempts?: number;
  MaximumEventAgeInSeconds?: number;
  DestinationConfig?: { OnFailure?: { Destination?: string } };
}

async function asynchronously(resource: Resource, target: LocalFunction, parts: BusParts, built: BuiltBus) {
  const { template, folder, log, asyncWaits } = parts;
  const config = template
    .of('AWS::Lambda::EventInvokeConfig')
    .map((one) =>
      knownProperties<InvokeConfigProperties>(
        one,
        ['FunctionName', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds', 'DestinationConfig'],
        ['Qualifier'],
      ),
    )
    .find(({ FunctionName }) => template.find('AWS::Lambda::Function', FunctionName)?.name === resource.name);
  const queue = await Queue.open(join(folder, `events-${fileName(resource.name)}.journal`), {
    name: `events for ${resource.name}`,
    arn: '',
    visibilityTimeout: target.settings.timeout * 2 + 30,
    delay: 0,
  });
  const settings = {
    retries: config?.MaximumRetryAttempts ?? 2,
    maximumAge: config?.MaximumEventAgeInSeconds ?? 21_600,
    deadLetters: deadLettersOf(resource, config?.DestinationConfig?.OnFailure?.Destination, parts),
    waits: asyncWaits,
  };
  const waiting = { queue, invocation: new AsyncInvocation(target, queue, settings, log) };
  built.waiting.set(resource.name, waiting);
  return waiting;
}

/** @throws StartError where an event that keeps failing would be dropped: neither AWS nor the local stack says so later */
function deadLettersOf(resource: Resource, onFailure: string | undefined, { template, queues }: BusParts) {
  if (onFailure) return { kind: 'record' as const, queue: queueByArn(template, queues, onFailure, resource.label) };
  const config = resource.properties().DeadLetterConfig as { TargetArn?: string } | undefined;
  if (config?.TargetArn)
    return { kind: 'event' as const, queue: queueByArn(template, queues, config.TargetArn, resource.label) };
  throw new StartError(
    `${resource.label} takes events from the bus and has neither a dead-letter queue nor a failure destination: an event that keeps failing would be dropped`,
  );
}
