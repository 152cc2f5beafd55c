import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Mint } from '../../shared/domain/interaction.ts';
import type { Source } from '../../shared/domain/source.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { type ClockReading, lookAtClock, systemTime } from '../../shared/dynamodb/clock.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { quarantineStore } from '../../shared/dynamodb/quarantine.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { getSource } from '../../shared/dynamodb/source-store.ts';
import type { ReceivePorts } from '../../shared/engine/receive.ts';
import { readJson } from '../../shared/http/json.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';

/** What both ways in, the webhook and the retry queue, share. Made once for each container. */
const names = readVariables(process.env, [variables.customersTable, variables.ledgerTable, variables.registryTable]);
const registry = names.REGISTRY_TABLE;
/** Shops wait five seconds for an answer: what takes longer goes to the retry queue. */
const client = connect({ requestTimeout: 1_500, maxAttempts: 2 });

export const ports: ReceivePorts = {
  records: recordStore(client, { customers: names.CUSTOMERS_TABLE, ledger: names.LEDGER_TABLE, registry }),
  quarantine: quarantineStore(client, names.LEDGER_TABLE),
  storefronts,
  readJson,
  onFault(error, deliveryId) {
    const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
    const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
    console.error(JSON.stringify({ level: 'error', message: 'translation failed', deliveryId, name, frames }));
  },
};

let lastKnown: ClockReading | undefined;

/**
 * The clock at the door. A test stage whose clock cannot be read goes by what it showed last, so that a delivery can
 * still be kept while the store is away.
 */
export async function now(): Promise<Instant> {
  try {
    const clock = await lookAtClock({ testStage: process.env[variables.testStage] === 'true', client, registry });
    lastKnown = clock;
    return clock.at;
  } catch (error) {
    if (!lastKnown) throw error;
    return lastKnown.held ? lastKnown.at : systemTime();
  }
}

/** How long a source is trusted before it is read again: a new `backfillBefore` or secret counts after this at the latest. */
const trustedFor = 30_000;
const sources = new Map<string, { source: Source; readAt: number }>();

/** The source as it was read within the last half minute, so that a checkout need not read it. */
export async function recentSource(sourceId: string): Promise<Source | undefined> {
  const kept = sources.get(sourceId);
  if (kept && performance.now() - kept.readAt < trustedFor) return kept.source;
  return freshSource(sourceId);
}

export async function freshSource(sourceId: string): Promise<Source | undefined> {
  const source = await getSource(client, registry, sourceId);
  if (source) sources.set(sourceId, { source, readAt: performance.now() });
  else sources.delete(sourceId);
  return source;
}

let kept: Mint | undefined;

/** The salt of identifiers never changes once it is there. */
export async function mint(): Promise<Mint> {
  kept ??= mintWith((await readSettings(client, registry)).salt);
  return kept;
}
