import * as z from 'zod/mini';
import { type Consents, withConsents } from '../domain/consent.ts';
import type { Instant } from '../domain/instant.ts';
import type { Snapshot } from '../domain/order.ts';
import type { Translation } from '../engine/fact.ts';
import {
  emailMarketing,
  identifier,
  maybeText,
  minorUnits,
  orderedItems,
  parts,
  person,
  read,
  seconds,
} from './fields.ts';
import { maybeId, type Said, sale, stripeCurrency, stripeMoney, stripePart, unitPriceOf } from './stripe-fields.ts';
import { refundOf, refundShape } from './stripe-refund.ts';

/** What Stripe's objects say of a sale: see stripe.ts. */

const presentmentShape = z.nullish(z.object({ presentment_amount: minorUnits, presentment_currency: stripeCurrency }));

const amountsOf = z.nullish(z.array(z.object({ amount: z.nullish(minorUnits) })));

const sessionShape = z.object({
  id: identifier,
  mode: z.nullish(z.string()),
  payment_status: z.nullish(z.string()),
  payment_intent: maybeId,
  invoice: maybeId,
  subscription: maybeId,
  customer: maybeId,
  customer_email: maybeText,
  customer_details: z.nullish(z.object({ email: maybeText, name: maybeText, phone: maybeText })),
  locale: maybeText,
  currency: z.nullish(stripeCurrency),
  amount_total: z.nullish(minorUnits),
  total_details: z.nullish(
    z.object({
      amount_discount: z.nullish(minorUnits),
      amount_shipping: z.nullish(minorUnits),
      amount_tax: z.nullish(minorUnits),
    }),
  ),
  presentment_details: presentmentShape,
  consent: z.nullish(z.object({ promotions: z.nullish(z.string()) })),
});

/** It does not say what was sold. Completed is not paid: a debit may take days, and then a message of its own says that it came. */
export function translateSession(object: unknown, { at, test, source }: Said): Translation {
  const session = read(sessionShape, object, '/data/object');
  const { currency: code, amount_total: total, customer_details: details, total_details: split } = session;
  if (session.mode === 'setup' || !code || total == null) return { kind: 'ignored', reason: 'nothing was sold' };
  if (session.mode === 'subscription' && total === '0') return { kind: 'ignored', reason: 'a trial is no purchase' };
  const paid = session.payment_status !== 'unpaid';
  return sale({
    names: [session.payment_intent, session.invoice, session.id, session.subscription],
    who: person(
      {
        externalId: session.customer ?? undefined,
        email: details?.email ?? session.customer_email,
        phone: details?.phone,
        ...namesOf(details?.name),
        locale: session.locale === 'auto' ? undefined : session.locale,
      },
      source,
    ),
    snapshot: {
      updatedAt: at,
      rank: 3,
      total: stripeMoney(total, code, '/data/object/amount_total'),
      ...presentmentOf(session.presentment_details),
      ...parts({
        tax: stripePart(split?.amount_tax, code),
        shipping: stripePart(split?.amount_shipping, code),
        discount: stripePart(split?.amount_discount, code),
      }),
      test,
      ...(!paid && { awaitsPayment: true as const }),
    },
    placedAt: at,
    ...(paid && { paidAt: at }),
    consents: consentsOf(session.consent?.promotions, at, source.id),
  });
}

const invoiceShape = z.object({
  id: identifier,
  created: seconds,
  currency: stripeCurrency,
  total: minorUnits,
  payment_intent: maybeId,
  charge: maybeId,
  billing_reason: z.nullish(z.string()),
  subscription: maybeId,
  parent: z.nullish(z.object({ subscription_details: z.nullish(z.object({ subscription: maybeId })) })),
  customer: maybeId,
  customer_email: maybeText,
  customer_name: maybeText,
  customer_phone: maybeText,
  status_transitions: z.nullish(z.object({ finalized_at: z.nullish(seconds), paid_at: z.nullish(seconds) })),
  tax: z.nullish(minorUnits),
  total_taxes: amountsOf,
  total_tax_amounts: amountsOf,
  total_discount_amounts: amountsOf,
  shipping_cost: z.nullish(z.object({ amount_total: z.nullish(minorUnits) })),
  lines: z.nullish(
    z.object({
      data: z.nullish(
        z.array(
          z.object({
            description: maybeText,
            quantity: z.nullish(z.number()),
            amount: z.nullish(minorUnits),
          }),
        ),
      ),
    }),
  ),
});

export function translateInvoice(object: unknown, { at, test, source }: Said): Translation {
  const invoice = read(invoiceShape, object, '/data/object');
  const { currency: code, total, status_transitions: steps, parent } = invoice;
  if (/^-?0*$|^-/.test(total)) return { kind: 'ignored', reason: 'a trial or a credit is no purchase' };
  const taxes = invoice.total_taxes ?? invoice.total_tax_amounts;
  const isFirst = invoice.billing_reason === 'subscription_create';
  const subscription = invoice.subscription ?? parent?.subscription_details?.subscription;
  return sale({
    names: [invoice.payment_intent, invoice.id, isFirst ? subscription : undefined, invoice.charge],
    who: person(
      {
        externalId: invoice.customer ?? undefined,
        email: invoice.customer_email,
        phone: invoice.customer_phone,
        ...namesOf(invoice.customer_name),
      },
      source,
    ),
    snapshot: {
      updatedAt: at,
      rank: 4,
      total: stripeMoney(total, code, '/data/object/total'),
      ...parts({
        tax: taxes ? sumOf(taxes, code) : stripePart(invoice.tax, code),
        shipping: stripePart(invoice.shipping_cost?.amount_total, code),
        discount: invoice.total_discount_amounts ? sumOf(invoice.total_discount_amounts, code) : undefined,
      }),
      ...orderedItems(
        (invoice.lines?.data ?? []).map(({ description, quantity, amount }) => ({
          title: description,
          quantity,
          unitPrice: unitPriceOf(amount, quantity, code),
        })),
      ),
      test,
    },
    placedAt: steps?.finalized_at ?? invoice.created,
    paidAt: steps?.paid_at ?? at,
  });
}

const invoicePaymentShape = z.object({
  invoice: identifier,
  payment: z.nullish(z.object({ payment_intent: maybeId, charge: maybeId })),
});

/** Since 2025 nothing else says which payment an invoice was paid by. */
export function translateInvoicePayment(object: unknown, { at }: Said): Translation {
  const { invoice, payment } = read(invoicePaymentShape, object, '/data/object');
  return sale({ names: [payment?.payment_intent, invoice, payment?.charge], at });
}

const chargeShape = z.object({
  id: identifier,
  created: seconds,
  amount: minorUnits,
  amount_refunded: z.nullish(minorUnits),
  currency: stripeCurrency,
  captured: z.nullish(z.boolean()),
  status: z.nullish(z.string()),
  payment_intent: maybeId,
  invoice: maybeId,
  customer: maybeId,
  receipt_email: maybeText,
  billing_details: z.nullish(z.object({ email: maybeText, name: maybeText, phone: maybeText })),
  presentment_details: presentmentShape,
  /** With the API's versions before 2022-11-15. */
  refunds: z.nullish(z.object({ data: z.nullish(z.array(refundShape)) })),
});

/** What was authorised and not captured was not paid; the rest of a partial capture is said to be refunded. */
export function translateCharge(object: unknown, { type, at, test, source }: Said): Translation {
  const charge = read(chargeShape, object, '/data/object');
  if (charge.status === 'failed') return { kind: 'ignored', reason: 'nothing was paid' };
  const { currency: code, billing_details: billing } = charge;
  const total = stripeMoney(charge.amount, code, '/data/object/amount');
  const back = stripeMoney(charge.amount_refunded ?? '0', code, '/data/object/amount_refunded');
  const paid = charge.captured !== false;
  return sale({
    names: [charge.payment_intent, charge.invoice, charge.id],
    who: person(
      {
        externalId: charge.customer ?? undefined,
        email: billing?.email ?? charge.receipt_email,
        phone: billing?.phone,
        ...namesOf(billing?.name),
      },
      source,
    ),
    snapshot: {
      updatedAt: at,
      rank: 1,
      total,
      ...presentmentOf(charge.presentment_details),
      test,
      ...(!paid && { awaitsPayment: true as const }),
    },
    placedAt: charge.created,
    ...(paid && { paidAt: type === 'charge.captured' ? at : charge.created }),
    refunds: Object.fromEntries((charge.refunds?.data ?? []).map((refund) => [refund.id, refundOf(refund)])),
    ...(back.minor > 0n && { refundedInAll: { amount: back, refundedAt: at } }),
  });
}

function sumOf(amounts: z.output<typeof amountsOf>, code: string): bigint {
  return (amounts ?? []).reduce((sum, { amount }) => sum + (stripePart(amount, code) ?? 0n), 0n);
}

function presentmentOf(seen: z.output<typeof presentmentShape>): Pick<Snapshot, 'presentment'> {
  if (!seen) return {};
  const place = '/data/object/presentment_details/presentment_amount';
  return { presentment: stripeMoney(seen.presentment_amount, seen.presentment_currency, place) };
}

/** Stripe has one name for a person: what stands before the first space is taken for the first name. */
export function namesOf(name: string | undefined): { firstName?: string; lastName?: string } {
  const [firstName, ...rest] = (name ?? '').split(/\s+/).filter(Boolean);
  return { ...(firstName && { firstName }), ...(rest.length > 0 && { lastName: rest.join(' ') }) };
}

/** `opt_in` and `opt_out` are what the customer answered; where nobody asked there is neither. */
function consentsOf(promotions: string | null | undefined, occurredAt: Instant, sourceId: string): Consents {
  const state = promotions === 'opt_in' ? 'granted' : promotions === 'opt_out' ? 'refused' : undefined;
  return withConsents({}, state ? [emailMarketing(state, occurredAt, sourceId)] : []);
}
