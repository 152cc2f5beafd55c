import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { knownProperties } from './properties.ts';
import { StartError } from './start-error.ts';
import type { Resource, Template } from './template.ts';

interface BucketProperties {
  LifecycleConfiguration?: { Rules?: Record<string, unknown>[] };
}

/** What of a bucket has no meaning in a folder that its owner alone may read. */
const meaningless = ['BucketEncryption', 'BucketName', 'OwnershipControls', 'PublicAccessBlockConfiguration'];

interface Bucket {
  folder: string;
  /** Objects older than this go at the start, in milliseconds. */
  longest: number;
}

const day = 86_400_000;
/** Bytes; S3's own limit for one call is 5 GB. */
const largest = 100_000_000;

/** An answer in the way of S3. */
class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/**
 * S3 as far as the stack needs it: objects of the template's buckets are put, got and deleted by `/<bucket>/<name>`, each
 * a file of its bucket's folder. What was answered is durable. Signatures are not checked, the hash of what comes is.
 */
export class ObjectEndpoint {
  readonly url: string;
  /** How often objects were put and got since it began to listen, whatever came of it. */
  readonly counted = { puts: 0, gets: 0 };
  readonly #server: http.Server;
  readonly #buckets: ReadonlyMap<string, Bucket>;

  private constructor(server: http.Server, buckets: ReadonlyMap<string, Bucket>) {
    this.#server = server;
    this.#buckets = buckets;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @throws StartError where a bucket wants what a folder cannot do */
  static async open(template: Template, folder: string, now = Date.now()): Promise<ObjectEndpoint> {
    const buckets = template.of('AWS::S3::Bucket').map((resource): [string, Bucket] => {
      return [resource.name, { folder: join(folder, resource.name), longest: longestOf(resource) }];
    });
    for (const [, bucket] of buckets) await tidy(bucket, now);
    return ObjectEndpoint.listen(new Map(buckets));
  }

  static async listen(buckets: ReadonlyMap<string, Bucket>): Promise<ObjectEndpoint> {
    let endpoint: ObjectEndpoint | undefined;
    const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      endpoint?.handle(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    endpoint = new ObjectEndpoint(server, buckets);
    return endpoint;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const { status, body } = await this.#answer(request);
      response.writeHead(status, { 'content-length': body.length });
      response.end(body);
    } catch (error) {
      const { status, code } = error instanceof Refusal ? error : new Refusal(500, 'InternalError');
      const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`;
      response.writeHead(status, { 'content-type': 'application/xml', 'content-length': text.length });
      response.end(text);
      request.resume();
    }
  }

  async #answer(request: http.IncomingMessage): Promise<{ status: number; body: Buffer }> {
    // Only who signs may come: a page in a browser cannot set this header on another origin without asking first.
    if (!request.headers.authorization) throw new Refusal(403, 'AccessDenied');
    const path = this.#fileOf(request.url ?? '');
    switch (request.method) {
      case 'PUT':
        this.counted.puts += 1;
        await write(path, await received(request));
        return { status: 200, body: Buffer.alloc(0) };
      case 'GET':
        this.counted.gets += 1;
        return { status: 200, body: await readFile(path).catch(noSuchKey) };
      case 'DELETE':
        await rm(path, { force: true });
        return { status: 204, body: Buffer.alloc(0) };
      default:
        throw new Refusal(405, 'MethodNotAllowed');
    }
  }

  #fileOf(url: string): string {
    const [, name = '', key = ''] = /^\/([^/?]+)\/([^?]+)$/.exec(url) ?? [];
    const bucket = this.#buckets.get(decodeURIComponent(name));
    if (key === '') throw new Refusal(501, 'NotImplemented');
    if (!bucket) throw new Refusal(404, 'NoSuchBucket');
    const file = encodeURIComponent(decodeURIComponent(key));
    if (file.length > 200) throw new Refusal(400, 'KeyTooLongError');
    return join(bucket.folder, `${file}.object`);
  }
}

async function received(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largest) throw new Refusal(400, 'EntityTooLarge');
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
    throw new Refusal(400, 'XAmzContentSHA256Mismatch');
  return body;
}

/** Complete or not at all: written beside its place, made durable, renamed, and the folder made durable too. */
async function write(path: string, body: Buffer): Promise<void> {
  const beside = `${path}.${randomUUID()}.part`;
  await inFile(beside, 'wx', async (file) => {
    await file.writeFile(body);
    await file.datasync();
  });
  await rename(beside, path);
  await inFile(join(path, '..'), 'r', (folder) => folder.sync());
}

async function inFile(path: string, flags: string, work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>) {
  const file = await open(path, flags);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

function noSuchKey(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? new Refusal(404, 'NoSuchKey') : error;
}

/** Takes away what was never written to its end, and what is older than the bucket keeps. */
async function tidy({ folder, longest }: Bucket, now: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const isWhole = name.endsWith('.object');
    if (!isWhole || (await stat(path)).mtimeMs < now - longest) await rm(path, { force: true });
  }
}

/** @throws StartError for a rule that is about anything but the age of all objects */
function longestOf(resource: Resource): number {
  const { LifecycleConfiguration } = knownProperties<BucketProperties>(
    resource,
    ['LifecycleConfiguration'],
    meaningless,
  );
  let longest = Number.POSITIVE_INFINITY;
  for (const rule of LifecycleConfiguration?.Rules ?? []) {
    const { Status, Id: _id, ExpirationInDays, AbortIncompleteMultipartUpload: _uploads, ...unknown } = rule;
    if (Object.keys(unknown).length > 0)
      throw new StartError(
        `the local stack does not know what a rule of ${resource.label} means by ${Object.keys(unknown).join(', ')}`,
      );
    if (Status === 'Enabled' && ExpirationInDays !== undefined)
      longest = Math.min(longest, Number(ExpirationInDays) * day);
  }
  return longest;
}
