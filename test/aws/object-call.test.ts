import { createHash } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AwsError } from '../../shared/aws/aws-error.ts';
import { accessOf } from '../../shared/aws/json-call.ts';
import { bucketAccess, type ObjectCalls, objectCaller } from '../../shared/aws/object-call.ts';
import { type PlannedAnswer, type ReceivedCall, startService } from './service.ts';
import { NodeSha256 } from './sha256.ts';

type Service = Awaited<ReturnType<typeof startService>>;

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const patience = { requestTimeout: 500, connectionTimeout: 500, maxAttempts: 4, firstPause: 1 };

let service: Service;
let objects: ObjectCalls;
beforeAll(async () => {
  service = await startService();
  const access = { url: service.url, region: 'eu-west-1', credentials: () => credentials };
  objects = objectCaller(bucketAccess(access, 'bucket-of-parts'), patience);
});
afterAll(async () => {
  objects.close();
  await service.stop();
});
beforeEach(() => service.forget());

const failureOf = (call: Promise<unknown>): Promise<AwsError> =>
  call.then(
    () => expect.fail(),
    (error) => error,
  );
const fault = (status: number, code: string): PlannedAnswer => ({
  status,
  text: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>in words</Message></Error>`,
  headers: { 'content-type': 'application/xml' },
});

describe('an address', () => {
  const at = (environment: object) =>
    bucketAccess(accessOf('s3', { AWS_REGION: 'eu-west-1', ...environment }), 'b').url;

  it('is the bucket’s own with AWS, and below that of whoever answers instead', () => {
    expect(at({})).toBe('https://b.s3.eu-west-1.amazonaws.com');
    expect(at({ AWS_REGION: 'cn-north-1' })).toBe('https://b.s3.cn-north-1.amazonaws.com.cn');
    expect(at({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000/' })).toBe('http://127.0.0.1:9000/b');
    expect(at({ AWS_ENDPOINT_URL: 'http://127.0.0.1:9001' })).toBe('http://127.0.0.1:9001/b');
  });
});

describe('a call', () => {
  /** What the SDK's own signer makes of it: it encodes a path once for S3, as S3 does. */
  async function oracle({ path, method, headers, body }: ReceivedCall): Promise<string> {
    const signed = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1]?.split(';') ?? [];
    expect(signed).toEqual(expect.arrayContaining(['host', 'x-amz-content-sha256', 'x-amz-date']));
    const time = String(headers['x-amz-date']).replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z');
    const signer = new SignatureV4({
      service: 's3',
      region: 'eu-west-1',
      credentials,
      sha256: NodeSha256,
      uriEscapePath: false,
    });
    const request = {
      method,
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

  it.each(['measure/9b2e-1', 'assign/run_20260330T010000000Z/Zoë & (co)+1'])(
    'is signed as the SDK would, for %s',
    async (name) => {
      await objects.put(name, Buffer.from('a body'));
      await objects.get(name);
      await objects.delete(name);
      const [put, get, gone] = service.calls as [ReceivedCall, ReceivedCall, ReceivedCall];
      expect([put, get, gone].map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE']);
      for (const call of service.calls) {
        expect(decodeURIComponent(call.path)).toBe(`/bucket-of-parts/${name}`);
        expect(call.headers.authorization).toBe(await oracle(call));
        expect(call.headers['x-amz-content-sha256']).toBe(createHash('sha256').update(call.body).digest('hex'));
      }
      expect(put.body).toBe('a body');
    },
  );

  it('may be answered with nothing, and gives bytes as they are', async () => {
    service.planned.push({ text: '' }, { status: 204, text: '' }, { text: '\u0000ÿ' });
    await objects.put('a', Buffer.from([0, 255]));
    await objects.delete('a');
    expect(await objects.get('a')).toEqual(Buffer.from('\u0000ÿ'));
  });

  it.each([
    [404, 'NoSuchKey'],
    [403, 'AccessDenied'],
  ])('answered by %s %s says that there is no such object', async (status, code) => {
    service.planned.push(fault(status, code));
    expect(await objects.get('a')).toBeUndefined();
    expect(service.calls).toHaveLength(1);
  });
});

describe('what passes is tried again', () => {
  const passing: [string, PlannedAnswer][] = [
    ['SlowDown', fault(503, 'SlowDown')],
    ['InternalError', fault(500, 'InternalError')],
    ['RequestTimeout', fault(400, 'RequestTimeout')],
    ['a fault in other words', { status: 502, text: '<html>' }],
    ['a lost answer', 'lost'],
    ['an answer that halts', 'halting'],
    ['no answer', 'silent'],
  ];
  it.each(passing)('%s', async (_, answer) => {
    service.planned.push(answer, answer, { text: 'whole' }, answer, {});
    expect(String(await objects.get('a'))).toBe('whole');
    await objects.put('a', Buffer.from('again'));
    expect(service.calls.slice(3).map(({ body }) => body)).toEqual(['again', 'again']);
  });
});

describe('what does not pass is told at once', () => {
  it.each([
    [404, 'NoSuchBucket'],
    [412, 'PreconditionFailed'],
    [400, 'XAmzContentSHA256Mismatch'],
    [301, 'PermanentRedirect'],
  ])('%s %s', async (status, code) => {
    service.planned.push(fault(status, code));
    const error = await failureOf(objects.get('a'));
    expect(error).toMatchObject({ name: code, status, passing: false });
    expect(error.explanation).toBe('in words');
    expect(service.calls).toHaveLength(1);
  });

  it('that a put is not allowed', async () => {
    service.planned.push(fault(403, 'AccessDenied'));
    expect(await failureOf(objects.put('a', Buffer.from('b')))).toMatchObject({ name: 'AccessDenied', status: 403 });
  });

  it('that a body is larger than what is read again, without sending it', async () => {
    const error = await failureOf(objects.put('a', Buffer.alloc(64_000_001)));
    expect(error).toMatchObject({ name: 'EntityTooLarge', passing: false });
    expect(service.calls).toEqual([]);
  });
});
