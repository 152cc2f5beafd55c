import { mayUseSource } from '../../shared/domain/access.ts';
import type { Source } from '../../shared/domain/source.ts';
import { getSource } from '../../shared/dynamodb/source-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import type { Door } from './door.ts';

/** @throws Problem `source_not_found`, alike for a source that is not there and one that the key may not use */
export async function visibleSource(
  { access, client, tables }: Pick<Door, 'access' | 'client' | 'tables'>,
  sourceId: string,
): Promise<Source> {
  const found = mayUseSource(access, sourceId) ? await getSource(client, tables.registry, sourceId) : undefined;
  if (!found) throw new Problem(404, 'source_not_found', 'There is no such source.');
  return found;
}

/**
 * A source in whose name something is told.
 * @throws Problem `source_not_found`; `source_erased` for one that is switched off, as what it had said was erased
 */
export async function speakingSource(
  door: Pick<Door, 'access' | 'client' | 'tables'>,
  sourceId: string,
): Promise<Source> {
  const source = await visibleSource(door, sourceId);
  if (!source.erasedAt) return source;
  const detail = 'What this source had said was erased, and it is switched off. PUT it to begin anew.';
  throw new Problem(409, 'source_erased', detail);
}
