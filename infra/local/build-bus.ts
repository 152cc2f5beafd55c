import { queueByArn } from './build-queues.ts';
import { compilePattern } from './event-pattern.ts';
import { PatternError } from './event-pattern-leaf.ts';
import type { Bus, BusRule } from './eventbus.ts';
import { knownProperties } from './properties.ts';
import type { Queue } from './queue.ts';
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
  queues: ReadonlyMap<string, Queue>;
}

export interface BuiltBus {
  buses: Bus[];
  rules: BusRule[];
}

/** @throws StartError where a rule, a pattern or a target says what the local bus does not do */
export function buildBus(parts: BusParts): BuiltBus {
  const { template } = parts;
  const buses = template.of('AWS::Events::EventBus').map((resource) => {
    knownProperties(resource, [], ['Name', 'Description', 'DeadLetterConfig', 'KmsKeyIdentifier', 'LogConfig']);
    return { name: resource.name, arn: template.arn(resource) };
  });
  const built: BuiltBus = { buses, rules: [] };
  for (const resource of template.of('AWS::Events::Rule')) {
    const properties = knownProperties<RuleProperties>(
      resource,
      ['EventBusName', 'EventPattern', 'State', 'Targets'],
      ['Name', 'Description', 'RoleArn'],
    );
    if (properties.State === 'DISABLED') continue;
    if (!properties.EventPattern) throw new StartError(`${resource.label} has no event pattern`);
    const targets = (properties.Targets ?? []).map((target) => targetOf(resource, target, parts));
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

function targetOf(rule: Resource, target: Target, { template, queues }: BusParts): BusRule['targets'][number] {
  const known = ['Id', 'Arn', 'DeadLetterConfig', 'RetryPolicy'];
  const unknown = Object.keys(target).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StartError(`${rule.label}: the local bus does not know ${unknown.join(', ')} of a target`);
  const called = template.find('AWS::Lambda::Function', target.Arn);
  if (called)
    throw new StartError(
      `${rule.label} calls ${called.label}: the local bus hands events to queues alone; put one between rule and function`,
    );
  const queue = queueByArn(template, queues, target.Arn, rule.label);
  return async (event) => void (await queue.send(JSON.stringify(event)));
}
