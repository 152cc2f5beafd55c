import * as z from 'zod/mini';
import { mayUseSource, usableSources } from '../../shared/domain/access.ts';
import { homesAmong } from '../../shared/dynamodb/customer-reads.ts';
import { type DeliveryQuery, type ListedDelivery, listDeliveries } from '../../shared/dynamodb/delivery-list.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { deliveryNotFound } from '../../shared/engine/receive.ts';
import { requireScope } from '../../shared/http/credentials.ts';
import { route } from '../../shared/http/route.ts';
import { keyText } from '../../shared/http/schemas/common.ts';
import {
  deliveries,
  type delivery,
  deliveryQuery,
  deliveryShown,
  oneDelivery,
} from '../../shared/http/schemas/deliveries.ts';
import { invalid } from '../../shared/http/validate.ts';
import { type Door, pagingOf } from './door.ts';
import { refuseNoTime } from './range.ts';
import { visibleSource } from './visible-source.ts';

export const showDeliveries = route({
  summary: 'Lists the deliveries of a source, newest first; without a source, the quarantined ones of all',
  scope: 'deliveries:read',
  query: deliveryQuery,
  answers: { 200: { description: 'A page of deliveries', schema: deliveries } },
  async answer(door: Door, { query: { limit: wanted, cursor, ...filters } }) {
    const { sourceId, status, from, to } = filters;
    if (sourceId === undefined && status !== undefined && status !== 'quarantined') {
      throw invalid([{ pointer: '/query/sourceId', detail: 'is needed with any status but quarantined' }]);
    }
    if (sourceId !== undefined) await visibleSource(door, sourceId);
    refuseNoTime(from, to, '/query/to');
    const { limit, after, page } = await pagingOf(door, { limit: wanted, cursor }, filters);
    const query: DeliveryQuery = {
      limit,
      now: door.now,
      ...(after !== undefined && { after }),
      ...(sourceId === undefined ? { among: usableSources(door.access) } : { sourceId }),
      ...(status !== undefined && { status }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    };
    const found = await listDeliveries(door.client, door.tables.deliveries, query);
    return { status: 200, body: page(found.deliveries.map(await shownOf(door, found.deliveries)), found.next) };
  },
});

/** What an answer of Lambda's 6 MB still holds once quotes are escaped. */
const largestShown = 2_500_000;

export const showDelivery = route({
  summary: 'Shows what came of a delivery; with body=true also what was sent, which needs deliveries:write',
  scope: 'deliveries:read',
  params: z.strictObject({ deliveryId: keyText }),
  query: oneDelivery,
  answers: { 200: { description: 'The delivery', schema: deliveryShown } },
  async answer(door: Door, { params: { deliveryId }, query }) {
    const withBody = query.body === 'true';
    // It holds what the shop knows of a person.
    if (withBody) requireScope(door.access, 'deliveries:write');
    const { client, tables, now, deliveryDays } = door;
    const kept = await deliveryStore(client, tables.deliveries, deliveryDays).get(deliveryId, now);
    if (!kept || !mayUseSource(door.access, kept.delivery.sourceId)) throw deliveryNotFound();
    const shown = await shownOf(door, [kept.delivery]);
    return {
      status: 200,
      body: { ...shown(kept.delivery), ...(withBody && { body: kept.delivery.withheld ? null : textOf(kept.body) }) },
    };
  },
});

function textOf(body: Uint8Array): z.infer<typeof deliveryShown>['body'] {
  if (body.byteLength > largestShown) return null;
  try {
    return { encoding: 'utf8', content: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body) };
  } catch {
    return { encoding: 'base64', content: Buffer.from(body).toString('base64') };
  }
}

/**
 * Shows each of these with the customer that its person is by now. Headers may hold what names a person: they stay inside.
 */
async function shownOf({ client, tables }: Door, kept: readonly ListedDelivery[]) {
  const persons = kept.flatMap(({ customerId }) => customerId ?? []);
  const homes = await homesAmong(client, tables.customers, persons);
  return (one: ListedDelivery): z.infer<typeof delivery> => {
    const { id, sourceId, status, reason, receivedAt, occurredAt, customerId, interactionId, replayedAt, bytes } = one;
    const { privacyRequestId, withheld } = one;
    return {
      id,
      sourceId,
      status,
      ...(reason !== undefined && { reason }),
      receivedAt,
      occurredAt: occurredAt ?? null,
      customerId: (customerId !== undefined && homes.get(customerId)) || null,
      interactionId: interactionId ?? null,
      ...(privacyRequestId !== undefined && { privacyRequestId }),
      ...(withheld && { withheld }),
      replayedAt: replayedAt ?? null,
      bytes,
    };
  };
}
