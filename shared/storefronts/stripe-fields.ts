import * as z from 'zod/mini';
import type { Instant } from '../domain/instant.ts';
import { decimalsOf, type Money, scale } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Fact, type Translation, Unintelligible } from '../engine/fact.ts';
import { currency, identifier, inDecimals, money, part } from './fields.ts';

/** How an event tells of its object. */
export interface Said {
  type: string;
  at: Instant;
  test: boolean;
  source: Source;
}

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

export const maybeId = z.nullish(identifier);

type OrderFact = Fact & { kind: 'order' };

interface Sale extends Partial<Order> {
  names: (string | null | undefined)[];
  who?: OrderFact['who'];
  /** Where there is no snapshot. */
  at?: Instant;
}

/** The fact of a sale under the first of its names. */
export function sale({ names, who = {}, at, ...order }: Sale): Translation {
  const [externalId, ...others] = [...new Set(names.filter((name) => name != null))];
  const saidAt = order.snapshot?.updatedAt ?? at;
  if (externalId === undefined || saidAt === undefined) throw new Unintelligible('/data/object: has no id');
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId,
      ...(others.length > 0 && { alsoKnownAs: others }),
      who,
      at: saidAt,
      order: { refunds: {}, consents: {}, ...order },
    },
  };
}
