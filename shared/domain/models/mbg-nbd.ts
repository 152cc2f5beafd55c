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
 * MBG/NBD (Batislam, Denizel & Filiztekin 2007; Hoppe & Wagner 2007): after each purchase, the first included, a customer
 * may leave. The model of the engine.
 * @param daysPerUnit of the unit of time of α; every time that is given with the parameters is in the same
 */
export function fitMbgNbd(counts: PurchaseCounts, terms: FitTerms, daysPerUnit = 1): Fit<PurchaseParameters> {
  return fitPurchases(counts, 1, terms, daysPerUnit);
}

export const mbgNbd = {
  /** The probability that a customer with this history is still one. */
  alive: (parameters: PurchaseParameters, history: TimedHistory) => aliveProbability(parameters, history, 1),

  /** Purchases expected within a time from now on. */
  expectedPurchases: (parameters: PurchaseParameters, history: TimedHistory, time: number) =>
    aliveProbability(parameters, history, 1) * purchasesWhileAlive(parameters, history, time, 1),

  /** The same of one who is still a customer; depends on x and T alone. */
  purchasesWhileAlive: (parameters: PurchaseParameters, history: Pick<TimedHistory, 'x' | 'T'>, time: number) =>
    purchasesWhileAlive(parameters, history, time, 1),

  /** Expected purchases a unit of time, when so much time has passed, of one who is still a customer. */
  rateWhileAlive: (parameters: PurchaseParameters, history: Pick<TimedHistory, 'x' | 'T'>, time: number) =>
    rateWhileAlive(parameters, history, time, 1),

  /** Repeat purchases expected of a new customer within a time from the first purchase on. */
  ofNewCustomer: (parameters: PurchaseParameters, time: number) =>
    (parameters.b / (parameters.a + parameters.b)) * purchasesWhileAlive(parameters, { x: 0, T: 0 }, time, 1),
};
