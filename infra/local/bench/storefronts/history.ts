import { Chance } from '../../demo/simulation.ts';

/**
 * What happened in eight shops, made up from a seed: people who buy in up to three of them, signed in or not, in two
 * currencies; orders that are edited, paid back in parts or in whole, cancelled, or tests.
 */
export const shops = ['shopify', 'woocommerce', 'stripe', 'square', 'shopware', 'saleor', 'till', 'kiosk'] as const;
export type Shop = (typeof shops)[number];

/** The base currency is that of the first shop. */
export const currencyOf: Record<Shop, 'EUR' | 'USD'> = {
  shopify: 'EUR',
  woocommerce: 'USD',
  stripe: 'EUR',
  square: 'EUR',
  shopware: 'EUR',
  saleor: 'USD',
  till: 'EUR',
  kiosk: 'USD',
};

/** Times in milliseconds since 1970, whole seconds; no two steps of a sale at the same time. */
export interface Sale {
  id: number;
  shop: Shop;
  /** Absent for a sale to somebody unknown. */
  buyer?: number;
  /** Bought without signing in. */
  guest: boolean;
  placedAt: number;
  cents: number;
  test: boolean;
  /** From then on the order is worth so much. */
  edited?: { at: number; cents: number };
  refunds: { id: number; cents: number; at: number }[];
  cancelledAt?: number;
}

export interface HistoryOptions {
  seed: number;
  customers: number;
  /** Midnight UTC of the first day, in milliseconds since 1970. */
  start: number;
}

export const days = 80;
const day = 86_400_000;
const second = 1000;

/** Shops where a person can take something more into the order, or call it off; and those that have test orders. */
const editable = new Set<Shop>(['shopify', 'woocommerce', 'shopware', 'saleor', 'till', 'kiosk']);
const tested = new Set<Shop>(['shopify', 'woocommerce', 'stripe', 'till', 'kiosk']);

/** One sale after the other, without an end. */
export function* sales({ seed, customers, start }: HistoryOptions): Generator<Sale> {
  const chance = new Chance(seed);
  for (let id = 1000; ; id++) {
    const person = chance.below(customers);
    const shop = shops[(person + chance.below(3)) % shops.length] as Shop;
    const known = !chance.happens(0.02);
    const placedAt = start + chance.below((days * day) / second - 40_000) * second;
    const cents = 95 + Math.round(4000 * chance.exponential());
    const sale: Sale = {
      id,
      shop,
      ...(known && { buyer: person }),
      guest: chance.happens(0.2),
      placedAt,
      cents,
      test: tested.has(shop) && chance.happens(0.02),
      refunds: [],
    };
    yield withFate(sale, chance);
  }
}

function withFate(sale: Sale, chance: Chance): Sale {
  let at = sale.placedAt + 60 * second;
  const later = () => {
    at += (60 + chance.below(5000)) * second;
    return at;
  };
  const changed = { ...sale };
  if (editable.has(sale.shop) && chance.happens(0.2))
    changed.edited = { at: later(), cents: sale.cents + 1 + chance.below(2000) };
  const worth = changed.edited?.cents ?? sale.cents;
  const fate = chance.uniform();
  if (fate < 0.04) changed.refunds = [{ id: sale.id * 10, cents: worth, at: later() }];
  else if (fate < 0.14) {
    const first = 1 + chance.below(Math.floor(worth / 2));
    changed.refunds = [{ id: sale.id * 10, cents: first, at: later() }];
    const more = 1 + chance.below(Math.floor(worth / 3));
    if (chance.happens(0.3) && first + more < worth)
      changed.refunds.push({ id: sale.id * 10 + 1, cents: more, at: later() });
  }
  if (editable.has(sale.shop) && chance.happens(0.05)) changed.cancelledAt = later();
  return changed;
}

export const emailOf = (person: number) => `load-${person}@example.com`;

/** Of the base currency one unit is worth so many dollars on that day: four decimals, another rate each day. */
export function rateOn(time: number): { date: string; tenThousandths: number } {
  return {
    date: new Date(time).toISOString().slice(0, 10),
    tenThousandths: 10_301 + ((Math.floor(time / day) * 37) % 997),
  };
}

/** What must come of sales, in cents of the base currency. */
export interface Totals {
  purchases: number;
  spent: number;
  refunded: number;
}

export const nothing: Totals = { purchases: 0, spent: 0, refunded: 0 };

/** Added up from the sales alone: tests count for nothing; cancelled and fully refunded orders are no purchases. */
export function totalsOf(of: readonly Sale[]): Totals {
  return of.map(totalOf).reduce(plus, nothing);
}

function totalOf({ test, cents, edited, refunds, cancelledAt, shop, placedAt }: Sale): Totals {
  if (test) return nothing;
  const back = refunds.reduce((sum, refund) => sum + refund.cents, 0);
  const worth = edited?.cents ?? cents;
  const counted = (amount: number) =>
    currencyOf[shop] === 'EUR' ? amount : halfToEven(amount * 10_000, rateOn(placedAt).tenThousandths);
  const refunded = counted(back);
  if (cancelledAt !== undefined || (back > 0 && back >= worth)) return { purchases: 0, spent: 0, refunded };
  return { purchases: 1, spent: counted(worth) - refunded, refunded };
}

export function plus(a: Totals, b: Totals): Totals {
  return { purchases: a.purchases + b.purchases, spent: a.spent + b.spent, refunded: a.refunded + b.refunded };
}

function halfToEven(dividend: number, divisor: number): number {
  const quotient = Math.floor(dividend / divisor);
  const twice = 2 * (dividend - quotient * divisor);
  return twice > divisor || (twice === divisor && quotient % 2 === 1) ? quotient + 1 : quotient;
}
