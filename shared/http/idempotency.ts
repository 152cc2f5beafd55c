import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import { Problem } from '../engine/problem.ts';
import type { Caller } from './credentials.ts';
import type { HttpAnswer, HttpRequest } from './request.ts';

/** The place of one Idempotency-Key of one API key. */
export interface Slot {
  keyId: string;
  hash: string;
}

export interface Claim extends Slot {
  /** SHA-256 of method, path, query and body. */
  requestHash: string;
  /** Who is at it: another owner's claim is neither finished nor dropped. */
  owner: string;
  /** Stays the same for all who try this request until it has an answer. */
  nonce: string;
  now: Instant;
  keptUntil: Instant;
  /** Milliseconds of real time: a claim whose owner died is free again from then on, for the same request. */
  realTime: number;
  leaseUntil: number;
}

export interface IdempotencyStore {
  /** Takes the slot, or says who has it. An answer is sealed text. */
  claim(claim: Claim): Promise<{ nonce: string } | { requestHash: string; answer?: string; leaseUntil: number }>;
  /** Says that the owner is still at it. */
  keep(claim: Claim, leaseUntil: number): Promise<void>;
  finish(claim: Claim, answer: string): Promise<void>;
  /** Frees the slot: the request had no lasting answer. */
  drop(claim: Claim): Promise<void>;
}

/**
 * An item holds 400 kB. Only a batch of a hundred refusals can be answered at such length, and its repetition is
 * answered alike by the natural keys of its items.
 */
const mostSealed = 350_000;

const day = 24 * 60 * 60 * 1000;
/** A crash in mid-flight locks its key for this long. */
const lease = 15_000;

/**
 * Runs a write once for each Idempotency-Key and answers every repetition with the first answer, for 24 hours.
 * Answers that ask to try again (500 and above, or with Retry-After, as a batch has with such items) are not kept. Answers lie sealed under the
 * caller's own key, whose text is stored nowhere: they may hold a new key or what is known of a person.
 * @param run is given a nonce that is the same when a request which was cut short is made again
 * @throws Problem `invalid_idempotency_key`, `idempotency_key_reused` (422), `idempotency_under_way` (409)
 */
export async function once(
  { request, caller, now, realTime }: { request: HttpRequest; caller: Caller; now: Instant; realTime: () => number },
  store: IdempotencyStore,
  run: (nonce?: string) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return run();
  // API Gateway joins a header that is sent twice by a comma.
  if (!/^[\x20-\x2b\x2d-\x7e]{1,255}$/.test(key)) {
    const detail = 'is not sent once with 1 to 255 printable ASCII characters, none of them a comma';
    const faults = [{ pointer: '/headers/idempotency-key', detail }];
    throw new Problem(400, 'invalid_idempotency_key', `The Idempotency-Key ${detail}.`, { faults });
  }
  const claim: Claim = {
    keyId: caller.access.keyId,
    hash: createHash('sha256').update(key).digest('hex'),
    requestHash: hashOf(request),
    owner: randomUUID(),
    nonce: randomUUID(),
    now,
    keptUntil: instantOf(millisecondsOf(now) + day),
    realTime: realTime(),
    leaseUntil: realTime() + lease,
  };
  const found = await store.claim(claim);
  if ('nonce' in found) {
    return finishing(
      store,
      claim,
      caller,
      keeping(store, claim, realTime, () => run(found.nonce)),
    );
  }
  if (found.requestHash !== claim.requestHash) {
    const detail = 'This Idempotency-Key was used for another request. Take a new one.';
    throw new Problem(422, 'idempotency_key_reused', detail);
  }
  if (found.answer === undefined) {
    const detail = 'The first request with this Idempotency-Key is still under way.';
    // Before that only its owner can give an answer, which it may do any moment.
    const left = Math.ceil((found.leaseUntil - realTime()) / 1000);
    throw new Problem(409, 'idempotency_under_way', detail, { retryAfter: Math.max(1, left) });
  }
  const first = unseal(found.answer, caller.credential);
  return { ...first, headers: { ...first.headers, 'idempotent-replayed': 'true' } };
}

async function finishing(
  store: IdempotencyStore,
  claim: Claim,
  caller: Caller,
  run: Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  let answer: HttpAnswer;
  try {
    answer = await run;
  } catch (error) {
    await store.drop(claim);
    throw error;
  }
  const passing = answer.status >= 500 || answer.headers?.['retry-after'] !== undefined;
  const sealed = passing ? undefined : seal(answer, caller.credential);
  if (sealed === undefined || sealed.length > mostSealed) await store.drop(claim);
  else await store.finish(claim, sealed);
  return answer;
}

/** Runs, and renews the lease meanwhile. A renewal that fails is made up for by the next. */
async function keeping(
  store: IdempotencyStore,
  claim: Claim,
  realTime: () => number,
  run: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const renewal = setInterval(() => store.keep(claim, realTime() + lease).catch(() => undefined), lease / 3);
  try {
    return await run();
  } finally {
    clearInterval(renewal);
  }
}

function hashOf({ method, path, query, body }: HttpRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([method, path, query.toString()]))
    .update('\0')
    .update(body)
    .digest('hex');
}

const ivBytes = 12;
const tagBytes = 16;

function sealingKey(credential: string): Buffer {
  return createHmac('sha256', credential).update('rapport idempotency').digest();
}

function seal(answer: HttpAnswer, credential: string): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(credential), iv);
  const text = Buffer.concat([cipher.update(gzipSync(JSON.stringify(answer))), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
}

function unseal(sealed: string, credential: string): HttpAnswer {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(credential), bytes.subarray(0, ivBytes));
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  const text = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
  return JSON.parse(gunzipSync(text).toString('utf8')) as HttpAnswer;
}
