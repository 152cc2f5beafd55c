import type { Standing } from './customer.ts';
import type { Scores } from './rfm.ts';

/**
 * A run that changes nobody: a preview judges by the draft of the tier policy, a replay computes a past run again from
 * the ledger.
 */
export type Rehearsal = { kind: 'preview' } | { kind: 'replay'; of: string };

/** What a run made of a customer. */
export interface Place {
  tier: string;
  group: string;
  /** Null for a customer without a purchase. */
  scores: Scores | null;
  /** The channels to which a customer below the policy's standard is limited; null for all others. */
  limitedTo: Standing['limitedTo'] | null;
}

/** A customer of whom a rehearsal makes something else. */
export interface Difference {
  customerId: string;
  /** Null for one who had no value yet. */
  was: Place | null;
  is: Place;
}

export function placeOf({ tier, group, scores, limitedTo }: Standing): Place {
  return { tier, group, scores: scores ?? null, limitedTo: limitedTo ?? null };
}
