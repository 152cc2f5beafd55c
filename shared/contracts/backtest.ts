/** What the backtest of a purchase history is asked, and what it answers. Time in weeks, money in the unit of the rows. */
export interface BacktestOrder {
  rows: AsyncIterable<PurchaseRow> | Iterable<PurchaseRow>;
  /** The last day that is fitted to: 1997-09-30. */
  until: string;
  /** Days after it that are compared with. */
  horizonDays: number;
}

/** As it stands in the file. */
export interface PurchaseRow {
  line: number;
  customerId: string;
  date: string;
  spend: string;
}

export type BacktestAnswer =
  | { kind: 'tested'; report: BacktestReport; seconds: BacktestSeconds }
  /** A row that cannot be read, or nothing to test; `line` is absent where no row is to blame. */
  | { kind: 'refused'; line?: number; reason: string };

/** What it took of one processor. */
export interface BacktestSeconds {
  read: number;
  fit: Record<keyof BacktestReport['models'], number>;
  compare: number;
}

export interface BacktestReport {
  until: string;
  horizonDays: number;
  /** The last day in the file: where it lies before the end of the horizon, less came than could have. */
  lastDay: string;
  /** Rows that count for nothing. */
  leftOut: { withoutCustomer: number; negative: number; beyondHorizon: number };
  customers: number;
  repeatPurchases: number;
  models: {
    mbgNbd: ModelReport<'r' | 'alpha' | 'a' | 'b'>;
    bgNbd: ModelReport<'r' | 'alpha' | 'a' | 'b'>;
    gammaGamma: ModelReport<'p' | 'q' | 'v'>;
  };
  holdout: {
    actual: number;
    mbgNbd: ForecastReport | null;
    bgNbd: ForecastReport | null;
    naiveRate: ForecastReport;
    zero: ForecastReport;
    spend: { actual: number; expected: number | null };
  };
  alive: readonly { from: number; customers: number; returned: number }[] | null;
  weekly: readonly { day: string; actual: number; mbgNbd: number | null; naiveRate: number | null }[];
}

export type ModelReport<Name extends string> =
  | (Record<Name, number> & FitReport<Name>)
  | { fitted: false; because: string; customers: number };

interface FitReport<Name extends string> {
  fitted: true;
  logLikelihood: number;
  customers: number;
  iterations: number;
  standardErrors: Record<Name, number | null>;
  /** Parameters that mean nothing by themselves: the data would have them zero or without bound. */
  edge: readonly Name[];
}

export interface ForecastReport {
  total: number;
  /** Mean of expected − actual by customer. */
  bias: number;
  rmse: number;
  mae: number;
  correlation: number | null;
  topDecileShare: number | null;
  calibrationByDecile: readonly GroupReport[];
  calibrationByCount: readonly (GroupReport & { x: number; andMore: boolean })[];
  /** Share of purchases by the first 0 %, 5 %, … 100 % of customers. */
  gains: readonly number[];
}

/** Sums. */
export interface GroupReport {
  customers: number;
  expected: number;
  actual: number;
}

/** The function that answers, by its entry. */
export const backtestEntry = 'functions/backtest/purchases.ts';
