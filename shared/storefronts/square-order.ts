import * as z from 'zod/mini';
import type { Person } from '../domain/identity.ts';
import { type Instant, later } from '../domain/instant.ts';
import { decimalsOf, type Money } from '../domain/money.ts';
import type { Translation } from '../engine/fact.ts';
import {
  currency,
  identifier,
  inDecimals,
  instant,
  maybeText,
  minorUnits,
  money,
  orderedItems,
  part,
  parts,
} from './fields.ts';

/** Square's payments and orders as they are fetched: see square.ts. */

export const squareAmount = z.object({ amount: z.nullish(minorUnits), currency });
type Amount = z.output<typeof squareAmount>;

export const paymentShape = z.object({
  id: identifier,
  order_id: z.nullish(identifier),
  status: z.string(),
  created_at: instant,
  updated_at: instant,
  amount_money: squareAmount,
  /** The amount and the tip. */
  total_money: z.nullish(squareAmount),
  refunded_money: z.nullish(squareAmount),
  customer_id: z.nullish(identifier),
  buyer_email_address: maybeText,
  billing_address: z.nullish(z.object({ first_name: maybeText, last_name: maybeText })),
  card_details: z.nullish(
    z.object({ card_payment_timeline: z.nullish(z.object({ captured_at: z.nullish(instant) })) }),
  ),
});

/** What tells a sale from a draft, and from the order of a return, which need not have a total. */
export const anyOrderShape = z.object({
  state: z.string(),
  line_items: z.nullish(z.array(z.unknown())),
  returns: z.nullish(z.array(z.unknown())),
});

export const orderShape = z.object({
  id: identifier,
  state: z.string(),
  created_at: instant,
  updated_at: instant,
  closed_at: z.nullish(instant),
  customer_id: z.nullish(identifier),
  total_money: squareAmount,
  total_tax_money: z.nullish(squareAmount),
  total_discount_money: z.nullish(squareAmount),
  net_amount_due_money: z.nullish(squareAmount),
  line_items: z.nullish(
    z.array(
      z.object({
        name: maybeText,
        variation_name: maybeText,
        quantity: z.nullish(z.union([z.string(), z.number()])),
        base_price_money: z.nullish(squareAmount),
      }),
    ),
  ),
  tenders: z.nullish(
    z.array(
      z.object({
        id: identifier,
        payment_id: z.nullish(identifier),
        created_at: z.nullish(instant),
        customer_id: z.nullish(identifier),
      }),
    ),
  ),
});

type SquareOrder = z.output<typeof orderShape>;
type Payment = z.output<typeof paymentShape>;

const decimalText = ({ amount, currency: code }: Amount) => inDecimals(amount ?? '0', decimalsOf(code));

/** @throws Unintelligible */
export function squareMoney(amount: Amount, place: string): Money {
  return money(decimalText(amount), amount.currency, place);
}

function partOf(amount: Amount | null | undefined): bigint | undefined {
  return amount ? part(decimalText(amount), amount.currency) : undefined;
}

/**
 * The state of an order with its payments. What was paid back stands with the payments; the refunds' own messages name
 * those.
 */
export function translateOrder(
  order: SquareOrder,
  payments: readonly Payment[],
  who: Person,
  test: boolean,
): Translation {
  const { id, created_at: placedAt, updated_at: updatedAt, total_money: total, line_items, tenders } = order;
  const paidAt = paidAtOf(order, payments);
  const back = payments.reduce((sum, { refunded_money }) => sum + (partOf(refunded_money) ?? 0n), 0n);
  const names = (tenders ?? []).map((tender) => tender.payment_id ?? tender.id);
  const backAt = payments.reduce<Instant>((at, payment) => later(at, payment.updated_at) as Instant, placedAt);
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: id,
      ...(names.length > 0 && { alsoKnownAs: names }),
      who,
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total: squareMoney(total, '/order/total_money'),
          ...parts({ tax: partOf(order.total_tax_money), discount: partOf(order.total_discount_money) }),
          ...orderedItems(
            (line_items ?? []).map(({ name, variation_name, quantity, base_price_money }) => ({
              title: name ?? variation_name,
              quantity,
              unitPrice: partOf(base_price_money),
            })),
          ),
          test,
        },
        placedAt,
        ...(paidAt && { paidAt }),
        ...(order.state === 'CANCELED' && { cancelledAt: order.closed_at ?? updatedAt }),
        refunds: {},
        ...(back > 0n && {
          refundedInAll: { amount: { minor: back, currency: total.currency }, refundedAt: backAt },
        }),
        consents: {},
      },
    },
  };
}

const isOpen = new Set(['APPROVED', 'PENDING']);

/** When nothing was due any more and all payments were captured: a deposit pays no order. */
function paidAtOf(order: SquareOrder, payments: readonly Payment[]): Instant | undefined {
  const { tenders, state, net_amount_due_money: due } = order;
  const isClosed = state === 'COMPLETED';
  const isSettled = due ? BigInt(due.amount ?? 0) <= 0n && Boolean(tenders?.length) : isClosed;
  if (!(isClosed || isSettled) || payments.some(({ status }) => isOpen.has(status))) return undefined;
  const lastTender = (tenders ?? []).reduce<Instant | undefined>(
    (at, one) => later(at, one.created_at ?? undefined),
    undefined,
  );
  return lastTender ?? order.closed_at ?? order.updated_at;
}
