import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

export interface AdminKey {
  /** SHA-256 in hexadecimal. */
  hash: string;
  /** A key that was just made: to be shown, and then kept (by its hash alone). */
  made?: { key: string; keep(): void };
}

/** @throws StartError where the key is not of the form that the API takes */
export function checkAdminKey(given: string): string {
  if (/^rk_[\x21-\x7e]{29,509}$/.test(given)) return given;
  throw new StartError('RAPPORT_ADMIN_KEY must begin with rk_ and have 32 to 512 characters, without spaces');
}

/** The key that was given, or else that of the data folder, which keeps its hash alone. */
export function adminKey(dataFolder: string, given: string | undefined): AdminKey {
  if (given !== undefined) return { hash: sha256(checkAdminKey(given)) };
  const path = join(dataFolder, 'admin-key.sha256');
  if (existsSync(path)) return { hash: readFileSync(path, 'utf8').trim() };
  const key = `rk_${randomBytes(24).toString('base64url')}`;
  const hash = sha256(key);
  return { hash, made: { key, keep: () => writeFileSync(path, `${hash}\n`, { mode: 0o600, flush: true }) } };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
