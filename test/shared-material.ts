import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real bodies and published figures lie beside the project, where they are at hand; they are not part of it. */
const shared = fileURLToPath(new URL('../../shared/', import.meta.url));

export const hasSharedMaterial = existsSync(shared);

export function readShared(path: string): Buffer {
  return readFileSync(`${shared}${path}`);
}

/** The files below a folder, by their paths within it. */
export function listShared(path: string): string[] {
  return readdirSync(`${shared}${path}`, { recursive: true, encoding: 'utf8' }).sort();
}

/** For `describe.skipIf`: says in the report why nothing was checked. */
export const absent = hasSharedMaterial ? '' : ' (skipped: the real bodies are not beside the project)';
