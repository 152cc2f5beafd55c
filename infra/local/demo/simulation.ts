/**
 * A shop's year, made up from a seed: customers who buy at their own rate and leave at some time, spend by customer,
 * guests, refunds, cancellations, test orders, two ways to buy. It knows what must come of itself, to the cent.
 */
export interface SimulationOptions {
  customers: number;
  seed: number;
  /** Midnight UTC of the first day, in milliseconds since 1970. */
  start: number;
  days: number;
}

export type SourceId = 'webshop' | 'till';

/** Something that happened, as the source tells it at `at`. */
export type Happening = { at: number; source: SourceId; order: SimulatedOrder } & (
  | { kind: 'placed' }
  | { kind: 'refunded'; refund: SimulatedRefund }
  | { kind: 'cancelled' }
);

export interface SimulatedRefund {
  id: number;
  cents: number;
  at: number;
}

export interface SimulatedOrder {
  id: number;
  source: SourceId;
  /** Absent for a sale to somebody unknown. */
  buyer?: SimulatedCustomer;
  /** Bought without signing in. */
  guest: boolean;
  placedAt: number;
  cents: number;
  test: boolean;
  cancelledAt?: number;
  refunds: SimulatedRefund[];
}

export interface SimulatedCustomer {
  id: number;
  email: string;
  firstName: string;
  lastName: string;
  /** Whether the customer agrees to e-mail at the checkout. */
  agrees: boolean;
}

/** What the engine must say of one customer. */
export interface CustomerTotals {
  purchaseCount: number;
  spentCents: number;
  refundedCents: number;
}

export interface Simulation {
  customers: SimulatedCustomer[];
  orders: SimulatedOrder[];
  /** In the order of time. */
  happenings: Happening[];
}

const day = 86_400_000;
const firstNames = ['Ada', 'Ben', 'Clara', 'Deniz', 'Emil', 'Farah', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Kaya', 'Lena'];
const lastNames = [
  'Albers',
  'Brandt',
  'Costa',
  'Demir',
  'Evers',
  'Fischer',
  'Grimm',
  'Haas',
  'Ito',
  'Jansen',
  'Kaya',
  'Lund',
];

export function simulate({ customers: count, seed, start, days }: SimulationOptions): Simulation {
  const chance = new Chance(seed);
  const end = start + days * day;
  const customers: SimulatedCustomer[] = [];
  const orders: SimulatedOrder[] = [];
  for (let id = 1; id <= count; id++) {
    const buyer: SimulatedCustomer = {
      id,
      firstName: chance.one(firstNames),
      lastName: chance.one(lastNames),
      email: `customer-${id}@example.com`,
      agrees: chance.happens(0.7),
    };
    customers.push(buyer);
    const perDay = 0.002 + 0.03 * chance.exponential();
    const leaving = 0.02 + 0.25 * chance.uniform();
    const usual = Math.exp(8.2 + 0.7 * chance.normal());
    const atTill = chance.happens(0.3) ? 0.9 : 0.1;
    let placedAt = start + Math.floor(chance.uniform() ** 2 * days * day);
    do {
      const cents = Math.max(95, Math.round(usual * Math.exp(0.35 * chance.normal())));
      const source = chance.happens(atTill) ? 'till' : 'webshop';
      orders.push(orderOf(chance, { id: 1000 + orders.length, source, buyer, placedAt, cents }, end));
      placedAt += Math.ceil((chance.exponential() / perDay) * day);
    } while (placedAt < end && !chance.happens(leaving));
  }
  for (let i = 0; i < Math.ceil(count / 10); i++) {
    const placedAt = start + Math.floor(chance.uniform() * days * day);
    const sale = { id: 1000 + orders.length, source: 'till' as const, placedAt, cents: 250 + chance.below(4000) };
    orders.push(orderOf(chance, sale, end));
  }
  return { customers, orders, happenings: happeningsOf(orders) };
}

type Sale = Pick<SimulatedOrder, 'id' | 'source' | 'placedAt' | 'cents' | 'buyer'>;

/** What becomes of a sale: most stay as they are. */
function orderOf(chance: Chance, sale: Sale, end: number): SimulatedOrder {
  const order: SimulatedOrder = { ...sale, guest: chance.happens(0.15), test: chance.happens(0.01), refunds: [] };
  const fate = chance.uniform();
  const later = () => sale.placedAt + Math.ceil((0.1 + 20 * chance.uniform()) * day);
  if (fate < 0.03) order.cancelledAt = Math.min(later(), end - 1);
  else if (fate < 0.05) order.refunds = [refundOf(order, 0, sale.cents, later())];
  else if (fate < 0.1) {
    const first = 1 + chance.below(Math.ceil(sale.cents / 2));
    order.refunds = [refundOf(order, 0, first, later())];
    const rest = sale.cents - first;
    if (chance.happens(0.3) && rest > 1) order.refunds.push(refundOf(order, 1, 1 + chance.below(rest - 1), later()));
  }
  order.refunds = order.refunds.filter(({ at }) => at < end);
  return order;
}

const refundOf = ({ id }: SimulatedOrder, nth: number, cents: number, at: number) => ({ id: id * 10 + nth, cents, at });

function happeningsOf(orders: readonly SimulatedOrder[]): Happening[] {
  const happenings = orders.flatMap((order): Happening[] => {
    const base = { source: order.source, order };
    const cancelled: Happening[] = order.cancelledAt ? [{ ...base, kind: 'cancelled', at: order.cancelledAt }] : [];
    const refunded = order.refunds.map((refund): Happening => ({ ...base, kind: 'refunded', refund, at: refund.at }));
    return [{ ...base, kind: 'placed', at: order.placedAt }, ...refunded, ...cancelled];
  });
  return happenings.sort((a, b) => a.at - b.at || a.order.id - b.order.id);
}

/** Added up from the orders alone: cancelled, fully refunded and test orders are no purchases. */
export function totalsOf(orders: readonly SimulatedOrder[]): CustomerTotals {
  const totals = { purchaseCount: 0, spentCents: 0, refundedCents: 0 };
  for (const { test, cancelledAt, cents, refunds } of orders) {
    if (test) continue;
    const refunded = refunds.reduce((sum, refund) => sum + refund.cents, 0);
    totals.refundedCents += refunded;
    if (cancelledAt !== undefined || (refunded > 0 && refunded >= cents)) continue;
    totals.purchaseCount += 1;
    totals.spentCents += cents - refunded;
  }
  return totals;
}

/** Chance from a seed (mulberry32): the same seed gives the same year. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Whole numbers from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.uniform() * Math.max(1, bound));
  }

  happens(probability: number): boolean {
    return this.uniform() < probability;
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }

  /** Mean 1. */
  exponential(): number {
    return -Math.log(1 - this.uniform());
  }

  /** Mean 0, deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.uniform());
  }
}
