import type { Platform, Source } from '../domain/source.ts';
import type { Translation } from '../engine/fact.ts';
import type { OrderExport } from '../engine/storefront.ts';
import { shopify } from './shopify.ts';
import { shopifyExport } from './shopify-export.ts';
import { woocommerce } from './woocommerce.ts';
import { woocommerceExport } from './woocommerce-export.ts';

/** What shops export of their orders: as CSV, and as their API shows them. Apart from webhooks, which need none of it. */
export interface PlatformExports {
  csv: OrderExport;
  /** @throws Unintelligible */
  order(order: unknown, source: Source): Translation;
}

export const exports: Partial<Record<Platform, PlatformExports>> = {
  shopify: {
    csv: shopifyExport,
    order: (order, source) => shopify.translate(order, { headers: { 'x-shopify-topic': 'orders/updated' } }, source),
  },
  woocommerce: {
    csv: woocommerceExport,
    order: (order, source) =>
      woocommerce.translate(order, { headers: { 'x-wc-webhook-topic': 'order.updated' } }, source),
  },
};
