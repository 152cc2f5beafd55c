import { monthOf, textOfMonth } from './months.ts';
import { cohortMonths, type ReportCounts, rowOf } from './report-counts.ts';

/** Who first bought in a month, and came back in later ones. */
export interface Cohort {
  /** `2026-11` */
  month: string;
  customers: number;
  /** How many of them bought in the first month after it, the second, … up to the month of the run, which is not over. */
  returned: number[];
}

export interface Retention {
  /** The month of the run. */
  lastMonth: string;
  /** Customers whose first purchase lies before the cohorts. */
  earlier: number;
  /** Every month from that of the first purchase on, also those in which nobody came. */
  cohorts: Cohort[];
}

/** @param today the day of the run, in the merchant's time zone */
export function retentionOf({ earlier, cohorts }: ReportCounts, today: number): Retention {
  const last = monthOf(today);
  const oldest = last - cohortMonths + 1;
  const all = Array.from({ length: cohortMonths }, (_, index): Cohort => {
    const row = rowOf(index);
    const [customers = 0, ...returned] = cohorts.subarray(row, row + cohortMonths - index);
    return { month: textOfMonth(oldest + index), customers, returned };
  });
  const first = all.findIndex(({ customers }) => customers > 0);
  return { lastMonth: textOfMonth(last), earlier, cohorts: first < 0 ? [] : all.slice(first) };
}
