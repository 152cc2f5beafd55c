import type { Engine } from './engine.ts';
import { type CustomerTotals, type SimulatedOrder, type Simulation, totalsOf } from './simulation.ts';

interface ShownMoney {
  amount: string;
  currency: string;
}

interface ShownCustomer {
  id: string;
  tier: string | null;
  facts: { purchaseCount: number; totalSpent: ShownMoney; totalRefunded: ShownMoney };
}

interface Page<Item> {
  data: Item[];
  nextCursor: string | null;
}

export interface ShownRun {
  id: string;
  asOf: string;
  status: string;
  report?: {
    customers: number;
    changed: number;
    durationMs: number;
    tiers: Record<string, number>;
    migrations: Record<string, Record<string, number>>;
  };
}

export interface ShownJob {
  id: string;
  status: string;
  play: string;
}

export interface Checked {
  expected: CustomerTotals & { customers: number };
  actual: CustomerTotals & { customers: number };
  /** What differs, in words; empty when every total agrees. */
  differences: string[];
}

/** Compares every customer in the engine with the simulation, to the cent. */
export async function checkTotals(engine: Engine, { customers, orders }: Simulation): Promise<Checked> {
  const byBuyer = new Map<number, SimulatedOrder[]>();
  for (const order of orders)
    if (order.buyer) byBuyer.set(order.buyer.id, [...(byBuyer.get(order.buyer.id) ?? []), order]);
  const expected = { ...nothing, customers: customers.length };
  const actual = { ...nothing, customers: 0 };
  const differences: string[] = [];
  const queue = [...customers];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const wanted = totalsOf(byBuyer.get(next.id) ?? []);
      const { data } = await engine.get<Page<ShownCustomer>>(`/v1/customers?email=${encodeURIComponent(next.email)}`);
      const shown = data.map(({ facts }) => ({
        purchaseCount: facts.purchaseCount,
        spentCents: cents(facts.totalSpent),
        refundedCents: cents(facts.totalRefunded),
      }));
      add(expected, wanted);
      for (const totals of shown) add(actual, totals);
      actual.customers += shown.length;
      if (shown.length !== 1) differences.push(`customer ${next.id} is ${shown.length} customers in the engine`);
      else if (text(shown[0]) !== text(wanted))
        differences.push(`customer ${next.id}: ${text(shown[0])} instead of ${text(wanted)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return { expected, actual, differences };
}

/** The report of the last night must count the same customers. */
export function checkRun(run: ShownRun | undefined, { customers, orders }: Simulation): string[] {
  if (!run?.report) return ['there is no finished value run'];
  const live = new Set(orders.flatMap(({ buyer, test }) => (buyer && !test ? [buyer.id] : [])));
  const inTiers = Object.values(run.report.tiers).reduce((sum, n) => sum + n, 0);
  const wrong =
    inTiers === live.size && run.report.customers === live.size
      ? []
      : [`the last night counted ${inTiers} customers instead of ${live.size} of ${customers.length}`];
  return run.status === 'succeeded' ? wrong : [...wrong, `the last night ended as ${run.status}`];
}

export async function everyPage<Item>(engine: Engine, path: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await engine.get(
      `${path}?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    );
    items.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}

const nothing: CustomerTotals = { purchaseCount: 0, spentCents: 0, refundedCents: 0 };

function add(sum: CustomerTotals, part: CustomerTotals): void {
  sum.purchaseCount += part.purchaseCount;
  sum.spentCents += part.spentCents;
  sum.refundedCents += part.refundedCents;
}

const cents = ({ amount }: ShownMoney) => Math.round(Number(amount) * 100);
const text = (totals?: CustomerTotals) =>
  totals
    ? `${totals.purchaseCount} purchases, ${totals.spentCents} cents spent, ${totals.refundedCents} refunded`
    : 'nothing';
