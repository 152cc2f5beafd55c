import type { Instant } from './instant.ts';
import type { PageTrail } from './page-trail.ts';

/** What a reconciliation found, in what the shop listed. */
export interface ReconciliationCounts {
  /** Orders, or messages about them. */
  listed: number;
  /** Of them not known before. */
  missing: number;
  /** Of the missing ones recorded. */
  recorded: number;
  /** Known, of which the shop said something new. */
  changed: number;
  /** What is no order, such as a draft. */
  ignored: number;
  failed: number;
}

export const nothingListed: ReconciliationCounts = {
  listed: 0,
  missing: 0,
  recorded: 0,
  changed: 0,
  ignored: 0,
  failed: 0,
};

export interface ReconciliationFault {
  /** The shop's own id of the order or message. */
  externalId: string;
  code: string;
  detail: string;
}

export const reconciliationStates = ['running', 'succeeded', 'failed', 'cancelled'] as const;

/** One comparison of what is recorded with what a shop lists of a span of time. */
export interface Reconciliation {
  id: string;
  sourceId: string;
  state: (typeof reconciliationStates)[number];
  /** Who asked for it. */
  by: 'schedule' | 'request';
  since: Instant;
  until: Instant;
  /** Where the shop's list goes on; absent before the first page and at the end. */
  cursor?: string;
  trail: PageTrail;
  counts: ReconciliationCounts;
  /** The first hundred. */
  faults: ReconciliationFault[];
  /** Calls in a row that the shop, or the store, did not take. */
  attempts: number;
  /** How often pages are halved, as larger ones were too much for the shop; absent where they are whole. */
  halvings?: number;
  /** What the last of them failed with, and when the next one is due; absent once a call succeeded. */
  lastFault?: string;
  nextTryAt?: Instant;
  /** Why it failed. */
  failure?: string;
  updatedAt: Instant;
  finishedAt?: Instant;
}

export const faultsPerReconciliation = 100;

/** Without what only holds while it runs. */
export function ended(
  { cursor: _, lastFault: _fault, nextTryAt: _next, halvings: _halvings, ...run }: Reconciliation,
  state: Exclude<Reconciliation['state'], 'running'>,
  { now, failure }: { now: Instant; failure?: string },
): Reconciliation {
  return { ...run, state, ...(failure !== undefined && { failure }), updatedAt: now, finishedAt: now };
}
