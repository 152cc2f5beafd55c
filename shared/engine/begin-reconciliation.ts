import { type Instant, instantOf, later, millisecondsOf } from '../domain/instant.ts';
import { noPages } from '../domain/page-trail.ts';
import { nothingListed, type Reconciliation } from '../domain/reconciliation.ts';
import type { Platform, Source } from '../domain/source.ts';
import type { Storefront } from './storefront.ts';

const hour = 3_600_000;
/** So far back the first daily one of a source looks. */
const firstSpan = 3 * 24 * hour;
/** What a shop lists late is listed again the next time. */
const overlap = hour;

/** Ids are in the order of time. */
export function reconciliationIdOf(at: Instant, mark: string): string {
  return `rec_${at.replace(/\D/g, '')}_${mark}`;
}

/** Why a source's shop cannot be compared with; nothing where it can. */
export function notListable(storefronts: Record<Platform, Storefront>, source: Source): string | undefined {
  const { listing } = storefronts[source.platform];
  return listing ? listing.lacks(source) : 'this platform has no list that could be compared with';
}

/** Since when a source's shop lists everything; nothing where the platform sets no bound that is known in advance. */
export function reachOf(storefronts: Record<Platform, Storefront>, { platform }: Source, now: Instant) {
  const daysBack = storefronts[platform].listing?.daysBack;
  return daysBack === undefined ? undefined : instantOf(millisecondsOf(now) - daysBack * 24 * hour);
}

/**
 * Where a daily one begins: where the last one ended, and not before what the shop still lists, so that the report claims
 * no more than was compared.
 */
export function sinceOf(lastUntil: Instant | undefined, now: Instant, reach: Instant | undefined): Instant {
  const since = lastUntil === undefined ? millisecondsOf(now) - firstSpan : millisecondsOf(lastUntil) - overlap;
  return later(instantOf(since), reach) as Instant;
}

export function newReconciliation(
  given: Pick<Reconciliation, 'id' | 'sourceId' | 'by' | 'since'>,
  now: Instant,
): Reconciliation {
  const nothingYet = { trail: noPages, counts: nothingListed, faults: [], attempts: 0 };
  return { ...given, ...nothingYet, state: 'running', until: now, updatedAt: now };
}
