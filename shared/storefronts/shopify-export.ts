import { type Consent, withConsents } from '../domain/consent.ts';
import { type Fact, Unintelligible } from '../engine/fact.ts';
import type { ExportRow, OrderExport } from '../engine/storefront.ts';
import { cell, idCell, inStage, latestOf, neededCell, timeCell } from './export-fields.ts';
import { emailMarketing, money, orderedItems, part, parts, person } from './fields.ts';
import { namesOf } from './stripe-sale.ts';

/**
 * Shopify's own export of orders (help.shopify.com, "Order export columns"). The order stands in its first row, and in
 * that one and those after it one line item each. It names no customer id: people are known by their address.
 */
export const shopifyExport: OrderExport = {
  needs: ['Name', 'Id', 'Created at', 'Currency', 'Total', 'Financial Status'],

  goesOn: (first, row) => row.Name === first.Name && (!row.Id || row.Id === first.Id),

  translate(rows, source) {
    const [row = {}] = rows;
    const id = idCell(row, 'Id');
    const code = neededCell(row, 'Currency');
    const total = money(neededCell(row, 'Total'), code, 'Total');
    const time = (column: string) => timeCell(row, column, source.timeZone);
    const placedAt = time('Created at');
    if (!placedAt) throw new Unintelligible('Created at: is missing');
    const status = (cell(row, 'Financial Status') ?? '').toLowerCase();
    const paidAt = time('Paid at') ?? (paid.has(status) ? placedAt : undefined);
    const cancelledAt = time('Cancelled at');
    const at = latestOf(placedAt, paidAt, time('Fulfilled at'), cancelledAt);
    const refunded = money(cell(row, 'Refunded Amount') ?? '0', code, 'Refunded Amount');
    const fact: Fact = {
      kind: 'order',
      externalId: id,
      who: buyer(row, source.country),
      at,
      order: {
        snapshot: {
          updatedAt: inStage(at, lapsed.has(status) ? 1 : 0),
          total,
          ...parts({
            tax: part(cell(row, 'Taxes'), code),
            shipping: part(cell(row, 'Shipping'), code),
            discount: part(cell(row, 'Discount Amount'), code),
          }),
          ...itemsOf(rows, code),
          test: cell(row, 'Payment Method')?.toLowerCase() === 'bogus',
          ...(lapsed.has(status) && { awaitsPayment: true as const }),
        },
        placedAt,
        ...(paidAt && { paidAt }),
        ...(cancelledAt && { cancelledAt }),
        refunds: {},
        ...(refunded.minor > 0n && { refundedInAll: { amount: refunded, refundedAt: at } }),
        consents: withConsents({}, agreed(row, placedAt, source.id)),
      },
    };
    return { kind: 'fact', fact };
  },
};

const paid = new Set(['paid', 'partially_refunded', 'refunded']);
/** The payment came to nothing, and the order was not cancelled: nobody bought anything. */
const lapsed = new Set(['voided', 'expired']);

function buyer(row: ExportRow, country: string | undefined) {
  const fields = {
    email: cell(row, 'Email'),
    phone: cell(row, 'Phone'),
    ...namesOf(cell(row, 'Billing Name') ?? cell(row, 'Shipping Name')),
  };
  return person(fields, { country: country ?? cell(row, 'Billing Country') });
}

function itemsOf(rows: readonly ExportRow[], code: string) {
  return orderedItems(
    rows.map((row) => ({
      title: cell(row, 'Lineitem name'),
      quantity: cell(row, 'Lineitem quantity'),
      unitPrice: part(cell(row, 'Lineitem price'), code),
      sku: cell(row, 'Lineitem sku'),
    })),
  );
}

/** The box at the checkout. */
function agreed(row: ExportRow, occurredAt: string, sourceId: string): Consent[] {
  if (!/^(yes|true)$/i.test(cell(row, 'Accepts Marketing') ?? '')) return [];
  return [emailMarketing('granted', occurredAt, sourceId)];
}
