import { cellOf, type PurchaseCounts } from './purchase-counts.ts';

/*
 * A purchase history of any origin, cut at a day: what there was up to it, to fit to, and what came after it, to compare
 * with. What it holds grows with customers and the days on which they bought, not with purchases.
 */

export interface Purchase {
  customerId: string;
  /** Days since 1970-01-01. */
  day: number;
  /** In ten thousandths of the unit of money, whole, so that sums do not depend on their order; 0 or more. */
  amount: number;
}

/** Ten thousandths. */
export const amountScale = 10_000;

interface Days {
  /** With a purchase, in order, up to the end of the holdout. */
  days: number[];
  /** Spent on the first of them. */
  first: number;
  /** Spent up to the cut. */
  before: number;
  after: number;
}

export class HoldoutCut {
  readonly until: number;
  readonly end: number;
  /** Purchases beyond the end of the holdout. */
  beyond = 0;
  /** The last day of all that was seen. */
  last = Number.NEGATIVE_INFINITY;
  readonly #customers = new Map<string, Days>();

  /**
   * @param until the last day of what is fitted to
   * @param horizonDays how many days after it are compared with
   */
  constructor(until: number, horizonDays: number) {
    this.until = until;
    this.end = until + horizonDays;
  }

  /** Takes a purchase in, in any order; those of one customer on one day are one. */
  add({ customerId, day, amount }: Purchase): void {
    if (day > this.last) this.last = day;
    if (day > this.end) {
      this.beyond += 1;
      return;
    }
    const isBefore = day <= this.until;
    const known = this.#customers.get(customerId);
    if (!known) {
      const spent = { before: isBefore ? amount : 0, after: isBefore ? 0 : amount };
      this.#customers.set(customerId, { days: [day], first: amount, ...spent });
      return;
    }
    if (isBefore) known.before += amount;
    else known.after += amount;
    const earliest = known.days[0] ?? day;
    if (day === earliest) known.first += amount;
    else if (day < earliest) known.first = amount;
    insert(known.days, day);
  }

  /** What came of each customer who had bought by the cut. */
  cut(): CutHistory {
    const { until, end, last } = this;
    const cut: CutHistory = {
      until,
      end,
      last,
      counts: new Map(),
      outcomes: new Map(),
      spend: [],
      arrivals: new Map(),
      repeats: new Map(),
    };
    for (const { days, first, before, after } of this.#customers.values()) {
      const [firstDay = Number.POSITIVE_INFINITY] = days;
      if (firstDay > until) continue;
      const bought = days.findLastIndex((day) => day <= until) + 1;
      const x = bought - 1;
      const cell = cellOf({ x, tx: (days[x] ?? firstDay) - firstDay, T: until - firstDay });
      const later = days.length - bought;
      count(cut.counts, cell);
      const outcome = cut.outcomes.get(cell) ?? new Map<number, number>();
      cut.outcomes.set(cell, outcome);
      count(outcome, later);
      cut.spend.push({ cell, x, repeat: before - first, after });
      count(cut.arrivals, firstDay);
      for (const day of days.slice(1)) count(cut.repeats, day);
    }
    cut.spend.sort((one, other) => one.cell - other.cell || one.repeat - other.repeat);
    return cut;
  }
}

export interface CutHistory {
  until: number;
  end: number;
  last: number;
  counts: PurchaseCounts;
  /** Within each cell, how many customers bought on so many days of the holdout. */
  outcomes: Map<number, Map<number, number>>;
  /** In ten thousandths, in an order that does not depend on that of the purchases. */
  spend: { cell: number; x: number; repeat: number; after: number }[];
  /** Customers by the day of their first purchase. */
  arrivals: Map<number, number>;
  /** Repeat purchases by day, the holdout's included. */
  repeats: Map<number, number>;
}

function insert(days: number[], day: number): void {
  let at = days.length;
  while (at > 0 && (days[at - 1] ?? 0) > day) at--;
  if (days[at - 1] === day) return;
  if (at === days.length) days.push(day);
  else days.splice(at, 0, day);
}

function count(histogram: Map<number, number>, key: number): void {
  histogram.set(key, (histogram.get(key) ?? 0) + 1);
}
