import type { Customer } from './customer.ts';
import type { Instant } from './instant.ts';
import type { Stub } from './merge.ts';

/**
 * What is left where somebody was erased: at the person's own id, and at the id that each identity would have been
 * minted into. Those are salted hashes, so the tombstone knows the person again and says nothing of who it was.
 */
export interface Tombstone {
  id: string;
  version: number;
  /** What speaks of a time up to this speaks of the one who was erased. */
  erasedAt: Instant;
  /** The sources that knew the person by an id of their own: another id there is somebody else. */
  sources: string[];
}

/** What may lie at a customer's id. */
export type Stored = Customer | Stub | Tombstone;

export function isTombstone(stored: Stored): stored is Tombstone {
  return 'erasedAt' in stored;
}
