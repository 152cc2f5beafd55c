import { expect } from 'vitest';

/** The list of orders that Shopify's admin writes. */

export const shopifyHeader =
  'Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,' +
  'Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,' +
  'Billing Name,Billing Country,Notes,Cancelled at,Payment Method,Refunded Amount,Id,Phone';

/** A row of Shopify's export: what is not given is empty. */
export function shopifyRow(cells: Record<string, string>): string {
  const names = shopifyHeader.split(',');
  for (const name of Object.keys(cells)) expect(names).toContain(name);
  return names
    .map((name) => cells[name] ?? '')
    .map((text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
    .join(',');
}

export const anOrder = (id: string, more: Record<string, string> = {}) => ({
  Name: `#${id}`,
  'Financial Status': 'paid',
  'Paid at': '2024-05-01 10:00:05 -0400',
  Currency: 'EUR',
  Subtotal: '100.90',
  Shipping: '5.00',
  Taxes: '16.90',
  Total: '105.90',
  'Discount Amount': '0.00',
  'Created at': '2024-05-01 10:00:00 -0400',
  'Lineitem quantity': '2',
  'Lineitem name': 'Tea, "green"',
  'Lineitem price': '40.00',
  'Refunded Amount': '0.00',
  Id: id,
  ...more,
});
