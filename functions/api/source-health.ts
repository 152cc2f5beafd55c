import * as z from 'zod/mini';
import { healthOf } from '../../shared/domain/source-health.ts';
import { readHours } from '../../shared/dynamodb/delivery-counts.ts';
import { countSetAside, listDeliveries } from '../../shared/dynamodb/delivery-list.ts';
import { route } from '../../shared/http/route.ts';
import { sourceHealth } from '../../shared/http/schemas/source-health.ts';
import { sourceId } from '../../shared/http/schemas/sources.ts';
import type { Door } from './door.ts';
import { visibleSource } from './visible-source.ts';

export const showSourceHealth = route({
  summary: 'Says how a source is: when it last delivered, how much, how late, and whether it seems switched off',
  scope: 'sources:read',
  params: z.strictObject({ sourceId }),
  answers: { 200: { description: 'How it is', schema: sourceHealth } },
  async answer(door: Door, { params: { sourceId: id } }) {
    const source = await visibleSource(door, id);
    const { client, tables, now } = door;
    const [hours, { deliveries }, quarantined] = await Promise.all([
      readHours(client, tables.deliveries, id, now),
      listDeliveries(client, tables.deliveries, { sourceId: id, limit: 1, now }),
      countSetAside(client, tables.deliveries, id, now),
    ]);
    const health = healthOf(hours, deliveries[0]?.receivedAt, source.platform, now);
    return { status: 200, body: { sourceId: id, ...health, quarantined } };
  },
});
