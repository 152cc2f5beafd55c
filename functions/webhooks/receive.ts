import { createHash } from 'node:crypto';
import type { KeptDelivery } from '../../shared/domain/delivery.ts';
import { isKeyText } from '../../shared/domain/identity.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Source } from '../../shared/domain/source.ts';
import { Problem, storeUnavailable } from '../../shared/engine/problem.ts';
import { type AuthenticDelivery, deferred, type Received } from '../../shared/engine/receive.ts';
import type { Delivery, Verdict } from '../../shared/engine/storefront.ts';
import { endpoint } from '../../shared/http/endpoint.ts';
import { boundBody, type HttpAnswer, type HttpRequest } from '../../shared/http/request.ts';
import { freshSource, hasMet, lastTime, lookUp, mint, ports, receiveAndTell, shops } from './door.ts';
import { countFailure, keepDelivery, sendFailures } from './keeper.ts';
import { packed } from './retry-message.ts';
import { sendToQueue } from './retry-queue.ts';

/** Shops wait five seconds for an answer: what is not recorded by then goes to the retry queue. */
const patience = 3_500;
/** What is too large for that queue has this long in all, of the ten seconds that the function may run. */
const longest = 8_500;
/** The look-up of the source may take most of it; what is left is worth a try at least this long. */
const shortestTry = 500;

/**
 * `POST /v1/webhooks/{sourceId}`: verify, then translate, then record; 202 means durably kept, and a ping gets 200. By GET
 * a platform that does so asks whether the address is its receiver's.
 */
export const handler = endpoint(async (request) => {
  const sourceId = request.params.sourceId ?? '';
  try {
    return await answer(request, sourceId);
  } catch (error) {
    const kind = failureOf(error);
    if (kind && hasMet(sourceId)) await countFailure(sourceId, kind, lastTime());
    throw error;
  }
});

/** What is wrong with a single body says nothing of its source. */
function failureOf(error: unknown): 'refused' | 'unavailable' | undefined {
  if (!(error instanceof Problem) || error.status >= 500) return 'unavailable';
  return error.status === 401 ? 'refused' : undefined;
}

async function answer(request: HttpRequest, sourceId: string): Promise<HttpAnswer> {
  const begun = performance.now();
  boundBody(request, 10_000_000);
  const { headers, body } = request;
  if (!isKeyText(sourceId)) throw unknownSource();
  const { now: receivedAt, source: known } = await lookUp(sourceId);
  if (!known || known.erasedAt) throw unknownSource();
  if (request.method === 'GET') return { status: 200, body: echo(known, request.query) };
  if (ports.storefronts[known.platform].ping?.({ headers, body })) {
    return { status: 200, body: { deliveryId: await deliveryId(known, { headers, body }), status: 'ignored' } };
  }
  const source = await authenticSource(known, { headers, body }, receivedAt);
  const id = await deliveryId(source, { headers, body });
  const kept = await take({ id, headers, body, receivedAt }, source, begun);
  if (kept !== deferred) await Promise.all([keepDelivery(kept, body), sendFailures(receivedAt)]);
  const received: Received = { deliveryId: id, status: kept === deferred ? 'recorded' : kept.status };
  return { status: 202, body: received };
}

/** @throws Problem `nothing_to_echo` */
function echo({ platform }: Source, query: URLSearchParams): Record<string, string> {
  const name = ports.storefronts[platform].echoes;
  const value = name && query.get(name);
  if (!value || !/^[\w-]{1,200}$/.test(value)) {
    throw new Problem(404, 'nothing_to_echo', 'Deliveries come by POST; there is nothing here to be given back.');
  }
  return { [name]: value };
}

/** @throws Problem `source_not_found`, `signature_refused`, `store_unavailable` */
async function authenticSource(known: Source, delivery: Delivery, at: Instant): Promise<Source> {
  if ('authentic' in (await verdictOn(delivery, known, at))) return known;

  // A secret may just have been rotated: only against the source as it is now is a signature proven wrong.
  const fresh = await freshSource(known.id);
  if (!fresh || fresh.erasedAt) throw unknownSource();
  const verdict = await verdictOn(delivery, fresh, at);
  if ('authentic' in verdict) return fresh;
  // Anybody may send what is forged, and nothing is logged of it; this is an authentic message that went astray.
  if (verdict === astray) console.warn(JSON.stringify({ level: 'warn', message: astray.refused, sourceId: fresh.id }));
  throw new Problem(401, 'signature_refused', `The signature was refused: ${verdict.refused}.`);
}

const astray = { refused: 'what it signs is meant for another recipient than this source' };

/** @throws Problem `keys_unavailable`, `source_incomplete`, `malformed_json` */
async function verdictOn(delivery: Delivery, source: Source, now: Instant): Promise<Verdict> {
  const storefront = ports.storefronts[source.platform];
  const verdict = await storefront.verify(delivery, source, { now, fetchKey: shops.fetchKey });
  if ('refused' in verdict || !storefront.isFor) return verdict;
  return storefront.isFor(ports.readJson(delivery.body), source) ? verdict : astray;
}

function unknownSource(): Problem {
  return new Problem(404, 'source_not_found', 'There is no source with this id.');
}

/**
 * From the platform's own id and the body: a delivery that is sent again has the same id, and two that a shop gave one
 * id are kept apart.
 */
async function deliveryId(source: Source, delivery: Delivery): Promise<string> {
  const given = ports.storefronts[source.platform].deliveryId(delivery) ?? '';
  return (await mint())('dlv', source.id, given, createHash('sha256').update(delivery.body).digest('hex'));
}

/**
 * @param begun when the call did
 * @returns `deferred` where it waits in the retry queue
 */
async function take(
  delivery: AuthenticDelivery,
  source: Source,
  begun: number,
): Promise<KeptDelivery | typeof deferred> {
  let cause: unknown = new Error('a message that only names something is too large to be kept');
  const receiving = receiveAndTell(ports, delivery, source);
  const left = (whole: number) => Math.max(shortestTry, whole - (performance.now() - begun));
  try {
    const kept = await inTime(receiving, left(patience));
    if (kept !== deferred) return kept;
  } catch (error) {
    cause = error;
    console.warn(JSON.stringify({ level: 'warn', message: 'kept for a retry', deliveryId: delivery.id }));
  }
  const message = packed(delivery, source);
  if (!message) {
    // To be told to send it again would bring the shop no further, and some wait longer than five seconds.
    const kept = await inTime(receiving, left(longest));
    if (kept === deferred) throw cause;
    return kept;
  }
  try {
    await sendToQueue(message);
  } catch (error) {
    throw cause instanceof Problem ? cause : storeUnavailable(error);
  }
  return deferred;
}

/** Recording may still succeed when its time is over: the retry then finds a duplicate. */
async function inTime<Outcome>(received: Promise<Outcome>, milliseconds: number): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(storeUnavailable(new Error('recording took too long'))), milliseconds);
  });
  return Promise.race([received, late]).finally(() => clearTimeout(timer));
}
