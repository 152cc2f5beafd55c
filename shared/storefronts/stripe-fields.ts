import * as z from 'zod/mini';
import { type Instant, instantOf } from '../domain/instant.ts';
import { decimalsOf, type Money, scale } from '../domain/money.ts';
import { currency, inDecimals, money, part } from './fields.ts';

/** Seconds since 1970. */
export const seconds = z.pipe(
  z.int().check(z.minimum(0), z.maximum(7_258_118_399)),
  z.transform((value): Instant => instantOf(value * 1000)),
);

/** Currencies stand in lower case. */
export const stripeCurrency = z.pipe(
  z.pipe(
    z.string(),
    z.transform((code) => code.toUpperCase()),
  ),
  currency,
);

/**
 * Where Stripe's smallest units are not those of ISO 4217 (docs.stripe.com/currencies, "Zero-decimal currencies" and
 * "Special cases"): 500 in ISK or UGX are 5, for old times' sake, and MGA has no decimals there.
 */
const places: Record<string, number> = { ISK: 2, UGX: 2, MGA: 0 };

const decimalText = (digits: string, code: string) => inDecimals(digits, places[code] ?? decimalsOf(code));

/** @throws Unintelligible */
export function stripeMoney(digits: string, code: string, place: string): Money {
  return money(decimalText(digits, code), code, place);
}

/** In minor units by ISO 4217; nothing where it is not said, or negative. */
export function stripePart(digits: string | null | undefined, code: string): bigint | undefined {
  return digits == null ? undefined : part(decimalText(digits, code), code);
}

/** `amount` is that of a whole line, before discounts and taxes on top. */
export function unitPriceOf(amount: string | null | undefined, quantity: number | null | undefined, code: string) {
  const ofLine = stripePart(amount, code);
  const isCounted = ofLine !== undefined && quantity != null && Number.isSafeInteger(quantity) && quantity > 0;
  return isCounted ? scale(ofLine, 1n, BigInt(quantity)) : undefined;
}
