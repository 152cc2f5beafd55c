import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Access, type ApiKey, accessOf, adminAccess, type Scope } from '../domain/access.ts';
import type { Instant } from '../domain/instant.ts';
import { Problem } from '../engine/problem.ts';
import type { HttpRequest } from './request.ts';

/** Keys are found by the SHA-256 of their text, in hexadecimal. */
export interface KeyFinder {
  findKey(hash: string): Promise<ApiKey | undefined>;
}

export interface Caller {
  access: Access;
  /** The text of the key: only the caller has it. */
  credential: string;
}

/**
 * A new key and its id; for one nonce the same each time. Worked out from what only the caller has and what only the
 * deployment has.
 */
export function newKey(
  { headers }: HttpRequest,
  secret: string,
  nonce: string | undefined,
): { id: string; text: string } {
  const bytes =
    nonce === undefined
      ? randomBytes(64)
      : createHmac('sha512', secret)
          .update(JSON.stringify(['new key', headers.authorization, nonce]))
          .digest();
  return { id: `key_${bytes.subarray(0, 12).toString('hex')}`, text: `rk_${bytes.subarray(32).toString('base64url')}` };
}

export function keyHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @throws Problem `unauthenticated`, alike for a key that is missing, unknown, revoked or expired */
export async function authenticate(
  request: HttpRequest,
  { adminKeyHash, keys, now }: { adminKeyHash: string | undefined; keys: KeyFinder; now: Instant },
): Promise<Caller> {
  const [, credential] = /^Bearer +(rk_[\x21-\x7e]{1,509})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (credential === undefined) throw unauthenticated();
  const hash = keyHash(credential);
  if (adminKeyHash !== undefined && equal(hash, adminKeyHash)) return { access: adminAccess, credential };
  const key = await keys.findKey(hash);
  const access = key && accessOf(key, now);
  if (!access) throw unauthenticated();
  return { access, credential };
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b.toLowerCase())];
  return left.length === right.length && timingSafeEqual(left, right);
}

function unauthenticated(): Problem {
  return new Problem(401, 'unauthenticated', 'Send a valid key: Authorization: Bearer rk_…');
}

/** @throws Problem `insufficient_scope` */
export function requireScope({ scopes }: Access, scope: Scope): void {
  if (!scopes.includes(scope)) throw new Problem(403, 'insufficient_scope', `The key lacks the scope ${scope}.`);
}
