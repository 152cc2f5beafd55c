import type { Standing } from './customer.ts';
import type { Scores } from './rfm.ts';

/**
 * A run that changes nobody: a preview judges by the draft of the tier policy, a replay computes a past run again from
 * the ledger; or a study.
 */
export type Rehearsal = { kind: 'preview' } | { kind: 'replay'; of: string } | Study;

/**
 * A run that judges nobody either: a backtest compares what would have been forecast on a day with what came after it, a
 * migration says who went from which tier to which between two runs.
 */
export type Study =
  | {
      kind: 'backtest';
      /** The last day that is fitted to: `2026-03-31`, in the merchant's time zone. */
      until: string;
      horizonDays: number;
    }
  | { kind: 'migration'; from: string; to: string };

export function studyOf(rehearsal: Rehearsal | undefined): Study | undefined {
  return rehearsal?.kind === 'backtest' || rehearsal?.kind === 'migration' ? rehearsal : undefined;
}

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
