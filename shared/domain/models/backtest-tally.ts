import type { PurchaseDays } from '../purchase-days.ts';
import { pastOf } from '../value-model.ts';
import { type Backtest, type Fits, naive, type Week, weeks, weeksOf } from './backtest.ts';
import { bgNbd } from './bg-nbd.ts';
import { expectedMeanValue } from './gamma-gamma.ts';
import { type Group, groupsByCount, lastCount, type Measures, measuresOf } from './holdout.ts';
import { leading, widthAt } from './leading-bits.ts';
import { mbgNbd } from './mbg-nbd.ts';
import { addAt, mergeNested, type NestedSums, type Nesting, noSums } from './nested-sums.ts';
import { cellOf, type PurchaseHistory } from './purchase-counts.ts';

/*
 * Forecasts compared with what came, customer by customer, in sums that merge exactly in any order: everything is rounded
 * to millionths once, for each customer, and whole numbers are added. Every forecast is that of the customer's own
 * history.
 */

export interface BacktestSight {
  /** The last day that was fitted to, and the last one that is compared with; days since 1970-01-01. */
  until: number;
  end: number;
  fits: Fits;
  minorPerUnit: number;
}

const kinds = ['mbgNbd', 'bgNbd', 'naiveRate'] as const;
type Kind = (typeof kinds)[number];
/** In millionths. */
type Forecasts = Record<Kind, number | undefined>;

interface ForecastTally {
  /** In millionths, as what is summed up may go beyond 2^53 of them. */
  total: bigint;
  square: bigint;
  absolute: bigint;
  ee: bigint;
  ea: bigint;
  /** By repeat purchases before the cut, in millionths. */
  byCount: number[];
  /** By forecast: customers, the sum of their forecasts in millionths, and what came. */
  ranks: NestedSums;
}

export interface BacktestTally {
  customers: number;
  repeatPurchases: number;
  /** Days with a purchase, and their squares by customer. */
  actual: number;
  aa: number;
  /** Days with a purchase after the end. */
  beyond: number;
  forecasts: Record<Kind, ForecastTally>;
  /** By repeat purchases before the cut: customers, and days with a purchase after it. */
  byCount: [number, number][];
  /** By twentieths of P(alive): customers, and how many of them came back. */
  alive: [number, number][];
  /** Customers by the day of their first purchase; days with a repeat purchase. */
  arrivals: Map<number, number>;
  repeats: Map<number, number>;
  /** By x and T: how many are expected to be alive, in millionths. */
  alike: NestedSums;
  /** Minor units that were spent after the cut, and millionths of a unit of money that were expected. */
  spent: bigint;
  expectedSpend: bigint;
}

const aliveGroups = 20;

export function noBacktestTally(): BacktestTally {
  const forecast = (): ForecastTally => ({
    ...{ total: 0n, square: 0n, absolute: 0n, ee: 0n, ea: 0n },
    byCount: Array(lastCount + 1).fill(0),
    ranks: noSums(),
  });
  const pairs = (length: number) => Array.from({ length }, (): [number, number] => [0, 0]);
  return {
    customers: 0,
    repeatPurchases: 0,
    actual: 0,
    aa: 0,
    beyond: 0,
    forecasts: { mbgNbd: forecast(), bgNbd: forecast(), naiveRate: forecast() },
    byCount: pairs(lastCount + 1),
    alive: pairs(aliveGroups),
    arrivals: new Map(),
    repeats: new Map(),
    alike: noSums(),
    spent: 0n,
    expectedSpend: 0n,
  };
}

const unit = 1e6;
const week = 7;

/** Digits below the leading one, by level: at the last one forecasts of one rank differ by 0.1 %. */
const rankDigits = [53, 14, 12, 10];
const ranks: Nesting = {
  most: 10_000,
  last: rankDigits.length - 1,
  coarsen: (key, level) => leading(key, rankDigits[level] ?? 0),
};

const ages = 2 ** 16;
const ageDigits = [16, 6, 5, 4];
const alike: Nesting = {
  most: 10_000,
  last: ageDigits.length - 1,
  coarsen: (key, level) => key - (key % ages) + leading(key % ages, ageDigits[level] ?? 0),
};

/** So many histories are remembered at once: those of many customers are the same. */
const remembered = 20_000;

/** Counts customers in, one after the other. */
export function backtestCounter({ until, end, fits, minorPerUnit }: BacktestSight) {
  const horizon = (end - until) / week;
  const { mbgNbd: mbg, bgNbd: bg, gammaGamma } = fits;
  const known = new Map<number, Outlook>();

  return (tally: BacktestTally, days: PurchaseDays): void => {
    tally.beyond += days.filter(({ day, purchases }) => purchases > 0 && day > end).length;
    const past = pastOf(days, until);
    if (!past) return;
    const { history, repeatSpent } = past;
    const first = until - history.T;
    let [bought, spent] = [0, 0n];
    for (const one of days) {
      if (one.purchases <= 0 || one.day < first || one.day > end) continue;
      if (one.day > first) count(tally.repeats, one.day);
      if (one.day <= until) continue;
      bought += 1;
      spent += one.spent;
    }
    const outlook = outlookOf(history);
    const group = Math.min(history.x, lastCount);
    tally.customers += 1;
    tally.repeatPurchases += history.x;
    tally.actual += bought;
    tally.aa += bought * bought;
    count(tally.arrivals, first);
    addPair(tally.byCount[group], bought);
    for (const kind of kinds) compare(tally.forecasts[kind], outlook.forecasts[kind], bought, group);
    if (outlook.alive !== undefined) {
      addPair(tally.alive[Math.min(aliveGroups - 1, Math.floor(outlook.alive * aliveGroups))], bought > 0 ? 1 : 0);
      addAt(tally.alike, alike, history.x * ages + history.T, [Math.round(outlook.alive * unit)]);
    }
    tally.spent += spent;
    if (outlook.often === undefined || !gammaGamma.fitted) return;
    const repeat = Number(repeatSpent > 0n ? repeatSpent : 0n);
    const zbar = history.x === 0 ? 0 : repeat / history.x / minorPerUnit;
    tally.expectedSpend += whole(outlook.often * expectedMeanValue(gammaGamma.parameters, history.x, zbar));
  };

  function outlookOf(history: PurchaseHistory): Outlook {
    const cell = cellOf(history);
    const found = known.get(cell);
    if (found) return found;
    const timed = weeksOf(history);
    const often = mbg.fitted ? mbgNbd.expectedPurchases(mbg.parameters, timed, horizon) : undefined;
    const outlook: Outlook = {
      often,
      alive: mbg.fitted ? mbgNbd.alive(mbg.parameters, timed) : undefined,
      forecasts: {
        mbgNbd: often === undefined ? undefined : Math.round(often * unit),
        bgNbd: bg.fitted ? Math.round(bgNbd.expectedPurchases(bg.parameters, timed, horizon) * unit) : undefined,
        naiveRate: Math.round(naive(timed) * horizon * unit),
      },
    };
    if (known.size >= remembered) known.clear();
    known.set(cell, outlook);
    return outlook;
  }
}

/** What is expected of one history. */
interface Outlook {
  /** Purchases in the horizon, by MBG/NBD. */
  often: number | undefined;
  alive: number | undefined;
  forecasts: Forecasts;
}

function compare(tally: ForecastTally, forecast: number | undefined, bought: number, group: number): void {
  if (forecast === undefined) return;
  const expected = forecast / unit;
  const error = expected - bought;
  tally.total += BigInt(forecast);
  tally.square += whole(error * error);
  tally.absolute += whole(Math.abs(error));
  tally.ee += whole(expected * expected);
  tally.ea += BigInt(forecast * bought);
  tally.byCount[group] = (tally.byCount[group] ?? 0) + forecast;
  addAt(tally.ranks, ranks, forecast, [1, forecast, bought]);
}

/** Millionths. */
function whole(value: number): bigint {
  return BigInt(Math.round(value * unit));
}

function count(histogram: Map<number, number>, key: number, times = 1): void {
  histogram.set(key, (histogram.get(key) ?? 0) + times);
}

function addPair(pair: [number, number] | undefined, second: number): void {
  if (!pair) return;
  pair[0] += 1;
  pair[1] += second;
}

/** Adds one tally to another. */
export function mergeBacktestTally(into: BacktestTally, from: BacktestTally): void {
  for (const name of ['customers', 'repeatPurchases', 'actual', 'aa', 'beyond'] as const) into[name] += from[name];
  for (const name of ['spent', 'expectedSpend'] as const) into[name] += from[name];
  for (const kind of kinds) {
    const [sum, part] = [into.forecasts[kind], from.forecasts[kind]];
    for (const name of ['total', 'square', 'absolute', 'ee', 'ea'] as const) sum[name] += part[name];
    sum.byCount = sum.byCount.map((one, index) => one + (part.byCount[index] ?? 0));
    mergeNested(sum.ranks, part.ranks, ranks);
  }
  for (const name of ['byCount', 'alive'] as const)
    into[name] = into[name].map(([one, two], index) => {
      const [more, evenMore] = from[name][index] ?? [0, 0];
      return [one + more, two + evenMore];
    });
  for (const name of ['arrivals', 'repeats'] as const)
    for (const [day, times] of from[name]) count(into[name], day, times);
  mergeNested(into.alike, from.alike, alike);
}

/** The figures; nothing where nobody had bought by the cut. */
export function backtestOf(
  tally: BacktestTally,
  { until, end, fits, minorPerUnit }: BacktestSight,
): Backtest | undefined {
  if (tally.customers === 0) return undefined;
  const { mbgNbd: mbg, bgNbd: bg, gammaGamma } = fits;
  const horizon = (end - until) / week;
  const zero: ForecastTally = {
    total: 0n,
    square: whole(tally.aa),
    absolute: whole(tally.actual),
    ee: 0n,
    ea: 0n,
    byCount: [],
    ranks: { level: 0, sums: new Map([[0, [tally.customers, 0, tally.actual]]]) },
  };
  const forecasts = tally.forecasts;
  const naiveRate = measuresBy(tally, forecasts.naiveRate);
  return {
    customers: tally.customers,
    repeatPurchases: tally.repeatPurchases,
    models: fits,
    holdout: {
      actual: tally.actual,
      mbgNbd: mbg.fitted ? measuresBy(tally, forecasts.mbgNbd) : null,
      bgNbd: bg.fitted ? measuresBy(tally, forecasts.bgNbd) : null,
      naiveRate,
      zero: measuresBy(tally, zero),
      spend: {
        actual: Number(tally.spent) / minorPerUnit,
        expected: mbg.fitted && gammaGamma.fitted ? fromUnits(tally.expectedSpend) : null,
      },
    },
    alive: mbg.fitted
      ? tally.alive.map(([customers, returned], index) => ({ from: index / aliveGroups, customers, returned }))
      : null,
    weekly: weekly(),
  };

  function weekly(): Week[] {
    const parameters = mbg.fitted ? mbg.parameters : undefined;
    const digits = ageDigits[tally.alike.level] ?? 0;
    const inOrder = [...tally.alike.sums].sort(([one], [other]) => one - other);
    const groups = inOrder.map(([key, [alive = 0]]) => {
      const age = key % ages;
      const T = (age + (widthAt(age, digits) - 1) / 2) / week;
      return { x: Math.floor(key / ages), T, alive: alive / unit };
    });
    return weeks({ until, end, ...tally }, { parameters, alike: groups, rate: naiveRate.total / horizon });
  }
}

/** Whether the deciles and shares of the best rest on single forecasts, and on no buckets of them. */
export function isRankedExactly({ forecasts }: BacktestTally): boolean {
  return kinds.every((kind) => forecasts[kind].ranks.level === 0);
}

function measuresBy({ customers: n, actual, aa, byCount }: BacktestTally, forecast: ForecastTally): Measures {
  const sums = {
    n,
    actual,
    aa,
    total: fromUnits(forecast.total),
    square: fromUnits(forecast.square),
    absolute: fromUnits(forecast.absolute),
    ee: fromUnits(forecast.ee),
    ea: fromUnits(forecast.ea),
  };
  const groups = groupsByCount().map((group, index) => {
    const [customers, came] = byCount[index] ?? [0, 0];
    return { ...group, customers, expected: (forecast.byCount[index] ?? 0) / unit, actual: came };
  });
  const ties = [...forecast.ranks.sums]
    .sort(([one], [other]) => other - one)
    .map(
      ([, [customers = 0, expected = 0, came = 0]]): Group => ({ customers, expected: expected / unit, actual: came }),
    );
  return measuresOf(sums, groups, ties);
}

/** Sums of millionths in ones: whole and rest apart, so that no digit that a number holds is lost. */
function fromUnits(sum: bigint): number {
  const ones = sum / BigInt(unit);
  return Number(ones) + Number(sum - ones * BigInt(unit)) / unit;
}
