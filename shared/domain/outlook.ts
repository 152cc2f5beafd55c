import { calendarOf } from './calendar.ts';
import { millisecondsOf } from './instant.ts';
import { expectedMeanValue } from './models/gamma-gamma.ts';
import { lifetimeValue } from './models/lifetime-value.ts';
import { mbgNbd } from './models/mbg-nbd.ts';
import { decimalsOf } from './money.ts';
import type { PurchaseDays } from './purchase-days.ts';
import { pastOf, type Sourced, type ValueModel } from './value-model.ts';
import type { ValueRun } from './value-run.ts';

/** How a merchant looks ahead. */
export interface OutlookRules {
  /** Lifetime value is what comes within so many days. */
  horizonDays: number;
  /** Of money, by the year: 0.1 for 10 %. */
  discountRate: number;
  /** What of a sale remains: 1 where lifetime value is to be in sales. */
  margin: number;
  /** At risk: alive with a probability below … */
  aliveBelow: number;
  /** … or silent for so many times the customer's own usual pause. */
  pausesMissed: number;
}

/** What the past says of the future of one customer. */
export interface Outlook {
  /** The probability that the customer still is one. */
  alive: number;
  /** Expected purchase days within the next 30, 90 and 365 days. */
  purchases: { in30Days: number; in90Days: number; in365Days: number };
  /** Expected value of a purchase day, and lifetime value, in minor units; null where there is no model of spend. */
  meanValue: bigint | null;
  lifetimeValue: bigint | null;
  /** By the model, by the customer's own rhythm, or both. */
  atRisk: ('model' | 'rhythm')[];
  /** Where the parameters come from. */
  from: { purchases: 'fit' | 'pooled'; spend: Sourced<unknown>['from'] };
}

/** What a run's models and policy say of a customer; nothing where the run has none. */
export function outlookBy(
  { asOf, timeZone, currency, model, policy }: Pick<ValueRun, 'asOf' | 'timeZone' | 'currency' | 'model' | 'policy'>,
  days: PurchaseDays,
): Outlook | undefined {
  if (!model || !currency) return undefined;
  const today = calendarOf(timeZone)(millisecondsOf(asOf));
  return outlookOf(days, today, model, policy.outlook, 10 ** decimalsOf(currency));
}

/**
 * Twelve decimals of a probability or an expectation are more than a model knows, and what a receipt holds stays a number
 * that any store can keep: P(alive) of a daily buyer who fell silent goes down to e^-700.
 */
function rounded(value: number): number {
  return Math.round(value * 1e12) / 1e12;
}

/** The rhythm of somebody who came back only once is none. */
const leastForRhythm = 2;

/**
 * @param today the day of `asOf`
 * @returns nothing for a customer without a purchase, and where there is no model: then RFM alone speaks
 */
function outlookOf(
  days: PurchaseDays,
  today: number,
  { purchases, spend }: ValueModel,
  rules: OutlookRules,
  minorPerUnit: number,
): Outlook | undefined {
  const past = pastOf(days, today);
  if (!past || purchases.from === 'none') return undefined;
  const { history, repeatSpent } = past;
  const { x, tx, T } = history;
  const { parameters } = purchases;
  const alive = mbgNbd.alive(parameters, history);
  const expected = (time: number) => alive * mbgNbd.purchasesWhileAlive(parameters, history, time);
  const zbar = x > 0 ? Number(repeatSpent > 0n ? repeatSpent : 0n) / minorPerUnit / x : 0;
  const mean = spend.from === 'none' ? null : expectedMeanValue(spend.parameters, x, zbar);
  const value =
    mean === null
      ? null
      : lifetimeValue(
          (time) => alive * mbgNbd.rateWhileAlive(parameters, history, time),
          parameters.alpha + T,
          mean,
          rules,
        );
  const isSilent = x >= leastForRhythm && T - tx > rules.pausesMissed * (tx / x);
  return {
    alive: rounded(alive),
    purchases: {
      in30Days: rounded(expected(30)),
      in90Days: rounded(expected(90)),
      in365Days: rounded(expected(365)),
    },
    meanValue: mean === null ? null : inMinor(mean, minorPerUnit),
    lifetimeValue: value === null ? null : inMinor(value, minorPerUnit),
    atRisk: [...(alive < rules.aliveBelow ? (['model'] as const) : []), ...(isSilent ? (['rhythm'] as const) : [])],
    from: { purchases: purchases.from, spend: spend.from },
  };
}

function inMinor(amount: number, minorPerUnit: number): bigint {
  return BigInt(Math.round(amount * minorPerUnit));
}
