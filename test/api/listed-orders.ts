import type { ListedOrder, ShopLists } from './shop-lists.ts';

/** What shops list for a comparison: orders of 10.00, each of somebody else, from {@link at}(0) on. */

export const eachListed = ['shopify', 'woocommerce', 'stripe'] as const;
export type Listed = (typeof eachListed)[number];

/** Ten days ago, to the minute: Stripe's list does not reach back for ever. */
const begin = Math.floor(Date.now() / 60_000) * 60_000 - 10 * 86_400_000;
export const at = (minute: number) => `${new Date(begin + minute * 60_000).toISOString().slice(0, 19)}Z`;
export const email = (id: number) => `r${id}@example.com`;

let nextId = 1000;
export const ids = (count: number) => Array.from({ length: count }, () => nextId++);

export function anOrder(platform: 'shopify' | 'woocommerce', id: number, minute: number, total = '10.00'): ListedOrder {
  const changedAt = at(minute);
  const shopify = {
    created_at: changedAt,
    currency: 'EUR',
    total_price: total,
    financial_status: 'paid',
    email: email(id),
  };
  const woo = {
    status: 'processing',
    currency: 'EUR',
    date_created_gmt: changedAt.slice(0, 19),
    date_paid_gmt: changedAt.slice(0, 19),
    total,
    customer_id: 0,
    billing: { email: email(id) },
  };
  return { id, changedAt, fields: platform === 'shopify' ? shopify : woo };
}

export function aCharge(id: number, minute: number, amount = 1000) {
  const created = Math.floor(Date.parse(at(minute)) / 1000);
  return {
    id: `evt_${id}`,
    object: 'event',
    type: 'charge.succeeded',
    created,
    livemode: true,
    data: {
      object: {
        id: `ch_${id}`,
        created,
        amount,
        currency: 'eur',
        billing_details: { email: email(id) },
        captured: true,
      },
    },
  };
}

/** Gives the shop an order a minute. */
export function fill(shop: ShopLists, platform: Listed, all: number[]): void {
  if (platform === 'stripe') shop.events = all.map((id, index) => aCharge(id, index)).reverse();
  else shop.orders = all.map((id, index) => anOrder(platform, id, index));
}
