import { createHash } from 'node:crypto';
import type { Mint } from '../domain/interaction.ts';

/**
 * Identifiers from their parts: 120 bits of a salted SHA-256 as 24 letters and digits. Two deliveries that meet a
 * customer for the first time at once make the same identifier, and the salt keeps anyone from telling an e-mail
 * address by its identifier.
 */
export function mintWith(salt: string): Mint {
  return (prefix, ...parts) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([salt, prefix, ...parts]))
      .digest();
    return `${prefix}_${base32(digest.subarray(0, 15))}`;
  };
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function base32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let text = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += alphabet[(value >>> (bits - 5)) & 31];
      bits -= 5;
    }
    value &= (1 << bits) - 1;
  }
  return text;
}
