import type { KeptDelivery } from '../domain/delivery.ts';
import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import { isSince, type PrivacyRequest, timedOut } from '../domain/privacy-request.ts';
import { counted, type Erasure, type ErasurePorts, reachOf, sourcesOf, type Taken } from './erasure-step.ts';
import { Problem } from './problem.ts';
import { type DeliveryContent, type ListedDelivery, whoseDelivery } from './whose-delivery.ts';

/** `place`: where the list goes on after it. */
type Listed = ListedDelivery & Pick<KeptDelivery, 'withheld'> & { place: string };

/** Kept deliveries, and how their bodies go. */
export interface ErasedDeliveries {
  sourceIds(): Promise<string[]>;
  /** A page of a source's deliveries, the oldest first. */
  page(sourceId: string, from: { after?: string; since?: Instant }): Promise<{ deliveries: Listed[]; next?: string }>;
  /** @throws Problem `body_unreadable` */
  content(deliveryId: string): Promise<DeliveryContent>;
  withhold(deliveryId: string): Promise<void>;
}

/** On the second pass only what came lately. */
const lately = 3_600_000;

/** A page of kept deliveries: the bodies of those go that are the persons', or the source's. */
export async function withholdDeliveries(
  ports: ErasurePorts,
  current: () => PrivacyRequest,
  keep: (request: PrivacyRequest) => Promise<void>,
  erasure: Erasure,
): Promise<Taken> {
  const request = current();
  const own = request.type === 'source_erasure' ? sourcesOf(request) : await ports.deliveries.sourceIds();
  const sourceIds = own.sort();
  const [sourceId = sourceIds[0], after] = request.cursor?.split(' ') ?? [];
  if (sourceId === undefined) return { next: request, isDone: true };
  const since = instantOf(Math.max(0, millisecondsOf(erasure.erasedAt) - lately));
  const page = await ports.deliveries.page(sourceId, {
    ...(after && { after }),
    ...(request.pass === 2 && { since }),
  });
  let hasRead = false;
  const content = async (deliveryId: string) => {
    // Once a call was cut off: should this body have been the reason, the next call passes it over.
    if (current().failure === timedOut) await keep({ ...current(), readingDeliveryId: deliveryId });
    hasRead = true;
    return ports.deliveries.content(deliveryId);
  };
  const isMeant =
    request.type === 'source_erasure'
      ? await saidBefore(ports, sourceId, erasure)
      : judge({ ...ports, deliveries: { ...ports.deliveries, content } }, request, sourceId, erasure);
  let deliveries = 0;
  let place: string | undefined;
  for (const delivery of page.deliveries) {
    if (hasRead && place !== undefined && ports.remaining() < 0) {
      const { readingDeliveryId: _, ...rest } = current();
      return { next: { ...counted(rest, { deliveries }), cursor: `${sourceId} ${place}` }, isDone: false };
    }
    place = delivery.place;
    if (delivery.withheld || current().unread?.includes(delivery.id)) continue;
    const isToGo = await readable(isMeant(delivery));
    if (isToGo === 'unreadable') await keep({ ...current(), unread: [...(current().unread ?? []), delivery.id] });
    else if (isToGo) {
      await ports.deliveries.withhold(delivery.id);
      deliveries += 1;
    }
  }
  const following = sourceIds.find((id) => id > sourceId);
  const cursor = page.next === undefined ? following : `${sourceId} ${page.next}`;
  const { readingDeliveryId: _, ...rest } = current();
  const next = counted(rest, { deliveries });
  return { next: cursor === undefined ? next : { ...next, cursor }, isDone: cursor === undefined };
}

async function readable(judged: Promise<boolean>): Promise<boolean | 'unreadable'> {
  try {
    return await judged;
  } catch (error) {
    if (error instanceof Problem && error.code === 'body_unreadable') return 'unreadable';
    throw error;
  }
}

/** Of a source that is erased everything goes, but for what it says since. */
async function saidBefore(ports: ErasurePorts, sourceId: string, erasure: Erasure) {
  const reach = await reachOf(ports, sourceId, erasure);
  return async (delivery: ListedDelivery) => !isSince(delivery, reach);
}

/** What belongs to a person goes. */
function judge(
  { records, data, deliveries, ...ports }: ErasurePorts,
  request: PrivacyRequest,
  sourceId: string,
  erasure: Erasure,
) {
  const { mint, erasedAt } = erasure;
  const content = (deliveryId: string) => deliveries.content(deliveryId);
  const phoneOf = (text: string) => ports.phoneOf(text, sourceId);
  const orders = sourcesOf(request).includes(sourceId) ? request.orders : [];
  return whoseDelivery(
    { records, data, content },
    { ...request, orders, sourceId, mint, phoneOf, upTo: erasedAt },
    'erasure',
  );
}
