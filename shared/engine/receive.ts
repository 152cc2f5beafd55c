import type { DeliveryStatus, KeptDelivery, Outcome } from '../domain/delivery.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import type { Snapshot } from '../domain/order.ts';
import type { Platform, Source } from '../domain/source.ts';
import { type Frame, frameOfSource } from './draft.ts';
import { type Fact, type Resource, type Translation, Unintelligible } from './fact.ts';
import { openRequest, type PrivacyRequests } from './privacy-desk.ts';
import { Problem, StoreRefusal } from './problem.ts';
import { record } from './record.ts';
import type { RecordStore } from './record-store.ts';
import type { AskShop, Delivery, Storefront } from './storefront.ts';

/** Keeps deliveries with their bodies for a set time, and what came of each. */
export interface Deliveries {
  /** Durable once it resolves. One that is kept already stays as it is, but for an outcome that takes its place. */
  keep(delivery: KeptDelivery, body: Uint8Array): Promise<void>;
  /** Nothing where its time was over at `now`; an empty body where it is withheld. */
  get(deliveryId: string, now: Instant): Promise<{ delivery: KeptDelivery; body: Uint8Array } | undefined>;
  /** Takes the body out for good. */
  withhold(deliveryId: string): Promise<void>;
  /** Notes what a replay came to. */
  settle(deliveryId: string, sourceId: string, outcome: Outcome, replayedAt: Instant): Promise<void>;
}

export interface ReceivePorts {
  records: RecordStore;
  deliveries: Deliveries;
  storefronts: Record<Platform, Storefront>;
  privacy: PrivacyRequests;
  /** @throws Problem `malformed_json` */
  readJson(body: Uint8Array): unknown;
  /** Asks shops for what their messages only name. Absent at the door: a shop waits for its answer there. */
  ask?: AskShop;
  /** When shops are asked: what they answer is heard then, however long the message has waited. */
  askedAt?: Instant;
  /** Whether an answer that lags behind its message is to be asked for once more, later. */
  doubtsAnswers?: boolean;
  /** Told of a fault in a translation, so that somebody mends it. */
  onFault(error: unknown, deliveryId: string): void;
}

export interface Received {
  deliveryId: string;
  status: DeliveryStatus;
}

/** A message that names a thing which is still to be fetched: it has to be kept until that is done. */
export const deferred = 'deferred';

/** An authentic delivery with what is known of it at the door. */
export interface AuthenticDelivery extends Delivery {
  id: string;
  receivedAt: Instant;
}

/**
 * Translates an authentic delivery and records what it says. Nothing is lost: what cannot be understood is kept with
 * its body and its reason before this resolves. Keeping the others is for the caller.
 * @throws Problem `store_unavailable`, `too_busy`: nothing was decided and the delivery must be tried again
 */
export async function receive(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
  mint: Mint,
): Promise<KeptDelivery | typeof deferred> {
  const outcome = await apply(ports, delivery, source, mint);
  if (outcome === deferred) return deferred;
  const { keptHeaders } = ports.storefronts[source.platform];
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) =>
      delivery.headers[name] === undefined ? [] : [[name, delivery.headers[name].slice(0, 255)]],
    ),
  );
  const { id, receivedAt, body } = delivery;
  const kept: KeptDelivery = {
    id,
    sourceId: source.id,
    ...outcome,
    headers,
    receivedAt,
    decidedAt: receivedAt,
    bytes: body.byteLength,
  };
  if (kept.status === 'quarantined') await ports.deliveries.keep(kept, body);
  return kept;
}

/**
 * Plays a kept delivery again, whatever came of it: with a fix it may be understood now. Recording is idempotent, so
 * nothing is applied twice.
 * @param now notes when it was, also in what it changes of an order that was known
 * @throws Problem `delivery_not_found`, `delivery_withheld`, `source_not_found`; as {@link receive}
 */
export async function replay(
  ports: ReceivePorts,
  deliveryId: string,
  sourceOf: (sourceId: string) => Promise<Source | undefined>,
  mint: Mint,
  now: Instant,
): Promise<Received> {
  const kept = await ports.deliveries.get(deliveryId, now);
  if (!kept) throw deliveryNotFound();
  const { delivery, body } = kept;
  if (delivery.withheld)
    throw new Problem(410, 'delivery_withheld', 'The body of this delivery was erased: there is nothing to play.');
  const source = await sourceOf(delivery.sourceId);
  if (!source || source.erasedAt)
    throw new Problem(409, 'source_not_found', 'The source of this delivery is not configured any more.');
  const { headers, receivedAt } = delivery;
  const outcome = await apply(ports, { id: deliveryId, headers, receivedAt, body }, source, mint, now);
  if (outcome === deferred) throw new Error('what is replayed is fetched at once');
  await ports.deliveries.settle(deliveryId, delivery.sourceId, outcome, now);
  if (outcome.withheld) await ports.deliveries.withhold(deliveryId);
  return { deliveryId, status: outcome.status };
}

export function deliveryNotFound(): Problem {
  return new Problem(404, 'delivery_not_found', 'There is no kept delivery with this id.');
}

async function apply(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
  mint: Mint,
  playedAt?: Instant,
): Promise<Outcome | typeof deferred> {
  // It came before the source was switched off, and waited.
  if (source.erasedAt) return { status: 'ignored', reason: 'what this source says is erased', withheld: true };
  try {
    const { translation, heardAt } = await understood(ports, delivery, source);
    if (translation.kind === 'fetch') return deferred;
    if (translation.kind === 'ignored') return { status: 'ignored', reason: translation.reason };
    if (translation.kind === 'privacy') {
      const asked = { source, deliveryId: delivery.id, receivedAt: delivery.receivedAt, mint };
      const privacyRequestId = await openRequest(ports.records, ports.privacy, translation.word, asked);
      return { status: 'recorded', privacyRequestId, withheld: true };
    }
    const { fact } = translation;
    const frame: Frame = {
      ...frameOfSource(source, { receivedAt: heardAt, mint }),
      playedAt,
      firstHeardAt: async () => (await ports.deliveries.get(delivery.id, delivery.receivedAt))?.delivery.receivedAt,
    };
    const said = byItsSource(fact, source, ports.storefronts);
    const { outcome, erased, personId, namedId = personId, interactionId } = await record(ports.records, said, frame);
    const occurredAt = timeOf(fact);
    const isLetGo = erased && outcome === 'duplicate' && interactionId === undefined;
    if (isLetGo) return { status: 'ignored', reason: 'it speaks of somebody who was erased', withheld: true };
    return {
      status: outcome,
      ...(namedId && { customerId: namedId }),
      ...(interactionId && { interactionId }),
      ...(occurredAt && { occurredAt }),
      ...(erased && { withheld: true }),
    };
  } catch (error) {
    if (error instanceof Unintelligible) return notUnderstood(error.reason);
    if (error instanceof Problem && error.status < 500) return notUnderstood(error.message);
    if (error instanceof Problem) throw error;
    const refused = error instanceof StoreRefusal;
    // What is wrong with the store itself is no fault of the body.
    if (refused && !error.unstorable) throw error;
    ports.onFault(error, delivery.id);
    return notUnderstood(refused ? 'the store refuses what it says' : 'the translation failed: a fault of the engine');
  }
}

/** The source's own time of what it says; a shop's word that two are one bears none. */
function timeOf(fact: Fact): Instant | undefined {
  switch (fact.kind) {
    case 'merge':
      return undefined;
    case 'conversation':
      return fact.occurredAt;
    case 'consent':
      return fact.consent.occurredAt;
    default:
      return fact.at;
  }
}

function notUnderstood(reason: string): Outcome {
  return { status: 'quarantined', reason };
}

/** The message, or what its shop says of the thing that it only names. */
async function understood(
  ports: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
): Promise<{ translation: Translation; heardAt: Instant }> {
  const storefront = ports.storefronts[source.platform];
  const body = ports.readJson(delivery.body);
  if (storefront.isFor && !storefront.isFor(body, source)) {
    throw new Unintelligible('it is meant for another recipient than this source');
  }
  const said = storefront.translate(body, delivery, source);
  if (said.kind !== 'fetch' || !storefront.fetch || !ports.ask)
    return { translation: said, heardAt: delivery.receivedAt };
  const heardAt = ports.askedAt ?? delivery.receivedAt;
  const translation = await storefront.fetch(said.resource, source, ports.ask, heardAt);
  if (isAnother(said.resource, translation)) {
    throw new Unintelligible(`the shop's API answered with another ${said.resource.type} than was asked for`);
  }
  if (ports.doubtsAnswers && lagsBehind(said.resource, translation)) {
    throw new Problem(503, 'shop_unavailable', 'The shop answered with a state that is older than its message.');
  }
  return { translation, heardAt };
}

function lagsBehind({ asOf = '' }: Resource, translation: Translation): boolean {
  if (translation.kind !== 'fact') return false;
  const { fact } = translation;
  return (fact.kind === 'order' || fact.kind === 'customer') && fact.at < asOf;
}

/** What answers by a payment is its order; and a guest's record may bear no id. */
function isAnother({ type, id }: Resource, translation: Translation): boolean {
  if (translation.kind !== 'fact') return false;
  const { fact } = translation;
  if (fact.kind === 'order') return type === 'order' && fact.externalId !== id;
  return fact.kind === 'customer' && (fact.person.externalId ?? id) !== id;
}

/**
 * What a source says of an order, by its settings: where it counts what was paid, an order is no purchase before that.
 * The sum of the readings of its settings and of its mapping only ever grows, whatever is changed.
 */
export function byItsSource(
  fact: Fact,
  { platform, countsWhen, reading: bySettings = 0 }: Source,
  storefronts: ReceivePorts['storefronts'],
): Fact {
  if (fact.kind !== 'order' || !fact.order.snapshot) return fact;
  const reading = bySettings + (storefronts[platform].reading ?? 0);
  const snapshot: Snapshot = {
    ...fact.order.snapshot,
    ...(reading > 0 && { reading }),
    ...(countsWhen === 'paid' && { awaitsPayment: true }),
  };
  return { ...fact, order: { ...fact.order, snapshot } };
}
