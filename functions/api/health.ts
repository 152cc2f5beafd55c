import { readSettings } from '../../shared/dynamodb/settings.ts';
import { route } from '../../shared/http/route.ts';
import { health } from '../../shared/http/schemas/health.ts';
import type { Door } from './door.ts';

export const showHealth = route({
  summary: 'Says whether the engine can reach its store',
  answers: { 200: { description: 'It can', schema: health } },
  async answer({ client, tables, stage, now }: Door) {
    await readSettings(client, tables.registry);
    return { status: 200, body: { status: 'ok', stage, time: now } };
  },
});
