import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import * as z from 'zod/mini';
import type { Consent } from '../domain/consent.ts';
import { isKeyText, normaliseEmail, normalisePhone, type Person } from '../domain/identity.ts';
import { type Instant, instantOf, millisecondsOf, parseInstant } from '../domain/instant.ts';
import { decimalsOf, decimalText, isCurrency, type Money, parseMoney, roundMoney, scale } from '../domain/money.ts';
import { itemsPerOrder, type OrderedItem } from '../domain/order.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';

/** The kinds of fields that storefronts send. What they leave out they send as null, too. */

/** An identifier, number or text, as text. */
export const identifier = z.pipe(
  z.union([z.string(), z.int()]),
  z.transform((value, context) => {
    const text = String(value);
    if (isKeyText(text)) return text;
    context.issues.push({ code: 'custom', message: 'is no identifier', input: '' });
    return z.NEVER;
  }),
);

/** An RFC 3339 time with its offset. */
export const instant = z.pipe(
  z.string(),
  z.transform((value, context): Instant => {
    const read = parseInstant(value);
    if (read !== undefined) return read;
    context.issues.push({ code: 'custom', message: 'is no time with an offset between 1970 and 2199', input: '' });
    return z.NEVER;
  }),
);

/** Seconds since 1970. */
export const seconds = z.pipe(
  z.int().check(z.minimum(0), z.maximum(7_258_118_399)),
  z.transform((value): Instant => instantOf(value * 1000)),
);

/** Like {@link instant}, or a date as e-mail has it (RFC 2822): `Tue, 05 Mar 2019 21:40:11 +0000`. */
export const mailDate = z.pipe(
  z.string(),
  z.transform((value, context): Instant => {
    const [, day = '', month = '', year, time, zone = ''] = rfc2822.exec(value) ?? [];
    const number = String(months.indexOf(month) + 1).padStart(2, '0');
    const offset = /^[A-Z]/.test(zone) ? 'Z' : zone;
    const found = parseInstant(year ? `${year}-${number}-${day.padStart(2, '0')}T${time}${offset}` : value);
    if (found !== undefined) return found;
    context.issues.push({ code: 'custom', message: 'is no date with an offset between 1970 and 2199', input: '' });
    return z.NEVER;
  }),
);

const rfc2822 = /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) ([+-]\d{4}|GMT|UTC?|Z)$/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A decimal number, as text or as a number. */
export const decimal = z.pipe(z.union([z.string(), z.number()]), z.transform(String));

/** An amount in the smallest units, a whole number, as its digits. */
export const minorUnits = z.pipe(
  z.union([z.int(), z.string()]),
  z.transform((value, context) => {
    const digits = String(value);
    if (/^-?\d{1,20}$/.test(digits)) return digits;
    context.issues.push({ code: 'custom', message: 'is no whole number of the smallest units', input: '' });
    return z.NEVER;
  }),
);

/** Smallest units as decimal text: `1234` with two places is `12.34`. */
export function inDecimals(digits: string, places: number): string {
  const sign = digits.startsWith('-') ? '-' : '';
  const padded = digits.slice(sign.length).padStart(places + 1, '0');
  return places === 0 ? digits : `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

export const currency = z.string().check(z.refine(isCurrency, { error: 'is no currency of ISO 4217' }));

/** Text that may be absent: null and blanks count as absent. */
export const maybeText = z.pipe(
  z.nullish(z.union([z.string(), z.number()])),
  z.transform((value) => (value === null || value === undefined ? undefined : clean(String(value)))),
);

/** Names and the like, for people to read: control characters are taken out, what is too long is cut. */
function clean(text: string): string | undefined {
  const cleaned = text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 255)
    .toWellFormed();
  return cleaned === '' ? undefined : cleaned;
}

/** @throws Unintelligible naming the first bad field, never its value */
export function read<Schema extends z.core.$ZodType>(schema: Schema, body: unknown, within = ''): z.output<Schema> {
  const result = z.safeParse(schema, body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.map((part) => `/${String(part)}`).join('') ?? '';
  throw new Unintelligible(`${within + place || '/'}: ${describe(issue, body)}`);
}

function describe(issue: z.core.$ZodIssue | undefined, body: unknown): string {
  const isType = issue?.code === 'invalid_type' || issue?.code === 'invalid_union';
  if (isType && valueAt(body, issue.path) === undefined) return 'is missing';
  if (issue?.code === 'invalid_type') return `is not of the type ${issue.expected}`;
  if (issue?.code === 'custom' && issue.message) return issue.message;
  if (issue?.code === 'invalid_union') return 'is of none of the types that are understood';
  return issue ? `is not valid (${issue.code})` : 'is not valid';
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) => (inner === null || typeof inner !== 'object' ? undefined : Reflect.get(inner, part)),
    body,
  );
}

/** @throws Unintelligible where the amount is no exact, sensible amount of the currency */
export function money(amount: string, code: string, place: string): Money {
  const read = parseMoney(amount, code);
  if (!read) throw new Unintelligible(`${place}: is no amount of ${isCurrency(code) ? code : 'a known currency'}`);
  if (read.minor < 0n) throw new Unintelligible(`${place}: is negative`);
  return read;
}

/** As {@link money}, where the source reckons with more decimals than the currency has: rounded half to even. */
export function roundedMoney(amount: string, code: string, place: string): Money {
  const rounded = roundMoney(amount, code);
  if (!rounded) throw new Unintelligible(`${place}: is no amount of ${isCurrency(code) ? code : 'a known currency'}`);
  if (rounded.minor < 0n) throw new Unintelligible(`${place}: is negative`);
  return rounded;
}

/** As {@link part}, rounded half to even. */
export function roundedPart(amount: string | number | null | undefined, code: string): bigint | undefined {
  if (amount === null || amount === undefined) return undefined;
  const minor = roundMoney(String(amount), code)?.minor;
  return minor === undefined || minor < 0n ? undefined : minor;
}

/**
 * The text of a number without the noise that its sender's floating point left: 92.44 for `92.43999999999999`. What is
 * truly finer than its currency stays as it is, to be refused.
 */
export function withoutNoise(text: string, code: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d{1,15})\.(\d{8,20})$/.exec(text) ?? [];
  const digits = 20;
  if (whole === '' || !isCurrency(code)) return text;
  const exact = BigInt(whole + fraction.padEnd(digits, '0'));
  const unit = 10n ** BigInt(digits - decimalsOf(code));
  const minor = scale(exact, 1n, unit);
  const off = exact - minor * unit;
  const noise = 10n ** BigInt(digits - 8);
  return off < noise && off > -noise ? `${sign}${decimalText({ minor, currency: code })}` : text;
}

/**
 * A part of a total, in minor units. Nothing where the source does not say it, or says what is no exact amount: a total
 * counts without its parts.
 */
export function part(amount: string | number | null | undefined, code: string): bigint | undefined {
  if (amount === null || amount === undefined) return undefined;
  const read = parseMoney(String(amount), code)?.minor;
  return read === undefined || read < 0n ? undefined : read;
}

/** As {@link part}, without the noise of its sender's floating point. */
export function plainPart(amount: string | null | undefined, code: string): bigint | undefined {
  return amount == null ? undefined : part(withoutNoise(amount, code), code);
}

/** The parts of a total that are known. */
export function parts(of: { [Part in 'tax' | 'shipping' | 'discount']?: bigint | undefined }) {
  return {
    ...(of.tax !== undefined && { tax: of.tax }),
    ...(of.shipping !== undefined && { shipping: of.shipping }),
    ...(of.discount !== undefined && { discount: of.discount }),
  };
}

/** What a platform says of one item that was sold. */
export interface ItemSaid {
  title: string | undefined;
  quantity?: number | string | null | undefined;
  /** Minor units. */
  unitPrice: bigint | undefined;
  sku?: string | undefined;
  category?: string | undefined;
  /** What all pieces cost the merchant, in minor units. */
  cost?: bigint | undefined;
}

/**
 * What all pieces cost, where a shop says what one does, in as many decimals as it likes: rounded once, half to even.
 * Shops that keep no costs say zero: then nothing is known.
 */
export function costOf(
  one: string | number | null | undefined,
  quantity: number | string | null | undefined,
  code: string,
): bigint | undefined {
  const [, whole = '', fraction = ''] = /^(\d{1,12})(?:\.(\d{1,40}))?$/.exec(String(one ?? '')) ?? [];
  const thousandths = Math.round(Number(quantity ?? Number.NaN) * 1000);
  if (whole === '' || !isCurrency(code) || !Number.isSafeInteger(thousandths)) return undefined;
  const digits = BigInt(whole + fraction) * 10n ** BigInt(decimalsOf(code));
  return knownCost(scale(digits, BigInt(thousandths), 1000n * 10n ** BigInt(fraction.length)));
}

/** Zero stands for a cost that nobody told the shop. */
export function knownCost(cost: bigint | undefined): bigint | undefined {
  return cost !== undefined && cost > 0n ? cost : undefined;
}

/** The items that are said fully enough to be kept; long names are cut. */
export function orderedItems(said: readonly ItemSaid[]): { items?: OrderedItem[] } {
  const items = said.slice(0, itemsPerOrder).flatMap((item): OrderedItem[] => {
    const { title, quantity, sku, category, cost } = item;
    // What has a cost and no price was given away.
    const unitPrice = item.unitPrice ?? (cost === undefined ? undefined : 0n);
    const count = Number(quantity ?? Number.NaN);
    if (!title || unitPrice === undefined || !Number.isFinite(count) || count <= 0 || count > 1e9) return [];
    return [
      {
        title: title.slice(0, 120).toWellFormed(),
        quantity: count,
        unitPrice,
        ...(sku && { sku: sku.slice(0, 64).toWellFormed() }),
        ...(category && { category: category.slice(0, 64).toWellFormed() }),
        ...(cost !== undefined && { cost }),
      },
    ];
  });
  return items.length > 0 ? { items } : {};
}

/** E.164; a number without a country code is one of the source's country. */
function phoneOf(text: string, country: string | undefined): string | undefined {
  const international = normalisePhone(text);
  if (international || !country || !isSupportedCountry(country)) return international;
  const read = parsePhoneNumberFromString(text.slice(0, 40), country as CountryCode);
  return read?.isPossible() ? normalisePhone(read.number) : undefined;
}

/**
 * A message named an order of which the shop knows nothing, when it was asked again and again: set aside, as that is more
 * often a wrong address than an order that is gone.
 */
export function unknownToShop(): Unintelligible {
  return new Unintelligible("the shop's API knows no such order: is the address of the source right?");
}

/** A message bears the time of its own making: what it speaks of changed at that time, or a little earlier. */
export function shortlyBefore(at: Instant | null | undefined): Instant | undefined {
  return at == null ? undefined : instantOf(Math.max(0, millisecondsOf(at) - 5_000));
}

/**
 * The shop has deleted its customer.
 * @param at where the message says since when
 */
export function departure(externalId: string, at?: Instant): Translation {
  return { kind: 'fact', fact: { kind: 'departure', externalId, at } };
}

/** The shop has deleted its order: as if it had been cancelled. */
export function deletedOrder(externalId: string, at: Instant): Translation {
  const order = { cancelledAt: at, refunds: {}, consents: {} };
  return { kind: 'fact', fact: { kind: 'order', externalId, who: {}, at, order } };
}

/** A yes or a no to news by e-mail. */
export function emailMarketing(state: Consent['state'], occurredAt: Instant, sourceId: string): Consent {
  return { channel: 'email', purpose: 'marketing', state, occurredAt, sourceId };
}

/** What is known of a person, without what is empty or unusable: a bad address loses no order. */
export function person(
  fields: {
    externalId?: string | undefined;
    email?: string | undefined;
    orderEmail?: string | undefined;
    phone?: string | undefined;
    firstName?: string | undefined;
    lastName?: string | undefined;
    locale?: string | undefined;
  },
  { country }: { country?: string | undefined },
): Person {
  const known: Person = {};
  const email = fields.email && normaliseEmail(fields.email);
  const orderEmail = fields.orderEmail && normaliseEmail(fields.orderEmail);
  const phone = fields.phone && phoneOf(fields.phone, country);
  if (fields.externalId) known.externalId = fields.externalId;
  if (email || orderEmail) known.email = email || (orderEmail as string);
  if (email && orderEmail && orderEmail !== email) known.orderEmail = orderEmail;
  if (phone) known.phone = phone;
  if (fields.firstName) known.firstName = fields.firstName;
  if (fields.lastName) known.lastName = fields.lastName;
  if (fields.locale) known.locale = fields.locale;
  return known;
}
