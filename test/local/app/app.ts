import { App, type CfnResource, Duration, Stack } from 'aws-cdk-lib';
import { CfnApi, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { AttributeType, BillingMode, type ITable, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import {
  Code,
  type FilterCriteria,
  Function as LambdaFunctionResource,
  Runtime,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  Choice,
  Condition,
  DefinitionBody,
  JsonPath,
  Map as MapState,
  StateMachine,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';

/** A small app with one of everything that the local stack runs; its handlers lie beside it. */
export function createApp({ context = {}, outdir }: { context?: Record<string, unknown>; outdir?: string }): App {
  const app = new App({ context, analyticsReporting: false, ...(outdir ? { outdir } : {}) });
  const data = new Stack(app, 'Small-Data');
  const table = new Table(data, 'Things', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
  });
  table.addGlobalSecondaryIndex({ indexName: 'byKind', partitionKey: { name: 'kind', type: AttributeType.STRING } });
  const engine = new Stack(app, 'Small-Engine');
  const bus = new EventBus(engine, 'Bus', { eventBusName: 'small' });
  const dead = new Queue(engine, 'Dead');
  const queue = (id: string) =>
    new Queue(engine, id, {
      visibilityTimeout: Duration.seconds(1),
      deadLetterQueue: { queue: dead, maxReceiveCount: 3 },
    });
  const work = queue('Work');
  const made = queue('Notes');

  const lambda = (id: string, environment: Record<string, string> = {}) => {
    const created = new LambdaFunctionResource(engine, id, {
      runtime: Runtime.NODEJS_22_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = () => {}'),
      timeout: Duration.seconds(2),
      environment: { TABLE: table.tableName, BUS: bus.eventBusName, ...environment },
    });
    (created.node.defaultChild as CfnResource).addMetadata(
      'rapport:entry',
      `test/local/app/handlers/${id.toLowerCase()}.ts`,
    );
    return created;
  };
  const door = lambda('Door', { QUEUE: work.queueUrl });
  const publish = lambda('Publish');
  const note = lambda('Note');
  const deliver = lambda('Deliver');
  const count = lambda('Count');

  publish.addEventSource(
    new DynamoEventSource(table as ITable, {
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 50,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 2,
      onFailure: new SqsDlq(dead),
      filters: [
        { pattern: JSON.stringify({ dynamodb: { Keys: { id: { S: [{ prefix: 'thing-' }] } } } }) } as ReturnType<
          typeof FilterCriteria.filter
        >,
      ],
    }),
  );
  note.addEventSource(new SqsEventSource(made, { batchSize: 5, reportBatchItemFailures: true }));
  deliver.addEventSource(new SqsEventSource(work, { batchSize: 5, reportBatchItemFailures: true }));
  new Rule(engine, 'Made', {
    eventBus: bus,
    eventPattern: { detailType: ['Made'] },
    targets: [new SqsQueue(made)],
  });
  new Rule(engine, 'Queued', {
    eventBus: bus,
    eventPattern: { detailType: ['Made'], detail: { id: [{ suffix: '7' }] } },
    targets: [new SqsQueue(work)],
  });

  const step = new LambdaInvoke(engine, 'Step', { lambdaFunction: count, payloadResponseOnly: true });
  const map = new MapState(engine, 'Each', {
    itemsPath: JsonPath.stringAt('$.items'),
    maxConcurrency: 2,
    resultPath: '$.done',
  }).itemProcessor(
    step.next(
      new Choice(engine, 'Done?')
        .when(Condition.booleanEquals('$.done', true), new Succeed(engine, 'Over'))
        .otherwise(step),
    ),
  );
  const machine = new StateMachine(engine, 'Machine', { definitionBody: DefinitionBody.fromChainable(map) });
  door.addEnvironment('MACHINE', machine.stateMachineArn);

  const api = new CfnApi(engine, 'Api', { name: 'small', protocolType: 'HTTP' });
  new CfnStage(engine, 'Stage', { apiId: api.ref, stageName: '$default', autoDeploy: true });
  const integration = new CfnIntegration(engine, 'DoorIntegration', {
    apiId: api.ref,
    integrationType: 'AWS_PROXY',
    integrationUri: door.functionArn,
    payloadFormatVersion: '2.0',
  });
  for (const [index, routeKey] of [
    'POST /things/{id}',
    'GET /echo/{name}',
    'POST /echo',
    'POST /runs',
    'GET /slow',
    'GET /crash',
    'GET /fail',
  ].entries())
    new CfnRoute(engine, `Route${index}`, { apiId: api.ref, routeKey, target: `integrations/${integration.ref}` });
  return app;
}
