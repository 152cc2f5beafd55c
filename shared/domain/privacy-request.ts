import { type Instant, instantOf, millisecondsOf } from './instant.ts';

/**
 * - `export`: what is held of a person is to be handed over
 * - `erasure`: a person is to be forgotten
 * - `source_erasure`: whatever one source said is to be forgotten
 */
export const privacyTypes = ['export', 'erasure', 'source_erasure'] as const;
export type PrivacyType = (typeof privacyTypes)[number];

/** Steps of an erasure in their order. Tombstones come first, so that nothing comes back meanwhile. */
export const erasureSteps = ['search', 'people', 'orders', 'traces', 'deliveries'] as const;
export type ErasureStep = (typeof erasureSteps)[number];

export interface ErasureCounts {
  /** Persons of whom nothing is left. */
  persons: number;
  identities: number;
  /** Orders that were left without a person. */
  orders: number;
  /** Calls, visits, messages, reviews, consents, receipts of value, merges, suggestions. */
  lines: number;
  jobs: number;
  /** Kept deliveries whose bodies were taken out. */
  deliveries: number;
}

export const nothingErased: ErasureCounts = {
  persons: 0,
  identities: 0,
  orders: 0,
  lines: 0,
  jobs: 0,
  deliveries: 0,
};

/** Somebody's right, asked for once. Whom it is about is said by identifiers alone: no name, no address, no number. */
export interface PrivacyRequest {
  id: string;
  type: PrivacyType;
  status: 'open' | 'done';
  /** Whose key asked, or which delivery of which source. */
  from: { keyId: string } | { sourceId: string; deliveryId: string };
  requestedAt: Instant;
  dueAt: Instant;
  doneAt?: Instant;
  /** Whom it named, where somebody was known. */
  customerId?: string;
  /** The persons whom it is about. */
  personIds: string[];
  /** Whether it is about all persons of the customer: also those who join it before it is carried out. */
  whole: boolean;
  /** Ids that are minted from the identities of the persons: by these what speaks of them is known. */
  marks: string[];
  /** The source's own ids of orders that are to stand without a person. */
  orders: string[];
  /** Who else had these orders, before they were taken from them. */
  guestIds?: string[];
  /** What is erased is what was said of a time up to this: fixed when the work begins, of a source when it asks. */
  erasedAt?: Instant;
  step: ErasureStep;
  /** Everything is gone through a second time, for what came by while the first was under way. */
  pass: 1 | 2;
  /** Where the step goes on. */
  cursor?: string;
  counts: ErasureCounts;
  /** Of a source that is erased, its revision when it asked: what it was put as later is not switched off. */
  sourceRevision?: number;
  /** Attempts in a row that failed, and why the last did. */
  attempts: number;
  failure?: string;
  /** When the time of the call ends that is at it, by the machine's clock in milliseconds; absent while none is. */
  callEndsAt?: number;
  /** The delivery whose body is being read: kept beforehand once a call was cut off, so that the next one knows at what. */
  readingDeliveryId?: string;
  /** Deliveries whose bodies could not be read: passed over, and looked at again on the next day. */
  unread?: string[];
}

export const timedOut = 'timed_out';

/** Whether the call that was at it came to no end. @param machineNow milliseconds since 1970 */
export function wasCutOff({ status, callEndsAt }: PrivacyRequest, machineNow: number): boolean {
  return status === 'open' && callEndsAt !== undefined && callEndsAt < machineNow;
}

/** A call takes the request up. What the one before was cut off at is passed over from now on. */
export function takenUp(request: PrivacyRequest, machineNow: number, callEndsAt: number): PrivacyRequest {
  const { readingDeliveryId, ...rest } = request;
  if (!wasCutOff(request, machineNow)) return { ...rest, callEndsAt };
  return {
    ...rest,
    callEndsAt,
    attempts: rest.attempts + 1,
    failure: timedOut,
    ...(readingDeliveryId !== undefined && { unread: [...(rest.unread ?? []), readingDeliveryId] }),
  };
}

/** The call comes to its end in order. */
export function setDown({ callEndsAt: _, readingDeliveryId: __, ...request }: PrivacyRequest): PrivacyRequest {
  return request;
}

/** What the law and Shopify give: thirty days. */
const term = 30 * 86_400_000;

export function dueOf(requestedAt: Instant): Instant {
  return instantOf(millisecondsOf(requestedAt) + term);
}

/** How far an erasure reaches. */
export interface Reach {
  erasedAt: Instant;
  /** Of a source that was put anew later, when: what is received from then on is the new one's, of whatever time it speaks. */
  anewAt?: Instant;
}

/**
 * Whether something began after an erasure, so that it is no part of what is erased: it was received later and speaks of
 * later, or was received by a source that had begun anew.
 * @param given.occurredAt of what time it speaks; absent where nobody understood it
 */
export function isSince(given: { receivedAt: Instant; occurredAt?: Instant }, { erasedAt, anewAt }: Reach): boolean {
  const { receivedAt, occurredAt = receivedAt } = given;
  const isAnew = anewAt !== undefined && receivedAt >= anewAt;
  return receivedAt > erasedAt && (occurredAt > erasedAt || isAnew);
}

/** So long before it is due, an open request is told of. */
const notice = 7 * 86_400_000;

export function isPressing({ dueAt }: Pick<PrivacyRequest, 'dueAt'>, now: Instant): boolean {
  return millisecondsOf(dueAt) - notice <= millisecondsOf(now);
}

export function newPrivacyRequest(
  given: Pick<PrivacyRequest, 'id' | 'type' | 'from' | 'requestedAt'> & Partial<PrivacyRequest>,
): PrivacyRequest {
  return {
    status: 'open',
    dueAt: dueOf(given.requestedAt),
    personIds: [],
    whole: false,
    marks: [],
    orders: [],
    step: given.type === 'source_erasure' ? 'search' : 'people',
    pass: 1,
    counts: nothingErased,
    attempts: 0,
    ...given,
  };
}

export function addErased(counts: ErasureCounts, more: Partial<ErasureCounts>): ErasureCounts {
  const sum = { ...counts };
  for (const name of Object.keys(more) as (keyof ErasureCounts)[]) sum[name] += more[name] ?? 0;
  return sum;
}
