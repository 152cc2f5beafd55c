import { verify as isSigned } from 'node:crypto';
import { Problem } from '../engine/problem.ts';
import type { Check, Delivery, Verdict } from '../engine/storefront.ts';
import { publicKey } from './signature.ts';

/** The one host of Adobe's keys: the delivery only says their paths. */
const publishedAt = 'https://static.adobeioevents.com';
const keyPath = /^\/[a-z]{1,20}\/keys\/[\w-]{1,100}\.pem$/;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Adobe I/O Events signs the body with two keys, so that one can be changed: either will do.
 * @throws Problem `keys_unavailable` where a key that might have made its signature cannot be had
 */
export async function verifyAdobe({ headers, body }: Delivery, fetchKey: Check['fetchKey']): Promise<Verdict> {
  const given = ['1', '2'].flatMap((which) => {
    const signature = headers[`x-adobe-digital-signature-${which}`];
    const path = headers[`x-adobe-public-key${which}-path`];
    return signature && path ? [{ signature, path }] : [];
  });
  if (given.length === 0)
    return { refused: 'x-adobe-digital-signature-1 and -2, or the paths of their keys, are missing' };
  if (!given.every(({ signature, path }) => keyPath.test(path) && base64.test(signature))) {
    return { refused: "a signature is no base64, or the path of its key is none of Adobe's" };
  }
  const checks = await Promise.allSettled(
    given.map(async ({ signature, path }) => {
      const url = new URL(path, publishedAt);
      const key = publicKey(await fetchKey(url)) ?? publicKey(await fetchKey(url, { fresh: true }));
      if (!key) throw new Problem(503, 'keys_unavailable', 'What Adobe publishes is no key.', { retryAfter: 30 });
      return isSigned('sha256', body, key, Buffer.from(signature, 'base64'));
    }),
  );
  if (checks.some((check) => check.status === 'fulfilled' && check.value)) return { authentic: true };
  for (const check of checks) if (check.status === 'rejected') throw check.reason;
  return { refused: 'neither of the keys made its signature' };
}
