import * as z from 'zod/mini';
import type { Translation } from '../engine/fact.ts';
import { identifier, minorUnits, read, seconds } from './fields.ts';
import { maybeId, type Said, sale, stripeCurrency, stripeMoney } from './stripe-fields.ts';

/** What Stripe's objects say of money that went back: see stripe.ts. */

export const refundShape = z.object({
  id: identifier,
  amount: minorUnits,
  currency: stripeCurrency,
  status: z.nullish(z.string()),
  created: seconds,
  charge: maybeId,
  payment_intent: maybeId,
});

/** The sale has it from `amount_refunded` as well, as soon as it is announced; a refund may still fail. */
export function translateRefund(object: unknown): Translation {
  const refund = read(refundShape, object, '/data/object');
  const { payment_intent, charge } = refund;
  if (!payment_intent && !charge) return { kind: 'ignored', reason: 'a refund of no payment' };
  const paidBack = refundOf(refund);
  return sale({ names: [payment_intent, charge], at: paidBack.refundedAt, refunds: { [refund.id]: paidBack } });
}

export function refundOf({ amount, currency: code, status, created }: z.output<typeof refundShape>) {
  return {
    amount: stripeMoney(amount, code, '/data/object/amount'),
    refundedAt: created,
    ...((status === 'failed' || status === 'canceled') && { failed: true as const }),
  };
}

const disputeShape = z.object({
  id: identifier,
  amount: minorUnits,
  currency: stripeCurrency,
  status: z.string(),
  created: seconds,
  charge: maybeId,
  payment_intent: maybeId,
});

/**
 * The money leaves while a dispute is open, and is back once it is won. Of one that was lost only what had been refunded
 * before comes back, and its status stays `lost`.
 */
export function translateDispute(object: unknown, { type }: Said): Translation {
  const {
    id,
    amount,
    currency: code,
    status,
    created,
    charge,
    payment_intent,
  } = read(disputeShape, object, '/data/object');
  if (!payment_intent && !charge) return { kind: 'ignored', reason: 'a dispute of no payment' };
  const isOver = type === 'charge.dispute.closed';
  if (isOver && status !== 'lost' && status !== 'won') return { kind: 'ignored', reason: 'no money was taken back' };
  const isBack = isOver ? status === 'won' : type === 'charge.dispute.funds_reinstated' && status !== 'lost';
  const taken = {
    amount: stripeMoney(amount, code, '/data/object/amount'),
    refundedAt: created,
    disputed: true as const,
    ...(isBack && { failed: true as const }),
  };
  return sale({ names: [payment_intent, charge], at: created, refunds: { [id]: taken } });
}
