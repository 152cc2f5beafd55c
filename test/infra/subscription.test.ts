import { beforeAll, describe, expect, it } from 'vitest';
import {
  at,
  byId,
  entryOf,
  functionOf,
  functionsOf,
  list,
  ofType,
  type Resource,
  synthesise,
  target,
} from './template.ts';

let without: Resource[];
let engine: Resource[];
beforeAll(() => {
  without = synthesise().engine;
  engine = synthesise({ commercetools: 'ct' }).engine;
});

const entry = 'webhooks/subscription';

describe('the queue for a subscription of commercetools', () => {
  it('is there where it is asked for, and nothing else changes', () => {
    const ids = (resources: Resource[]) => resources.map(({ id }) => id);
    expect(functionsOf(without).map(entryOf)).not.toContain(entry);
    expect(
      ids(engine)
        .filter((id) => !ids(without).includes(id))
        .every((id) => /^(Commercetools|Alarms)/.test(id)),
    ).toBe(true);
    expect(ids(without).filter((id) => !ids(engine).includes(id))).toEqual([]);
  });

  it('takes messages from commercetools and the rules of its partner source alone, over TLS', () => {
    const { queue } = worked();
    const policy = ofType(engine, 'AWS::SQS::QueuePolicy').filter(
      ({ properties }) => target(at(properties, 'Queues', 0)) === queue.id,
    );
    expect(policy.length).toBe(1);
    const statements = list(at(policy[0]?.properties ?? null, 'PolicyDocument', 'Statement'));
    const [tls, subscription, rules, ...others] = statements;
    expect(others).toEqual([]);
    expect(at(tls ?? null, 'Effect')).toBe('Deny');
    expect(subscription).toMatchObject({
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Principal: { AWS: 'arn:aws:iam::362576667341:user/subscriptions' },
    });
    expect(rules).toMatchObject({
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Principal: { Service: 'events.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    });
    expect(JSON.stringify(at(rules ?? null, 'Condition', 'ArnLike', 'aws:SourceArn'))).toContain(
      ':rule/aws.partner/commercetools.com/*',
    );
  });

  it('is worked off by the function, which may set the waits of its own queue and no other', () => {
    const { queue, found } = worked();
    const environment = at(found.properties, 'Environment', 'Variables');
    expect(at(environment, 'SUBSCRIPTION_SOURCE')).toBe('ct');
    expect(at(environment, 'RETRY_QUEUE_URL')).toEqual({ Ref: queue.id });
    const role = target(at(found.properties, 'Role'));
    const may = ofType(engine, 'AWS::IAM::Policy')
      .filter(({ properties }) => list(at(properties, 'Roles')).some((held) => target(held) === role))
      .flatMap(({ properties }) => list(at(properties, 'PolicyDocument', 'Statement')))
      .filter((statement) => list(at(statement, 'Action')).includes('sqs:ChangeMessageVisibility'));
    expect(may.map((statement) => list(at(statement, 'Resource')).map(target))).toEqual([[queue.id]]);
  });
});

function worked() {
  const found = functionOf(engine, entry);
  const mapping = ofType(engine, 'AWS::Lambda::EventSourceMapping').find(
    ({ properties }) => target(at(properties, 'FunctionName')) === found.id,
  );
  const queue = byId(engine, target(at(mapping?.properties ?? null, 'EventSourceArn')));
  return { found, queue };
}
