import type { Consent } from './consent.ts';
import { decimalText, parseMoney } from './money.ts';
import type { OutlookRules } from './outlook.ts';
import { type CostRates, costRatesOfNothing, type Profitability } from './profitability.ts';
import {
  type CutPoints,
  type Measure,
  quintiles,
  type ScoreInputs,
  type ScoreName,
  type Scores,
  scoreNames,
  scoresOf,
} from './rfm.ts';
import type { ValueModel } from './value-model.ts';

/** How value becomes a tier: a versioned document. A published version never changes. */
export interface TierPolicy extends TierRules {
  version: number;
}

/** What a merchant decides. */
export interface TierRules {
  /** Scores look at purchases of the last so many days; null for all time. */
  windowDays: number | null;
  /**
   * How much each score counts: tiers can be cut by recency, frequency and money, by contribution, by lifetime value, or
   * by a mix of them.
   */
  weights: Weights;
  /** From best to worst, each with the least weighted sum of the scores that it asks for. */
  tiers: readonly Tier[];
  /** The tier of customers without a purchase; it stands outside the order of the others. */
  prospects: string;
  /** Names of groups by the scores of recency, 5 first, and of frequency and money together, 1 first. */
  groups: readonly (readonly string[])[];
  /**
   * Scores are quintiles where the best fifth is known to within this share of the buyers (its standard error); with
   * fewer buyers quintiles are mostly noise and `absolute` holds.
   */
  standardErrorAtMost: number;
  /** What scores 2, 3, 4 and 5 ask for in a small shop; amounts as decimal text in the base currency. */
  absolute: {
    daysAtMost: readonly number[];
    purchasesAtLeast: readonly number[];
    spentAtLeast: readonly string[];
    contributionAtLeast: readonly string[];
    /** In shops of any size. */
    lifetimeValueAtLeast: readonly string[];
  };
  /** Moving up is at once; moving down asks for more. */
  descent: {
    /** The cuts were missed by so much of each … */
    marginPercent: number;
    /** … or the cuts themselves were missed for so many nights. */
    nights: number;
  };
  outlook: OutlookRules;
  /** What sales and customers cost. */
  costs: CostRates;
  /** Whoever bought and contributes less is treated at less cost; null where everybody is treated alike. */
  standard: Standard | null;
}

export type Weights = Readonly<Record<ScoreName, number>>;

export interface Standard {
  /** Decimal text in the base currency. */
  contributionAtLeast: string;
  /** The channels on which a customer below the standard is still reached. */
  channels: readonly Consent['channel'][];
}

export interface Tier {
  name: string;
  atLeast: number;
}

/**
 * The policy that holds until the merchant publishes one.
 * @param currency of the amounts: they are the same number of minor units in each (50.00 EUR, 5000 JPY, 5.000 KWD)
 */
export function defaultTierPolicy(currency: string): TierPolicy {
  const amounts = (...all: bigint[]) => all.map((minor) => decimalText({ minor, currency }));
  return {
    version: 1,
    windowDays: 730,
    weights: { recency: 1, frequency: 1, monetary: 1, contribution: 0, lifetimeValue: 0 },
    tiers: [
      { name: 'platinum', atLeast: 13 },
      { name: 'gold', atLeast: 11 },
      { name: 'silver', atLeast: 9 },
      { name: 'bronze', atLeast: 6 },
      { name: 'basic', atLeast: 3 },
    ],
    prospects: 'prospect',
    groups: [
      ['new', 'active', 'active', 'champions', 'champions'],
      ['promising', 'active', 'active', 'loyal', 'champions'],
      ['almost_lost', 'almost_lost', 'needs_attention', 'loyal', 'loyal'],
      ['dormant', 'almost_lost', 'at_risk', 'at_risk', 'previously_loyal'],
      ['dormant', 'dormant', 'at_risk', 'previously_loyal', 'previously_loyal'],
    ],
    standardErrorAtMost: 0.0179,
    absolute: {
      daysAtMost: [365, 180, 90, 30],
      purchasesAtLeast: [2, 3, 5, 10],
      spentAtLeast: amounts(5_000n, 15_000n, 40_000n, 100_000n),
      contributionAtLeast: amounts(0n, 5_000n, 15_000n, 40_000n),
      lifetimeValueAtLeast: amounts(2_000n, 5_000n, 15_000n, 40_000n),
    },
    descent: { marginPercent: 10, nights: 7 },
    outlook: { horizonDays: 365, discountRate: 0.1, margin: 1, aliveBelow: 0.5, pausesMissed: 3 },
    costs: costRatesOfNothing(currency),
    standard: { contributionAtLeast: decimalText({ minor: 0n, currency }), channels: ['email'] },
  };
}

/**
 * The standard error of the cut that the best fifth lies above, as a share of the buyers: the square root of
 * 0.8 * 0.2 / n. 500 buyers have 1.79 %.
 */
export function standardErrorOf(buyers: number): number {
  return buyers > 0 ? Math.sqrt((0.8 * 0.2) / buyers) : 1;
}

/** The cut points that the policy asks for, given what was measured. */
export function cutPointsOf(policy: TierPolicy, measure: Measure, currency: string): CutPoints {
  const { absolute, weights } = policy;
  const amounts = (texts: readonly string[]) => texts.map((text) => amountIn(policy, text, currency));
  const lifetimeValue = weights.lifetimeValue > 0 && { lifetimeValue: amounts(absolute.lifetimeValueAtLeast) };
  if (standardErrorOf(measure.buyers) <= policy.standardErrorAtMost) return { ...quintiles(measure), ...lifetimeValue };
  return {
    kind: 'absolute',
    buyers: measure.buyers,
    recency: absolute.daysAtMost,
    frequency: absolute.purchasesAtLeast,
    monetary: amounts(absolute.spentAtLeast),
    ...(weights.contribution > 0 && { contribution: amounts(absolute.contributionAtLeast) }),
    ...lifetimeValue,
  };
}

function amountIn({ version }: TierPolicy, text: string, currency: string): bigint {
  const amount = parseMoney(text, currency);
  if (!amount) throw new RangeError(`tier policy ${version}: ${text} is no amount in ${currency}`);
  return amount.minor;
}

/** What counts where there is no weight for anything that is known. */
const scoresAlone: Weights = { recency: 1, frequency: 1, monetary: 1, contribution: 0, lifetimeValue: 0 };

/** The weights by which a run judges: without models lifetime value counts for nothing, and the rest stands for it. */
export function weightsBy({ weights }: TierPolicy, model: ValueModel | undefined): Weights {
  if (model && model.purchases.from !== 'none' && model.spend.from !== 'none') return weights;
  const known = { ...weights, lifetimeValue: 0 };
  return sumOf(known) > 0 ? known : scoresAlone;
}

const sumOf = (weights: Weights) => scoreNames.reduce((sum, name) => sum + weights[name], 0);

/**
 * The channels to which a customer below the policy's standard is limited; nothing for one who reaches it.
 * @param profitability nothing for a customer without a purchase, who is to be won yet
 */
export function limitsOf(
  policy: TierPolicy,
  profitability: Profitability | undefined,
  currency: string,
): Standard['channels'] | undefined {
  const { standard } = policy;
  if (!standard || !profitability) return undefined;
  return profitability.contribution < amountIn(policy, standard.contributionAtLeast, currency)
    ? standard.channels
    : undefined;
}

export interface Verdict {
  tier: string;
  group: string;
  /** Absent for prospects. */
  scores?: Scores;
}

/** The group of customers without a purchase. */
export const prospectsGroup = 'prospects';

/**
 * The tier by a policy and cut points. More money, more purchases or a later one never lowers it, but for what the
 * policy gives to lifetime value: to the models many purchases and then silence are a farewell.
 * @param weights by {@link weightsBy}
 * @param inputs nothing for a customer without a purchase
 */
export function tierOf(
  policy: TierPolicy,
  weights: Weights,
  cuts: CutPoints,
  inputs: ScoreInputs | undefined,
): Verdict {
  if (!inputs) return { tier: policy.prospects, group: prospectsGroup };
  const scores = scoresOf(cuts, inputs);
  return { tier: tierFor(policy, weights, scores).name, group: groupOf(policy, scores), scores };
}

/** Whether somebody in this tier misses the cuts of it by less than the policy's margin. */
export function isInMargin(
  policy: TierPolicy,
  weights: Weights,
  cuts: CutPoints,
  inputs: ScoreInputs,
  name: string,
): boolean {
  const tier = policy.tiers.find((one) => one.name === name);
  return tier !== undefined && reaches(policy, weights, scoresOf(cuts, inputs, policy.descent.marginPercent), tier);
}

/** The place of a tier, 0 for the best; none for prospects and for a tier that the policy does not know. */
export function rankOf({ tiers }: TierPolicy, tier: string | undefined): number | undefined {
  const rank = tiers.findIndex(({ name }) => name === tier);
  return rank < 0 ? undefined : rank;
}

function tierFor(policy: TierPolicy, weights: Weights, scores: Scores): Tier {
  const tier = policy.tiers.find((one) => reaches(policy, weights, scores, one)) ?? policy.tiers.at(-1);
  if (!tier) throw new RangeError(`tier policy ${policy.version} has no tiers`);
  return tier;
}

/** Where not all weights of the policy count, what a tier asks for shrinks with them. */
function reaches(policy: TierPolicy, weights: Weights, scores: Scores, { atLeast }: Tier): boolean {
  return weightedSum(weights, scores) * sumOf(policy.weights) >= atLeast * sumOf(weights);
}

/** A score that is not there counts as the least. */
export function weightedSum(weights: Weights, scores: Scores): number {
  return scoreNames.reduce((sum, name) => sum + weights[name] * (scores[name] ?? 1), 0);
}

/**
 * The group that the policy's table gives to scores. Frequency and money count together, halves upwards.
 * @throws RangeError for a table that is not five by five
 */
function groupOf({ groups }: TierPolicy, { recency, frequency, monetary }: Scores): string {
  const group = groups[5 - recency]?.[Math.ceil((frequency + monetary) / 2) - 1];
  if (group === undefined)
    throw new RangeError(`there is no group for the scores ${recency}, ${frequency}, ${monetary}`);
  return group;
}
