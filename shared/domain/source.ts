import type { Instant } from './instant.ts';

export const platforms = [
  'shopify',
  'standard',
  'adobe-commerce',
  'bigcommerce',
  'commercetools',
  'medusa',
  'paypal',
  'saleor',
  'shopware',
  'square',
  'stripe',
  'woocommerce',
] as const;
export type Platform = (typeof platforms)[number];

/** A configured origin of webhooks. */
export interface Source {
  id: string;
  platform: Platform;
  /** Active signing secrets; more than one while they are rotated. Empty for platforms that sign by published keys. */
  secrets: string[];
  /** `https:` address of the shop, or of its API: where thin messages are looked up and keys are published. */
  address?: string;
  /** What the shop's API asks for, by the platform's own names. */
  credentials?: Record<string, string>;
  /** The address that the shop calls, exactly as it is configured there: Square signs it. */
  notificationUrl?: string;
  /** To whom messages are addressed: PayPal's id of the webhook, or the client id of a project of Adobe's. */
  webhookId?: string;
  /** ISO 3166 code of the country whose phone numbers stand without a country code. */
  country?: string;
  /** What counts as a purchase: an order that was placed, or one that was paid. */
  countsWhen: 'placed' | 'paid';
  /**
   * Grows with each change of what orders are read by (`platform`, `address`, `countsWhen`, `currency`, `timeZone`), so that
   * what is read again takes the place of what was read before. 0 where absent.
   */
  reading?: number;
  /** Addresses and numbers that identify nobody: the shop's own, and what its staff put in for walk-in customers. */
  nobody?: string[];
  currency: string;
  /** The deployment's currency, in which facts are counted, and the zone of its calendar: those of the first source. */
  baseCurrency: string;
  baseTimeZone: string;
  /** IANA name. */
  timeZone: string;
  /** Orders placed before this are history: recorded, never a reason for outreach. */
  backfillBefore?: Instant;
  /** Since when nothing comes in by it: what it had said was erased. It is configured anew to begin again. */
  erasedAt?: Instant;
  /** Grows with every write. */
  revision: number;
  /** Of a source that was put anew after what it had said was erased, when that was. */
  createdAt: Instant;
  updatedAt: Instant;
}
