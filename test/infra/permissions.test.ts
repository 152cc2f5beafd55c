import { beforeAll, describe, expect, it } from 'vitest';
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
beforeAll(() => {
  engine = synthesise({ sender: 'Shop <shop@mail.shop.example>' }).engine;
});

describe('permissions', () => {
  it('are held by a role for each function', () => {
    const roles = functionsOf(engine).map(({ properties }) => target(at(properties, 'Role')));
    expect(new Set(roles).size).toBe(roles.length);
    for (const role of roles) expect(at(byId(engine, role).properties, 'ManagedPolicyArns')).toBeNull();
  });

  it.each<[string, Record<string, string>]>([
    ['webhooks/receive', { Customers: 'RW', Ledger: 'RW', Registry: 'RW', Deliveries: 'RW' }],
    ['webhooks/retry', { Customers: 'RW', Ledger: 'RW', Registry: 'RW', Deliveries: 'RW' }],
    ['webhooks/keep', { Customers: 'R', Deliveries: 'RW' }],
    ['api/api', { Customers: 'RW', Ledger: 'RW', Registry: 'RW', Outreach: 'R', Deliveries: 'RW' }],
    ['stream/publish', {}],
    ['outreach/plan', { Customers: 'R', Registry: 'R', Outreach: 'RW' }],
    ['outreach/deliver', { Customers: 'RW', Ledger: 'RW', Registry: 'R', Outreach: 'RW' }],
    ['privacy/work', { Customers: 'RWS', Ledger: 'RW', Registry: 'RW', Outreach: 'RW', Deliveries: 'RW' }],
    ['reconcile/work', { Customers: 'RW', Ledger: 'RW', Registry: 'RW' }],
    ['nightly/begin', { Registry: 'RW' }],
    ['nightly/count-waiting', { Customers: 'RW', Ledger: 'RW', Registry: 'RW' }],
    ['nightly/measure', { Registry: 'RW', Customers: 'RS', Ledger: 'R' }],
    ['nightly/fit', { Registry: 'RW' }],
    ['nightly/assign', { Registry: 'RW', Customers: 'RWS', Ledger: 'RW' }],
    ['nightly/report', { Registry: 'RW' }],
  ])('of %s on tables are %j', (entry, expected) => {
    expect(tableRights(functionOf(engine, entry))).toEqual(expected);
  });

  it('on parts of value runs go by phase, to the steps of the night alone', () => {
    const held = functionsOf(engine).flatMap((found) =>
      statementsOf(found)
        .filter((statement) => actionsOf(statement).some((action) => action.startsWith('s3:')))
        .map((statement) => [
          entryOf(found),
          actionsOf(statement).map((action) => action.replace(/^s3:(\w+)Object$/, '$1')),
          list(at(statement, 'Resource')).map((arn) => at(arn, 'Fn::Join', 1, 1)),
        ]),
    );
    const all = ['Delete', 'Get', 'Put'];
    expect(held.sort()).toEqual([
      ['nightly/assign', all, ['/assign/*']],
      ['nightly/fit', ['Get'], ['/measure/*']],
      ['nightly/measure', all, ['/measure/*']],
      ['nightly/report', ['Delete', 'Get'], ['/assign/*', '/measure/*']],
    ]);
    const told = functionsOf(engine).filter(({ properties }) =>
      at(properties, 'Environment', 'Variables', 'PARTS_BUCKET'),
    );
    expect(told.map(entryOf).sort()).toEqual(held.map(([entry]) => entry));
  });

  it('name no wildcard but where AWS knows nothing narrower', () => {
    const wild = ofType(engine, 'AWS::IAM::Policy').flatMap(({ properties }) =>
      list(at(properties, 'PolicyDocument', 'Statement'))
        .filter((statement) => list(at(statement, 'Resource')).includes('*') || actionsOf(statement).some(isWild))
        .flatMap(actionsOf),
    );
    const prefixes = new Set(wild.map((action) => action.replace(/LogDeliver.*|Telemetry.*|Trace.*|Sampling.*/, '')));
    expect([...prefixes].sort()).toEqual([
      'dynamodb:ListStreams',
      'logs:Create',
      'logs:Delete',
      'logs:DescribeLogGroups',
      'logs:DescribeResourcePolicies',
      'logs:Get',
      'logs:List',
      'logs:PutResourcePolicy',
      'logs:Update',
      'xray:Get',
      'xray:Put',
    ]);
  });

  it('let e-mail leave under the sender alone', () => {
    const [sending, ...others] = statementsOf(functionOf(engine, 'outreach/deliver')).filter((statement) =>
      actionsOf(statement).some((action) => action.startsWith('ses:')),
    );
    expect(others).toEqual([]);
    const identities = list(at(sending ?? null, 'Resource')).map((arn) => JSON.stringify(arn));
    expect(identities.map((arn) => /identity\/([^"]+)/.exec(arn)?.[1]).sort()).toEqual([
      'mail.shop.example',
      'shop@mail.shop.example',
    ]);
  });

  it('let only what the flow needs put events, work off queues, start nights and send e-mail', () => {
    const may = (action: string) =>
      functionsOf(engine)
        .filter((found) => statementsOf(found).some((statement) => actionsOf(statement).includes(action)))
        .map(entryOf)
        .sort();
    expect(may('events:PutEvents')).toEqual(['stream/publish']);
    expect(may('sqs:ReceiveMessage')).toEqual([
      'outreach/deliver',
      'outreach/plan',
      'privacy/work',
      'reconcile/work',
      'webhooks/keep',
      'webhooks/retry',
    ]);
    // Publish hands what it could not do to its dead letters, retry sets the wait until the next try.
    expect(may('sqs:SendMessage')).toEqual([
      'api/api',
      'privacy/work',
      'reconcile/work',
      'stream/publish',
      'webhooks/receive',
      'webhooks/retry',
    ]);
    expect(may('states:StartExecution')).toEqual(['api/api']);
    expect(may('ses:SendEmail')).toEqual(['outreach/deliver']);
  });
});

function statementsOf({ properties }: Resource): Json[] {
  const role = target(at(properties, 'Role'));
  return ofType(engine, 'AWS::IAM::Policy')
    .filter((policy) => list(at(policy.properties, 'Roles')).some((held) => target(held) === role))
    .flatMap((policy) => list(at(policy.properties, 'PolicyDocument', 'Statement')));
}

function actionsOf(statement: Json): string[] {
  return list(at(statement, 'Action')).map(String);
}

function isWild(action: string): boolean {
  return action.includes('*');
}

const rights: Record<string, string> = {
  'dynamodb:GetItem': 'R',
  'dynamodb:BatchGetItem': 'R',
  'dynamodb:Query': 'R',
  'dynamodb:PutItem': 'W',
  'dynamodb:UpdateItem': 'W',
  'dynamodb:DeleteItem': 'W',
  'dynamodb:ConditionCheckItem': 'W',
  'dynamodb:BatchWriteItem': 'W',
  'dynamodb:PartiQLInsert': 'W',
  'dynamodb:PartiQLUpdate': 'W',
  'dynamodb:Scan': 'S',
};

/** `R`, `W`, `S` (reads, writes, scans) for each table that a function may touch. */
function tableRights(found: Resource): Record<string, string> {
  const held: Record<string, Set<string>> = {};
  for (const statement of statementsOf(found))
    for (const action of actionsOf(statement)) {
      if (!action.startsWith('dynamodb:') || /Stream|GetRecords|ShardIterator/.test(action)) continue;
      const right = rights[action];
      if (right === undefined) throw new Error(`${action} has no letter here`);
      for (const arn of list(at(statement, 'Resource'))) {
        const table = /(Customers|Deliveries|Ledger|Outreach|Registry)/.exec(JSON.stringify(arn))?.[1];
        if (table === undefined) throw new Error(`${JSON.stringify(arn)} is no table`);
        held[table] ??= new Set();
        held[table].add(right);
      }
    }
  return Object.fromEntries(
    Object.entries(held).map(([table, letters]) => [
      table,
      ['R', 'W', 'S'].filter((letter) => letters.has(letter)).join(''),
    ]),
  );
}
