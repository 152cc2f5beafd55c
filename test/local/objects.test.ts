import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectEndpoint } from '../../infra/local/objects.ts';
import { Template } from '../../infra/local/template.ts';

const rule = { Status: 'Enabled', ExpirationInDays: 7, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } };

let folder: string;
let endpoint: ObjectEndpoint;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-s3-'));
  endpoint = await ObjectEndpoint.open(templateOf({ Rules: [rule] }), folder);
});
afterEach(async () => {
  await endpoint.close();
  rmSync(folder, { recursive: true, force: true });
});

function templateOf(LifecycleConfiguration: object, more: object = {}): Template {
  const Resources = {
    Parts: { Type: 'AWS::S3::Bucket', Properties: { LifecycleConfiguration, ...more } },
    Policy: { Type: 'AWS::S3::BucketPolicy', Properties: {} },
  };
  const place = { region: 'eu-west-1', account: '0', servicesUrl: 'http://s', apiUrl: 'http://a' };
  return new Template([{ stackName: 'S', template: { Resources } }], place);
}

const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
  fetch(endpoint.url + path, {
    method,
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=x',
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
const codeOf = async (answer: Response) => [answer.status, /<Code>(\w+)</.exec(await answer.text())?.[1]];
const files = () => readdirSync(join(folder, 'S-Parts'));

describe('objects', () => {
  it('are put, got whatever their names, written over and deleted', async () => {
    for (const name of ['measure/1', '..%2F..%2Fetc', '..x', 'a%20b%C3%A9']) {
      expect((await call('PUT', `/S-Parts/${name}`, 'first')).status).toBe(200);
      expect((await call('PUT', `/S-Parts/${name}`, `second of ${name}`)).status).toBe(200);
      expect(await (await call('GET', `/S-Parts/${name}`)).text()).toBe(`second of ${name}`);
    }
    expect(files()).toHaveLength(4);
    expect((await call('DELETE', '/S-Parts/measure/1')).status).toBe(204);
    expect((await call('DELETE', '/S-Parts/measure/1')).status).toBe(204);
    expect(await codeOf(await call('GET', '/S-Parts/measure/1'))).toEqual([404, 'NoSuchKey']);
    expect(files()).toHaveLength(3);
  });

  it('outlast the process, without what it did not finish', async () => {
    await call('PUT', '/S-Parts/kept', 'whole');
    writeFileSync(join(folder, 'S-Parts', 'lost.object.1.part'), 'ha');
    await endpoint.close();
    endpoint = await ObjectEndpoint.open(templateOf({ Rules: [rule] }), folder);
    expect(await (await call('GET', '/S-Parts/kept')).text()).toBe('whole');
    expect(files()).toEqual(['kept.object']);
  });

  it('go at the start once they are older than the bucket keeps them', async () => {
    await call('PUT', '/S-Parts/old', 'o');
    await call('PUT', '/S-Parts/young', 'y');
    const now = Date.now();
    utimesSync(join(folder, 'S-Parts', 'old.object'), new Date(now), new Date(now - 7.1 * 86_400_000));
    utimesSync(join(folder, 'S-Parts', 'young.object'), new Date(now), new Date(now - 6.9 * 86_400_000));
    await endpoint.close();
    endpoint = await ObjectEndpoint.open(templateOf({ Rules: [rule] }), folder, now);
    expect(files()).toEqual(['young.object']);
  });
});

describe('what is refused', () => {
  it('is a bucket that the template lacks, a call without a signature, and one that is no call of an object', async () => {
    expect(await codeOf(await call('PUT', '/Other/a', 'x'))).toEqual([404, 'NoSuchBucket']);
    expect(await codeOf(await fetch(`${endpoint.url}/S-Parts/a`))).toEqual([403, 'AccessDenied']);
    expect(await codeOf(await call('GET', '/S-Parts'))).toEqual([501, 'NotImplemented']);
    expect(await codeOf(await call('GET', '/S-Parts/a?acl'))).toEqual([501, 'NotImplemented']);
    expect(await codeOf(await call('POST', '/S-Parts/a', 'x'))).toEqual([405, 'MethodNotAllowed']);
    expect(await codeOf(await call('PUT', `/S-Parts/${'a'.repeat(300)}`, 'x'))).toEqual([400, 'KeyTooLongError']);
  });

  it('is a body that is not the one that was signed', async () => {
    const answer = await call('PUT', '/S-Parts/a', 'x', { 'x-amz-content-sha256': 'f'.repeat(64) });
    expect(await codeOf(answer)).toEqual([400, 'XAmzContentSHA256Mismatch']);
    expect(files()).toEqual([]);
  });

  it('is a template that wants more of a bucket', async () => {
    const open = (...given: Parameters<typeof templateOf>) => ObjectEndpoint.open(templateOf(...given), folder);
    await expect(open({ Rules: [{ ...rule, Prefix: 'a/' }] })).rejects.toThrow(/S\/Parts means by Prefix/);
    await expect(open({}, { NotificationConfiguration: {} })).rejects.toThrow(/NotificationConfiguration/);
  });
});
