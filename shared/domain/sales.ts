import { withDay } from './by-day.ts';
import { scale } from './money.ts';
import { type Order, type OrderedItem, refundedOf, refundLines, type Snapshot } from './order.ts';

/**
 * Goods of one kind that were sold, in minor units: net sales are without tax and shipping, and after discounts. Cost of
 * goods stands beside them only where the source said it; else the policy of the day knows it by the category.
 */
export interface Goods {
  /** Lower case; empty where there is none, and where the cost is known without it. */
  category: string;
  net: bigint;
  /** Of `net`. */
  paidBack: bigint;
  cost?: {
    all: bigint;
    /** Of `all`: what the goods cost that were paid back. */
    paidBack: bigint;
  };
}

/** What an order sold, and how often something of it was paid back. */
export interface Sale {
  refunds: number;
  goods: readonly Goods[];
}

/** What was sold on one day: of orders that still are purchases, and refunds of the others. */
export interface SalesDay extends Sale {
  /** Days since 1970-01-01 in the merchant's time zone. */
  day: number;
}

/** The first day first; each has its goods in one order, those of known cost first, then by category. */
export type SalesDays = readonly SalesDay[];

/** An order counts in its largest categories; the rest has none. */
const categoriesPerOrder = 8;

/** How a category is compared: shops write one in several ways. */
export function categoryOf(text: string | undefined): string {
  return (text ?? '').normalize('NFC').trim().toLowerCase();
}

/**
 * What an order sold, in its own currency. What was paid back takes the same share of all goods, as sources say amounts
 * and not pieces. Of an order that was cancelled only the refunds stay.
 * @param cancelled nothing was sold in the end
 */
export function saleOf(order: Order, snapshot: Snapshot, cancelled: boolean): Sale {
  const refunds = refundLines(order, snapshot);
  if (cancelled) return { refunds, goods: [] };
  const { total, tax = 0n, shipping = 0n, items = [] } = snapshot;
  const rest = total.minor - tax - shipping;
  const net = rest > 0n ? rest : 0n;
  const refunded = refundedOf(order, snapshot);
  const isAllBack = refunded > 0n && refunded >= total.minor;
  const backOf = (amount: bigint) => (isAllBack ? amount : refunded > 0n ? scale(amount, refunded, total.minor) : 0n);
  const [netBack, costBack] = [inParts(backOf), inParts(backOf)];
  const shares = sharesOf(net, items).map(
    ({ category, net: part, cost }): Goods => ({
      category,
      net: part,
      paidBack: netBack(part),
      ...(cost !== undefined && { cost: { all: cost, paidBack: costBack(cost) } }),
    }),
  );
  return { refunds, goods: addGoods([], inLargest(shares)) };
}

/**
 * Net sales by line, in proportion to price and quantity, or to quantity alone where nothing has a price; the parts come
 * to the whole. What was given away costs all the same.
 */
function sharesOf(net: bigint, items: readonly OrderedItem[]): { category: string; net: bigint; cost?: bigint }[] {
  const lines = items.map((item) => ({ ...item, thousandths: BigInt(Math.round(item.quantity * 1000)) }));
  const priceOf = ({ thousandths, unitPrice }: (typeof lines)[number]) =>
    unitPrice > 0n ? thousandths * unitPrice : 0n;
  const weightOf = lines.some((line) => priceOf(line) > 0n)
    ? priceOf
    : ({ thousandths }: (typeof lines)[number]) => thousandths;
  const all = lines.reduce((sum, line) => sum + weightOf(line), 0n);
  if (all === 0n) {
    const costed = items.flatMap(({ cost }) => (cost === undefined ? [] : [{ category: '', net: 0n, cost }]));
    return [{ category: '', net }, ...costed];
  }
  const partOf = inParts((weight) => scale(net, weight, all));
  return lines.map((line) => {
    const part = partOf(weightOf(line));
    const { cost, category } = line;
    if (cost === undefined) return { category: categoryOf(category), net: part };
    return { category: '', net: part, cost };
  });
}

function inLargest(goods: readonly Goods[]): Goods[] {
  const byCategory = addGoods([], goods).filter(({ cost }) => !cost);
  if (byCategory.length <= categoriesPerOrder) return [...goods];
  const bySize = byCategory.sort((a, b) =>
    a.net === b.net ? (a.category < b.category ? -1 : 1) : a.net > b.net ? -1 : 1,
  );
  const largest = new Set(bySize.slice(0, categoriesPerOrder).map(({ category }) => category));
  return goods.map((one) => (one.cost || largest.has(one.category) ? one : { ...one, category: '' }));
}

/** @param sign -1 to take them off */
function addGoods(to: readonly Goods[], goods: readonly Goods[], sign: 1n | -1n = 1n): Goods[] {
  const sums = new Map(to.map((one) => [kindOf(one), one]));
  for (const one of goods) {
    const known = sums.get(kindOf(one));
    const cost = one.cost && {
      all: (known?.cost?.all ?? 0n) + sign * one.cost.all,
      paidBack: (known?.cost?.paidBack ?? 0n) + sign * one.cost.paidBack,
    };
    sums.set(kindOf(one), {
      category: one.category,
      net: (known?.net ?? 0n) + sign * one.net,
      paidBack: (known?.paidBack ?? 0n) + sign * one.paidBack,
      ...(cost && { cost }),
    });
  }
  return [...sums]
    .filter(([, { net, paidBack, cost }]) => net !== 0n || paidBack !== 0n || cost?.all || cost?.paidBack)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one);
}

const kindOf = ({ category, cost }: Goods) => `${cost ? 0 : 1}${category}`;

/**
 * The days after a sale was added to one of them, or taken off.
 * @param sign -1 to take it off
 */
export function changeSales(days: SalesDays, { day, refunds, goods }: SalesDay, sign: 1 | -1 = 1): SalesDays {
  return withDay(days, day, (known) => {
    const changed = {
      day,
      refunds: (known?.refunds ?? 0) + sign * refunds,
      goods: addGoods(known?.goods ?? [], goods, sign === 1 ? 1n : -1n),
    };
    return changed.refunds === 0 && changed.goods.length === 0 ? undefined : changed;
  });
}

/** The days of two people together. */
export function addSales(a: SalesDays, b: SalesDays): SalesDays {
  return b.reduce((days, day) => changeSales(days, day), a);
}

/**
 * The goods in another currency: what all of them come to is rounded, and not each by itself, so that the parts come to
 * the whole there as well.
 */
export function convertedGoods(goods: readonly Goods[], convert: (minor: bigint) => bigint): Goods[] {
  const [net, paidBack] = [inParts(convert), inParts(convert)];
  const [cost, costPaidBack] = [inParts(convert), inParts(convert)];
  return goods.map((one) => ({
    category: one.category,
    net: net(one.net),
    paidBack: paidBack(one.paidBack),
    ...(one.cost && { cost: { all: cost(one.cost.all), paidBack: costPaidBack(one.cost.paidBack) } }),
  }));
}

/** Changes amounts one after the other so that they come to what their sum is changed to. */
function inParts(change: (sum: bigint) => bigint): (amount: bigint) => bigint {
  let [before, changed] = [0n, 0n];
  return (amount) => {
    before += amount;
    const part = change(before) - changed;
    changed += part;
    return part;
  };
}
