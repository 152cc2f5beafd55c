import { inspect } from 'node:util';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../shared/aws/aws-error.ts';
import { accessOf, type JsonCaller, jsonCaller, type Patience } from '../../shared/aws/json-call.ts';
import { type PlannedAnswer, type ReceivedCall, refusal, startService } from './service.ts';
import { NodeSha256 } from './sha256.ts';

type Service = Awaited<ReturnType<typeof startService>>;

let service: Service;
let caller: JsonCaller;
beforeAll(async () => {
  service = await startService();
  caller = aCaller();
});
afterAll(async () => {
  caller.close();
  await service.stop();
});
beforeEach(() => service.forget());

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

function aCaller(patience: Partial<Patience> = {}, path = ''): JsonCaller {
  const times = { requestTimeout: 2_000, connectionTimeout: 1_000, maxAttempts: 4, firstPause: 1, ...patience };
  const access = { url: service.url + path, region: 'eu-west-1', credentials: () => credentials };
  return jsonCaller('dynamodb', access, times);
}

const failureOf = (call: Promise<unknown>): Promise<AwsError> =>
  call.then(
    () => expect.fail(),
    (error) => error,
  );
const get = () => caller.call('DynamoDB_20120810.GetItem', { TableName: 'customers' });

describe('a signature', () => {
  /** What the SDK's own signer makes of the headers that were signed. */
  async function oracle({ path, headers, body }: ReceivedCall, name: string, sessionToken?: string): Promise<string> {
    const signed = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1]?.split(';') ?? [];
    expect(signed).toEqual(expect.arrayContaining(['content-type', 'host', 'x-amz-date', 'x-amz-target']));
    const time = String(headers['x-amz-date']).replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z');
    const signer = new SignatureV4({
      service: name,
      region: 'eu-west-1',
      credentials: { ...credentials, ...(sessionToken && { sessionToken }) },
      sha256: NodeSha256,
      applyChecksum: false,
    });
    const request = {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      query: {},
      headers: Object.fromEntries(signed.map((header) => [header, String(headers[header])])),
      body,
    };
    const { headers: made } = await signer.sign(request, { signingDate: new Date(time) });
    return String(made.authorization);
  }

  it.each(['/', '/engine/one'])('is the one that the SDK would make, at the path %s', async (path) => {
    const other = aCaller({}, path);
    await other.call('DynamoDB_20120810.PutItem', { Item: { name: { S: 'Zoë „Ä“ 😀' } } });
    other.close();
    const [call] = service.calls as [ReceivedCall];
    expect(call.path).toBe(path);
    expect(call.headers.authorization).toBe(await oracle(call, 'dynamodb'));
  });

  it('covers the token of a session, and credentials are asked for at each call', async () => {
    const environment: Record<string, string> = {
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_SQS: service.url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    };
    const times = { requestTimeout: 2_000, connectionTimeout: 1_000, maxAttempts: 1, firstPause: 1 };
    const queue = jsonCaller('sqs', accessOf('sqs', environment), times);
    await queue.call('AmazonSQS.SendMessage', { QueueUrl: 'q', MessageBody: 'm' });
    environment.AWS_SESSION_TOKEN = 'a/session+token==';
    await queue.call('AmazonSQS.SendMessage', { QueueUrl: 'q', MessageBody: 'm' });
    delete environment.AWS_SECRET_ACCESS_KEY;
    await expect(queue.call('AmazonSQS.SendMessage', {})).rejects.toThrow('environment lacks');
    queue.close();
    const [without, within] = service.calls as [ReceivedCall, ReceivedCall];
    expect(without.headers.authorization).toBe(await oracle(without, 'sqs'));
    expect(within.headers['x-amz-security-token']).toBe('a/session+token==');
    expect(within.headers.authorization).toBe(await oracle(within, 'sqs', 'a/session+token=='));
    expect(service.calls).toHaveLength(2);
  });
});

describe('what passes is tried again', () => {
  const passing: [string, PlannedAnswer][] = [
    ['throttling', refusal('ProvisionedThroughputExceededException')],
    ['a transaction under way', refusal('TransactionInProgressException')],
    ['a fault of the service', refusal('InternalServerError', { status: 500 })],
    ['a fault that is told in HTML', { status: 503, text: '<html>busy</html>' }],
    ['too many calls', { status: 429, text: '' }],
    ['a lost answer', 'lost'],
    ['an answer that halts', 'halting'],
    ['an answer that is no JSON', { text: '{"Item":' }],
    ['an answer that holds nothing', { text: '' }],
  ];
  it.each(passing)('%s', async (_, answer) => {
    const quick = aCaller({ requestTimeout: 200 });
    service.planned.push(answer, answer, { body: { Item: { pk: { S: 'a' } } } });
    expect(await quick.call('DynamoDB_20120810.GetItem', { TableName: 't' })).toEqual({ Item: { pk: { S: 'a' } } });
    quick.close();
    expect(service.calls.map(({ body }) => body)).toEqual(Array(3).fill('{"TableName":"t"}'));
  });

  it('as often as is allowed', async () => {
    service.planned.push(...Array<PlannedAnswer>(9).fill('lost'));
    expect(await failureOf(get())).toMatchObject({ name: 'NoAnswer', status: 0, passing: true, code: 'ECONNRESET' });
    expect(service.calls).toHaveLength(4);
  });

  it('after waits that grow', async () => {
    const slow = aCaller({ firstPause: 80, maxAttempts: 6 });
    service.planned.push(...Array<PlannedAnswer>(9).fill(refusal('ThrottlingException')));
    const begun = performance.now();
    await failureOf(slow.call('DynamoDB_20120810.GetItem', {}));
    slow.close();
    // Five waits of up to 80, 160, 320, 640 and 1,280 ms, each by chance between nothing and that.
    expect(performance.now() - begun).toBeGreaterThan(60);
    expect(performance.now() - begun).toBeLessThan(2_480 + 1_000);
    expect(service.calls).toHaveLength(6);
  });
});

describe('what does not pass is told at once', () => {
  it.each(['ValidationException', 'ConditionalCheckFailedException', 'TransactionCanceledException', 'AccessDenied'])(
    '%s',
    async (type) => {
      service.planned.push(refusal(type));
      expect(await failureOf(get())).toMatchObject({ name: type, status: 400, passing: false });
      expect(service.calls).toHaveLength(1);
    },
  );

  it('with all its fields, and none of them where errors are shown', async () => {
    const CancellationReasons = [{ Code: 'ConditionalCheckFailed', Item: { email: { S: 'ada@example.com' } } }];
    service.planned.push(
      refusal('TransactionCanceledException', { message: "Value 'ada@example.com'", fields: { CancellationReasons } }),
    );
    const error = await failureOf(get());
    expect(error).toBeInstanceOf(AwsError);
    expect(error.fields.CancellationReasons).toEqual(CancellationReasons);
    expect(error.explanation).toBe("Value 'ada@example.com'");
    expect(error.message).toBe('DynamoDB_20120810.GetItem: TransactionCanceledException (400)');
    expect(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)).not.toContain('ada@');
  });

  it('by the header where the body names no type', async () => {
    const headers = { 'x-amzn-errortype': 'AccessDeniedException:http://internal.amazon.com/coral/' };
    service.planned.push({ status: 403, body: { Message: 'no' }, headers });
    expect(await failureOf(get())).toMatchObject({ name: 'AccessDeniedException', explanation: 'no' });
  });
});

describe('time', () => {
  it.each(['silent', 'halting'] as const)('is up for an attempt whose answer is %s', async (answer) => {
    const impatient = aCaller({ requestTimeout: 100, maxAttempts: 2 });
    service.planned.push(answer, answer);
    const begun = performance.now();
    const error = await failureOf(impatient.call('DynamoDB_20120810.GetItem', {}));
    impatient.close();
    expect(error).toMatchObject({ name: 'NoAnswer', code: 'ETIMEDOUT' });
    expect(performance.now() - begun).toBeGreaterThan(195);
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(service.calls).toHaveLength(2);
  });

  it('is not spent where nobody listens', async () => {
    const access = { url: 'http://127.0.0.1:1', region: 'r', credentials: () => credentials };
    const times = { requestTimeout: 2_000, connectionTimeout: 1_000, maxAttempts: 2, firstPause: 1 };
    const error = await failureOf(jsonCaller('dynamodb', access, times).call('DynamoDB_20120810.GetItem', {}));
    expect(error).toMatchObject({ name: 'NoAnswer', code: 'ECONNREFUSED' });
  });
});

it('many calls at once share a bounded number of connections', async () => {
  const answers = await Promise.all(Array.from({ length: 300 }, get));
  expect(answers).toHaveLength(300);
  expect(service.calls).toHaveLength(300);
});

it('an answer without an end is given up', async () => {
  const once = aCaller({ maxAttempts: 1, requestTimeout: 20_000 });
  service.planned.push({ text: `"${'a'.repeat(65_000_000)}"` });
  expect(await failureOf(once.call('DynamoDB_20120810.Scan', {}))).toMatchObject({
    name: 'NoAnswer',
    code: 'EMSGSIZE',
  });
  once.close();
});

describe('a service is found', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  it.each([
    [{ AWS_REGION: 'eu-west-1' }, 'https://dynamodb.eu-west-1.amazonaws.com'],
    [{ AWS_REGION: 'cn-north-1' }, 'https://dynamodb.cn-north-1.amazonaws.com.cn'],
    [{ AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://h:1' }, 'http://h:1'],
    [
      { AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://h:1', AWS_ENDPOINT_URL_DYNAMODB: 'http://h:2' },
      'http://h:2',
    ],
  ])('by %j at %s', (environment, url) => {
    expect(accessOf('dynamodb', { ...keys, ...environment })).toMatchObject({ url, region: environment.AWS_REGION });
  });

  it('not without a region', () => {
    expect(() => accessOf('sqs', keys)).toThrow('AWS_REGION');
  });
});
