import * as z from 'zod/mini';
import { isDay, type Publication, parseRatio, sameRatio } from '../../domain/exchange-rate.ts';
import { type Read, readEcbRates } from '../ecb-rates.ts';
import { currency, named, page, paging } from './common.ts';

const day = z
  .string()
  .check(
    z.refine(isDay, 'must be a day, such as 2026-11-20, from 1970 to 2199'),
    z.meta({ format: 'date', examples: ['2026-11-20'] }),
  );

const meaning =
  'Units of the currency for one unit of the base: of the ECB, 1.0832 for USD says that one euro is 1.0832 dollars';

/** As it is answered. */
export const exchangeRate = z
  .string()
  .check(
    z.describe(
      `${meaning}. Exact: decimal text or, where a cross rate has no short one, a fraction such as 8321/10400`,
    ),
    z.meta({ examples: ['1.0832'] }),
  );

const ratioIn = z.pipe(
  z.string().check(z.maxLength(19), z.describe(meaning), z.meta({ examples: ['1.0832'] })),
  z.transform((text: string, context) => {
    const ratio = parseRatio(text);
    if (ratio) return ratio;
    const message = 'must be exact decimal text greater than 0, with at most nine places on either side of the point';
    context.issues.push({ code: 'custom', input: text, message });
    return z.NEVER;
  }),
);

/** In one request; whole histories come as CSV. */
const mostRates = 5000;

export const ratesIn = z.pipe(
  named(
    'ExchangeRatesGiven',
    z.strictObject({
      base: currency.check(z.describe('Of one unit of this the rates say how much it is worth')),
      rates: z
        .array(z.strictObject({ date: day, currency, rate: ratioIn }))
        .check(z.minLength(1), z.maxLength(mostRates)),
    }),
  ),
  z.transform(({ base, rates }: Given, context): Read => {
    const known = new Map<string, Publication['rates'][number]>();
    for (const [index, { date, currency: code, rate }] of rates.entries()) {
      const before = known.get(`${date} ${code}`);
      const twice = before && !sameRatio(before, rate) ? 'has another rate for that date above' : undefined;
      const message = code === base ? 'is the base itself' : twice;
      if (message) context.issues.push({ code: 'custom', input: code, message, path: ['rates', index, 'currency'] });
      known.set(`${date} ${code}`, { date, currency: code, ...rate });
    }
    return { base, rates: [...known.values()], passedOver: [] };
  }),
);

interface Given {
  base: string;
  rates: { date: string; currency: string; rate: { numerator: bigint; denominator: bigint } }[];
}

/** The ECB's CSV, as it is. */
export const ecbRatesIn = z.pipe(
  z.string().check(z.describe("The ECB's euro foreign exchange reference rates, daily or historic, as they are")),
  z.transform((text: string, context): Read => {
    const read = readEcbRates(text);
    if (!('fault' in read)) return read;
    context.issues.push({ code: 'custom', input: '', message: read.fault });
    return z.NEVER;
  }),
);

export const keptRates = named(
  'ExchangeRatesKept',
  z.strictObject({
    base: z
      .string()
      .check(z.describe('The base currency of the deployment: rates for another one were crossed exactly')),
    added: z.int(),
    replaced: z.int().check(z.describe('Another rate for a day that had one: what was counted by that one stays so')),
    unchanged: z.int(),
    from: z.nullable(day),
    to: z.nullable(day),
    passedOver: z
      .array(z.string())
      .check(
        z.describe('What nothing was kept of: currencies that are none any more, days without a rate of the base'),
      ),
  }),
);

export const rateFilters = {
  ...paging,
  currency: z.optional(currency),
  from: z.optional(day),
  to: z.optional(day),
};

export const shownRates = page(
  'ExchangeRates',
  named('ExchangeRate', z.strictObject({ date: day, base: z.string(), currency: z.string(), rate: exchangeRate })),
);
