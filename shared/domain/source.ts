import type { Instant } from './instant.ts';

export const platforms = ['shopify', 'standard'] as const;
export type Platform = (typeof platforms)[number];

/** A configured origin of webhooks. */
export interface Source {
  id: string;
  platform: Platform;
  /** Active signing secrets; more than one while they are rotated. */
  secrets: string[];
  currency: string;
  /** The deployment's currency, in which facts are counted. */
  baseCurrency: string;
  /** IANA name. */
  timeZone: string;
  /** Orders placed before this are history: recorded, never a reason for outreach. */
  backfillBefore?: Instant;
  /** Grows with every write. */
  revision: number;
  createdAt: Instant;
  updatedAt: Instant;
}
