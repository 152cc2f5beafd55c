import * as z from 'zod/mini';
import { instant, keyText, money, named } from './common.ts';

export const ofRun = z.strictObject({
  runId: z.optional(keyText.check(z.describe('A value run that has succeeded; the latest one where absent'))),
});

const head = {
  runId: z.string(),
  asOf: instant,
  timeZone: z.string().check(z.describe('In which days and months are counted')),
};

const month = z.string().check(z.meta({ examples: ['2026-11'] }));

export const retention = named(
  'Retention',
  z.strictObject({
    ...head,
    lastMonth: month.check(z.describe('That of the run; it was not over')),
    earlier: z.int().check(z.describe('Customers who first bought more than 240 months ago: in no cohort')),
    cohorts: z
      .array(
        z.strictObject({
          month,
          customers: z.int().check(z.describe('Who bought first in that month')),
          returned: z
            .array(z.int())
            .check(z.describe('How many of them bought in the month after it, in the second one after it …')),
        }),
      )
      .check(z.describe('Every month since the first')),
  }),
);

export const repeatPurchases = named(
  'RepeatPurchases',
  z.strictObject({
    ...head,
    steps: z.array(
      z.strictObject({
        purchase: z.int().check(z.describe('2 for the second purchase, up to 10; purchases of one day are one')),
        customers: z.int().check(z.describe('Who made the one before')),
        bought: z.int().check(z.describe('Who made this one within 1,095 days')),
        medianDays: z.nullable(z.int()).check(z.describe('null where less than half have, as far as anybody was seen')),
        curve: z
          .array(z.strictObject({ days: z.int(), share: z.number(), seen: z.int() }))
          .check(
            z.describe(
              'The share that has made it so many days after the one before, by Kaplan and Meier; `seen`: customers who ' +
                'had not made it before and were seen for so long',
            ),
          ),
      }),
    ),
  }),
);

export const concentration = named(
  'Concentration',
  z.strictObject({
    ...head,
    windowDays: z
      .nullable(z.int())
      .check(z.describe("The policy's window, in which purchases count; null for all time")),
    customers: z.int().check(z.describe('Who bought within the window')),
    spent: money,
    best: z.array(
      z.strictObject({
        percent: z.int(),
        customers: z.int().check(z.describe('Rounded up')),
        spent: money,
        share: z.nullable(z.number()).check(z.describe('null where nothing was spent')),
      }),
    ),
    lorenz: z
      .array(z.strictObject({ customers: z.number(), spent: z.number() }))
      .check(z.describe('Shares, from those who spent least; empty where nothing was spent')),
    gini: z.nullable(z.number()),
  }),
);

export const betweenRuns = z.strictObject({
  from: keyText.check(z.describe('A value run that has succeeded')),
  to: keyText.check(z.describe('A later one')),
});

const run = z.strictObject({ runId: z.string(), asOf: instant });
const count = z.int();

export const tierMigration = named(
  'TierMigration',
  z.strictObject({
    from: run,
    to: run,
    computedAt: instant.check(z.describe('Whoever had been erased by then is not among them')),
    tiers: z.array(z.string()).check(z.describe("By the later run's policy, the best one first")),
    customers: z.strictObject({ before: count, after: count }),
    moves: z.strictObject({
      stayed: count,
      rose: count,
      fell: count,
      otherwise: count.check(z.describe('To or from a tier that the later policy does not know')),
      joined: count.check(z.describe('Had no tier after the first run')),
      left: count.check(z.describe('Were merged into another customer since')),
    }),
    migrations: z
      .record(z.string(), z.record(z.string(), count))
      .check(z.describe('Customers by the tier after the first run and after the second; `none` where there was none')),
  }),
);

export const migrationUnderWay = named(
  'TierMigrationUnderWay',
  z.strictObject({ status: z.literal('running'), from: run, to: run, runId: z.string() }),
);
