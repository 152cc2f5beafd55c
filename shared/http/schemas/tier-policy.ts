import * as z from 'zod/mini';
import { consentChannels } from '../../domain/consent.ts';
import { contactKinds } from '../../domain/contacts.ts';
import { scoreNames } from '../../domain/rfm.ts';
import { categoryOf } from '../../domain/sales.ts';
import { prospectsGroup, type TierRules } from '../../domain/tier-policy.ts';
import { instant, keyText, line, named } from './common.ts';

/** Of a tier or a group. `none` is who had no tier before. */
const name = line(60).check(
  z.regex(/^[\p{L}\p{N}]/u, 'must begin with a letter or a digit'),
  z.refine((text) => text === text.trim() && text !== 'none', 'must not be "none" or end with a blank'),
);
const four = <Item extends z.core.$ZodType>(item: Item) => z.array(item).check(z.minLength(4), z.maxLength(4));
const amountIn = z.string().check(z.regex(/^\d{1,15}(\.\d{1,4})?$/, 'must be exact decimal text, not negative'));
const anyAmountIn = z.string().check(z.regex(/^-?\d{1,15}(\.\d{1,4})?$/, 'must be exact decimal text'));
const share = z.number().check(z.minimum(0), z.maximum(1));
const each = <Name extends string, Item extends z.core.$ZodType>(names: readonly Name[], item: Item) =>
  z.strictObject(Object.fromEntries(names.map((one) => [one, item])) as Record<Name, Item>);

const rules = z.strictObject({
  windowDays: z
    .nullable(z.int().check(z.minimum(30), z.maximum(3650)))
    .check(z.describe('Scores look at purchases of the last so many days; null for all time')),
  weights: each(scoreNames, z.int().check(z.minimum(0), z.maximum(10))).check(
    z.describe(
      'How much each score from 1 to 5 counts. Without models, lifetimeValue counts for nothing and the rest for it',
    ),
  ),
  tiers: z
    .array(z.strictObject({ name, atLeast: z.int().check(z.minimum(1), z.maximum(250)) }))
    .check(
      z.minLength(1),
      z.maxLength(12),
      z.describe(
        'From best to worst, each with the least weighted sum of the scores that it asks for; the last asks for the sum of the weights',
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
      contributionAtLeast: four(anyAmountIn),
      lifetimeValueAtLeast: four(amountIn).check(z.describe('Holds in shops of any size')),
    })
    .check(z.describe('What the scores 2, 3, 4 and 5 ask for in a smaller shop; with standardErrorAtMost 0 in any')),
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
  costs: z
    .strictObject({
      goods: z.strictObject({
        share: share.check(
          z.describe('Cost of goods as a share of net sales, where neither line nor category says it'),
        ),
        byCategory: z.array(z.strictObject({ category: line(64), share })).check(z.maxLength(200)),
      }),
      refunds: z.strictObject({
        each: amountIn.check(z.describe('Of each refund')),
        goodsLost: share.check(z.describe('Of the cost of goods that were paid back')),
      }),
      service: each(contactKinds, amountIn).check(
        z.describe('Of each message, call and visit by the shop; support: of each call and message that comes in'),
      ),
    })
    .check(z.describe('What sales and customers cost, in the base currency')),
  standard: z
    .nullable(
      z.strictObject({
        contributionAtLeast: anyAmountIn,
        channels: z.array(z.enum(consentChannels)).check(
          z.maxLength(consentChannels.length),
          z.refine((all) => new Set(all).size === all.length, 'must name each channel once'),
        ),
      }),
    )
    .check(z.describe('Whoever bought and contributes less is reached by these channels alone; null for no standard')),
});

/** Exactly, as amounts have four places at most. */
function inTenThousandths(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  const [, sign, digits = ''] = /^(-?)(.*)$/.exec(whole + fraction.padEnd(4, '0')) ?? [];
  return sign ? -BigInt(digits) : BigInt(digits);
}

const isRising = (amounts: readonly string[]) =>
  amounts.every(
    (amount, index) => index === 0 || inTenThousandths(amount) > inTenThousandths(amounts[index - 1] ?? '0'),
  );

/** What is wrong with rules beyond their form. */
function contradictions(given: TierRules): { path: (string | number)[]; message: string }[] {
  const { tiers, prospects, groups, absolute, weights, costs } = given;
  const found: { path: (string | number)[]; message: string }[] = [];
  for (const [index, { name: one, atLeast }] of tiers.entries()) {
    const path = ['tiers', index];
    if (one === prospects || tiers.findIndex((tier) => tier.name === one) < index)
      found.push({ path: [...path, 'name'], message: 'is the name of another tier' });
    const above = tiers[index - 1];
    if (above && atLeast >= above.atLeast)
      found.push({ path: [...path, 'atLeast'], message: 'must be below the one before' });
  }
  const least = scoreNames.reduce((sum, score) => sum + weights[score], 0);
  if (least === 0) found.push({ path: ['weights'], message: 'must give weight to one score at least' });
  if (tiers.length > 0 && tiers.at(-1)?.atLeast !== least)
    found.push({
      path: ['tiers', tiers.length - 1, 'atLeast'],
      message: `must be ${least}, the sum of the weights, or some buyers have no tier`,
    });
  if ((tiers[0]?.atLeast ?? 0) > 5 * least)
    found.push({ path: ['tiers', 0, 'atLeast'], message: `must be at most ${5 * least}, or nobody can have it` });
  for (const [row, names] of groups.entries())
    for (const [column, one] of names.entries())
      if (one === prospectsGroup)
        found.push({ path: ['groups', row, column], message: 'is the group of customers without a purchase' });
  const { daysAtMost, purchasesAtLeast } = absolute;
  if (!daysAtMost.every((days, index) => index === 0 || days < (daysAtMost[index - 1] ?? 0)))
    found.push({ path: ['absolute', 'daysAtMost'], message: 'must fall from score to score' });
  if (!purchasesAtLeast.every((count, index) => index === 0 || count > (purchasesAtLeast[index - 1] ?? 0)))
    found.push({ path: ['absolute', 'purchasesAtLeast'], message: 'must rise from score to score' });
  for (const field of ['spentAtLeast', 'contributionAtLeast', 'lifetimeValueAtLeast'] as const)
    if (!isRising(absolute[field])) found.push({ path: ['absolute', field], message: 'must rise from score to score' });
  const categories = costs.goods.byCategory.map(({ category }) => categoryOf(category));
  for (const [index, category] of categories.entries())
    if (categories.indexOf(category) < index)
      found.push({ path: ['costs', 'goods', 'byCategory', index, 'category'], message: 'stands there already' });
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
    draft: z.nullable(
      z.strictObject({
        id: z.string().check(z.describe('Another one with each writing')),
        rules: tierRules,
        updatedAt: instant,
      }),
    ),
  }),
);

export const publishIn = named(
  'PublishGiven',
  z.strictObject({
    draftId: z.optional(
      keyText.check(z.describe('Only this draft is published; where absent, whatever draft there is')),
    ),
  }),
);

export const publishedTierPolicy = published;
