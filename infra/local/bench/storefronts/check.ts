import type { Engine } from '../../demo/engine.ts';
import { emailOf, nothing, plus, type Sale, type Shop, shops, type Totals, totalsOf } from './history.ts';

interface ShownMoney {
  amount: string;
  currency: string;
}

interface ShownCustomer {
  id: string;
  facts: { purchaseCount: number; totalSpent: ShownMoney; totalRefunded: ShownMoney; waiting: unknown[] };
}

interface ShownLine {
  type: string;
  sourceId: string;
  externalId: string;
  test?: boolean;
  purchase?: boolean;
  total?: ShownMoney;
  refunded?: ShownMoney;
  inBase?: { amount: ShownMoney; refunded: ShownMoney };
}

interface Page<Item> {
  data: Item[];
  nextCursor: string | null;
}

export interface ShopTotals extends Totals {
  /** Of somebody who is known, tests among them. */
  orders: number;
}

export interface AllTotals extends Totals {
  customers: number;
  shops: Record<Shop, ShopTotals>;
}

export interface Checked {
  expected: AllTotals;
  actual: AllTotals;
  /** What differs, in words; empty where everything agrees. */
  differences: string[];
}

const atOnce = 8;

/** Compares each customer, each shop and the whole with the history, to the cent, through the API. */
export async function checkTotals(api: Engine, history: readonly Sale[]): Promise<Checked> {
  const byBuyer = new Map<number, Sale[]>();
  for (const sale of history)
    if (sale.buyer !== undefined) byBuyer.set(sale.buyer, [...(byBuyer.get(sale.buyer) ?? []), sale]);
  const known = [...byBuyer.values()].flat();
  const inShop = (shop: Shop) => known.filter((sale) => sale.shop === shop);
  const expected: AllTotals = {
    customers: byBuyer.size,
    ...totalsOf(known),
    shops: byShop((shop) => ({ orders: inShop(shop).length, ...totalsOf(inShop(shop)) })),
  };
  const actual: AllTotals = { customers: 0, ...nothing, shops: byShop(() => ({ orders: 0, ...nothing })) };
  const differences: string[] = [];
  const waiting = [...byBuyer];
  const ids = new Set<string>();
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [buyer, own] = next;
      const { data } = await api.get<Page<ShownCustomer>>(`/v1/customers?email=${encodeURIComponent(emailOf(buyer))}`);
      for (const { id, facts } of data) {
        ids.add(id);
        const shown = totalsShown(facts);
        Object.assign(actual, plus(actual, shown));
        compare(differences, `customer ${buyer}`, totalsOf(own), shown);
        if (facts.waiting.length > 0) differences.push(`customer ${buyer}: something waits for a rate`);
        const orders = await ordersOf(api, id);
        for (const { sourceId, ...order } of orders) {
          const sum = actual.shops[sourceId];
          Object.assign(sum, plus(sum, order), { orders: sum.orders + 1 });
        }
        if (orders.length !== own.length)
          differences.push(`customer ${buyer}: ${orders.length} orders instead of ${own.length}`);
      }
      if (data.length === 0) differences.push(`customer ${buyer} is not there`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  actual.customers = ids.size;
  for (const shop of shops) compare(differences, shop, expected.shops[shop], actual.shops[shop]);
  const { shops: _, ...all } = expected;
  compare(differences, 'in all', all, actual);
  return { expected, actual, differences };
}

function byShop(of: (shop: Shop) => ShopTotals): Record<Shop, ShopTotals> {
  return Object.fromEntries(shops.map((shop) => [shop, of(shop)])) as Record<Shop, ShopTotals>;
}

function compare<Sums extends object>(differences: string[], what: string, wanted: Sums, shown: Sums): void {
  for (const [name, value] of Object.entries(wanted)) {
    const found = (shown as Record<string, unknown>)[name];
    if (found !== value) differences.push(`${what}: ${name} is ${found} instead of ${value}`);
  }
}

function totalsShown({ purchaseCount, totalSpent, totalRefunded }: ShownCustomer['facts']): Totals {
  return { purchases: purchaseCount, spent: cents(totalSpent), refunded: cents(totalRefunded) };
}

/** What each order of a customer's ledger counts for. */
async function ordersOf(api: Engine, customerId: string): Promise<(Totals & { sourceId: Shop })[]> {
  const orders: (Totals & { sourceId: Shop })[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page: Page<ShownLine> = await api.get(`/v1/customers/${customerId}/interactions?limit=100${query}`);
    for (const { type, sourceId, test, purchase, total, refunded, inBase } of page.data) {
      if (type !== 'order') continue;
      const back = test ? 0 : cents(inBase?.refunded ?? refunded);
      const spent = purchase ? cents(inBase?.amount ?? total) - back : 0;
      orders.push({ sourceId: sourceId as Shop, purchases: purchase ? 1 : 0, spent, refunded: back });
    }
    cursor = page.nextCursor;
  } while (cursor);
  return orders;
}

function cents(money: ShownMoney | undefined): number {
  return Math.round(Number(money?.amount) * 100);
}
