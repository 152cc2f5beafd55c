import type { Calendar } from './calendar.ts';
import { earlier, type Instant, later, millisecondsOf } from './instant.ts';
import { noOrderFacts, type OrderFacts } from './order-facts.ts';
import { addDays, changeDay, type PurchaseDays } from './purchase-days.ts';
import { addSales, changeSales, type SalesDays } from './sales.ts';

/** What the ledger says of one customer in one currency, in its minor units; always a fold over the ledger. */
export interface Facts {
  purchaseCount: number;
  /** What the customer paid in all, tax and shipping included, less refunds. */
  totalSpent: bigint;
  /** What was paid back, of cancelled and fully refunded orders too. */
  totalRefunded: bigint;
  firstPurchaseAt?: Instant;
  lastPurchaseAt?: Instant;
  /** The same purchases by day: what the night judges by, for any span of time. */
  days: PurchaseDays;
  /** What was sold, by the day on which it was ordered: what profitability is reckoned from. */
  sales: SalesDays;
}

export const noFacts: Facts = { purchaseCount: 0, totalSpent: 0n, totalRefunded: 0n, days: [], sales: [] };

/** The first and the last purchase of a customer in one currency, one order left out. */
export interface PurchaseBounds {
  first?: Instant;
  last?: Instant;
}

/** True where the change takes away a purchase at an edge of the facts, so that the ledger must say what is left. */
export function uncoversBound(facts: Facts, before: OrderFacts, after: OrderFacts): boolean {
  const { purchasedAt } = before;
  if (purchasedAt === undefined || purchasedAt === after.purchasedAt) return false;
  return purchasedAt === facts.firstPurchaseAt || purchasedAt === facts.lastPurchaseAt;
}

/**
 * The facts after what one order adds to them changed.
 * @param calendar of the merchant's days
 * @param rest bounds of the customer's other purchases; needed only where {@link uncoversBound} says so
 */
export function withOrderFacts(
  facts: Facts,
  before: OrderFacts,
  after: OrderFacts,
  calendar: Calendar,
  rest?: PurchaseBounds,
): Facts {
  const first = earlier(rest ? rest.first : facts.firstPurchaseAt, after.purchasedAt);
  const last = later(rest ? rest.last : facts.lastPurchaseAt, after.purchasedAt);
  return {
    purchaseCount: facts.purchaseCount + Number(after.purchase) - Number(before.purchase),
    totalSpent: facts.totalSpent + after.spent - before.spent,
    totalRefunded: facts.totalRefunded + after.refunded - before.refunded,
    ...(first && { firstPurchaseAt: first }),
    ...(last && { lastPurchaseAt: last }),
    days: [withSign(before, -1), withSign(after, 1)].reduce(counted, facts.days),
    sales: sold(sold(facts.sales, before, -1), after, 1),
  };

  function counted(days: PurchaseDays, { purchasedAt, purchases, spent }: ReturnType<typeof withSign>): PurchaseDays {
    if (purchasedAt === undefined) return days;
    return changeDay(days, { day: calendar(millisecondsOf(purchasedAt)), purchases, spent });
  }

  function sold(days: SalesDays, { sale }: OrderFacts, sign: 1 | -1): SalesDays {
    return sale ? changeSales(days, { ...sale, day: calendar(millisecondsOf(sale.at)) }, sign) : days;
  }
}

function withSign({ purchasedAt, spent }: OrderFacts, sign: 1 | -1) {
  return { purchasedAt, purchases: sign, spent: BigInt(sign) * spent };
}

/** The facts of two people together, in one currency. */
export function addFacts(a: Facts, b: Facts): Facts {
  const first = earlier(a.firstPurchaseAt, b.firstPurchaseAt);
  const last = later(a.lastPurchaseAt, b.lastPurchaseAt);
  return {
    purchaseCount: a.purchaseCount + b.purchaseCount,
    totalSpent: a.totalSpent + b.totalSpent,
    totalRefunded: a.totalRefunded + b.totalRefunded,
    ...(first && { firstPurchaseAt: first }),
    ...(last && { lastPurchaseAt: last }),
    days: addDays(a.days, b.days),
    sales: addSales(a.sales, b.sales),
  };
}

/** The facts from nothing: what {@link withOrderFacts} must always agree with. */
export function foldFacts(orders: Iterable<OrderFacts>, calendar: Calendar): Facts {
  let facts = noFacts;
  for (const order of orders) {
    facts = withOrderFacts(facts, noOrderFacts, order, calendar);
  }
  return facts;
}
