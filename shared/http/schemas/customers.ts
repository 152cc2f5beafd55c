import * as z from 'zod/mini';
import { normaliseEmail, normalisePhone } from '../../domain/identity.ts';
import { instant, keyText, money, named, page } from './common.ts';
import { exchangeRate } from './exchange-rates.ts';

/** An unescaped + of a query has become a space; neither an address nor a number has one inside. */
const asWritten = (text: string) => text.replace(/ /g, '+');

export const emailIn = (written: (text: string) => string = (text) => text) =>
  z.pipe(
    z.string().check(z.maxLength(320)),
    z.transform((text: string, context) => {
      const email = normaliseEmail(written(text));
      if (email !== undefined) return email;
      context.issues.push({ code: 'custom', input: text, message: 'must be an e-mail address' });
      return z.NEVER;
    }),
  );

export const phoneIn = (written: (text: string) => string = (text) => text) =>
  z.pipe(
    z.string().check(z.maxLength(40)),
    z.transform((text: string, context) => {
      const phone = normalisePhone(written(text));
      if (phone !== undefined) return phone;
      context.issues.push({ code: 'custom', input: text, message: 'must be a phone number with country code (E.164)' });
      return z.NEVER;
    }),
  );

export const customerFilters = z.strictObject({
  email: z.optional(emailIn((text) => asWritten(text.trim()))),
  phone: z.optional(phoneIn((text) => text.replace(/^ +/, '+'))),
  externalId: z.optional(
    keyText.check(
      z.regex(/^(?!(email|phone):)[^:]+:.+$/, 'must be <source id>:<customer id>'),
      z.meta({ examples: ['shop:1001'] }),
    ),
  ),
});

const consent = z.strictObject({
  channel: z.string(),
  purpose: z.string(),
  state: z.enum(['granted', 'refused']),
  occurredAt: instant,
  sourceId: z.string(),
});

const tier = z.nullable(z.string());

const facts = {
  purchaseCount: z.int(),
  totalSpent: money.check(
    z.describe('What was paid for purchases, tax and shipping included, less what was paid back'),
  ),
  totalRefunded: money.check(z.describe('What was paid back, as the source says; of orders paid back in full, too')),
  firstPurchaseAt: z.nullable(instant),
  lastPurchaseAt: z.nullable(instant),
};

export const customer = named(
  'Customer',
  z.strictObject({
    id: z.string().check(z.describe('Another than the one asked for where that one was merged into this customer')),
    mergedIds: z.array(z.string()).check(z.describe('The customers that were merged into this one')),
    createdAt: instant,
    updatedAt: instant,
    email: z.optional(z.string()),
    phone: z.optional(z.string()),
    firstName: z.optional(z.string()),
    lastName: z.optional(z.string()),
    locale: z.optional(z.string()),
    identities: z.array(z.strictObject({ namespace: z.string(), value: z.string() })),
    facts: z.strictObject({
      ...facts,
      waiting: z
        .array(z.strictObject(facts))
        .check(
          z.describe(
            'By currency, what has no rate to the base currency yet: kept out of value. Empty where all that is known is ' +
              'in one such currency: then the facts beside it are in that one, and kept out of value, too',
          ),
        ),
    }),
    tier: tier.check(z.describe('null before the first value run')),
    previousTier: tier,
    tierSince: z.nullable(instant),
    consents: z.array(consent),
    leftAt: z
      .nullable(instant)
      .check(z.describe('When the last shop that knew the customer deleted it: consents count no more that are older')),
  }),
);

export const customers = page('Customers', customer);

const line = {
  id: z.string(),
  sourceId: z.string(),
  externalId: z.string(),
  occurredAt: instant,
  receivedAt: instant,
};

export const interaction = named(
  'Interaction',
  z.discriminatedUnion('type', [
    z.strictObject({
      ...line,
      type: z.literal('order'),
      total: money,
      presentmentTotal: z.optional(money),
      net: z.optional(money.check(z.describe('The total without tax'))),
      tax: z.optional(money),
      shipping: z.optional(money),
      discount: z.optional(money.check(z.describe('What was taken off the prices: the total is without it'))),
      refunded: money,
      inBase: z.optional(
        z
          .strictObject({
            amount: money.check(z.describe('The total')),
            refunded: money,
            rate: exchangeRate,
            rateDate: z.string().check(z.meta({ format: 'date' })),
          })
          .check(z.describe('What counts of an order in another currency; the rate is fixed when it is first counted')),
      ),
      items: z.optional(
        z.array(
          z.strictObject({
            title: z.string(),
            quantity: z.number(),
            unitPrice: money,
            sku: z.optional(z.string()),
            category: z.optional(z.string()),
            cost: z.optional(money.check(z.describe('What all pieces cost the merchant'))),
          }),
        ),
      ),
      updatedAt: instant,
      paidAt: z.optional(instant),
      cancelledAt: z.optional(instant),
      test: z.boolean(),
      backfill: z.boolean(),
      purchase: z.boolean(),
      refunds: z.array(
        z.strictObject({
          externalId: z.string(),
          amount: money.check(
            z.describe(
              "One in a currency that is neither the order's nor the customer's is kept, and cannot be counted",
            ),
          ),
          refundedAt: instant,
          failed: z.boolean().check(z.describe('Announced, and not paid back in the end')),
          disputed: z.boolean().check(z.describe("Taken back by the payer's bank, at most what was left of the total")),
        }),
      ),
    }),
    z.strictObject({ ...line, type: z.literal('refund'), orderExternalId: z.string(), amount: money }),
    z.strictObject({ ...line, type: z.literal('cancellation'), orderExternalId: z.string() }),
    z.strictObject({
      ...line,
      type: z.literal('consent'),
      channel: z.string(),
      purpose: z.string(),
      state: z.enum(['granted', 'refused']),
    }),
    z.strictObject({
      ...line,
      type: z.enum(['call', 'visit', 'message', 'review']),
      direction: z.optional(z.enum(['in', 'out'])),
      channel: z.optional(z.string()),
      rating: z.optional(z.int()),
      text: z.optional(z.string()),
      jobId: z.optional(z.string()),
    }),
  ]),
);

export const interactions = page('Interactions', interaction);
