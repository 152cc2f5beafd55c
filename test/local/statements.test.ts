import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineClient } from '../../infra/local/engine-client.ts';
import { ServiceEndpoint } from '../../infra/local/services.ts';
import { dynamodbTarget, joinedInserts } from '../../infra/local/statements.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { failedCondition } from '../../shared/dynamodb/faults.ts';
import { type Embedded, startEmbedded } from '../embedded.ts';

let embedded: Embedded;
let services: ServiceEndpoint;
let engine: ReturnType<typeof engineClient>;
let client: Client;
/** What the engine was asked for. */
const asked: string[] = [];

beforeAll(async () => {
  embedded = await startEmbedded();
  services = await ServiceEndpoint.listen();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  engine = engineClient({ url: embedded.endpoint, region: 'eu-west-1', credentials });
  const { call } = engine;
  services.add(
    dynamodbTarget,
    joinedInserts((target, input) => {
      asked.push(target.replace(/^.*\./, ''));
      return call(target, input);
    }),
  );
  process.env.AWS_ENDPOINT_URL_DYNAMODB = services.url;
  client = connect();
});
afterAll(async () => {
  client.close();
  engine.close();
  await services.close();
  await embedded.stop();
});

const insert = (...ids: string[]) => {
  asked.length = 0;
  const Statement = `INSERT INTO "${embedded.tables.deliveries}" VALUE {'pk': ?, 'sk': ?, 'run': ?}`;
  return client.batchExecuteStatement({
    Statements: ids.map((id) => ({ Statement, Parameters: [id, 'x', ids.length] })),
  });
};
const place = (id: string) => ({ TableName: embedded.tables.deliveries, Key: { pk: id, sk: 'x' } });
const runOf = async (id: string) => (await client.get(place(id))).Item?.run;

test('many inserts are one transaction of the engine', async () => {
  const { Responses } = await insert('a', 'b', 'c');
  expect(Responses).toEqual([{}, {}, {}]);
  expect(asked).toEqual(['ExecuteTransaction']);
  expect(await Promise.all(['a', 'b', 'c'].map(runOf))).toEqual([3, 3, 3]);
});

test('where one cannot be inserted the others are, and it is told', async () => {
  const { Responses = [] } = await insert('d', 'a');
  expect(Responses.map(({ Error: error }) => error?.Code)).toEqual([undefined, 'DuplicateItem']);
  expect(asked).toEqual(['ExecuteTransaction', 'BatchExecuteStatement']);
  expect(await Promise.all(['d', 'a'].map(runOf))).toEqual([2, 3]);
});

test('everything else goes through as it is, failures in the words of the engine', async () => {
  await insert('e');
  expect(asked).toEqual(['BatchExecuteStatement']);
  const update = { ...place('e'), UpdateExpression: 'SET seen = :yes', ExpressionAttributeValues: { ':yes': true } };
  await client.update(update);
  const failed = await client
    .update({ ...update, ConditionExpression: 'attribute_not_exists(pk)' })
    .catch((error) => error);
  expect(failedCondition(failed)).toBe(true);
  await expect(client.update({ ...update, UpdateExpression: 'no expression' })).rejects.toMatchObject({
    unstorable: true,
  });
});
