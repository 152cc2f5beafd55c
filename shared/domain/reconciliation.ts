import type { Instant } from './instant.ts';

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

/** One comparison of what is recorded with what a shop lists of a span of time. */
export interface Reconciliation {
  id: string;
  sourceId: string;
  state: 'running' | 'succeeded' | 'failed';
  /** Who asked for it. */
  by: 'schedule' | 'request';
  since: Instant;
  until: Instant;
  /** Where the shop's list goes on; absent before the first page and at the end. */
  cursor?: string;
  counts: ReconciliationCounts;
  /** The first hundred. */
  faults: ReconciliationFault[];
  /** Calls in a row that the shop, or the store, did not take. */
  attempts: number;
  /** Why it failed. */
  failure?: string;
  updatedAt: Instant;
  finishedAt?: Instant;
}

export const faultsPerReconciliation = 100;
