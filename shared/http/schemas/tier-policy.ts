import * as z from 'zod/mini';
import { prospectsGroup, type TierRules } from '../../domain/tier-policy.ts';
import { instant, line, named } from './common.ts';

/** Of a tier or a group. `none` is who had no tier before. */
const name = line(60).check(
  z.regex(/^[\p{L}\p{N}]/u, 'must begin with a letter or a digit'),
  z.refine((text) => text === text.trim() && text !== 'none', 'must not be "none" or end with a blank'),
);
const four = <Item extends z.core.$ZodType>(item: Item) => z.array(item).check(z.minLength(4), z.maxLength(4));
const amountIn = z.string().check(z.regex(/^\d{1,15}(\.\d{1,4})?$/, 'must be exact decimal text, not negative'));

const rules = z.strictObject({
  windowDays: z
    .nullable(z.int().check(z.minimum(30), z.maximum(3650)))
    .check(z.describe('Scores look at purchases of the last so many days; null for all time')),
  tiers: z
    .array(z.strictObject({ name, atLeast: z.int().check(z.minimum(3), z.maximum(15)) }))
    .check(
      z.minLength(1),
      z.maxLength(12),
      z.describe(
        'From best to worst, each with the least sum of the three scores that it asks for; the last asks for 3',
      ),
    ),
  prospects: name.check(z.describe('The tier of customers without a purchase')),
  groups: z
    .array(z.array(name).check(z.minLength(5), z.maxLength(5)))
    .check(
      z.minLength(5),
      z.maxLength(5),
      z.describe(
        'Names of groups: a row for each score of recency, 5 first; in it by frequency and money together, 1 first',
      ),
    ),
  standardErrorAtMost: z
    .number()
    .check(
      z.minimum(0),
      z.maximum(1),
      z.describe(
        'Quintiles hold where the best fifth is known to within this share of the buyers (0.0179: from 500 on)',
      ),
    ),
  absolute: z
    .strictObject({
      daysAtMost: four(z.int().check(z.minimum(0), z.maximum(36_500))),
      purchasesAtLeast: four(z.int().check(z.minimum(1), z.maximum(1_000_000))),
      spentAtLeast: four(amountIn).check(z.describe('In the base currency')),
    })
    .check(z.describe('What the scores 2, 3, 4 and 5 ask for in a smaller shop')),
  descent: z
    .strictObject({
      marginPercent: z.int().check(z.minimum(0), z.maximum(50)),
      nights: z.int().check(z.minimum(0), z.maximum(365)),
    })
    .check(z.describe('A tier falls where its cuts are missed by more than the margin, or for so many nights')),
  outlook: z
    .strictObject({
      horizonDays: z.int().check(z.minimum(30), z.maximum(3650)),
      discountRate: z.number().check(z.minimum(0), z.maximum(1)),
      margin: z.number().check(z.minimum(0), z.maximum(1)),
      aliveBelow: z.number().check(z.minimum(0), z.maximum(1)),
      pausesMissed: z.number().check(z.minimum(1), z.maximum(100)),
    })
    .check(z.describe('Lifetime value within a horizon, discounted by the year, of the margin; and who is at risk')),
});

/** Exactly, as amounts have four places at most. */
function inTenThousandths(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(4, '0'));
}

/** What is wrong with rules beyond their form. */
function contradictions(given: TierRules): { path: (string | number)[]; message: string }[] {
  const { tiers, prospects, groups, absolute } = given;
  const found: { path: (string | number)[]; message: string }[] = [];
  for (const [index, { name: one, atLeast }] of tiers.entries()) {
    const path = ['tiers', index];
    if (one === prospects || tiers.findIndex((tier) => tier.name === one) < index)
      found.push({ path: [...path, 'name'], message: 'is the name of another tier' });
    const above = tiers[index - 1];
    if (above && atLeast >= above.atLeast)
      found.push({ path: [...path, 'atLeast'], message: 'must be below the one before' });
  }
  if (tiers.length > 0 && tiers.at(-1)?.atLeast !== 3)
    found.push({ path: ['tiers', tiers.length - 1, 'atLeast'], message: 'must be 3, or some buyers have no tier' });
  for (const [row, names] of groups.entries())
    for (const [column, one] of names.entries())
      if (one === prospectsGroup)
        found.push({ path: ['groups', row, column], message: 'is the group of customers without a purchase' });
  const { daysAtMost, purchasesAtLeast, spentAtLeast } = absolute;
  if (!daysAtMost.every((days, index) => index === 0 || days < (daysAtMost[index - 1] ?? 0)))
    found.push({ path: ['absolute', 'daysAtMost'], message: 'must fall from score to score' });
  if (!purchasesAtLeast.every((count, index) => index === 0 || count > (purchasesAtLeast[index - 1] ?? 0)))
    found.push({ path: ['absolute', 'purchasesAtLeast'], message: 'must rise from score to score' });
  if (
    !spentAtLeast.every(
      (amount, index) => index === 0 || inTenThousandths(amount) > inTenThousandths(spentAtLeast[index - 1] ?? ''),
    )
  )
    found.push({ path: ['absolute', 'spentAtLeast'], message: 'must rise from score to score' });
  return found;
}

export const tierRulesIn = named(
  'TierRules',
  rules.check((context) => {
    for (const { path, message } of contradictions(context.value))
      context.issues.push({ code: 'custom', input: context.value, path, message });
  }),
);

const tierRules = named('TierRulesKept', rules);
const published = named('TierPolicy', z.strictObject({ ...rules.shape, version: z.int() }));

export const tierPolicy = named(
  'TierPolicyAndDraft',
  z.strictObject({
    published: published.check(z.describe('What the next night judges by')),
    draft: z.nullable(z.strictObject({ rules: tierRules, updatedAt: instant })),
  }),
);

export const publishedTierPolicy = published;
