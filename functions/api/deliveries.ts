import * as z from 'zod/mini';
import type { QuarantinedDelivery } from '../../shared/domain/delivery.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { quarantineStore } from '../../shared/dynamodb/quarantine.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { getSource } from '../../shared/dynamodb/source-store.ts';
import { type ReceivePorts, replay } from '../../shared/engine/receive.ts';
import { readJson } from '../../shared/http/json.ts';
import { reportedProblem } from '../../shared/http/problem-answer.ts';
import { route } from '../../shared/http/route.ts';
import { keyText } from '../../shared/http/schemas/common.ts';
import { deliveries, deliveryQuery, received } from '../../shared/http/schemas/deliveries.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Door, pagingOf } from './door.ts';

export const showDeliveries = route({
  summary: 'Lists quarantined deliveries, newest first',
  scope: 'deliveries:read',
  query: deliveryQuery,
  answers: { 200: { description: 'A page of deliveries', schema: deliveries } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const store = quarantineStore(door.client, door.tables.ledger);
    const found = await store.list({ limit, ...(after !== undefined && { after }) });
    return { status: 200, body: page(found.deliveries.map(shown), found.next) };
  },
});

export const replayDelivery = route({
  summary: 'Tries a quarantined delivery again, after a fix',
  scope: 'deliveries:write',
  params: z.strictObject({ deliveryId: keyText }),
  answers: { 200: { description: 'What it came to', schema: received } },
  async answer(door: Door, { params: { deliveryId } }) {
    const { client, tables, request } = door;
    const ports: ReceivePorts = {
      records: recordStore(client, tables),
      quarantine: quarantineStore(client, tables.ledger),
      storefronts,
      readJson,
      ask: door.ask,
      askedAt: door.now,
      onFault: (error) => void reportedProblem(error, request),
    };
    const { salt } = await door.settings();
    const source = (sourceId: string) => getSource(client, tables.registry, sourceId);
    return { status: 200, body: await replay(ports, deliveryId, source, mintWith(salt)) };
  },
});

/** Headers may hold what names a person: they stay inside. */
function shown({ headers, ...delivery }: QuarantinedDelivery) {
  return delivery;
}
