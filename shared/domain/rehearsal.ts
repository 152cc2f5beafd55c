import type { Standing } from './customer.ts';
import { type Instant, millisecondsOf } from './instant.ts';
import type { Interaction } from './interaction.ts';
import type { Scores } from './rfm.ts';

/**
 * A run that changes nobody: a preview judges by the draft of the tier policy, a replay computes a past run again from
 * the ledger; or a study.
 */
export type Rehearsal =
  | {
      kind: 'preview';
      /** The draft that it judges by; absent until the run begins, and where the draft was gone by then. */
      draftId?: string;
    }
  | { kind: 'replay'; of: string }
  | Study;

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
  /**
   * Of a replay what the run made of the customer, null where that was nothing; of a preview what the published policy
   * would.
   */
  was: Place | null;
  is: Place;
  /** Of a replay. */
  causes?: Cause[];
}

/**
 * Why a replay makes something else of a customer, as far as what is kept tells it: with the cut points and models of the
 * run computed again nothing would differ (`cut_points`), so the reason lies with other customers, one of them erased, for
 * one; persons were made one or taken apart since (`merged`); of an order that the run knew its shop told something else
 * since (`order_changed`); something had been received so shortly before a run that was started by hand that it may still have
 * been under way (`under_way`). What is none of these is `unknown`: what waited in the retry queue leaves no trace.
 */
export const causes = ['cut_points', 'merged', 'order_changed', 'under_way', 'unknown'] as const;
export type Cause = (typeof causes)[number];

/**
 * What the ledger of a customer tells of it.
 * @param underWay milliseconds that what was received may have been under way
 */
export function causesIn(
  lines: readonly Interaction[],
  { knownBy, startedAt }: { knownBy: Instant; startedAt: Instant },
  underWay: number,
): Cause[] {
  const known = lines.filter(({ receivedAt }) => receivedAt <= knownBy);
  const changed = known.some((line) => line.type === 'order' && (line.changedAt ?? '') > knownBy);
  const since = millisecondsOf(knownBy) - underWay;
  const heard = known.flatMap(timesOf).filter((at) => at <= knownBy);
  // A scheduled run leaves out what may still be under way.
  const late = knownBy === startedAt && heard.some((at) => millisecondsOf(at) > since);
  return [...(changed ? (['order_changed'] as const) : []), ...(late ? (['under_way'] as const) : [])];
}

/** When something of a line was heard. */
function timesOf(line: Interaction): Instant[] {
  if (line.type !== 'order') return [line.receivedAt];
  return [line.receivedAt, line.countsSince ?? line.receivedAt, line.changedAt ?? line.receivedAt];
}

export function placeOf({ tier, group, scores, limitedTo }: Standing): Place {
  return { tier, group, scores: scores ?? null, limitedTo: limitedTo ?? null };
}
