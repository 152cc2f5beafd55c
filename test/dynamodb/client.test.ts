import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { failedCondition, isConflict, itemInTheWay } from '../../shared/dynamodb/faults.ts';
import { Problem, StoreRefusal } from '../../shared/engine/problem.ts';
import { refusal, startService } from '../aws/service.ts';

let service: Awaited<ReturnType<typeof startService>>;
let client: Client;
beforeAll(async () => {
  service = await startService();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: service.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  client = connect();
});
afterAll(async () => {
  client.close();
  await service.stop();
});
beforeEach(() => service.forget());

const bodies = () => service.calls.map(({ body }) => JSON.parse(body));
const write = () => client.transactWrite({ TransactItems: [{ Delete: { TableName: 't', Key: { pk: 'a' } } }] });
const put = () => client.put({ TableName: 't', Item: { pk: 'a' }, ConditionExpression: 'attribute_not_exists(pk)' });
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.fail(),
    (error) => error,
  );

function cancelled(...codes: string[]) {
  return refusal('TransactionCanceledException', { fields: { CancellationReasons: codes.map((Code) => ({ Code })) } });
}

describe('a transaction', () => {
  it('keeps its token when an answer is lost; the next one has another', async () => {
    service.planned.push('lost', refusal('InternalServerError', { status: 500 }));
    await write();
    await write();
    const tokens = bodies().map(({ ClientRequestToken }) => ClientRequestToken);
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens.slice(0, 3)).size).toBe(1);
    expect(tokens[3]).not.toBe(tokens[0]);
    expect(tokens[0]).toMatch(/^[\w-]{36}$/);
  });

  it('bears no token where its caller knows its own writing again', async () => {
    await client.transactWrite({ TransactItems: [{ Delete: { TableName: 't', Key: { pk: 'a' } } }] }, { token: false });
    expect(bodies()).toEqual([{ TransactItems: [{ Delete: { TableName: 't', Key: { pk: { S: 'a' } } } }] }]);
  });

  it.each([
    [['ConditionalCheckFailed', 'None'], true],
    [['None', 'TransactionConflict'], true],
    [['ConditionalCheckFailed', 'ThrottlingError'], false],
    [['ProvisionedThroughputExceeded'], false],
    [[], false],
  ])('that was cancelled for %j is tried again by the caller alone; a conflict: %s', async (codes, conflict) => {
    service.planned.push(cancelled(...codes));
    const error = await failureOf(write());
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ code: 'store_unavailable', status: 503 });
    expect(isConflict(error)).toBe(conflict);
    expect(service.calls).toHaveLength(1);
  });

  it('that can never be written says so', async () => {
    service.planned.push(cancelled('None', 'ValidationError'));
    const error = await failureOf(write());
    expect(error).toBeInstanceOf(StoreRefusal);
    expect(error).toMatchObject({ name: 'TransactionCanceledException', unstorable: true });
    expect(isConflict(error)).toBe(false);
  });
});

describe('a failure', () => {
  it.each(['ThrottlingException', 'RequestLimitExceeded', 'InternalServerError'])('%s passes', async (type) => {
    service.planned.push(...Array.from({ length: 4 }, () => refusal(type, { status: 500 })));
    expect(await failureOf(put())).toMatchObject({ code: 'store_unavailable', cause: { name: type } });
    expect(service.calls).toHaveLength(4);
  });

  it.each([
    ['ValidationException', true],
    ['SerializationException', true],
    ['AccessDeniedException', false],
    ['ResourceNotFoundException', false],
  ])('%s does not; the fault of what was given: %s', async (type, unstorable) => {
    service.planned.push(refusal(type, { message: 'ada@example.com' }));
    const error = await failureOf(put());
    expect(error).toBeInstanceOf(StoreRefusal);
    expect(error).toMatchObject({ name: type, unstorable });
    expect(String((error as Error).stack)).not.toContain('ada@');
    expect(service.calls).toHaveLength(1);
  });

  it('of a condition shows the item in the way', async () => {
    const Item = { pk: { S: 'a' }, spent: { N: '9007199254740993' } };
    service.planned.push(refusal('ConditionalCheckFailedException', { fields: { Item } }));
    const error = await failureOf(put());
    expect(failedCondition(error)).toBe(true);
    expect(itemInTheWay(error)).toEqual({ pk: 'a', spent: 9_007_199_254_740_993n });
  });
});

describe('batches', () => {
  it('are packed and unpacked all the way down', async () => {
    const left = {
      t: [{ PutRequest: { Item: { pk: { S: 'b' }, n: { N: '1' } } } }, { DeleteRequest: { Key: { pk: { S: 'c' } } } }],
    };
    service.planned.push({ body: { UnprocessedItems: left } });
    const requests = [{ PutRequest: { Item: { pk: 'b', n: 1 } } }, { DeleteRequest: { Key: { pk: 'c' } } }];
    const { UnprocessedItems } = await client.batchWrite({ RequestItems: { t: requests } });
    expect(UnprocessedItems).toEqual({ t: requests });
    expect(bodies()[0].RequestItems).toEqual(left);

    const keys = { Keys: [{ pk: { S: 'a' } }], ConsistentRead: true };
    service.planned.push({ body: { Responses: { t: [{ pk: { S: 'b' } }] }, UnprocessedKeys: { t: keys } } });
    const asked = { Keys: [{ pk: 'a' }], ConsistentRead: true };
    const answer = await client.batchGet({ RequestItems: { t: asked } });
    expect(answer).toEqual({ Responses: { t: [{ pk: 'b' }] }, UnprocessedKeys: { t: asked } });
    expect(bodies()[1].RequestItems).toEqual({ t: keys });

    await client.batchExecuteStatement({ Statements: [{ Statement: 's', Parameters: [{ a: 1 }, 'x', 5n] }] });
    expect(bodies()[2].Statements[0].Parameters).toEqual([{ M: { a: { N: '1' } } }, { S: 'x' }, { N: '5' }]);
  });
});
