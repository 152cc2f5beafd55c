import type { PurchaseParameters } from './models/beta-geometric.ts';
import { exp, ln } from './models/elementary.ts';
import { type Because, type FitTerms, nightlyTerms } from './models/fit.ts';
import { fitGammaGamma, type SpendCell, type SpendParameters } from './models/gamma-gamma.ts';
import { onGrid } from './models/history-grid.ts';
import { leading, widthAt } from './models/leading-bits.ts';
import { fitMbgNbd, mbgNbd } from './models/mbg-nbd.ts';
import { addAt, type Nesting, noSums } from './models/nested-sums.ts';
import {
  countPurchases,
  mergePurchaseCounts,
  type PurchaseCells,
  type PurchaseCounts,
  type PurchaseHistory,
  purchaseCells,
} from './models/purchase-counts.ts';
import { countSpend, mergeSpendCounts, type SpendCounts, spendCells } from './models/spend-counts.ts';
import type { PurchaseDays } from './purchase-days.ts';

/** What a night counts for the models, in the pass that measures; adding up counts of segments is exact. */
export interface ModelCounts {
  histories: PurchaseCounts;
  spend: SpendCounts;
}

export const emptyModelCounts = (): ModelCounts => ({ histories: new Map(), spend: new Map() });

/** Counts one customer in; one without a purchase says nothing. */
export function countCustomer({ histories, spend }: ModelCounts, days: PurchaseDays, today: number): void {
  const past = pastOf(days, today);
  if (!past) return;
  countPurchases(histories, onGrid(past.history));
  countSpend(spend, past.history.x, past.repeatSpent);
}

export function mergeModelCounts(into: ModelCounts, from: ModelCounts): void {
  mergePurchaseCounts(into.histories, from.histories);
  mergeSpendCounts(into.spend, from.spend);
}

/** What the models look at in one customer. */
export interface Past {
  history: PurchaseHistory;
  /** Minor units spent on all purchase days but the first. */
  repeatSpent: bigint;
}

/** A history longer than this, in days, begins later. */
const longestHistory = 65_000;

/** The purchases up to a day; nothing where there are none. Purchases of one day are one. */
export function pastOf(days: PurchaseDays, today: number): Past | undefined {
  const past = days.filter(({ day, purchases }) => day <= today && day > today - longestHistory && purchases > 0);
  const [first] = past;
  const last = past.at(-1);
  if (!first || !last) return undefined;
  return {
    history: { x: past.length - 1, tx: last.day - first.day, T: today - first.day },
    repeatSpent: past.slice(1).reduce((sum, { spent }) => sum + spent, 0n),
  };
}

/**
 * Where parameters come from: fitted to the shop's own customers; or, with too few of them, the shape of other shops at
 * the level of this one (`pooled`); or none, where that shape has no such level (`meaningless`), too.
 */
export type Sourced<Parameters> =
  | { from: 'fit'; parameters: Parameters; logLikelihood: number; customers: number }
  | { from: 'pooled'; parameters: Parameters; because: Because; customers: number }
  | { from: 'none'; because: Because; customers: number };

/** The models of one night. Times are days; money is in units of the base currency. */
export interface ValueModel {
  /** MBG/NBD. */
  purchases: Sourced<PurchaseParameters>;
  /** Gamma-Gamma. */
  spend: Sourced<SpendParameters>;
}

/**
 * Shapes of a shop as others are: the published fits to CDNOW (Batislam, Denizel & Filiztekin's model: r 0.525, a 0.891,
 * b 1.614; Fader & Hardie: p 6.25, q 3.74). How often and how much customers buy there is not taken over.
 */
const usual = { r: 0.525, a: 0.891, b: 1.614, p: 6.25, q: 3.74 };

/** With fewer repeaters even a level is a guess. */
const leastForLevel = 5;

/**
 * Days. With the usual shape the purchases to come grow hardly any more when customers buy faster, as so many leave: who buys
 * more often than newcomers who come twice a week on average (r / α) is of another shape, not at another level.
 */
const leastAlpha = 3.5 * usual.r;

/** Digits of ages below the leading one, by level: with too many of them, those that differ by 12 % at most are one. */
const ageDigits = [16, 3];
const ages: Nesting = {
  most: 500,
  last: ageDigits.length - 1,
  coarsen: (age, level) => leading(age, ageDigits[level] ?? 0),
};

/** @param minorPerUnit of the base currency: 100 for EUR */
export function fitValueModel(
  { histories, spend }: ModelCounts,
  minorPerUnit: number,
  terms: FitTerms = nightlyTerms,
): ValueModel {
  return {
    purchases: sourced(fitMbgNbd(histories, terms), () => pooledPurchases(purchaseCells(histories))),
    spend: sourcedSpend(spendCells(spend, minorPerUnit), terms),
  };
}

function sourcedSpend(cells: readonly SpendCell[], terms: FitTerms): ValueModel['spend'] {
  return sourced(fitGammaGamma(cells, terms), () => pooledSpend(cells));
}

type AnyFit<Parameters> =
  | { fitted: true; parameters: Parameters; logLikelihood: number; customers: number }
  | { fitted: false; because: Because; customers: number };

/** @param pooled parameters of the usual shape; nothing where there are too few for a level, `meaningless` where none fits */
function sourced<Parameters extends object>(
  fit: AnyFit<Parameters>,
  pooled: () => Parameters | 'meaningless' | undefined,
): Sourced<Parameters> {
  const { customers } = fit;
  if (fit.fitted) return { from: 'fit', parameters: fit.parameters, logLikelihood: fit.logLikelihood, customers };
  const found = pooled();
  return typeof found === 'object'
    ? { from: 'pooled', parameters: found, because: fit.because, customers }
    : { from: 'none', because: found ?? fit.because, customers };
}

/** The usual shape, at the rate at which these customers came back: as many repeat purchases expected as there were. */
function pooledPurchases(cells: PurchaseCells): PurchaseParameters | 'meaningless' | undefined {
  if (cells.repeaters < leastForLevel) return undefined;
  let repeats = 0;
  const byAge = noSums();
  cells.customers.forEach((customers, index) => {
    repeats += customers * (cells.x[index] ?? 0);
    addAt(byAge, ages, cells.T[index] ?? 0, [customers]);
  });
  const { r, a, b } = usual;
  const inOrder = [...byAge.sums]
    .sort(([one], [other]) => one - other)
    .map(([age, [customers = 0]]) => ({ T: age + (widthAt(age, ageDigits[byAge.level] ?? 0) - 1) / 2, customers }));
  const expected = (alpha: number) =>
    inOrder.reduce((sum, { T, customers }) => sum + customers * mbgNbd.ofNewCustomer({ r, alpha, a, b }, T), 0);
  if (expected(leastAlpha) < repeats) return 'meaningless';
  let [least, most] = [ln(0.01), ln(1e7)];
  // More time between purchases, fewer of them: halving the span fifty times leaves no digit open.
  for (let step = 0; step < 50; step++) {
    const middle = (least + most) / 2;
    const alpha = exp(middle);
    if (alpha < leastAlpha || expected(alpha) > repeats) least = middle;
    else most = middle;
  }
  return { r, alpha: exp((least + most) / 2), a, b };
}

/** The usual spread around the mean value of these customers' repeat purchases. */
function pooledSpend(cells: readonly SpendCell[]): SpendParameters | undefined {
  let [customers, sum] = [0, 0];
  for (const cell of cells) {
    customers += cell.customers;
    sum += cell.customers * cell.zbar;
  }
  if (customers < leastForLevel) return undefined;
  const { p, q } = usual;
  return { p, q, v: ((sum / customers) * (q - 1)) / p };
}
