import { withDay } from './by-day.ts';

/** What was bought on one day: purchases that still are some, and what they come to less refunds. */
export interface PurchaseDay {
  /** Days since 1970-01-01 in the merchant's time zone. */
  day: number;
  purchases: number;
  /** Minor units. */
  spent: bigint;
}

/** The days on which somebody bought, the first one first; a day without a purchase is not among them. */
export type PurchaseDays = readonly PurchaseDay[];

/** The days after purchases were added to one of them, or taken off. */
export function changeDay(days: PurchaseDays, { day, purchases, spent }: PurchaseDay): PurchaseDays {
  return withDay(days, day, (known) => {
    const changed = { day, purchases: (known?.purchases ?? 0) + purchases, spent: (known?.spent ?? 0n) + spent };
    return changed.purchases === 0 && changed.spent === 0n ? undefined : changed;
  });
}

/** The days of two people together. */
export function addDays(a: PurchaseDays, b: PurchaseDays): PurchaseDays {
  return b.reduce(changeDay, a);
}
