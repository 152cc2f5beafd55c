import {
  countPurchases,
  type PurchaseCounts,
  type PurchaseHistory,
} from '../../../shared/domain/models/purchase-counts.ts';
import { readShared } from '../../shared-material.ts';

export interface CdnowCustomer {
  history: PurchaseHistory;
  zbar: number;
  /** Purchase days in the 39 weeks after. */
  later: number;
}

/** The summary of the sample as it is published, in days. */
export function cdnowCustomers(): CdnowCustomer[] {
  const [, ...rows] = readShared('data/cdnow_sample_cbs_39w.csv').toString().trim().split('\n');
  return rows.map((row) => {
    const [, , x, tx, T, zbar, later] = row.split(',').map(Number) as number[];
    const days = (weeks = 0) => Math.round(weeks * 7);
    return { history: { x: x ?? 0, tx: days(tx), T: days(T) }, zbar: zbar ?? 0, later: later ?? 0 };
  });
}

export function countsOf(histories: Iterable<PurchaseHistory>): PurchaseCounts {
  const counts: PurchaseCounts = new Map();
  for (const history of histories) countPurchases(counts, history);
  return counts;
}
