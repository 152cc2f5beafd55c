import { decimalText, parseMoney } from './money.ts';
import type { OutlookRules } from './outlook.ts';
import { type CutPoints, type Measure, quintiles, type RfmInputs, type Scores, scoresOf } from './rfm.ts';

/** How value becomes a tier: a versioned document. A published version never changes. */
export interface TierPolicy extends TierRules {
  version: number;
}

/** What a merchant decides. */
export interface TierRules {
  /** Scores look at purchases of the last so many days; null for all time. */
  windowDays: number | null;
  /** From best to worst, each with the least sum of the three scores (3 to 15) that it asks for. */
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
  };
  /** Moving up is at once; moving down asks for more. */
  descent: {
    /** The cuts were missed by so much of each … */
    marginPercent: number;
    /** … or the cuts themselves were missed for so many nights. */
    nights: number;
  };
  outlook: OutlookRules;
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
  return {
    version: 1,
    windowDays: 730,
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
      spentAtLeast: [5_000n, 15_000n, 40_000n, 100_000n].map((minor) => decimalText({ minor, currency })),
    },
    descent: { marginPercent: 10, nights: 7 },
    outlook: { horizonDays: 365, discountRate: 0.1, margin: 1, aliveBelow: 0.5, pausesMissed: 3 },
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
  if (standardErrorOf(measure.buyers) <= policy.standardErrorAtMost) return quintiles(measure);
  const { daysAtMost, purchasesAtLeast, spentAtLeast } = policy.absolute;
  return {
    kind: 'absolute',
    buyers: measure.buyers,
    recency: daysAtMost,
    frequency: purchasesAtLeast,
    monetary: spentAtLeast.map((text) => {
      const amount = parseMoney(text, currency);
      if (!amount) throw new RangeError(`tier policy ${policy.version}: ${text} is no amount in ${currency}`);
      return amount.minor;
    }),
  };
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
 * The tier by a policy and cut points; more money, more purchases or a later one never lowers it.
 * @param inputs nothing for a customer without a purchase
 */
export function tierOf(policy: TierPolicy, cuts: CutPoints, inputs: RfmInputs | undefined): Verdict {
  if (!inputs) return { tier: policy.prospects, group: prospectsGroup };
  const scores = scoresOf(cuts, inputs);
  return { tier: tierFor(policy, scores).name, group: groupOf(policy, scores), scores };
}

/** Whether somebody in this tier misses the cuts of it by less than the policy's margin. */
export function isInMargin(policy: TierPolicy, cuts: CutPoints, inputs: RfmInputs, tier: string): boolean {
  const { atLeast } = policy.tiers.find(({ name }) => name === tier) ?? { atLeast: Number.POSITIVE_INFINITY };
  return sumOf(scoresOf(cuts, inputs, policy.descent.marginPercent)) >= atLeast;
}

/** The place of a tier, 0 for the best; none for prospects and for a tier that the policy does not know. */
export function rankOf({ tiers }: TierPolicy, tier: string | undefined): number | undefined {
  const rank = tiers.findIndex(({ name }) => name === tier);
  return rank < 0 ? undefined : rank;
}

function tierFor({ tiers, version }: TierPolicy, scores: Scores): Tier {
  const tier = tiers.find(({ atLeast }) => sumOf(scores) >= atLeast) ?? tiers.at(-1);
  if (!tier) throw new RangeError(`tier policy ${version} has no tiers`);
  return tier;
}

const sumOf = ({ recency, frequency, monetary }: Scores) => recency + frequency + monetary;

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
