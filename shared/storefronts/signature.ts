import { createPublicKey, type JsonWebKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Whether one of the given signatures is one of the expected, in time that does not tell how near it came. Compared as
 * text, so that nothing may stand before or behind a signature.
 */
export function isAmong(given: readonly string[], expected: readonly string[]): boolean {
  const matches = given.flatMap((one) => expected.map((other) => isSame(Buffer.from(one), Buffer.from(other))));
  return matches.includes(true);
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A public key from PEM or JWK; nothing where it is none. */
export function publicKey(of: string | JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey(typeof of === 'string' ? of : { key: of, format: 'jwk' });
  } catch {
    return undefined;
  }
}
