import type { PurchaseParameters, TimedHistory } from './beta-geometric.ts';
import { bgNbd } from './bg-nbd.ts';
import type { Fit } from './fit.ts';
import { expectedMeanValue, type SpendCell, type SpendParameters } from './gamma-gamma.ts';
import { type Measures, measure } from './holdout.ts';
import { amountScale, type CutHistory } from './holdout-cut.ts';
import { mbgNbd } from './mbg-nbd.ts';
import { historyOf } from './purchase-counts.ts';
import { countSpend, type SpendCounts, spendCells } from './spend-counts.ts';

const week = 7;

export interface Fits {
  mbgNbd: Fit<PurchaseParameters>;
  bgNbd: Fit<PurchaseParameters>;
  gammaGamma: Fit<SpendParameters>;
}

/** What was forecast at the cut, beside what came. Time in weeks. */
export interface Backtest {
  customers: number;
  repeatPurchases: number;
  models: Fits;
  holdout: Holdout;
  /** Customers by P(alive) of MBG/NBD at the cut, in twentieths; null where it was not fitted. */
  alive: AliveGroup[] | null;
  /** Repeat purchases of all customers up to a day, every week. */
  weekly: Week[];
}

export interface Holdout {
  /** Purchase days of the customers after the cut. */
  actual: number;
  /** Null where the model was not fitted. */
  mbgNbd: Measures | null;
  bgNbd: Measures | null;
  /** Each goes on at the rate so far. */
  naiveRate: Measures;
  /** Nobody comes back: what is nearly as good by mean absolute error alone. */
  zero: Measures;
  /** MBG/NBD and Gamma-Gamma; `expected` is null where either was not fitted. */
  spend: { actual: number; expected: number | null };
}

export interface AliveGroup {
  from: number;
  customers: number;
  /** How many of them bought again. */
  returned: number;
}

export interface Week {
  /** Days since 1970-01-01. */
  day: number;
  actual: number;
  /** Of MBG/NBD: up to the cut for customers of whom only the age is known, from then on for each by the history so far. */
  mbgNbd: number | null;
  /** Null up to the cut. */
  naiveRate: number | null;
}

/** Up to so many repeaters Gamma-Gamma is fitted to each; beyond, to their buckets. */
const fewRepeaters = 50_000;

/** What Gamma-Gamma is fitted to: the spend before the cut. */
export function spendBefore({ spend }: CutHistory): SpendCell[] {
  const repeated = spend.filter(({ x, repeat }) => x > 0 && repeat > 0);
  if (repeated.length <= fewRepeaters)
    return repeated.map(({ x, repeat }) => ({ x, zbar: repeat / x / amountScale, customers: 1 }));
  const counts: SpendCounts = new Map();
  for (const { x, repeat } of repeated) countSpend(counts, x, BigInt(repeat));
  return spendCells(counts, amountScale);
}

/** Compares what the fits forecast with what came. The same whatever the order in which purchases were read. */
export function compareAfter(cut: CutHistory, fits: Fits): Backtest {
  const horizon = (cut.end - cut.until) / week;
  const ordered = [...cut.outcomes].sort(([one], [other]) => one - other);
  const cells = ordered.map(([cell, actual]) => ({ cell, actual, history: inWeeks(cell) }));
  const by = (forecast: (history: TimedHistory) => number) =>
    measure(cells.map(({ cell, actual, history }) => ({ cell, actual, expected: forecast(history) })));
  const { mbgNbd: mbg, bgNbd: bg } = fits;
  const actual = cells.reduce((sum, cell) => sum + bought(cell.actual), 0);
  return {
    customers: cells.reduce((sum, cell) => sum + size(cell.actual), 0),
    repeatPurchases: cells.reduce((sum, cell) => sum + cell.history.x * size(cell.actual), 0),
    models: fits,
    holdout: {
      actual,
      mbgNbd: mbg.fitted ? by((history) => mbgNbd.expectedPurchases(mbg.parameters, history, horizon)) : null,
      bgNbd: bg.fitted ? by((history) => bgNbd.expectedPurchases(bg.parameters, history, horizon)) : null,
      naiveRate: by((history) => naive(history) * horizon),
      zero: by(() => 0),
      spend: spendAfter(cut, fits, horizon),
    },
    alive: mbg.fitted ? aliveGroups(cells, (history) => mbgNbd.alive(mbg.parameters, history)) : null,
    weekly: weeks(cut, {
      parameters: mbg.fitted ? mbg.parameters : undefined,
      alike: mbg.fitted ? aliveByAge(cells, mbg.parameters) : [],
      rate: cells.reduce((sum, { actual: times, history }) => sum + size(times) * naive(history), 0),
    }),
  };
}

interface Cell {
  actual: ReadonlyMap<number, number>;
  history: TimedHistory;
}

function inWeeks(cell: number): TimedHistory {
  return weeksOf(historyOf(cell));
}

/** A history of days in weeks. */
export function weeksOf({ x, tx, T }: TimedHistory): TimedHistory {
  return { x, tx: tx / week, T: T / week };
}

/** The rate so far, in purchases a week. */
export function naive({ x, T }: TimedHistory): number {
  return x === 0 ? 0 : x / T;
}

function size(times: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const customers of times.values()) sum += customers;
  return sum;
}

function bought(times: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const [purchases, customers] of times) sum += purchases * customers;
  return sum;
}

function spendAfter({ spend }: CutHistory, { mbgNbd: purchases, gammaGamma }: Fits, horizon: number) {
  const actual = spend.reduce((sum, { after }) => sum + after, 0) / amountScale;
  if (!purchases.fitted || !gammaGamma.fitted) return { actual, expected: null };
  let [known, often] = [-1, 0];
  let expected = 0;
  for (const { cell, x, repeat } of spend) {
    // They come by cell.
    if (cell !== known) often = mbgNbd.expectedPurchases(purchases.parameters, inWeeks(cell), horizon);
    known = cell;
    const zbar = x > 0 ? (repeat > 0 ? repeat : 0) / x / amountScale : 0;
    expected += often * expectedMeanValue(gammaGamma.parameters, x, zbar);
  }
  return { actual, expected };
}

function aliveGroups(cells: readonly Cell[], alive: (history: TimedHistory) => number): AliveGroup[] {
  const groups = Array.from({ length: 20 }, (_, index) => ({ from: index / 20, customers: 0, returned: 0 }));
  for (const { actual, history } of cells) {
    const group = groups[Math.min(19, Math.floor(alive(history) * 20))];
    if (!group) continue;
    group.customers += size(actual);
    group.returned += size(actual) - (actual.get(0) ?? 0);
  }
  return groups;
}

interface Ahead {
  /** Of MBG/NBD, where it was fitted. */
  parameters: PurchaseParameters | undefined;
  /** How many customers of each x and T (in weeks) are expected to be alive: on these alone depends what they buy then. */
  alike: readonly { x: number; T: number; alive: number }[];
  /** Of all customers, in purchases a week. */
  rate: number;
}

/** Repeat purchases up to every week: those that came, and those that were expected. */
export function weeks(
  { until, end, arrivals, repeats }: Pick<CutHistory, 'until' | 'end' | 'arrivals' | 'repeats'>,
  { parameters, alike, rate }: Ahead,
): Week[] {
  const firsts = [...arrivals].sort(([one], [other]) => one - other);
  const begin = firsts[0]?.[0] ?? until;
  const back = Math.ceil((until - begin) / week);
  const ahead = Math.ceil((end - until) / week);
  const days = Array.from({ length: back + ahead + 1 }, (_, index) => Math.min(end, until + (index - back) * week));
  const repeated = [...repeats].sort(([one], [other]) => one - other);
  const ofNew = new Map<number, number>();
  const expectedOfNew = (age: number) => {
    const known = ofNew.get(age);
    if (known !== undefined || !parameters) return known ?? 0;
    const expected = mbgNbd.ofNewCustomer(parameters, age / week);
    ofNew.set(age, expected);
    return expected;
  };
  const soFar = repeated.reduce((sum, [day, purchases]) => sum + (day <= until ? purchases : 0), 0);
  let [next, actual] = [0, 0];
  return days.map((day) => {
    for (; (repeated[next]?.[0] ?? Number.POSITIVE_INFINITY) <= day; next++) actual += repeated[next]?.[1] ?? 0;
    const ahead = (day - until) / week;
    const expected = () =>
      day <= until
        ? firsts.reduce(
            (sum, [first, customers]) => sum + (first < day ? customers * expectedOfNew(day - first) : 0),
            0,
          )
        : alike.reduce(
            (sum, { x, T, alive }) =>
              sum + alive * mbgNbd.purchasesWhileAlive(parameters as PurchaseParameters, { x, T }, ahead),
            soFar,
          );
    return {
      day,
      actual,
      mbgNbd: parameters ? expected() : null,
      naiveRate: day < until ? null : soFar + rate * ahead,
    };
  });
}

function aliveByAge(cells: readonly Cell[], parameters: PurchaseParameters): { x: number; T: number; alive: number }[] {
  const groups: { x: number; T: number; alive: number }[] = [];
  for (const { actual, history } of cells) {
    const last = groups.at(-1);
    const alive = size(actual) * mbgNbd.alive(parameters, history);
    // They come by x, then T.
    if (last && last.x === history.x && last.T === history.T) last.alive += alive;
    else groups.push({ x: history.x, T: history.T, alive });
  }
  return groups;
}
