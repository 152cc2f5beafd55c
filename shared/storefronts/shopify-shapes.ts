import * as z from 'zod/mini';
import { currency, decimal, identifier, instant, maybeText } from './fields.ts';
import { customerShape } from './shopify-customer.ts';

/** Orders and refunds as Shopify writes them, as far as they are read. */

const presentmentSet = z.nullish(
  z.object({ presentment_money: z.nullish(z.object({ amount: decimal, currency_code: currency })) }),
);

export const refundShape = z.object({
  id: identifier,
  created_at: instant,
  processed_at: z.nullish(instant),
  transactions: z.nullish(
    z.array(
      z.object({ kind: z.string(), status: z.nullish(z.string()), amount: decimal, currency: z.nullish(currency) }),
    ),
  ),
  refund_line_items: z.nullish(
    z.array(
      z.object({
        line_item_id: z.nullish(identifier),
        quantity: z.nullish(z.union([z.number(), z.string()])),
        subtotal: z.nullish(decimal),
        total_tax: z.nullish(decimal),
      }),
    ),
  ),
  /** Shipping that was paid back, for one; amounts are negative. */
  order_adjustments: z.nullish(z.array(z.object({ tax_amount: z.nullish(decimal) }))),
});

const nameShape = z.nullish(z.object({ first_name: maybeText, last_name: maybeText }));

export const orderShape = z.object({
  id: identifier,
  created_at: instant,
  processed_at: z.nullish(instant),
  updated_at: z.nullish(instant),
  cancelled_at: z.nullish(instant),
  currency,
  total_price: decimal,
  current_total_price: z.nullish(decimal),
  total_price_set: presentmentSet,
  total_outstanding: z.nullish(decimal),
  financial_status: z.nullish(z.string()),
  taxes_included: z.nullish(z.boolean()),
  test: z.nullish(z.boolean()),
  email: maybeText,
  contact_email: maybeText,
  phone: maybeText,
  customer_locale: maybeText,
  buyer_accepts_marketing: z.nullish(z.boolean()),
  customer: z.nullish(customerShape),
  billing_address: nameShape,
  shipping_address: nameShape,
  refunds: z.nullish(z.array(refundShape)),
  total_tax: z.nullish(decimal),
  current_total_tax: z.nullish(decimal),
  total_discounts: z.nullish(decimal),
  current_total_discounts: z.nullish(decimal),
  total_shipping_price_set: z.nullish(z.object({ shop_money: z.nullish(z.object({ amount: z.nullish(decimal) })) })),
  line_items: z.nullish(
    z.array(
      z.object({
        id: z.nullish(identifier),
        title: maybeText,
        name: maybeText,
        sku: maybeText,
        product_type: maybeText,
        price: z.nullish(decimal),
        quantity: z.nullish(z.union([z.number(), z.string()])),
        current_quantity: z.nullish(z.union([z.number(), z.string()])),
      }),
    ),
  ),
});

export type ShopifyOrder = z.output<typeof orderShape>;
export type ShopifyRefund = z.output<typeof refundShape>;
