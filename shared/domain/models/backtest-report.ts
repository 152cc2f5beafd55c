import type { Backtest } from './backtest.ts';
import type { Fit } from './fit.ts';
import { textOfDay } from './purchase-text.ts';

/** What the figures of a backtest stand beside. */
export interface BacktestFrame {
  /** `1997-09-30` */
  until: string;
  horizonDays: number;
  /** The last day of which anything is known. */
  lastDay: string;
  /** Purchases that count for nothing. */
  leftOut: { withoutCustomer: number; negative: number; beyondHorizon: number };
}

/** A backtest as it is shown. */
export function reportOf({ models, customers, repeatPurchases, weekly, ...rest }: Backtest, frame: BacktestFrame) {
  const { mbgNbd, bgNbd, gammaGamma } = models;
  return {
    ...frame,
    customers,
    repeatPurchases,
    models: { mbgNbd: modelOf(mbgNbd), bgNbd: modelOf(bgNbd), gammaGamma: modelOf(gammaGamma) },
    ...rest,
    weekly: weekly.map((week) => ({ ...week, day: textOfDay(week.day) })),
  };
}

export type ShownBacktest = ReturnType<typeof reportOf>;

function modelOf<Name extends string>(fit: Fit<Record<Name, number>>) {
  if (!fit.fitted) return fit;
  const { parameters, logLikelihood, standardErrors, iterations, customers, edge } = fit;
  const facts = { fitted: true as const, logLikelihood, customers, iterations, standardErrors, edge };
  return { ...parameters, ...facts };
}
