import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { CreateTableCommand, DynamoDBClient, type KeySchemaElement, type Projection } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { variables } from '../shared/contracts/environment.ts';
import { tables } from '../shared/contracts/tables.ts';
import type { TableNames } from '../shared/dynamodb/client.ts';

/** An embedded engine in memory with the project's tables, and the environment that leads functions to it. */
export interface Embedded {
  endpoint: string;
  tables: TableNames;
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export async function startEmbedded(): Promise<Embedded> {
  const port = await freePort();
  const binary = createRequire(import.meta.url).resolve('@dynoxide/linux-x64/dynoxide');
  const engine = spawn(binary, ['serve', '--host', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  const suffix = randomUUID().slice(0, 8);
  const names: TableNames = {
    customers: `customers-${suffix}`,
    deliveries: `deliveries-${suffix}`,
    ledger: `ledger-${suffix}`,
    outreach: `outreach-${suffix}`,
    registry: `registry-${suffix}`,
  };
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    // Nobody answers there: a test that wants a queue opens one.
    AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1',
    // Nor there: a test whose nights leave large parts opens a store of objects.
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
    [variables.partsBucket]: 'run-parts',
    [variables.keepQueue]: 'http://127.0.0.1:1/000000000000/keep',
    [variables.deliveryDays]: '30',
    [variables.customersTable]: names.customers,
    [variables.deliveriesTable]: names.deliveries,
    [variables.ledgerTable]: names.ledger,
    [variables.outreachTable]: names.outreach,
    [variables.registryTable]: names.registry,
    [variables.stage]: 'test',
    [variables.testStage]: 'true',
  };
  Object.assign(process.env, environment);
  const client = new DynamoDBClient({ maxAttempts: 10 });
  for (const table of ['customers', 'deliveries', 'ledger', 'outreach', 'registry'] as const)
    await create(client, names[table], tables[table]);
  client.destroy();
  return {
    endpoint,
    tables: names,
    environment,
    stop: () =>
      new Promise((resolve) => {
        engine.once('exit', () => resolve());
        engine.kill('SIGTERM');
      }),
  };
}

/** Looks at the tables by other means than the code under test does: through the SDK. */
export function sdkClient({ endpoint }: Embedded): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint }), {
    marshallOptions: { removeUndefinedValues: true },
    unmarshallOptions: {
      wrapNumbers: (text) =>
        /^-?\d{16,}$/.test(text) && !Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text),
    },
  });
}

interface Layout {
  partitionKey: string;
  sortKey?: string;
  indexes?: Record<string, Keys>;
  projected?: 'everything' | readonly string[];
}

interface Keys {
  partitionKey: string;
  sortKey: string;
}

async function create(client: DynamoDBClient, name: string, layout: Layout): Promise<void> {
  const indexes = Object.entries(layout.indexes ?? {});
  const attributes = new Set([
    layout.partitionKey,
    ...(layout.sortKey ? [layout.sortKey] : []),
    ...indexes.flatMap(([, index]) => [index.partitionKey, index.sortKey]),
  ]);
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keySchema(layout.partitionKey, layout.sortKey),
      AttributeDefinitions: [...attributes].map((attribute) => ({ AttributeName: attribute, AttributeType: 'S' })),
      ...(indexes.length > 0 && {
        GlobalSecondaryIndexes: indexes.map(([index, keys]) => ({
          IndexName: index,
          KeySchema: keySchema(keys.partitionKey, keys.sortKey),
          Projection: projectionOf(layout.projected, keys),
        })),
      }),
    }),
  );
}

/** As infra lays it out: what an index lacks has to be missing here, too. */
function projectionOf(projected: Layout['projected'], { partitionKey, sortKey }: Keys): Projection {
  if (projected === 'everything') return { ProjectionType: 'ALL' };
  const NonKeyAttributes = (projected ?? []).filter((name) => name !== partitionKey && name !== sortKey);
  return NonKeyAttributes.length === 0
    ? { ProjectionType: 'KEYS_ONLY' }
    : { ProjectionType: 'INCLUDE', NonKeyAttributes };
}

function keySchema(partitionKey: string, sortKey?: string): KeySchemaElement[] {
  const partition: KeySchemaElement = { AttributeName: partitionKey, KeyType: 'HASH' };
  return sortKey ? [partition, { AttributeName: sortKey, KeyType: 'RANGE' }] : [partition];
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
