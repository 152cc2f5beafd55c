import { canonicalText } from './canonical.ts';
import type { Standing } from './customer.ts';
import { type Instant, millisecondsOf } from './instant.ts';
import { noCurrency } from './money.ts';
import type { Outlook } from './outlook.ts';
import type { Profitability } from './profitability.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { CutPoints, RfmInputs, ScoreInputs, Scores } from './rfm.ts';
import type { Move, Tally } from './tally.ts';
import { isInMargin, limitsOf, rankOf, type TierPolicy, tierOf, type Weights, weightsBy } from './tier-policy.ts';
import type { ValueModel } from './value-model.ts';

/** One nightly recalculation. */
export interface ValueRun {
  id: string;
  asOf: Instant;
  state: 'running' | 'succeeded' | 'failed';
  startedAt: Instant;
  /** What was received later does not count: the start of the run, or of the one that is computed again. */
  knownBy: Instant;
  /** Absent for a run that judges. */
  rehearsal?: Rehearsal;
  finishedAt?: Instant;
  /** Why it failed: `superseded` by a later run, or what the step said. */
  failure?: string;
  /** IANA name of the zone in which days are counted. */
  timeZone: string;
  /** The base currency; absent while no source has fixed it. */
  currency?: string;
  policy: TierPolicy;
  /** Of a preview, whose own policy is the draft: what the same customers are judged by beside it. */
  published?: Pick<ValueRun, 'policy' | 'cutPoints'>;
  segments: number;
  /** Known once the customers are measured. */
  cutPoints?: CutPoints;
  /** Fitted with them; absent while there is no base currency. */
  model?: ValueModel;
  /** What else the measures came to, for the report. */
  measured?: { waiting: Record<string, number>; readUnits: number };
  report?: RunReport;
}

/** The id of the run for an instant, unless it was given another: known before the run begins. */
export function runIdOf(asOf: Instant): string {
  return `run_${asOf.replace(/[-:.]/g, '')}`;
}

export interface RunReport extends Tally {
  /** Purchases that waited for an exchange rate, by currency; absent in runs from before there were rates. */
  waiting?: Record<string, number>;
  /** Real time from begin to report, whatever the clock at the door says. */
  durationMs: number;
  /** Of a rehearsal: how many customers it makes something else of; a preview, than the published policy would. */
  differences?: number;
  /** Of a preview: how many customers would change without the draft, too. */
  withoutDraft?: number;
  /** Of a replay: whether cut points and model are, to the bit, those of the run that was computed again. */
  sameFit?: boolean;
  /** Of a replay: how many customers of that run are none any more, erased or merged into others since. */
  missing?: number;
  /** Of a replay: whether it counts the same customers. */
  sameCustomers?: boolean;
  /** Capacity units of the tables of customers and receipts. */
  units: Units;
}

export interface Units {
  read: number;
  write: number;
}

/** Explains one change of a customer's value so exactly that anyone can compute it again. */
export interface Receipt {
  customerId: string;
  runId: string;
  asOf: Instant;
  policyVersion: number;
  /** The base currency of the amounts; absent while no source has fixed it. */
  currency?: string;
  /** Days that purchases and money are of; null for all time. */
  windowDays: number | null;
  /** Null for a customer without a purchase. */
  inputs: ScoreInputs | null;
  cutPoints: CutPoints;
  /** Null for a customer without a purchase. */
  scores: Scores | null;
  /** How much each score counted. */
  weights: Weights;
  tier: string;
  previousTier: string | null;
  /** The run of the receipt before, null for the first; absent in receipts from before it was noted. */
  previousRunId?: string | null;
  group: string;
  /** The lower tier that the scores alone would give, and since when: the policy does not let it fall yet. */
  held?: Held;
  /** Within the policy's window; absent for a customer without a purchase. */
  profitability?: Profitability;
  /** Below the policy's standard: the only channels by which the customer is still reached. */
  limitedTo?: Standing['limitedTo'];
  /** What the models say; absent where there is none. */
  outlook?: { alive: number; in90Days: number; lifetimeValue: bigint | null };
}

interface Held {
  tierByScores: string;
  since: Instant;
  /** What the tier falls from; absent in receipts from before it was kept. */
  scoresBefore?: Scores;
}

/** What a run makes of one customer. */
export type Judgement =
  /** The same tier and scores: nothing to write. */
  | (Move & { kind: 'kept' })
  /** This run has already written it. */
  | (Move & { kind: 'written' })
  | (Move & { kind: 'changed'; standing: Standing; receipt: Receipt });

/** A run that has its cut points. */
export type FittedRun = ValueRun & { cutPoints: CutPoints };

export function isFitted(run: ValueRun): run is FittedRun {
  return run.cutPoints !== undefined;
}

/** The run that a preview would be by the published policy; nothing for any other run. */
export function withoutDraft({ published, cutPoints: _, ...run }: ValueRun): ValueRun | undefined {
  return published && { ...run, ...published };
}

/** A live customer as a run finds it. */
export interface Judged {
  customerId: string;
  /** Absent for one without a purchase. */
  rfm: RfmInputs | undefined;
  standing: Standing | undefined;
  /** Asked for where the policy has use for it, or something changes. */
  profitability: () => Profitability | undefined;
  /** Likewise. */
  outlook: () => Outlook | undefined;
}

/** What the run makes of a customer. */
export function judge(run: FittedRun, judged: Judged): Judgement {
  const { customerId, standing } = judged;
  if (standing?.runId === run.id)
    return {
      kind: 'written',
      buyer: standing.scores !== undefined,
      from: standing.previousTier,
      to: standing.tier,
      limited: standing.limitedTo !== undefined,
    };
  const weights = weightsBy(run.policy, run.model);
  const inputs = inputsOf(judged, weights);
  const { group, scores, ...byScores } = tierOf(run.policy, weights, run.cutPoints, inputs);
  const held = heldBy(run, weights, inputs, standing, byScores.tier);
  const tier = held && standing ? standing.tier : byScores.tier;
  const from = standing?.tier ?? null;
  const profitability = inputs && run.policy.standard ? judged.profitability() : undefined;
  const limitedTo = limitsOf(run.policy, profitability, run.currency ?? noCurrency);
  const move = { buyer: inputs !== undefined, from, to: tier, limited: limitedTo !== undefined };
  const isSame =
    standing?.tier === tier &&
    standing.group === group &&
    standing.fallingSince === held?.since &&
    canonicalText(standing.scores) === canonicalText(scores) &&
    canonicalText(standing.limitedTo) === canonicalText(limitedTo);
  if (isSame) return { kind: 'kept', ...move };
  const ahead = judged.outlook();
  const left = inputs && judged.profitability();
  return {
    kind: 'changed',
    ...move,
    standing: {
      tier,
      previousTier: from,
      group,
      ...(scores && { scores }),
      runId: run.id,
      since: standing?.tier === tier ? standing.since : run.asOf,
      ...(held && { fallingSince: held.since }),
      ...(held?.scoresBefore && { fallingFrom: held.scoresBefore }),
      ...(limitedTo && { limitedTo }),
    },
    receipt: {
      customerId,
      runId: run.id,
      asOf: run.asOf,
      policyVersion: run.policy.version,
      ...(run.currency && { currency: run.currency }),
      windowDays: run.policy.windowDays,
      inputs: inputs ?? null,
      cutPoints: run.cutPoints,
      scores: scores ?? null,
      weights,
      tier,
      previousTier: from,
      previousRunId: standing?.runId ?? null,
      group,
      ...(held && { held }),
      ...(left && { profitability: left }),
      ...(limitedTo && { limitedTo }),
      ...(ahead && {
        outlook: {
          alive: ahead.alive,
          in90Days: ahead.purchases.in90Days,
          lifetimeValue: ahead.lifetimeValue,
        },
      }),
    },
  };
}

/** Whether the policy keeps a customer in a tier that the scores alone no longer give. */
function heldBy(
  { asOf, policy, cutPoints }: FittedRun,
  weights: Weights,
  inputs: ScoreInputs | undefined,
  standing: Standing | undefined,
  tierByScores: string,
): Held | undefined {
  const [rank, rankByScores] = [rankOf(policy, standing?.tier), rankOf(policy, tierByScores)];
  if (!inputs || !standing || rank === undefined || rankByScores === undefined || rankByScores <= rank)
    return undefined;
  const since = standing.fallingSince ?? asOf;
  const nights = Math.round((millisecondsOf(asOf) - millisecondsOf(since)) / 86_400_000);
  const isHeld = nights < policy.descent.nights && isInMargin(policy, weights, cutPoints, inputs, standing.tier);
  const scoresBefore = standing.fallingSince === undefined ? standing.scores : standing.fallingFrom;
  return isHeld ? { tierByScores, since, ...(scoresBefore && { scoresBefore }) } : undefined;
}

/** What a customer is scored by: contribution and lifetime value only where they weigh something. */
export function inputsOf(
  { rfm, profitability, outlook }: Pick<Judged, 'rfm' | 'profitability' | 'outlook'>,
  weights: Weights,
): ScoreInputs | undefined {
  if (!rfm) return undefined;
  const contribution = weights.contribution > 0 ? profitability()?.contribution : undefined;
  const lifetimeValue = weights.lifetimeValue > 0 ? outlook()?.lifetimeValue : undefined;
  return {
    ...rfm,
    ...(contribution !== undefined && { contribution }),
    ...(lifetimeValue != null && { lifetimeValue }),
  };
}
