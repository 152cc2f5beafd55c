import * as z from 'zod/mini';
import { mayUseSource } from '../../shared/domain/access.ts';
import type { Source } from '../../shared/domain/source.ts';
import { listDeliveries } from '../../shared/dynamodb/delivery-list.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { deliveryPlace } from '../../shared/dynamodb/keys.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { getSource } from '../../shared/dynamodb/source-store.ts';
import { deliveryNotFound, type ReceivePorts, replay } from '../../shared/engine/receive.ts';
import { replayRange } from '../../shared/engine/replay-range.ts';
import { readJson } from '../../shared/http/json.ts';
import { reportedProblem } from '../../shared/http/problem-answer.ts';
import { route } from '../../shared/http/route.ts';
import { keyText } from '../../shared/http/schemas/common.ts';
import { rangeReplayed, received, replayIn } from '../../shared/http/schemas/deliveries.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Door, pagingOf } from './door.ts';
import { requestsOf } from './privacy-requests.ts';
import { refuseNoTime } from './range.ts';
import { visibleSource } from './visible-source.ts';

export const replayDelivery = route({
  summary: 'Plays a kept delivery again, whatever came of it; nothing is applied twice',
  scope: 'deliveries:write',
  params: z.strictObject({ deliveryId: keyText }),
  answers: { 200: { description: 'What it came to', schema: received } },
  async answer(door: Door, { params: { deliveryId } }) {
    const { salt } = await door.settings();
    const answered = await replay(portsOf(door), deliveryId, sourceBy(door), mintWith(salt), door.now);
    return { status: 200, body: answered };
  },
});

/** The gateway waits for thirty seconds, and what is under way has to come to its end. */
const patience = 15_000;

export const replayDeliveries = route({
  summary: 'Plays the deliveries of a time again, the oldest first, up to a hundred a call: go on with nextCursor',
  scope: 'deliveries:write',
  body: replayIn,
  answers: { 200: { description: 'What they came to', schema: rangeReplayed } },
  async answer(door: Door, { body: { cursor, ...filters } }) {
    const { sourceId, from, to, status } = filters;
    refuseNoTime(from, to, '/to');
    const { after, page } = await pagingOf(door, { cursor }, filters, '/cursor');
    const { client, tables, now } = door;
    const source = await visibleSource(door, sourceId);
    const ports = portsOf(door);
    const mint = mintWith((await door.settings()).salt);
    const begun = door.realTime();
    const { next, ...done } = await replayRange({
      async list(limit) {
        const query = { sourceId, from, to, ...(status && { status }), ...(after !== undefined && { after }) };
        const found = await listDeliveries(client, tables.deliveries, { ...query, oldestFirst: true, limit, now });
        const places = found.deliveries.map(({ id, receivedAt }) => ({
          id,
          place: deliveryPlace(receivedAt, id).listedAt,
        }));
        return { ...found, deliveries: places };
      },
      replay: (deliveryId) => replay(ports, deliveryId, async () => source, mint, now),
      mayGoOn: () => door.realTime() - begun < patience,
    });
    const { nextCursor } = page([], next);
    return { status: 200, body: { ...done, nextCursor } };
  },
});

function portsOf(door: Door): ReceivePorts {
  const { now, client, tables, deliveryDays, ask, request } = door;
  return {
    records: recordStore(client, tables),
    deliveries: deliveryStore(client, tables.deliveries, deliveryDays),
    storefronts,
    privacy: requestsOf(door),
    readJson,
    ask,
    askedAt: now,
    onFault: (error) => void reportedProblem(error, request),
  };
}

/** @throws Problem `delivery_not_found` for a delivery of a source that the key may not use */
function sourceBy({ access, client, tables }: Door): (sourceId: string) => Promise<Source | undefined> {
  return async (sourceId) => {
    if (!mayUseSource(access, sourceId)) throw deliveryNotFound();
    return getSource(client, tables.registry, sourceId);
  };
}
