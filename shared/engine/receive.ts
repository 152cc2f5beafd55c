import type { DeliveryStatus, QuarantinedDelivery } from '../domain/delivery.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import type { Platform, Source } from '../domain/source.ts';
import { type Fact, type Translation, Unintelligible } from './fact.ts';
import { Problem, StoreRefusal } from './problem.ts';
import { record } from './record.ts';
import type { RecordStore } from './record-store.ts';
import type { AskShop, Delivery, Storefront } from './storefront.ts';

/** Keeps what could not be understood. */
export interface Quarantine {
  /** Keeps head and body; repeating it changes nothing but the reason. */
  put(delivery: QuarantinedDelivery, body: Uint8Array): Promise<void>;
  get(deliveryId: string): Promise<{ delivery: QuarantinedDelivery; body: Uint8Array } | undefined>;
  /** Takes a delivery off the list: `status` is what its replay came to. */
  release(delivery: QuarantinedDelivery, status: DeliveryStatus): Promise<void>;
}

export interface ReceivePorts {
  records: RecordStore;
  quarantine: Quarantine;
  storefronts: Record<Platform, Storefront>;
  /** @throws Problem `malformed_json` */
  readJson(body: Uint8Array): unknown;
  /** Asks shops for what their messages only name. Absent at the door: a shop waits for its answer there. */
  ask?: AskShop;
  /** When shops are asked: what they answer is heard then, however long the message has waited. */
  askedAt?: Instant;
  /** Told of a fault in a translation, so that somebody mends it. */
  onFault(error: unknown, deliveryId: string): void;
}

export interface Received {
  deliveryId: string;
  status: DeliveryStatus;
}

/** A message that names a thing which is still to be fetched: it has to be kept until that is done. */
export const later = 'later';

/** An authentic delivery with what is known of it at the door. */
export interface AuthenticDelivery extends Delivery {
  id: string;
  receivedAt: Instant;
}

/**
 * Translates an authentic delivery and records what it says. Nothing is lost: what cannot be understood is kept with
 * its body and its reason.
 * @throws Problem `store_unavailable`, `too_busy`: nothing was decided and the delivery must be tried again
 */
export async function receive(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
  mint: Mint,
): Promise<Received | typeof later> {
  const outcome = await apply(ports, delivery, source, mint);
  if (outcome === later) return later;
  if (typeof outcome === 'string') return { deliveryId: delivery.id, status: outcome };
  const { keptHeaders } = ports.storefronts[source.platform];
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) =>
      delivery.headers[name] === undefined ? [] : [[name, delivery.headers[name].slice(0, 255)]],
    ),
  );
  const { id, receivedAt, body } = delivery;
  await ports.quarantine.put(
    {
      id,
      sourceId: source.id,
      status: 'quarantined',
      reason: outcome.reason,
      headers,
      receivedAt,
      bytes: body.byteLength,
    },
    body,
  );
  return { deliveryId: id, status: 'quarantined' };
}

/**
 * Tries a quarantined delivery again, after a fix. One that was replayed with success is not applied again.
 * @throws Problem `delivery_not_found`
 */
export async function replay(
  ports: ReceivePorts,
  deliveryId: string,
  sourceOf: (sourceId: string) => Promise<Source | undefined>,
  mint: Mint,
): Promise<Received> {
  const kept = await ports.quarantine.get(deliveryId);
  if (!kept) throw new Problem(404, 'delivery_not_found', 'There is no quarantined delivery with this id.');
  const { delivery, body } = kept;
  if (delivery.status !== 'quarantined') return { deliveryId, status: delivery.status };
  const source = await sourceOf(delivery.sourceId);
  if (!source) throw new Problem(409, 'source_not_found', 'The source of this delivery is not configured any more.');
  const received = await receive(ports, { ...delivery, body }, source, mint);
  if (received === later) throw new Error('what is replayed is fetched at once');
  if (received.status !== 'quarantined') await ports.quarantine.release(delivery, received.status);
  return received;
}

async function apply(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
  mint: Mint,
): Promise<DeliveryStatus | typeof later | { reason: string }> {
  try {
    const { translation, heardAt } = await understood(ports, delivery, source);
    if (translation.kind === 'fetch') return later;
    if (translation.kind === 'ignored') return 'ignored';
    const { outcome } = await record(ports.records, asCounted(translation.fact, source), {
      sourceId: source.id,
      baseCurrency: source.baseCurrency,
      ...(source.backfillBefore && { backfillBefore: source.backfillBefore }),
      ...(source.nobody && { nobody: source.nobody }),
      receivedAt: heardAt,
      mint,
    });
    return outcome;
  } catch (error) {
    if (error instanceof Unintelligible) return { reason: error.reason };
    if (error instanceof Problem && error.status < 500) return { reason: error.message };
    if (error instanceof Problem) throw error;
    const refused = error instanceof StoreRefusal;
    // What is wrong with the store itself is no fault of the body.
    if (refused && !error.unstorable) throw error;
    ports.onFault(error, delivery.id);
    return {
      reason: refused ? 'the store refuses what it says' : 'the translation failed: a fault of the engine',
    };
  }
}

/** The message, or what its shop says of the thing that it only names. */
async function understood(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
): Promise<{ translation: Translation; heardAt: Instant }> {
  const storefront = ports.storefronts[source.platform];
  const said = storefront.translate(ports.readJson(delivery.body), delivery, source);
  if (said.kind !== 'fetch' || !storefront.fetch || !ports.ask)
    return { translation: said, heardAt: delivery.receivedAt };
  const heardAt = ports.askedAt ?? delivery.receivedAt;
  return { translation: await storefront.fetch(said.resource, source, ports.ask, heardAt), heardAt };
}

/** Where the source counts what was paid, an order is no purchase before that. */
function asCounted(fact: Fact, { countsWhen }: Source): Fact {
  if (countsWhen !== 'paid' || fact.kind !== 'order' || !fact.order.snapshot) return fact;
  return { ...fact, order: { ...fact.order, snapshot: { ...fact.order.snapshot, awaitsPayment: true } } };
}
