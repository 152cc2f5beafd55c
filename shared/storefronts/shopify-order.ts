import * as z from 'zod/mini';
import { type Consents, withConsents } from '../domain/consent.ts';
import type { Instant } from '../domain/instant.ts';
import { type Money, parseMoney, scale } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import {
  currency,
  decimal,
  emailMarketing,
  identifier,
  instant,
  maybeText,
  money,
  orderedItems,
  part,
  parts,
  person,
  read,
} from './fields.ts';
import { customerShape, statedConsents } from './shopify-customer.ts';

/** Orders and refunds of Shopify (shopify.dev, the REST admin resources Order and Refund). */

const presentmentSet = z.nullish(
  z.object({ presentment_money: z.nullish(z.object({ amount: decimal, currency_code: currency })) }),
);

const refundShape = z.object({
  id: identifier,
  created_at: instant,
  processed_at: z.nullish(instant),
  transactions: z.nullish(
    z.array(
      z.object({ kind: z.string(), status: z.nullish(z.string()), amount: decimal, currency: z.nullish(currency) }),
    ),
  ),
  refund_line_items: z.nullish(z.array(z.object({ subtotal: z.nullish(decimal), total_tax: z.nullish(decimal) }))),
});

const nameShape = z.nullish(z.object({ first_name: maybeText, last_name: maybeText }));

const orderShape = z.object({
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

type ShopifyOrder = z.output<typeof orderShape>;
type ShopifyRefund = z.output<typeof refundShape>;

export function translateOrder(body: unknown, source: Source, isTest: boolean): Translation {
  const order = read(orderShape, body);
  const placedAt = order.processed_at ?? order.created_at;
  const updatedAt = order.updated_at ?? order.created_at;
  const test = isTest || order.test === true;
  const refunds: Order['refunds'] = {};
  for (const refund of order.refunds ?? []) {
    const amount = paidBack(refund, order.currency);
    if (amount) refunds[refund.id] = { amount, refundedAt: refund.processed_at ?? refund.created_at };
  }
  const { total, presentment } = totals(order);
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      who: person(
        {
          externalId: order.customer?.id,
          email: order.customer?.email,
          orderEmail: order.email ?? order.contact_email,
          phone: order.customer?.phone ?? order.phone,
          firstName:
            order.customer?.first_name ?? order.billing_address?.first_name ?? order.shipping_address?.first_name,
          lastName: order.customer?.last_name ?? order.billing_address?.last_name ?? order.shipping_address?.last_name,
          locale: order.customer_locale,
        },
        source,
      ),
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total,
          ...(presentment && { presentment }),
          ...parts({
            tax: part(order.current_total_tax ?? order.total_tax, order.currency),
            shipping: part(order.total_shipping_price_set?.shop_money?.amount, order.currency),
            discount: part(order.current_total_discounts ?? order.total_discounts, order.currency),
          }),
          ...orderedItems(
            (order.line_items ?? []).map(({ title, name, sku, price, quantity, current_quantity, product_type }) => ({
              title: title ?? name,
              quantity: current_quantity ?? quantity,
              unitPrice: part(price, order.currency),
              sku,
              category: product_type,
            })),
          ),
          test,
          ...(lapsed.has(order.financial_status ?? '') && { awaitsPayment: true }),
        },
        placedAt,
        ...(paid.has(order.financial_status ?? '') && { paidAt: updatedAt }),
        ...(order.cancelled_at && { cancelledAt: order.cancelled_at }),
        refunds,
        consents: checkoutConsents(order, placedAt, source.id),
      },
    },
  };
}

/**
 * What the customer pays in all, before refunds. `total_price` is what was ordered; `current_total_price` is what is
 * left of it after edits, returns and refunds, so with what was paid back it shows goods that were added. Goods that
 * were taken out without paying back (a refund without transactions) were never paid, except for what the shop still
 * owes: then `total_outstanding` is negative. Of an order that is not paid yet, only what is left will be. Where the
 * shop says what is outstanding, that alone tells all of this exactly.
 */
function totals(order: ShopifyOrder): { total: Money; presentment?: Money } {
  const ordered = money(order.total_price, order.currency, '/total_price');
  const total = { ...ordered, minor: worthOf(order, ordered.minor) };
  const seen = order.total_price_set?.presentment_money;
  if (!seen || seen.currency_code === order.currency) return { total };
  const presentment = money(seen.amount, seen.currency_code, '/total_price_set/presentment_money/amount');
  if (ordered.minor === 0n) return { total, presentment };
  return { total, presentment: { ...presentment, minor: scale(presentment.minor, total.minor, ordered.minor) } };
}

function worthOf(order: ShopifyOrder, ordered: bigint): bigint {
  const { currency: code, current_total_price: left, total_outstanding: outstanding } = order;
  const refunds = order.refunds ?? [];
  const current = left == null ? undefined : parseMoney(left, code)?.minor;
  if (current === undefined || order.cancelled_at) return ordered;
  const back = refunds.reduce((sum, refund) => sum + inCurrency(paidBack(refund, code), code), 0n);
  const owed = outstanding == null ? undefined : -(parseMoney(outstanding, code)?.minor ?? 0n);
  // What is left, and what came back, and what is still to come back: nothing else was ever paid.
  if (owed !== undefined && paidInCurrency(refunds, code)) return current + back + larger(0n, owed);
  if (refunds.length === 0 && notPaidYet.has(order.financial_status ?? '')) return larger(0n, current);
  const unpaid = refunds.filter((refund) => !paidBack(refund, code));
  const goods = unpaid.reduce((sum, refund) => sum + goodsOf(refund, order), 0n);
  const taken = unpaid.length === refunds.length && unpaid.length > 0 ? ordered - current : goods;
  return larger(ordered - larger(0n, taken - larger(0n, owed ?? 0n)), current + back);
}

function paidInCurrency(refunds: readonly ShopifyRefund[], code: string): boolean {
  return refunds.every((refund) => (paidBack(refund, code)?.currency ?? code) === code);
}

/** Nothing says when it was paid: at the latest when the shop said this. */
const paid = new Set(['paid', 'partially_refunded', 'refunded']);
/** The payment came to nothing, and the order was not cancelled: nobody bought anything. */
const lapsed = new Set(['voided', 'expired']);
const notPaidYet = new Set(['pending', 'authorized', 'partially_paid']);
const inCurrency = (amount: Money | undefined, code: string) => (amount?.currency === code ? amount.minor : 0n);

function goodsOf(
  { refund_line_items: lines }: ShopifyRefund,
  { currency: code, taxes_included }: ShopifyOrder,
): bigint {
  return (lines ?? []).reduce((sum, { subtotal, total_tax }) => {
    const tax = taxes_included ? 0n : (parseMoney(total_tax ?? '0', code)?.minor ?? 0n);
    return sum + (parseMoney(subtotal ?? '0', code)?.minor ?? 0n) + tax;
  }, 0n);
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);

/** What a refund's successful transactions paid back; nothing for a mere return of goods. */
function paidBack(refund: ShopifyRefund, shopCurrency?: string): Money | undefined {
  const paid = (refund.transactions ?? []).filter(
    ({ kind, status }) => kind === 'refund' && (status ?? 'success') === 'success',
  );
  let sum: Money | undefined;
  for (const { amount, currency: code } of paid) {
    const paidIn = code ?? shopCurrency;
    if (!paidIn) throw new Unintelligible('/transactions: a refund has no currency');
    const part = money(amount, paidIn, '/transactions/amount');
    if (sum && sum.currency !== part.currency) throw new Unintelligible('/transactions: a refund has two currencies');
    sum = { minor: (sum?.minor ?? 0n) + part.minor, currency: part.currency };
  }
  return sum && sum.minor > 0n ? sum : undefined;
}

export function translateRefund(body: unknown): Translation {
  const refund = read(z.extend(refundShape, { order_id: identifier }), body);
  const amount = paidBack(refund);
  if (!amount) return { kind: 'ignored', reason: 'nothing was paid back' };
  const refundedAt = refund.processed_at ?? refund.created_at;
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: refund.order_id,
      who: {},
      at: refundedAt,
      order: { refunds: { [refund.id]: { amount, refundedAt } }, consents: {} },
    },
  };
}

/** The box at the checkout is a yes, unless the shop says in the same breath that it is not: asked back, or taken back. */
function checkoutConsents(order: ShopifyOrder, placedAt: Instant, sourceId: string): Consents {
  const agreed = emailMarketing('granted', placedAt, sourceId);
  const stated = order.customer ? statedConsents(order.customer, sourceId) : [];
  const state = order.customer?.email_marketing_consent?.state ?? '';
  const counts = order.buyer_accepts_marketing && !['pending', 'unsubscribed', 'redacted', 'invalid'].includes(state);
  return withConsents({}, counts ? [...stated, agreed] : stated);
}
