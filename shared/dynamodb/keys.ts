import type { DeliveryStatus } from '../domain/delivery.ts';
import type { Day } from '../domain/exchange-rate.ts';
import type { Identity } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { MergeLine } from '../domain/merge.ts';

/**
 * All key templates, with the access that each serves. Parts never contain `#` (see `isKeyText`), so templates cannot
 * collide.
 */

/** Ledger: one line of a customer, in the order of time. Read: a customer's interactions, first and last purchase. */
export const interactionKey = (customerId: string, occurredAt: Instant, interactionId: string) => ({
  pk: customerId,
  sk: `${occurredAt}#${interactionId}`,
});

/** Ledger: where the fact with a source's own id stands, or the order itself while nobody is known for it. */
export const naturalKey = (sourceId: string, type: string, externalId: string) => ({
  pk: `ext#${sourceId}#${type}#${externalId}`,
  sk: 'ext',
});

/** Ledger: the receipt of each change of a customer's value. Read: the latest, the history. */
export const receiptKey = (customerId: string, asOf: Instant, runId: string) => ({
  pk: `value#${customerId}`,
  sk: `${asOf}#${runId}`,
});

/** Deliveries: one delivery and, in order, the pieces of a body that is too large to stand in it. */
export const deliveryKey = (deliveryId: string) => ({ pk: `delivery#${deliveryId}`, sk: 'delivery' });
export const deliveryBodyKey = (deliveryId: string, piece: number) => ({
  pk: `delivery#${deliveryId}`,
  sk: `body#${String(piece).padStart(3, '0')}`,
});
/**
 * Deliveries: the lists, in the order of arrival: of a source, of a source by status, and of all that is set aside. The
 * last one is sparse.
 */
export const deliveryListKeys = (sourceId: string, status: DeliveryStatus) => ({
  sourceId,
  sourceStatus: `${sourceId}#${status}`,
  ...(status === 'quarantined' && { setAside: status }),
});
export const deliveryPlace = (receivedAt: Instant, deliveryId: string) => ({ listedAt: `${receivedAt}#${deliveryId}` });
export const deliveryAtPlace = (listedAt: string) => listedAt.slice(listedAt.indexOf('#') + 1);

/** Deliveries: what a source's deliveries of one hour (`2026-11-22T13`) came to, in numbers. Read: some days of them. */
export const deliveryCountsKey = (sourceId: string, hour: string) => ({ pk: `counts#${sourceId}`, sk: hour });

/** Ledger: the merges of a person and their undoings, in the order of time. */
export const mergeKey = (personId: string, at: Instant, mergeId: string, kind: MergeLine['kind']) => ({
  pk: `merges#${personId}`,
  sk: `${at}#${mergeId}#${kind}`,
});

/** Registry: two persons who may be one, and the list of those that nobody has settled yet. */
export const suggestionKey = (suggestionId: string) => ({ pk: `merge-suggestion#${suggestionId}`, sk: 'suggestion' });
export const suggestionListKey = (since: Instant, suggestionId: string) => ({
  pk: 'merge-suggestions',
  sk: `${since}#${suggestionId}`,
});

/** Registry: the customer that an identity leads to. */
export const identityKey = ({ namespace, value }: Identity) => ({
  pk: `identity#${namespace}#${value}`,
  sk: 'identity',
});

/** Registry: the exchange rates of one day. Read: the last ones up to a day, a range of days. */
export const exchangeRatesKey = (day: Day) => ({ pk: 'exchange-rates', sk: day });

/** Registry: the orders that wait for an exchange rate, by currency and time, in shards. */
export const waitingKey = (currency: string, placedAt: Instant, interactionId: string) => ({
  pk: waitingShard(shardOf(interactionId, waitingShards)),
  sk: `${currency}#${placedAt}#${interactionId}`,
});
export const waitingShards = 4;
export const waitingShard = (shard: number) => `waiting#${shard}`;

/** Registry: a configured source. */
export const sourceKey = (sourceId: string) => ({ pk: `source#${sourceId}`, sk: 'source' });

/** Registry: the list of sources. */
export const sourceListKey = (sourceId: string) => ({ pk: 'sources', sk: sourceId });

/** Registry: comparisons with what a shop lists, by source; their ids are in the order of time. */
export const reconciliationKey = (sourceId: string, reconciliationId: string) => ({
  pk: `reconciliations#${sourceId}`,
  sk: reconciliationId,
});

/** Registry: the comparison of a source that was begun last. */
export const latestReconciliationKey = (sourceId: string) => ({ pk: `reconciling#${sourceId}`, sk: 'latest' });

/** Registry: what is fixed once for the deployment: base currency, salt of identifiers, secret of cursors. */
export const settingsKey = { pk: 'settings', sk: 'settings' };

/** Registry: the test clock of a test stage. */
export const clockKey = { pk: 'clock', sk: 'clock' };

/** Registry: an API key by the SHA-256 of its text; and the list of keys. */
export const apiKeyKey = (hash: string) => ({ pk: `key#${hash}`, sk: 'key' });
export const apiKeyListKey = (keyId: string) => ({ pk: 'keys', sk: keyId });

/** Registry: requests of one key in one window of time. */
export const rateKey = (keyId: string, window: number) => ({ pk: `rate#${keyId}#${window}`, sk: 'rate' });

/** Registry: the first answer to a write with an Idempotency-Key. */
export const idempotencyKey = (keyId: string, hash: string) => ({ pk: `idempotency#${keyId}#${hash}`, sk: 'answer' });

/** Registry: the versions of the tier policy, and the draft of the next one. Read: the latest, one of a receipt. */
export const tierPolicyKey = (version: number) => ({ pk: 'tier-policy', sk: String(version).padStart(8, '0') });
export const tierPolicyDraftKey = { pk: 'tier-policy-draft', sk: 'draft' };

/** Registry: one value run, its parts by phase and segment, and the list of runs by `asOf`. */
export const runKey = (runId: string) => ({ pk: `run#${runId}`, sk: 'run' });
export const runPartKey = (runId: string, phase: 'measure' | 'assign', segment: number) => ({
  pk: `run#${runId}`,
  sk: `${phase}#${String(segment).padStart(5, '0')}`,
});
/** Registry: what a run was asked for, and what came of it beside its record. */
export const runResultKey = (runId: string, name: 'request' | 'fits' | 'result' | 'reports') => ({
  pk: `run#${runId}`,
  sk: name,
});
/** Registry: the backtests by when they were asked for. */
export const backtestListKey = (requestedAt: Instant, runId: string) => ({
  pk: 'backtests',
  sk: `${requestedAt}#${runId}`,
});
/** Registry: what a rehearsal would change, in pages. Read: all of them, in order. */
export const differencesKey = (runId: string, segment: number, page: number) => ({
  pk: `differences#${runId}`,
  sk: `${String(segment).padStart(5, '0')}#${String(page).padStart(8, '0')}`,
});
/** Registry: which value run is the current one. */
export const currentRunKey = { pk: 'current-run', sk: 'current-run' };
export const runListKey = (asOf: Instant, runId: string) => ({ pk: 'runs', sk: `${asOf}#${runId}` });

/** Registry: a file of history that is recorded, its parts with their errors, and the list of files by time. */
export const importKey = (importId: string) => ({ pk: `import#${importId}`, sk: 'import' });
export const importPartKey = (importId: string, part: number) => ({
  pk: `import#${importId}`,
  sk: `part#${String(part).padStart(6, '0')}`,
});
export const importErrorsKey = (importId: string, part: number) => ({
  pk: `import#${importId}`,
  sk: `errors#${String(part).padStart(6, '0')}`,
});
export const importListKey = (createdAt: Instant, importId: string) => ({
  pk: 'imports',
  sk: `${createdAt}#${importId}`,
});

/** Registry: an address that must not be written to on a channel, by a keyed hash of the address. */
export const suppressionKey = (channel: string, hash: string) => ({
  pk: `suppression#${channel}#${hash}`,
  sk: 'suppression',
});

/** Registry: a request for a person's rights; the list of all by time, and of the open ones by when they are due. */
export const privacyRequestKey = (requestId: string) => ({ pk: `privacy-request#${requestId}`, sk: 'request' });
export const privacyListKey = (requestedAt: Instant, requestId: string) => ({
  pk: 'privacy-requests',
  sk: `${requestedAt}#${requestId}`,
});
export const privacyOpenKey = (dueAt: Instant, requestId: string) => ({
  pk: 'privacy-requests-open',
  sk: `${dueAt}#${requestId}`,
});
export const requestAtPlace = (sortKey: string) => sortKey.slice(sortKey.indexOf('#') + 1);

/** Outreach: one job; and by day in eight shards, or by customer, newest first. */
export const jobKey = (jobId: string) => ({ jobId });
export const jobIndexKeys = (jobId: string, createdAt: Instant) => ({
  dayShard: dayShard(createdAt.slice(0, 10), shardOf(jobId, jobShards)),
  createdAtJob: `${createdAt}#${jobId}`,
});
export const jobShards = 8;
export const dayShard = (day: string, shard: number) => `${day}#${shard}`;

/** Outreach: the days on which there are jobs, so that a list reads no day in vain. */
export const jobDaysKey = { jobId: 'days' };

function shardOf(id: string, shards: number): number {
  let sum = 0;
  for (const character of id.slice(-4)) sum += character.charCodeAt(0);
  return sum % shards;
}
