import * as z from 'zod/mini';
import { causes } from '../../domain/rehearsal.ts';
import { scoreNames } from '../../domain/rfm.ts';
import { instant, instantIn, money, named, page } from './common.ts';

const scores = z
  .strictObject({
    recency: z.int(),
    frequency: z.int(),
    monetary: z.int(),
    contribution: z.optional(z.int()),
    lifetimeValue: z.optional(z.int()),
  })
  .check(z.describe('Contribution and lifetime value where the policy gives them weight'));

const profitabilityFields = {
  netSales: money.check(z.describe('Without tax and shipping, after discounts and refunds')),
  costOfGoods: money,
  refundsCost: money,
  costToServe: money,
  contribution: money.check(z.describe('Net sales less the three costs')),
};
const limitedTo = z
  .nullable(z.array(z.string()))
  .check(z.describe("Below the policy's standard of contribution: the only channels of outreach; null for all others"));

const cutPoints = named(
  'CutPoints',
  z
    .strictObject({
      kind: z.enum(['quintiles', 'absolute']),
      buyers: z.int(),
      recency: z.array(z.nullable(z.int())).check(z.describe('At most so many days for the scores 2, 3, 4 and 5')),
      frequency: z.array(z.nullable(z.int())).check(z.describe('At least so many purchases')),
      monetary: z.array(z.nullable(money)).check(z.describe('At least so much')),
      contribution: z.optional(z.array(z.nullable(money))),
      lifetimeValue: z.optional(z.array(money)),
    })
    .check(z.describe('null where nobody can have that score, because too many customers are equal')),
);

const receiptFields = {
  runId: z.string(),
  asOf: instant,
  policyVersion: z.int(),
  windowDays: z.nullable(z.int()).check(z.describe('Days that purchases and money are of; null for all time')),
  inputs: z
    .nullable(
      z.strictObject({
        daysSinceLastPurchase: z.int(),
        purchaseCount: z.int(),
        totalSpent: money,
        contribution: z.optional(money),
        lifetimeValue: z.optional(money),
      }),
    )
    .check(z.describe("Purchases and money of the policy's window; null for a customer without a purchase")),
  cutPoints,
  scores: z.nullable(scores),
  weights: z
    .record(z.enum(scoreNames), z.int())
    .check(z.describe('How much each score counted: without models lifetime value counts for nothing')),
  profitability: z
    .nullable(z.strictObject(profitabilityFields))
    .check(z.describe("Within the policy's window; null for a customer without a purchase")),
  limitedTo,
  outlook: z
    .nullable(z.strictObject({ alive: z.number(), in90Days: z.number(), lifetimeValue: z.nullable(money) }))
    .check(z.describe('What the models of the run said; null where there were none')),
  tier: z.string(),
  previousTier: z.nullable(z.string()),
  group: z.string(),
  held: z
    .nullable(z.strictObject({ tierByScores: z.string(), since: instant, scoresBefore: z.optional(scores) }))
    .check(
      z.describe(
        'Where the policy does not let the tier fall yet: what the scores alone would give, since when, and the scores before that',
      ),
    ),
};
const receipt = named('Receipt', z.strictObject(receiptFields));

const explanation = z.string().check(z.describe('What happened, in one sentence for a person'));

export const valueHistory = page(
  'ValueHistory',
  named('ValueChange', z.strictObject({ ...receiptFields, explanation })),
);

const source = z.enum(['fit', 'pooled', 'none']);

const outlook = named(
  'Outlook',
  z.strictObject({
    runId: z.string(),
    asOf: instant,
    alive: z.number().check(z.describe('The probability that the customer still is one')),
    purchases: z
      .strictObject({ in30Days: z.number(), in90Days: z.number(), in365Days: z.number() })
      .check(z.describe('Days with a purchase that are expected')),
    meanValue: z.nullable(money).check(z.describe('Expected value of such a day')),
    lifetimeValue: z.nullable(money).check(z.describe("What is expected within the policy's horizon, discounted")),
    atRisk: z
      .array(z.enum(['model', 'rhythm']))
      .check(z.describe("By P(alive), by a silence that is long beside the customer's own pauses, or by both")),
    from: z
      .strictObject({ purchases: source, spend: source })
      .check(z.describe('fit: parameters of this shop; pooled: the shape of other shops at the level of this one')),
  }),
);

export const value = named(
  'Value',
  z.strictObject({
    customerId: z.string(),
    tier: z.nullable(z.string()).check(z.describe('null before the first value run')),
    previousTier: z.nullable(z.string()),
    since: z.nullable(instant).check(z.describe('asOf of the run that brought the customer into this tier')),
    group: z
      .nullable(z.string())
      .check(z.describe('By the table of scores in the tier policy, `champions` to `prospects`')),
    scores: z.nullable(scores).check(z.describe('1 to 5 each, 5 is best; null for a customer without a purchase')),
    fallingSince: z
      .nullable(instant)
      .check(z.describe('Since when the scores alone would give a lower tier, where it is held by the policy')),
    runId: z.nullable(z.string()),
    receipt: z.nullable(receipt).check(z.describe('What explains the last change, so that anyone can compute it')),
    explanation: z.nullable(explanation),
    limitedTo,
    profitability: z
      .nullable(named('Profitability', z.strictObject({ runId: z.string(), asOf: instant, ...profitabilityFields })))
      .check(z.describe('By the policy of the latest run, within its window; null without a purchase')),
    outlook: z
      .nullable(outlook)
      .check(z.describe('By the models of the latest run; null without a purchase, and where RFM alone speaks')),
  }),
);

const tally = z.record(z.string(), z.int());

const sourced = <Parameters extends z.core.$ZodType>(parameters: Parameters) =>
  z.union([
    z.strictObject({
      from: z.literal('fit'),
      parameters,
      logLikelihood: z.number(),
      customers: z.int(),
    }),
    z.strictObject({ from: z.literal('pooled'), parameters, because: z.string(), customers: z.int() }),
    z.strictObject({ from: z.literal('none'), because: z.string(), customers: z.int() }),
  ]);

const model = named(
  'ValueModel',
  z.strictObject({
    purchases: sourced(z.strictObject({ r: z.number(), alpha: z.number(), a: z.number(), b: z.number() })).check(
      z.describe('MBG/NBD, times in days'),
    ),
    spend: sourced(z.strictObject({ p: z.number(), q: z.number(), v: z.number() })).check(
      z.describe('Gamma-Gamma, in units of the base currency'),
    ),
  }),
);

export const valueRun = named(
  'ValueRun',
  z.strictObject({
    id: z.string(),
    asOf: instant,
    status: z.enum(['requested', 'running', 'succeeded', 'failed']),
    startedAt: z.nullable(instant),
    finishedAt: z.nullable(instant),
    failure: z.optional(z.string()),
    rehearsal: z
      .nullable(
        z.union([
          z.strictObject({
            kind: z.literal('preview'),
            draftId: z.optional(
              z
                .string()
                .check(
                  z.describe(
                    'The draft that it judges by; absent until it began, and where the draft was gone by then',
                  ),
                ),
            ),
          }),
          z.strictObject({ kind: z.literal('replay'), of: z.string() }),
          z.strictObject({ kind: z.literal('backtest'), until: z.string(), horizonDays: z.int() }),
          z.strictObject({ kind: z.literal('migration'), from: z.string(), to: z.string() }),
        ]),
      )
      .check(
        z.describe(
          'A preview, a replay, or a look at the customers (backtest, migration): changes nobody; null for a run that judges',
        ),
      ),
    timeZone: z.optional(z.string()),
    policyVersion: z.optional(z.int()),
    cutPoints: z.optional(cutPoints),
    model: z.optional(model),
    report: z.optional(
      z.strictObject({
        customers: z.int(),
        buyers: z.int(),
        changed: z.int(),
        waiting: z.optional(
          tally.check(z.describe('Purchases by currency that waited for an exchange rate: kept out of value')),
        ),
        tiers: tally,
        migrations: z
          .record(z.string(), tally)
          .check(
            z.describe(
              'Customers by the tier before and the tier after; of a preview by the tier of the published policy and that of the draft',
            ),
          ),
        limited: z.int().check(z.describe("Customers below the policy's standard of contribution")),
        durationMs: z.int(),
        differences: z.optional(
          z
            .int()
            .check(
              z.describe(
                'Of a replay: customers of whom it makes something else; of a preview: of whom the draft makes something else than the published policy would that day',
              ),
            ),
        ),
        withoutDraft: z.optional(
          z.int().check(z.describe('Of a preview: customers who would change that day by the published policy, too')),
        ),
        sameFit: z.optional(
          z.boolean().check(z.describe('Of a replay: whether the cut points are those of the run computed again')),
        ),
        missing: z.optional(
          z
            .int()
            .check(
              z.describe('Of a replay: by how many fewer it counts, as they were erased or merged into others since'),
            ),
        ),
        sameCustomers: z.optional(z.boolean().check(z.describe('Of a replay: whether it counts the same customers'))),
        who: z.int().check(z.describe('Who was counted, as a sum of hashes')),
        units: z.strictObject({ read: z.number(), write: z.number() }),
      }),
    ),
  }),
);

export const valueRuns = page('ValueRuns', valueRun);

const place = z.strictObject({ tier: z.string(), group: z.string(), scores: z.nullable(scores), limitedTo });

const difference = named(
  'Difference',
  z.strictObject({
    customerId: z.string(),
    was: z
      .nullable(place)
      .check(
        z.describe(
          'Of a replay what the run made of the customer, null where that was nothing; of a preview what the published policy would',
        ),
      ),
    is: place.check(z.describe('What the preview or the replay makes of the customer')),
    causes: z.optional(
      z
        .array(z.enum(causes))
        .check(z.describe('Of a replay: what is known to have happened since that makes a difference')),
    ),
  }),
);

export const differencesPage = page('Differences', difference);

export const rehearsal = named(
  'Rehearsal',
  z.strictObject({
    run: valueRun,
    identical: z
      .nullable(z.boolean())
      .check(z.describe('Of a replay: nothing differs; null before it has succeeded, and for a preview')),
    differences: z.array(difference).check(z.describe('The first ones')),
    more: z.boolean().check(z.describe('The others are at /v1/value-runs/{runId}/differences')),
  }),
);

export const valueRunIn = named('ValueRunGiven', z.strictObject({ asOf: instantIn }));
