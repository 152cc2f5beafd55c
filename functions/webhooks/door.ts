import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { KeptDelivery } from '../../shared/domain/delivery.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Mint } from '../../shared/domain/interaction.ts';
import type { Source } from '../../shared/domain/source.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { systemTime } from '../../shared/dynamodb/clock.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { rateTrust } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { sharedRead } from '../../shared/dynamodb/shared-read.ts';
import { getSource, readSourceAndClock } from '../../shared/dynamodb/source-store.ts';
import { type AuthenticDelivery, deferred, type ReceivePorts, receive } from '../../shared/engine/receive.ts';
import { readJson } from '../../shared/http/json.ts';
import { outbound } from '../../shared/storefronts/outbound.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { privacyRequests } from './privacy.ts';

/** What both ways in, the webhook and the retry queue, share. Made once for each container. */
const names = readVariables(process.env, [
  variables.customersTable,
  variables.deliveriesTable,
  variables.deliveryDays,
  variables.ledgerTable,
  variables.registryTable,
]);
const registry = names.REGISTRY_TABLE;
const client = connect({ requestTimeout: 1_500, maxAttempts: 2 });

const testStage = process.env[variables.testStage] === 'true';
export const shops = outbound({ loopback: testStage, readJson });

export const ports: ReceivePorts = {
  records: recordStore(
    client,
    { customers: names.CUSTOMERS_TABLE, ledger: names.LEDGER_TABLE, registry },
    { trustRatesFor: rateTrust(testStage) },
  ),
  deliveries: deliveryStore(client, names.DELIVERIES_TABLE, Number(names.DELIVERY_DAYS)),
  storefronts,
  privacy: privacyRequests(client, registry),
  readJson,
  onFault(error, deliveryId) {
    const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
    const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
    console.error(JSON.stringify({ level: 'error', message: 'translation failed', deliveryId, name, frames }));
  },
};

/** How long a source is trusted before it is read again: a secret that was taken out opens the door no longer than this. */
const trustedFor = 10_000;
const sources = new Map<string, { source: Source; readAt: number }>();

/**
 * The time by the clock at the door, and the source. In production the source is the one that was read within the last
 * ten seconds, so that a checkout need not read it; on a test stage both are read each time. Where the store is away,
 * what was read last goes on for as long as it is trusted, so that a delivery can still be kept.
 * @throws Problem `store_unavailable`
 */
export async function lookUp(sourceId: string): Promise<{ now: Instant; source: Source | undefined }> {
  if (!testStage) return { now: systemTime(), source: await recentSource(sourceId) };
  try {
    const read = await sourceAndClock(sourceId);
    lastHeld = read.held;
    keep(sourceId, read.source);
    return { now: read.held ?? systemTime(), source: read.source };
  } catch (error) {
    const source = trusted(sourceId);
    if (!source) throw error;
    return { now: lastHeld ?? systemTime(), source };
  }
}

let lastHeld: Instant | undefined;

/** Deliveries of one source that come at once share a read. */
const sourceAndClock = sharedRead((sourceId) => readSourceAndClock(client, registry, sourceId));

export async function recentSource(sourceId: string): Promise<Source | undefined> {
  return trusted(sourceId) ?? freshSource(sourceId);
}

export async function freshSource(sourceId: string): Promise<Source | undefined> {
  const source = await getSource(client, registry, sourceId);
  keep(sourceId, source);
  return source;
}

function trusted(sourceId: string): Source | undefined {
  const kept = sources.get(sourceId);
  return kept && performance.now() - kept.readAt < trustedFor ? kept.source : undefined;
}

/** Whether this container has met the source, however long ago. */
export function hasMet(sourceId: string): boolean {
  return sources.has(sourceId);
}

/** By the clock that {@link lookUp} read last. */
export function lastTime(): Instant {
  return lastHeld ?? systemTime();
}

function keep(sourceId: string, source: Source | undefined): void {
  if (source) sources.set(sourceId, { source, readAt: performance.now() });
  else sources.delete(sourceId);
}

let kept: Mint | undefined;

/** The salt of identifiers never changes once it is there. */
export async function mint(): Promise<Mint> {
  kept ??= mintWith((await readSettings(client, registry)).salt);
  return kept;
}

/**
 * As {@link receive}; what is set aside for a person to look at leaves a log line.
 * @throws Problem `store_unavailable`, `too_busy`
 */
export async function receiveAndTell(
  within: ReceivePorts,
  delivery: AuthenticDelivery,
  source: Source,
): Promise<KeptDelivery | typeof deferred> {
  const kept = await receive(within, delivery, source, await mint());
  if (kept !== deferred && kept.status === 'quarantined') {
    const { id: deliveryId } = kept;
    const message = logLines.DeliveryQuarantined;
    console.warn(JSON.stringify({ level: 'warn', message, deliveryId, sourceId: source.id }));
  }
  return kept;
}
