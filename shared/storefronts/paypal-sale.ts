import * as z from 'zod/mini';
import type { Money } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import {
  currency,
  decimal,
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

/** What PayPal's resources say of a sale: see paypal.ts. */

/** `value` and `currency_code` since version 2 of the API, `total` and `currency` before. */
const amountShape = z.object({
  value: z.nullish(decimal),
  total: z.nullish(decimal),
  currency_code: z.nullish(currency),
  currency: z.nullish(currency),
});

const linksShape = z.nullish(z.array(z.object({ href: z.string(), rel: z.string() })));

export const paymentShape = z.object({
  id: identifier,
  status: z.nullish(z.string()),
  amount: z.extend(amountShape, {
    details: z.nullish(z.object({ tax: z.nullish(decimal), shipping: z.nullish(decimal) })),
  }),
  create_time: instant,
  update_time: z.nullish(instant),
  links: linksShape,
});

export const refundShape = z.object({
  id: identifier,
  sale_id: z.nullish(identifier),
  capture_id: z.nullish(identifier),
  status: z.nullish(z.string()),
  state: z.nullish(z.string()),
  amount: amountShape,
  seller_payable_breakdown: z.nullish(z.object({ total_refunded_amount: z.nullish(amountShape) })),
  total_refunded_amount: z.nullish(amountShape),
  create_time: z.nullish(instant),
  update_time: z.nullish(instant),
  links: linksShape,
});

const valueShape = z.nullish(z.object({ value: z.nullish(decimal) }));

const payerShape = z.nullish(
  z.object({
    payer_id: z.nullish(identifier),
    account_id: z.nullish(identifier),
    email_address: maybeText,
    name: z.nullish(z.object({ given_name: maybeText, surname: maybeText })),
  }),
);

/** The payer stands at either place, in the newer answers of the API at the second alone. */
export const checkoutShape = z.object({
  payer: payerShape,
  payment_source: z.nullish(z.object({ paypal: payerShape })),
  purchase_units: z.array(
    z.object({
      amount: z.nullish(
        z.object({
          breakdown: z.nullish(z.object({ tax_total: valueShape, shipping: valueShape, discount: valueShape })),
        }),
      ),
      items: z.nullish(
        z.array(z.object({ name: maybeText, sku: maybeText, quantity: z.nullish(decimal), unit_amount: valueShape })),
      ),
      payments: z.nullish(z.object({ captures: z.nullish(z.array(paymentShape)) })),
    }),
  ),
});

type Payment = z.output<typeof paymentShape>;
type Checkout = z.output<typeof checkoutShape>;

const namesCheckout = z.object({
  supplementary_data: z.nullish(z.object({ related_ids: z.nullish(z.object({ order_id: z.nullish(z.string()) })) })),
  links: linksShape,
});

/** The checkout that a capture is of, which may have several captures; nothing where it names none that can be asked for. */
export function checkoutOf(capture: unknown): string | undefined {
  const { supplementary_data: beside, links } = z.safeParse(namesCheckout, capture).data ?? {};
  const linked = (links ?? []).flatMap(({ href }) => /\/checkout\/orders\/([\w-]+)$/.exec(href)?.[1] ?? []);
  const named = beside?.related_ids?.order_id ?? linked[0] ?? '';
  return /^[\w-]{1,64}$/.test(named) ? named : undefined;
}

function amountOf(given: z.output<typeof amountShape>, place: string): Money {
  const code = given.currency_code ?? given.currency;
  const amount = given.value ?? given.total;
  if (!code || amount == null) throw new Unintelligible(`${place}: has no value or no currency`);
  return money(amount.replace(/^-/, ''), code, place);
}

/** The addresses in a resource say whether it is one of the sandbox. */
function isSandbox(links: z.output<typeof linksShape>): boolean {
  return (links ?? []).some(({ href }) => /^https:\/\/[a-z0-9.-]+\.sandbox\.paypal\.com\//.test(href));
}

function stateOf({ amount, create_time, update_time, links }: Payment, place: string) {
  const total = amountOf(amount, place);
  const { details } = amount;
  return {
    updatedAt: update_time ?? create_time,
    total,
    ...parts({ tax: part(details?.tax, total.currency), shipping: part(details?.shipping, total.currency) }),
    test: isSandbox(links),
  };
}

/** Nothing names the buyer here. */
export function translatePayment(payment: Payment, source: Source): Translation {
  const snapshot = stateOf(payment, '/resource/amount');
  const order: Order = {
    snapshot,
    placedAt: payment.create_time,
    paidAt: snapshot.updatedAt,
    refunds: {},
    consents: {},
  };
  return orderFact(payment.id, order, snapshot.updatedAt, person({}, source));
}

export function translateCheckout(checkout: Checkout, source: Source): Translation {
  const [only, ...more] = checkout.purchase_units.flatMap((unit) => unit.payments?.captures ?? []);
  if (!only || more.length > 0) return { kind: 'ignored', reason: 'not one capture: each is told of by itself' };
  return soldBy(only, checkout, '/resource/purchase_units/payments/captures/amount', source);
}

/** A capture as PayPal shows it, and its checkout where there is one. */
export function translateSold(capture: unknown, checkout: unknown, source: Source): Translation {
  const said = checkout === undefined ? { purchase_units: [] } : read(checkoutShape, checkout, '/checkout');
  return soldBy(read(paymentShape, capture, '/capture'), said, '/capture/amount', source);
}

/** The buyer, and what was sold: that is said of a part of the checkout, and holds where one capture alone pays for it. */
function soldBy(capture: Payment, checkout: Checkout, place: string, source: Source): Translation {
  const { payer, payment_source, purchase_units: units } = checkout;
  const state = stateOf(capture, place);
  const code = state.total.currency;
  const unit = units.find(({ payments }) => {
    const [first, ...others] = payments?.captures ?? [];
    return first?.id === capture.id && others.length === 0;
  });
  const said = unit?.amount?.breakdown;
  const order: Order = {
    snapshot: {
      ...state,
      rank: 1,
      ...parts({
        tax: part(said?.tax_total?.value, code),
        shipping: part(said?.shipping?.value, code),
        discount: part(said?.discount?.value, code),
      }),
      ...orderedItems(
        (unit?.items ?? []).map(({ name, sku, quantity, unit_amount }) => ({
          title: name,
          sku,
          quantity,
          unitPrice: part(unit_amount?.value, code),
        })),
      ),
    },
    placedAt: capture.create_time,
    ...(arrived.has(capture.status ?? '') && { paidAt: state.updatedAt }),
    refunds: {},
    consents: {},
  };
  const account = payment_source?.paypal;
  const who = person(
    {
      externalId: payer?.payer_id ?? account?.account_id ?? undefined,
      email: payer?.email_address ?? account?.email_address,
      firstName: payer?.name?.given_name ?? account?.name?.given_name,
      lastName: payer?.name?.surname ?? account?.name?.surname,
    },
    source,
  );
  return orderFact(capture.id, order, state.updatedAt, who);
}

const arrived = new Set(['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED']);

/** A reversal is money that PayPal took back, after a dispute or a chargeback: it counts as a refund. */
export function translateRefund(refund: z.output<typeof refundShape>, isReversal: boolean): Translation {
  const refundedAt = refund.create_time ?? refund.update_time;
  if (!refundedAt) throw new Unintelligible('/resource/create_time: is missing');
  const payment = paymentOf(refund) ?? (isReversal ? refund.id : undefined);
  if (!payment) throw new Unintelligible('/resource/links: names no capture or sale that this is the refund of');
  const amount = amountOf(refund.amount, '/resource/amount');
  const all = refund.seller_payable_breakdown?.total_refunded_amount ?? refund.total_refunded_amount;
  const inAll = all && amountOf(all, '/resource/total_refunded_amount');
  if (amount.minor === 0n) return { kind: 'ignored', reason: 'nothing was paid back' };
  const failed = /^(failed|cancelled)$/i.test(refund.status ?? refund.state ?? '');
  const order: Order = {
    refunds: { [refund.id]: { amount, refundedAt, ...(failed && { failed: true }) } },
    ...(inAll && inAll.minor > 0n && !failed && { refundedInAll: { amount: inAll, refundedAt } }),
    consents: {},
  };
  return orderFact(payment, order, refundedAt, {});
}

function paymentOf({ id, sale_id, capture_id, links }: z.output<typeof refundShape>): string | undefined {
  const linked = (links ?? []).flatMap(({ href }) => /\/(?:captures?|sale)\/([\w-]{1,64})$/.exec(href)?.[1] ?? []);
  return sale_id ?? capture_id ?? linked.find((other) => other !== id);
}

function orderFact(externalId: string, order: Order, at: string, who: ReturnType<typeof person>): Translation {
  return { kind: 'fact', fact: { kind: 'order', externalId, who, at, order } };
}
