import { AwsError } from '../../shared/aws/aws-error.ts';
import type { JsonCall } from '../../shared/aws/json-call.ts';
import { StartError } from './start-error.ts';
import type { Resource, Template } from './template.ts';

interface KeySchema {
  AttributeName: string;
  KeyType: string;
}

interface Shape {
  KeySchema: KeySchema[];
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
  GlobalSecondaryIndexes?: Index[];
  LocalSecondaryIndexes?: Index[];
  StreamSpecification?: { StreamEnabled?: boolean; StreamViewType?: string };
}

interface Index {
  IndexName: string;
  KeySchema: KeySchema[];
  Projection: { ProjectionType?: string; NonKeyAttributes?: string[] };
}

interface Described extends Shape {
  TableStatus: string;
  LatestStreamArn?: string;
}

/**
 * Makes the tables of the template that the engine lacks, and tells the template the ARNs of their streams.
 * @throws StartError where a table is there with other keys, indexes or stream
 */
export async function createTables(template: Template, engine: JsonCall): Promise<void> {
  const call = <Answer>(action: string, input: object) => engine<Answer>(`DynamoDB_20120810.${action}`, input);
  await Promise.all(template.of('AWS::DynamoDB::Table').map((table) => createTable(template, table, call)));
}

type Call = <Answer>(action: string, input: object) => Promise<Answer>;

async function createTable(template: Template, table: Resource, call: Call): Promise<void> {
  const wanted = readShape(table);
  const existing = await describe(table.name, call);
  if (existing) {
    const differences = (['keys', 'stream', 'indexes'] as const).filter(
      (aspect) => facts(existing)[aspect] !== facts(wanted)[aspect],
    );
    if (differences.length > 0)
      throw new StartError(
        `table ${table.name} is there already with other ${differences.join(' and ')} than the template's: start with another data folder (RAPPORT_DATA), or take this one away`,
      );
  } else await call('CreateTable', { TableName: table.name, BillingMode: 'PAY_PER_REQUEST', ...wanted });
  const description = await untilActive(table.name, call);
  await setTimeToLive(table, call);
  if (description.LatestStreamArn) template.setAttribute(table, 'StreamArn', description.LatestStreamArn);
}

function readShape(table: Resource): Shape {
  const properties = table.properties() as unknown as Shape;
  const indexes = (list: Index[] | undefined) =>
    list?.map(({ IndexName, KeySchema, Projection }) => ({ IndexName, KeySchema, Projection }));
  const global = indexes(properties.GlobalSecondaryIndexes);
  const local = indexes(properties.LocalSecondaryIndexes);
  const view = properties.StreamSpecification?.StreamViewType;
  return {
    KeySchema: properties.KeySchema,
    AttributeDefinitions: properties.AttributeDefinitions,
    ...(global && global.length > 0 ? { GlobalSecondaryIndexes: global } : {}),
    ...(local && local.length > 0 ? { LocalSecondaryIndexes: local } : {}),
    ...(view ? { StreamSpecification: { StreamEnabled: true, StreamViewType: view } } : {}),
  };
}

/** What has to agree, in a form that can be compared. */
function facts(shape: Shape): { keys: string; stream: string; indexes: string } {
  const type = (name: string) =>
    shape.AttributeDefinitions.find(({ AttributeName }) => AttributeName === name)?.AttributeType;
  const keys = (schema: KeySchema[]) =>
    schema
      .map(({ AttributeName, KeyType }) => `${KeyType}:${AttributeName}:${type(AttributeName)}`)
      .sort()
      .join();
  const indexes = [...(shape.GlobalSecondaryIndexes ?? []), ...(shape.LocalSecondaryIndexes ?? [])].map(
    ({ IndexName, KeySchema, Projection }) =>
      `${IndexName}(${keys(KeySchema)}) ${Projection.ProjectionType} ${[...(Projection.NonKeyAttributes ?? [])].sort().join()}`,
  );
  return {
    keys: keys(shape.KeySchema),
    stream: shape.StreamSpecification?.StreamViewType ?? 'none',
    indexes: indexes.sort().join(';'),
  };
}

async function describe(name: string, call: Call): Promise<Described | undefined> {
  try {
    return (await call<{ Table: Described }>('DescribeTable', { TableName: name })).Table;
  } catch (error) {
    if (error instanceof AwsError && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

async function untilActive(name: string, call: Call): Promise<Described> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const table = await describe(name, call);
    if (table?.TableStatus === 'ACTIVE') return table;
    if (performance.now() > deadline) throw new StartError(`table ${name} did not become active within 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Engines differ in what they say to a setting that is there already: none of it matters. */
async function setTimeToLive(table: Resource, call: Call): Promise<void> {
  const setting = table.properties().TimeToLiveSpecification as { AttributeName: string; Enabled: boolean } | undefined;
  if (!setting?.Enabled) return;
  const { AttributeName, Enabled } = setting;
  await call('UpdateTimeToLive', {
    TableName: table.name,
    TimeToLiveSpecification: { AttributeName, Enabled },
  }).catch((error: unknown) => {
    if (!(error instanceof AwsError)) throw error;
  });
}
