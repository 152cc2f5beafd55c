import { type Instant, instantOf, millisecondsOf } from './instant.ts';
import { decimalsOf, type Money, scale } from './money.ts';
import type { Order } from './order.ts';
import { type OrderFacts, orderFactsOf } from './order-facts.ts';
import { convertedGoods } from './sales.ts';

/** A calendar day in UTC, `2026-11-20`: days compare as text. */
export type Day = string;

/** Units of a currency for one unit of another, exactly: a fraction in lowest terms, greater than zero. */
export interface Ratio {
  numerator: bigint;
  denominator: bigint;
}

/** What one unit of the base currency was worth on a day, in units of the currency: the way round of the ECB. */
export interface Rate extends Ratio {
  currency: string;
  base: string;
  date: Day;
}

/** An order is not counted by a rate that is older than this, in days. */
export const oldestRate = 10;

export function dayOf(instant: Instant): Day {
  return instant.slice(0, 10);
}

export function daysBefore(day: Day, days: number): Day {
  return dayOf(instantOf(Math.max(0, millisecondsOf(`${day}T00:00:00.000Z`) - days * 86_400_000)));
}

/** True for a day of the calendar from 1970 to 2199, written `2026-11-20`. */
export function isDay(text: string): boolean {
  if (!/^(19[7-9]\d|20\d\d|21\d\d)-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00.000Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Reads exact decimal text, `1.0832`; nothing for zero, for what is no plain number, and beyond nine places on either side. */
export function parseRatio(text: string): Ratio | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  const numerator = BigInt(whole + fraction);
  return numerator === 0n ? undefined : ratio(numerator, 10n ** BigInt(fraction.length));
}

/** Decimal text where the fraction has a short one, `1.0832`; else `8321/10400`. */
export function ratioText({ numerator, denominator }: Ratio): string {
  for (let places = 0; places <= mostPlaces; places++) {
    const power = 10n ** BigInt(places);
    if ((numerator * power) % denominator !== 0n) continue;
    const digits = ((numerator * power) / denominator).toString().padStart(places + 1, '0');
    return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  }
  return `${numerator}/${denominator}`;
}

const mostPlaces = 18;

/** Reads what {@link ratioText} wrote. */
export function readRatio(text: string): Ratio {
  const [numerator = '', denominator] = text.split('/');
  if (denominator !== undefined) return { numerator: BigInt(numerator), denominator: BigInt(denominator) };
  const [whole = '', fraction = ''] = numerator.split('.');
  return ratio(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}

/** How many of the one there are for one of the other, where both are in units for one of a third. */
export function cross(one: Ratio, other: Ratio): Ratio {
  return ratio(one.numerator * other.denominator, one.denominator * other.numerator);
}

export const sameRatio = (a: Ratio, b: Ratio) => a.numerator === b.numerator && a.denominator === b.denominator;

function ratio(numerator: bigint, denominator: bigint): Ratio {
  let [a, b] = [numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return { numerator: numerator / a, denominator: denominator / a };
}

/** Rates as they are published: units of each currency for one unit of `base`. */
export interface Publication {
  base: string;
  rates: readonly (Ratio & { date: Day; currency: string })[];
}

/**
 * The rates to the base currency of the deployment. Where they are published for another one, they are crossed by the
 * base currency's own rate of the same day; a day without one gives none.
 */
export function ratesToBase({ base: published, rates }: Publication, base: string): Rate[] {
  if (published === base) return rates.map((rate) => ({ ...rate, base }));
  const own = new Map(rates.flatMap(({ date, currency, ...one }) => (currency === base ? [[date, one] as const] : [])));
  const one: Ratio = { numerator: 1n, denominator: 1n };
  const crossed = rates.flatMap(({ date, currency, ...units }) => {
    const by = own.get(date);
    return by && currency !== base ? [{ date, currency, base, ...cross(units, by) }] : [];
  });
  return [...crossed, ...[...own].map(([date, by]) => ({ date, currency: published, base, ...cross(one, by) }))];
}

/** An amount of the rate's currency in the base currency, rounded half to even. */
export function inBase(minor: bigint, { currency, base, numerator, denominator }: Rate): bigint {
  const [ofCurrency, ofBase] = [currency, base].map((code) => 10n ** BigInt(decimalsOf(code))) as [bigint, bigint];
  return scale(minor, denominator * ofBase, numerator * ofCurrency);
}

/**
 * What an order adds to the facts of its customer: by its rate in the base currency, without one in its own. Total and
 * refunds are rounded once each, so that an order that was paid back in full comes to zero.
 */
export function countedOf(order: Order, rate: Rate | undefined): OrderFacts {
  const own = orderFactsOf(order);
  if (!rate || rate.currency !== own.currency) return own;
  const refunded = inBase(own.refunded, rate);
  const spent = own.purchase ? inBase(own.spent + own.refunded, rate) - refunded : 0n;
  const { sale } = own;
  return {
    ...own,
    currency: rate.base,
    spent,
    refunded,
    ...(sale && { sale: { ...sale, goods: convertedGoods(sale.goods, (minor) => inBase(minor, rate)) } }),
  };
}

/** True for an order that would count in the base currency, and has no rate to it. */
export function waitsForRate(order: Order, rate: Rate | undefined, base: string): boolean {
  const { currency, purchase, refunded } = countedOf(order, rate);
  return currency !== '' && currency !== base && (purchase || refunded !== 0n);
}

/** The total of an order and what was paid back of it in the base currency; nothing where it was not converted. */
export function convertedOf(order: Order, rate: Rate | undefined): { total: Money; refunded: Money } | undefined {
  const { snapshot } = order;
  if (!snapshot || !rate || rate.currency !== snapshot.total.currency) return undefined;
  const money = (minor: bigint): Money => ({ minor: inBase(minor, rate), currency: rate.base });
  return { total: money(snapshot.total.minor), refunded: money(orderFactsOf(order).refunded) };
}
