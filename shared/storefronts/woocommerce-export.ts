import { parseMoney, scale } from '../domain/money.ts';
import { type Fact, Unintelligible } from '../engine/fact.ts';
import type { ExportRow, OrderExport } from '../engine/storefront.ts';
import { withoutEntities } from './entities.ts';
import { cell, idCell, inStage, latestOf, neededCell, timeCell } from './export-fields.ts';
import { type ItemSaid, money, orderedItems, part, parts, person } from './fields.ts';

/**
 * The two usual exports of WooCommerce's orders, whose columns have the same names in the main: "Customer/Order/Coupon
 * Export" (one row an order, or one a line item) and the "Import Export Suite" (woocommerce.com/document/
 * import-and-export-of-woocommerce-orders). Times are those of the shop's own clock.
 */
export const woocommerceExport: OrderExport = {
  needs: ['order_id', 'status', 'order_total'],

  goesOn: (first, row) => row.order_id === first.order_id,

  translate(rows, source) {
    const [row = {}] = rows;
    const id = idCell(row, 'order_id');
    const status = neededCell(row, 'status').toLowerCase().replace(/^wc-/, '').replace(/[ _]/g, '-');
    if (drafts.has(status)) return { kind: 'ignored', reason: 'a draft is no order' };
    const code = (cell(row, 'order_currency') ?? cell(row, 'currency') ?? source.currency).toUpperCase();
    const total = money(neededCell(row, 'order_total'), code, 'order_total');
    const time = (column: string) => timeCell(row, column, source.timeZone);
    const placedAt = time('order_date') ?? time('date');
    if (!placedAt) throw new Unintelligible('order_date: is missing');
    const saysPaid = 'paid_date' in row || 'date_paid' in row;
    const paidAt = time('paid_date') ?? time('date_paid') ?? (!saysPaid && paid.has(status) ? placedAt : undefined);
    const at = latestOf(placedAt, paidAt, time('completed_date') ?? time('date_completed'));
    const stateAt = inStage(at, stages.get(status) ?? 3);
    const refunded = status === 'refunded' ? total : refundedOf(row, code);
    const fact: Fact = {
      kind: 'order',
      externalId: id,
      who: buyer(row, source.country),
      at,
      ...(status === 'cancelled' && !saysPaid && { cancelledIfPaid: at }),
      ...(paidAt && !saysPaid && { paidAsOf: stateAt }),
      order: {
        snapshot: {
          updatedAt: paidAt ? at : stateAt,
          total,
          ...parts({
            tax: part(cell(row, 'tax_total'), code),
            shipping: part(cell(row, 'shipping_total'), code),
            discount: part(cell(row, 'discount_total') ?? cell(row, 'cart_discount'), code),
          }),
          ...orderedItems(itemsOf(rows, code)),
          test: status === 'trash',
          ...(unpaid.has(status) && { awaitsPayment: true as const }),
        },
        placedAt,
        ...(paidAt && { paidAt }),
        ...(status === 'cancelled' && paidAt && { cancelledAt: at }),
        refunds: {},
        ...(refunded.minor > 0n && { refundedInAll: { amount: refunded, refundedAt: at } }),
        consents: {},
      },
    };
    return { kind: 'fact', fact };
  },
};

const drafts = new Set(['auto-draft', 'checkout-draft', 'draft', 'new']);
const paid = new Set(['processing', 'completed', 'refunded']);
/** No purchase, unless it was paid. */
const unpaid = new Set(['pending', 'pending-payment', 'failed', 'cancelled']);
/**
 * The states in the order in which they mostly follow each other, `processing` and all others being 3: what failed may be
 * ordered by another way of payment, and what was cancelled is over.
 */
const stages = new Map([
  ['pending', 0],
  ['pending-payment', 0],
  ['on-hold', 1],
  ['failed', 2],
  ['cancelled', 4],
]);

/** `refunded_total`, or the entries of `refund_items`: `amount:5.00|reason:…|date:…;amount:…`. */
function refundedOf(row: ExportRow, code: string) {
  const said = cell(row, 'refunded_total') ?? cell(row, 'order_refunded_total');
  if (said !== undefined) return money(said.replace(/^-/, ''), code, 'refunded_total');
  const amounts = [...(cell(row, 'refund_items') ?? '').matchAll(/(?:^|[|;])amount:-?([\d.]+)/g)];
  const minor = amounts.reduce((sum, [, amount = '']) => sum + money(amount, code, 'refund_items').minor, 0n);
  return { minor, currency: code };
}

/** `customer_id` 0 is a guest. */
function buyer(row: ExportRow, country: string | undefined) {
  const id = cell(row, 'customer_id') ?? cell(row, 'customer_user');
  const isAccount = id !== undefined && /^[1-9]\d{0,19}$/.test(id);
  return person(
    {
      externalId: isAccount ? id : undefined,
      email: cell(row, 'billing_email') ?? cell(row, 'customer_email'),
      phone: cell(row, 'billing_phone'),
      firstName: pageText(cell(row, 'billing_first_name')),
      lastName: pageText(cell(row, 'billing_last_name')),
    },
    { country: cell(row, 'billing_country') ?? country },
  );
}

const pageText = (text: string | undefined) => text && withoutEntities(text);

/** Ends an entry, unless it ends an entity such as `&amp;`. */
const entryEnd = /(?<!&#?\w{1,8});/;

/** `line_items` of all, `line_item_1`, `line_item_2` …, or a row each; what is written otherwise is passed over. */
function itemsOf(rows: readonly ExportRow[], code: string): ItemSaid[] {
  const [row = {}] = rows;
  if ('item_name' in row) {
    return rows.map((one) =>
      itemOf(
        {
          name: cell(one, 'item_name'),
          sku: cell(one, 'item_sku'),
          quantity: cell(one, 'item_quantity'),
          total: cell(one, 'item_subtotal') ?? cell(one, 'item_total'),
        },
        code,
      ),
    );
  }
  const numbered = Object.keys(row).filter((column) => /^line_item_\d+$/.test(column));
  const entries = numbered.length > 0 ? numbered.map((column) => row[column]) : (row.line_items ?? '').split(entryEnd);
  return entries.flatMap((entry) => {
    const fields = Object.fromEntries(
      (entry ?? '').split('|').map((field): [string, string] => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).trim(), field.slice(colon + 1).trim()];
      }),
    );
    const { name, sku, quantity } = fields;
    return name
      ? [itemOf({ name, sku, quantity, total: fields.sub_total ?? fields.subtotal ?? fields.total }, code)]
      : [];
  });
}

interface Entry {
  name: string | undefined;
  sku: string | undefined;
  quantity: string | undefined;
  /** Of the whole line, before discounts. */
  total: string | undefined;
}

function itemOf({ name, sku, quantity, total }: Entry, code: string): ItemSaid {
  const ofLine = total === undefined ? undefined : parseMoney(total, code)?.minor;
  const thousandths = Math.round(Number(quantity ?? 0) * 1000);
  const isCounted = ofLine !== undefined && Number.isSafeInteger(thousandths) && thousandths > 0;
  return {
    title: pageText(name),
    sku: sku || undefined,
    quantity,
    unitPrice: isCounted ? scale(ofLine, 1000n, BigInt(thousandths)) : undefined,
  };
}
