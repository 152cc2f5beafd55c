import {
  aliveProbability,
  type PurchaseParameters,
  purchasesWhileAlive,
  rateWhileAlive,
  type TimedHistory,
} from './beta-geometric.ts';
import type { Fit, FitTerms } from './fit.ts';
import type { PurchaseCounts } from './purchase-counts.ts';
import { fitPurchases } from './purchase-fit.ts';

/**
 * BG/NBD (Fader, Hardie & Lee 2005): nobody leaves before the first repeat purchase, so whoever bought once is certain to
 * come back. For comparison alone.
 * @param daysPerUnit of the unit of time of α; every time that is given with the parameters is in the same
 */
export function fitBgNbd(counts: PurchaseCounts, terms: FitTerms, daysPerUnit = 1): Fit<PurchaseParameters> {
  return fitPurchases(counts, 0, terms, daysPerUnit);
}

/** As of {@link mbgNbd}. */
export const bgNbd = {
  alive: (parameters: PurchaseParameters, history: TimedHistory) => aliveProbability(parameters, history, 0),

  expectedPurchases: (parameters: PurchaseParameters, history: TimedHistory, time: number) =>
    aliveProbability(parameters, history, 0) * purchasesWhileAlive(parameters, history, time, 0),

  purchasesWhileAlive: (parameters: PurchaseParameters, history: Pick<TimedHistory, 'x' | 'T'>, time: number) =>
    purchasesWhileAlive(parameters, history, time, 0),

  rateWhileAlive: (parameters: PurchaseParameters, history: Pick<TimedHistory, 'x' | 'T'>, time: number) =>
    rateWhileAlive(parameters, history, time, 0),

  ofNewCustomer: (parameters: PurchaseParameters, time: number) =>
    purchasesWhileAlive(parameters, { x: 0, T: 0 }, time, 0),
};
