import { AwsError, failedInXml } from './aws-error.ts';
import { type Exchange, exchanger, type Patience, repeated } from './exchange.ts';
import type { Access } from './json-call.ts';

/**
 * Objects of one bucket of S3, by name: `measure/9b2e…`. What passes is tried again; each call may be repeated.
 * @throws AwsError
 */
export interface ObjectCalls {
  put(name: string, body: Uint8Array): Promise<void>;
  /** Nothing where there is no such object. S3 says `AccessDenied` of one to whoever may not list the bucket. */
  get(name: string): Promise<Buffer | undefined>;
  delete(name: string): Promise<void>;
  /** Ends all connections. */
  close(): void;
}

/** Bytes, of what is put and of what is got. */
const largestObject = 64_000_000;

/** @param access where the bucket answers: see {@link bucketAccess} */
export function objectCaller(access: Access, patience: Patience): ObjectCalls {
  const { exchange, close } = exchanger('s3', access, { ...patience, largestAnswer: largestObject });

  async function call(method: 'DELETE' | 'GET' | 'PUT', name: string, body?: Buffer): Promise<Buffer | undefined> {
    const target = `S3.${method} ${name}`;
    const headers: Record<string, string> = body ? { 'Content-Type': 'application/octet-stream' } : {};
    const path = `/${name.split('/').map(encoded).join('/')}`;
    const request: Exchange = { target, method, path, headers, ...(body && { body }) };
    return repeated(patience, async () => {
      const answer = await exchange(request);
      if (answer.status === 200 || answer.status === 204) return answer.body;
      const failure = failedInXml(target, answer);
      if (failure.name === 'NoSuchKey' || (method === 'GET' && failure.name === 'AccessDenied')) return undefined;
      throw failure;
    });
  }

  return {
    close,
    async put(name, body) {
      if (body.length > largestObject) throw tooLarge(name, body.length);
      await call('PUT', name, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    },
    get: (name) => call('GET', name),
    async delete(name) {
      await call('DELETE', name);
    },
  };
}

/** Whatever a signature has percent-encoded (RFC 3986's reserved characters) is sent so, too. */
function encoded(piece: string): string {
  return encodeURIComponent(piece).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function tooLarge(name: string, bytes: number): AwsError {
  const explanation = `${bytes} bytes are more than the ${largestObject} that are read again`;
  return new AwsError('EntityTooLarge', `S3.PUT ${name}`, { status: 400, passing: false, explanation });
}

/**
 * A bucket at its own address; where `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` says that somebody else than AWS
 * answers, below that address, as whoever answers there has no name for each bucket.
 * @param access of S3: `accessOf('s3', environment)`
 */
export function bucketAccess(access: Access, bucket: string): Access {
  const url = new URL(access.url);
  const isAws = /^s3\.[\w-]+\.amazonaws\.com(\.cn)?$/.test(url.host);
  return { ...access, url: isAws ? `https://${bucket}.${url.host}` : `${access.url.replace(/\/$/, '')}/${bucket}` };
}
