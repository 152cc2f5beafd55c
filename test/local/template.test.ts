import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBus } from '../../infra/local/build-bus.ts';
import { buildFunctions, entryOf } from '../../infra/local/build-functions.ts';
import { buildMachines, buildSchedules } from '../../infra/local/build-machines.ts';
import { openQueues } from '../../infra/local/build-queues.ts';
import { buildRoutes } from '../../infra/local/build-routes.ts';
import { buildSubscriptions } from '../../infra/local/build-subscriptions.ts';
import { silentLog } from '../../infra/local/log.ts';
import { Positions } from '../../infra/local/positions.ts';
import { StartError } from '../../infra/local/start-error.ts';
import { synthesise } from '../../infra/local/synth.ts';
import { type StackTemplate, Template } from '../../infra/local/template.ts';
import { Ticker } from '../../infra/local/ticker.ts';
import { routes } from '../../shared/contracts/routes.ts';

const place = {
  region: 'eu-west-1',
  account: '000000000000',
  servicesUrl: 'http://127.0.0.1:1',
  apiUrl: 'http://127.0.0.1:2',
};

function templateOf(resources: Record<string, { Type: string; Properties?: object }>, rest: object = {}): Template {
  return new Template([{ stackName: 'S', template: { Resources: resources as never, ...rest } }], place);
}

function resolved(value: unknown, rest: object = {}, others: StackTemplate[] = []): unknown {
  const queue = { Type: 'AWS::SQS::Queue', Properties: { value, QueueName: 'q' } };
  const template = new Template(
    [{ stackName: 'S', template: { Resources: { Q: queue }, ...rest } as never }, ...others],
    place,
  );
  return template.of('AWS::SQS::Queue')[0]?.properties().value;
}

/** As templates write a variable. */
const of = (name: string) => `$${`{${name}}`}`;

describe('references', () => {
  it.each([
    ['a name', { Ref: 'Q' }, 'http://127.0.0.1:1/000000000000/q'],
    ['an ARN', { 'Fn::GetAtt': ['Q', 'Arn'] }, 'arn:aws:sqs:eu-west-1:000000000000:q'],
    ['a join', { 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }]] }, 'a-eu-west-1'],
    [
      'a substitution',
      { 'Fn::Sub': `${of('AWS::Partition')}/${of('Q.QueueName')}/${of('!kept')}` },
      `aws/q/${of('kept')}`,
    ],
    ['a substitution with variables', { 'Fn::Sub': [of('v'), { v: { Ref: 'AWS::AccountId' } }] }, '000000000000'],
    ['select and split', { 'Fn::Select': [1, { 'Fn::Split': ['@', 'a@b'] }] }, 'b'],
    ['no value', { kept: 1, gone: { Ref: 'AWS::NoValue' } }, { kept: 1 }],
  ])('resolves %s', (_name, value, expected) => {
    expect(resolved(value)).toEqual(expected);
  });

  it('resolves conditions, parameters and mappings', () => {
    const rest = {
      Parameters: { P: { Default: 'yes' } },
      Conditions: { C: { 'Fn::Equals': [{ Ref: 'P' }, 'yes'] } },
      Mappings: { M: { a: { b: 'mapped' } } },
    };
    expect(resolved({ 'Fn::If': ['C', 1, 2] }, rest)).toBe(1);
    expect(resolved({ 'Fn::FindInMap': ['M', 'a', 'b'] }, rest)).toBe('mapped');
  });

  it('resolves what another stack exports or puts out', () => {
    const other = {
      stackName: 'Other',
      template: {
        Resources: { T: { Type: 'AWS::DynamoDB::Table', Properties: {} } },
        Outputs: { O: { Value: { Ref: 'T' }, Export: { Name: 'Other:T' } } },
      },
    } as StackTemplate;
    expect(resolved({ 'Fn::ImportValue': 'Other:T' }, {}, [other])).toBe('Other-T');
    expect(resolved({ 'Fn::GetStackOutput': { StackName: 'Other', OutputName: 'O' } }, {}, [other])).toBe('Other-T');
  });

  it('says which reference leads nowhere', () => {
    expect(() => resolved({ Ref: 'Missing' })).toThrow(/S refers to Missing/);
    expect(() => resolved({ 'Fn::Cidr': ['10.0.0.0/8', 1, 1] })).toThrow(/Fn::Cidr/);
    expect(() => resolved({ 'Fn::GetAtt': ['Q', 'Colour'] })).toThrow(/Colour of S\/Q/);
  });
});

describe('what cannot run locally', () => {
  it('is named at the start', () => {
    const resources = {
      Lake: { Type: 'AWS::EFS::FileSystem' },
      Role: { Type: 'AWS::IAM::Role' },
      Beach: { Type: 'Custom::Sand' },
    };
    expect(() => templateOf(resources)).toThrow(StartError);
    expect(() => templateOf(resources)).toThrow(/S\/Lake \(AWS::EFS::FileSystem\), S\/Beach \(Custom::Sand\)/);
  });

  it('is named down to the property', () => {
    const api = { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP', CorsConfiguration: {} } };
    expect(() => buildRoutes(templateOf({ Api: api }), new Map())).toThrow(/S\/Api .* means by CorsConfiguration/);
  });

  it('is a function without an entry', () => {
    const [resource] = templateOf({ F: { Type: 'AWS::Lambda::Function' } }).of('AWS::Lambda::Function');
    expect(() => resource && entryOf(resource)).toThrow(/S\/F has no metadata rapport:entry/);
  });

  it('is a state that the local state machine does not know', () => {
    const definition = (state: object) => ({
      Type: 'AWS::StepFunctions::StateMachine',
      Properties: { DefinitionString: JSON.stringify({ StartAt: 'A', States: { A: state } }) },
    });
    const build = (state: object) => () => buildMachines(templateOf({ M: definition(state) }));
    expect(build({ Type: 'Task', Resource: 'arn:aws:states:::sns:publish', End: true })).toThrow(/A: the resource arn/);
    expect(build({ Type: 'Map', ItemReader: {}, End: true })).toThrow(/A: ItemReader/);
    expect(build({ Type: 'Pass', Parameters: { 'a.$': 'States.UUID()' }, End: true })).toThrow(/intrinsic/);
    expect(build({ Type: 'Succeed' })).not.toThrow();
  });

  it('is a rule that calls a function with no queue between', () => {
    const template = templateOf({
      F: { Type: 'AWS::Lambda::Function' },
      R: {
        Type: 'AWS::Events::Rule',
        Properties: { EventPattern: { source: ['x'] }, Targets: [{ Id: 'F', Arn: { 'Fn::GetAtt': ['F', 'Arn'] } }] },
      },
    });
    expect(() => buildBus({ template, queues: new Map() })).toThrow(StartError);
    expect(() => buildBus({ template, queues: new Map() })).toThrow(/S\/R calls S\/F: .*put one between/);
  });
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-template-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the app's own templates", () => {
  it('are understood down to the last property', async () => {
    const stacks = await synthesise({
      app: new URL('../../infra/app.ts', import.meta.url).href,
      context: {
        stage: 'local',
        testStage: true,
        adminKeyHash: 'a'.repeat(64),
        sender: 'a@b.example',
        'aws:cdk:bundling-stacks': [],
      },
      outdir: join(folder, 'cdk.out'),
    });
    const template = new Template(stacks, place);
    for (const table of template.of('AWS::DynamoDB::Table'))
      template.setAttribute(table, 'StreamArn', `arn:aws:dynamodb:x:0:table/${table.name}/stream/1`);
    const endpoints = {
      region: place.region,
      dynamodb: 'http://d',
      objects: 'http://o',
      services: 'http://s',
      noFile: '/none',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    };
    const functions = buildFunctions(template, new Map(), new URL('file:///worker.mjs'), endpoints, silentLog);
    const queues = await openQueues(template, folder);
    const bus = buildBus({ template, queues });
    const positions = await Positions.open(join(folder, 'positions'), silentLog);
    const engine = () => Promise.reject(new Error('no engine here'));
    const parts = {
      template,
      functions,
      queues,
      engine,
      positions,
      ticker: new Ticker(),
      region: place.region,
      log: silentLog,
    };

    expect(
      buildRoutes(template, functions)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
    expect(bus.rules.length).toBeGreaterThanOrEqual(3);
    expect(buildSubscriptions(parts).streams.length).toBeGreaterThanOrEqual(2);
    expect(buildMachines(template)).toHaveLength(1);
    expect(buildSchedules(template, () => expect.fail('nothing is due'), queues)).toHaveLength(3);
    for (const { settings } of functions.values())
      expect(Object.values(settings.environment)).not.toContain('undefined');
  });
});
