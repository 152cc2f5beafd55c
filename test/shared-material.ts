import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real bodies and published figures lie beside the project, where they are at hand; they are not part of it. */
const shared = fileURLToPath(new URL('../../shared/', import.meta.url));

export const hasSharedMaterial = existsSync(shared);

export function readShared(path: string): Buffer {
  return readFileSync(`${shared}${path}`);
}

/** For `describe.skipIf`: says in the report why nothing was checked. */
export const absent = hasSharedMaterial ? '' : ' (skipped: the real bodies are not beside the project)';
