import { decimalText, parseMoney } from './money.ts';
import { type CutPoints, type Measure, quintiles, type RfmInputs, type Scores, scoresOf } from './rfm.ts';

/** How value becomes a tier: a versioned document. A published version never changes. */
export interface TierPolicy {
  version: number;
  basis: 'rfm';
  /** Scores look at purchases of the last so many days; null for all time. */
  windowDays: number | null;
  /** From best to worst, each with the least sum of the three scores (3 to 15) that it asks for. */
  tiers: readonly { name: string; atLeast: number }[];
  /** The tier of customers without a purchase; it stands outside the order of the others. */
  prospects: string;
  /** Names of groups by the scores of recency, 5 first, and of frequency and money together, 1 first. */
  groups: readonly (readonly string[])[];
  /** From so many buyers on, scores are quintiles; below, quintiles are mostly noise and `absolute` holds. */
  quintilesFrom: number;
  /** What scores 2, 3, 4 and 5 ask for in a small shop; amounts as decimal text in the base currency. */
  absolute: {
    daysAtMost: readonly number[];
    purchasesAtLeast: readonly number[];
    spentAtLeast: readonly string[];
  };
}

/**
 * The policy that holds until the merchant publishes one.
 * @param currency of the amounts: they are the same number of minor units in each (50.00 EUR, 5000 JPY, 5.000 KWD)
 */
export function defaultTierPolicy(currency: string): TierPolicy {
  return {
    version: 1,
    basis: 'rfm',
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
    quintilesFrom: 500,
    absolute: {
      daysAtMost: [365, 180, 90, 30],
      purchasesAtLeast: [2, 3, 5, 10],
      spentAtLeast: [5_000n, 15_000n, 40_000n, 100_000n].map((minor) => decimalText({ minor, currency })),
    },
  };
}

/** The cut points that the policy asks for, given what was measured. */
export function cutPointsOf(policy: TierPolicy, measure: Measure, currency: string): CutPoints {
  if (measure.buyers >= policy.quintilesFrom) return quintiles(measure);
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
 * The group that the policy's table gives to scores. Frequency and money count together, halves upwards.
 * @throws RangeError for a table that is not five by five
 */
export function groupOf({ groups }: TierPolicy, { recency, frequency, monetary }: Scores): string {
  const group = groups[5 - recency]?.[Math.ceil((frequency + monetary) / 2) - 1];
  if (group === undefined)
    throw new RangeError(`there is no group for the scores ${recency}, ${frequency}, ${monetary}`);
  return group;
}

/**
 * The tier by a policy and cut points; more money, more purchases or a later one never lowers it.
 * @param inputs nothing for a customer without a purchase
 */
export function tierOf(policy: TierPolicy, cuts: CutPoints, inputs: RfmInputs | undefined): Verdict {
  if (!inputs) return { tier: policy.prospects, group: prospectsGroup };
  const scores = scoresOf(cuts, inputs);
  const sum = scores.recency + scores.frequency + scores.monetary;
  const tier = policy.tiers.find(({ atLeast }) => sum >= atLeast) ?? policy.tiers.at(-1);
  if (!tier) throw new RangeError(`tier policy ${policy.version} has no tiers`);
  return { tier: tier.name, group: groupOf(policy, scores), scores };
}
