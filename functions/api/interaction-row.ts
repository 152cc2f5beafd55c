import type { ExportRow } from '../../shared/engine/storefront.ts';

/**
 * Our own CSV: the fields of one interaction of `POST /v1/interactions`, one column each. Amounts are decimal text in the
 * column `currency`; further rows of the same order hold further items.
 */
export const neededColumns = ['type', 'externalId', 'occurredAt'];

const texts = [
  'type',
  'externalId',
  'occurredAt',
  'updatedAt',
  'paidAt',
  'cancelledAt',
  'customerId',
  'orderExternalId',
  'direction',
  'channel',
  'text',
] as const;
const amounts = ['total', 'tax', 'shipping', 'discount', 'amount'] as const;
const personal = ['externalId', 'email', 'phone', 'firstName', 'lastName', 'locale'] as const;

export function goesOnInteraction(first: ExportRow, row: ExportRow): boolean {
  return row.type === 'order' && first.type === 'order' && row.externalId === first.externalId;
}

/** What a file of our own says, as it would stand in a request: the schema of requests judges it. */
export function interactionOf(rows: readonly ExportRow[]): Record<string, unknown> {
  const [row = {}] = rows;
  const { currency } = row;
  const money = (amount: string) => ({ amount, currency });
  const customer = Object.fromEntries(
    personal.flatMap((field) => (row[`customer.${field}`] ? [[field, row[`customer.${field}`]]] : [])),
  );
  const items = rows.flatMap((one) => {
    const { 'item.title': title, 'item.quantity': quantity = '', 'item.unitPrice': price = '' } = one;
    const { 'item.sku': sku, 'item.category': category, 'item.cost': cost } = one;
    if (!title) return [];
    return [
      {
        title,
        quantity: Number(quantity),
        unitPrice: money(price),
        ...(sku && { sku }),
        ...(category && { category }),
        ...(cost && { cost: money(cost) }),
      },
    ];
  });
  return {
    ...Object.fromEntries(texts.flatMap((field) => (row[field] ? [[field, row[field]]] : []))),
    ...Object.fromEntries(amounts.flatMap((field) => (row[field] ? [[field, money(row[field])]] : []))),
    ...(row.rating && { rating: Number(row.rating) }),
    ...(row.test && { test: /^(true|yes|1)$/i.test(row.test) }),
    ...(Object.keys(customer).length > 0 && { customer }),
    ...(items.length > 0 && { items }),
  };
}
