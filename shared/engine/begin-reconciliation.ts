import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
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

/** Where a daily one begins. */
export function sinceOf(lastUntil: Instant | undefined, now: Instant): Instant {
  return instantOf(lastUntil === undefined ? millisecondsOf(now) - firstSpan : millisecondsOf(lastUntil) - overlap);
}

export function newReconciliation(
  given: Pick<Reconciliation, 'id' | 'sourceId' | 'by' | 'since'>,
  now: Instant,
): Reconciliation {
  const nothingYet = { trail: noPages, counts: nothingListed, faults: [], attempts: 0 };
  return { ...given, ...nothingYet, state: 'running', until: now, updatedAt: now };
}
