/** What the API answers, as far as the page shows it. */
interface OfRun {
  runId: string;
  asOf: string;
  timeZone: string;
}

interface Money {
  amount: string;
  currency: string;
}

export interface Retention extends OfRun {
  lastMonth: string;
  earlier: number;
  cohorts: { month: string; customers: number; returned: number[] }[];
}

export interface RepeatStep {
  purchase: number;
  customers: number;
  bought: number;
  medianDays: number | null;
  curve: { days: number; share: number; seen: number }[];
}

export interface RepeatPurchases extends OfRun {
  steps: RepeatStep[];
}

export interface Concentration extends OfRun {
  windowDays: number | null;
  customers: number;
  spent: Money;
  best: { percent: number; customers: number; spent: Money; share: number | null }[];
  lorenz: { customers: number; spent: number }[];
  gini: number | null;
}

export interface TierMigration {
  from: { runId: string; asOf: string };
  to: { runId: string; asOf: string };
  tiers: string[];
  customers: { before: number; after: number };
  moves: Record<'stayed' | 'rose' | 'fell' | 'otherwise' | 'joined' | 'left', number>;
  migrations: Record<string, Record<string, number>>;
}

export interface Reports {
  retention: Retention;
  repeatPurchases: RepeatPurchases;
  concentration: Concentration;
  /** Null where there is only one value run. */
  tierMigration: TierMigration | null;
}
