import * as z from 'zod/mini';
import { isKeyText } from '../../domain/identity.ts';
import { parseInstant } from '../../domain/instant.ts';
import { isCurrency, type Money, parseMoney } from '../../domain/money.ts';

/** Schemas that stand in the OpenAPI document under a name of their own. */
export const components = z.registry<{ id: string }>();

export function named<Schema extends z.core.$ZodType>(id: string, schema: Schema): Schema {
  components.add(schema, { id });
  return schema;
}

const control = /\p{Cc}/u;
/** Line breaks and tabs belong to free text; other control characters belong to no text at all. */
const controlInText = /(?![\n\r\t])\p{Cc}/u;

/** Text of one line: 1 to `longest` characters, no control characters. */
export function line(longest: number) {
  return z.string().check(
    z.minLength(1),
    z.maxLength(longest),
    z.refine((text) => !control.test(text) && text.isWellFormed(), 'has control characters or is not well-formed'),
  );
}

/** Free text of up to `longest` characters. */
export function freeText(longest: number) {
  return z.string().check(
    z.maxLength(longest),
    z.refine((text) => !controlInText.test(text) && text.isWellFormed(), 'has control characters'),
  );
}

/** Text that may form a key. */
export const keyText = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(255),
    z.refine(isKeyText, 'must have 1 to 255 characters, no control characters and no #'),
  );

/** A time that is given with its offset; read as an instant in UTC. */
export const instantIn = z.pipe(
  z.string().check(z.maxLength(40), z.meta({ format: 'date-time' })),
  z.transform((text: string, context) => {
    const instant = parseInstant(text);
    if (instant !== undefined) return instant;
    context.issues.push({ code: 'custom', input: text, message: 'must be an RFC 3339 time with offset, 1970 to 2199' });
    return z.NEVER;
  }),
);

/** A time as it is answered: RFC 3339 in UTC. */
export const instant = z.string().check(z.meta({ format: 'date-time' }));

export const currency = z
  .string()
  .check(z.regex(/^[A-Z]{3}$/), z.refine(isCurrency, 'must be an ISO 4217 code'), z.meta({ examples: ['EUR'] }));

/** As it is answered. */
export const money = named(
  'Money',
  z.strictObject({
    amount: z.string().check(z.meta({ description: 'Exact decimal text', examples: ['181.09'] })),
    currency: z.string().check(z.meta({ examples: ['EUR'] })),
  }),
);

/** An amount that is given: not negative, as fine as its currency, and not absurd. */
export const moneyIn = z.pipe(
  named(
    'MoneyGiven',
    z.strictObject({
      amount: z
        .string()
        .check(z.regex(/^\d{1,20}(\.\d{1,20})?$/, 'must be exact decimal text, not negative'), z.maxLength(41)),
      currency,
    }),
  ),
  z.transform(({ amount, currency: code }: { amount: string; currency: string }, context): Money => {
    const read = parseMoney(amount, code);
    if (read) return read;
    const message = 'is finer than its currency, or absurdly large';
    context.issues.push({ code: 'custom', input: amount, message, path: ['amount'] });
    return z.NEVER;
  }),
);

/** `limit` and `cursor` of every list. */
export const paging = {
  limit: z.optional(
    z.pipe(
      z.string().check(
        z.refine((text) => /^([1-9]\d?|100)$/.test(text), 'must be a number from 1 to 100'),
        z.meta({ type: 'integer', minimum: 1, maximum: 100, default: 20 }),
      ),
      z.transform(Number),
    ),
  ),
  cursor: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
};

export const defaultLimit = 20;

/** A page of a list. */
export function page<Item extends z.core.$ZodType>(id: string, item: Item) {
  return named(id, z.strictObject({ data: z.array(item), nextCursor: z.nullable(z.string()) }));
}
