import * as z from 'zod/mini';
import { type Consents, withConsents } from '../domain/consent.ts';
import type { Instant } from '../domain/instant.ts';
import { type Money, parseMoney, scale } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { emailMarketing, identifier, money, person, read } from './fields.ts';
import { statedConsents } from './shopify-customer.ts';
import { partsOf } from './shopify-parts.ts';
import { orderShape, refundShape, type ShopifyOrder, type ShopifyRefund } from './shopify-shapes.ts';

/** Orders and refunds of Shopify (shopify.dev, the REST admin resources Order and Refund). */

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
  const ordered = money(order.total_price, order.currency, '/total_price').minor;
  const { total, presentment } = totals(order, ordered);
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
          ...partsOf(order, {
            isEdited: total.minor !== ordered,
            returned: (order.refunds ?? []).filter((refund) => paidBack(refund, order.currency)),
          }),
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
function totals(order: ShopifyOrder, ordered: bigint): { total: Money; presentment?: Money } {
  const total = { minor: worthOf(order, ordered), currency: order.currency };
  const seen = order.total_price_set?.presentment_money;
  if (!seen || seen.currency_code === order.currency) return { total };
  const presentment = money(seen.amount, seen.currency_code, '/total_price_set/presentment_money/amount');
  if (ordered === 0n) return { total, presentment };
  return { total, presentment: { ...presentment, minor: scale(presentment.minor, total.minor, ordered) } };
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
