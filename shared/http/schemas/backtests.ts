import * as z from 'zod/mini';
import { isDay } from '../../domain/exchange-rate.ts';
import { instant, named, page } from './common.ts';

export const backtestIn = named(
  'BacktestGiven',
  z.strictObject({
    until: z
      .string()
      .check(
        z.refine(isDay, 'must be a day, such as 2026-03-31, from 1970 to 2199'),
        z.describe("The last day that is fitted to, in the merchant's time zone"),
        z.meta({ format: 'date', examples: ['2026-03-31'] }),
      ),
    horizonDays: z
      .int()
      .check(
        z.minimum(1),
        z.maximum(99_999),
        z.describe('How many days after it are compared with; none beyond today'),
      ),
  }),
);

const day = z.string().check(z.meta({ format: 'date' }));
const sums = { customers: z.number(), expected: z.number(), actual: z.number() };

const forecast = named(
  'Forecast',
  z.strictObject({
    total: z.number(),
    bias: z.number().check(z.describe('Mean of expected − actual by customer')),
    rmse: z.number(),
    mae: z.number(),
    correlation: z.nullable(z.number()),
    topDecileShare: z
      .nullable(z.number())
      .check(z.describe('Which share of the purchases the tenth of customers with the highest forecasts made')),
    calibrationByDecile: z.array(z.strictObject(sums)).check(z.describe('From the highest forecasts to the lowest')),
    calibrationByCount: z
      .array(z.strictObject({ x: z.int(), andMore: z.boolean(), ...sums }))
      .check(z.describe('By repeat purchases before the day')),
    gains: z
      .array(z.number())
      .check(z.describe('Share of the purchases by the first 0 %, 5 %, … 100 % of customers; empty without any')),
  }),
);

function model<const Name extends string>(names: readonly Name[]) {
  const each = <Value extends z.core.$ZodType>(value: Value) =>
    Object.fromEntries(names.map((name) => [name, value])) as Record<Name, Value>;
  return z.union([
    z.strictObject({
      ...each(z.number()),
      fitted: z.literal(true),
      logLikelihood: z.number(),
      customers: z.int(),
      iterations: z.int(),
      standardErrors: z.strictObject(each(z.nullable(z.number()))),
      edge: z.array(z.string()).check(z.describe('Parameters that mean nothing by themselves')),
    }),
    z.strictObject({
      fitted: z.literal(false),
      because: z.enum(['fewCustomers', 'noRepeaters', 'noConvergence', 'meaningless']),
      customers: z.int(),
    }),
  ]);
}

const report = named(
  'BacktestReport',
  z.strictObject({
    until: day,
    horizonDays: z.int(),
    lastDay: day.check(z.describe('The day on which the backtest was run')),
    leftOut: z.strictObject({ withoutCustomer: z.int(), negative: z.int(), beyondHorizon: z.int() }),
    customers: z.int(),
    repeatPurchases: z.int(),
    models: z
      .strictObject({
        mbgNbd: model(['r', 'alpha', 'a', 'b']),
        bgNbd: model(['r', 'alpha', 'a', 'b']),
        gammaGamma: model(['p', 'q', 'v']),
      })
      .check(z.describe('Time in weeks, money in units of the base currency')),
    holdout: z.strictObject({
      actual: z.int().check(z.describe('Days with a purchase that came')),
      mbgNbd: z.nullable(forecast).check(z.describe('null where the model was not fitted')),
      bgNbd: z.nullable(forecast),
      naiveRate: forecast.check(z.describe('Each goes on at the rate so far')),
      zero: forecast.check(z.describe('Nobody comes back')),
      spend: z.strictObject({ actual: z.number(), expected: z.nullable(z.number()) }),
    }),
    alive: z
      .nullable(z.array(z.strictObject({ from: z.number(), customers: z.int(), returned: z.int() })))
      .check(z.describe('Customers by P(alive) of MBG/NBD on the day, in twentieths')),
    weekly: z
      .array(
        z.strictObject({
          day,
          actual: z.number(),
          mbgNbd: z.nullable(z.number()),
          naiveRate: z.nullable(z.number()),
        }),
      )
      .check(z.describe('Repeat purchases up to a day, every week')),
  }),
);

const summary = {
  id: z.string(),
  until: day,
  horizonDays: z.int(),
  status: z.enum(['requested', 'running', 'succeeded', 'failed']),
  requestedAt: instant,
  finishedAt: z.nullable(instant),
  failure: z.optional(z.string()),
};

export const backtest = named(
  'Backtest',
  z.strictObject({
    ...summary,
    timeZone: z.optional(z.string()),
    currency: z.optional(z.string()),
    result: z.nullable(report).check(z.describe('null before it has succeeded, and where `because` says why')),
    because: z.optional(z.literal('noCustomers').check(z.describe('Nobody had bought by the day'))),
    exact: z.optional(
      z
        .strictObject({ histories: z.boolean(), spend: z.boolean(), ranking: z.boolean() })
        .check(
          z.describe(
            'False where there were so many different ones that they were taken together in narrow buckets: of what was ' +
              'fitted to, and of the forecasts by which customers are ranked. All other figures are exact sums',
          ),
        ),
    ),
  }),
);

export const backtests = page('Backtests', named('BacktestSummary', z.strictObject(summary)));
