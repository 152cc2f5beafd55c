import { emailOf, type Sale } from './history.ts';
import { backAt, nameOf, time } from './sale-state.ts';

/** Sales as the payment services show them: Stripe as session and charge, Square as a payment without an order. */

export function stripeEvent({ test }: Sale, type: string, at: number, object: object) {
  return { object: 'event', type, created: at / 1000, livemode: !test, data: { object } };
}

function stripeWho({ buyer, guest }: Sale) {
  const name = buyer === undefined ? undefined : nameOf(buyer);
  return {
    customer: buyer === undefined || guest ? null : `cus_${buyer}`,
    details: {
      email: buyer === undefined ? null : emailOf(buyer),
      name: name ? `${name.first} ${name.last}` : null,
      phone: null,
    },
  };
}

export function stripeSession(sale: Sale) {
  const { customer, details } = stripeWho(sale);
  return {
    object: 'checkout.session',
    id: `cs_${sale.id}`,
    mode: 'payment',
    payment_status: 'paid',
    payment_intent: `pi_${sale.id}`,
    customer,
    customer_details: details,
    currency: 'eur',
    amount_total: sale.cents,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
  };
}

export function stripeCharge(sale: Sale, at: number) {
  const { customer, details } = stripeWho(sale);
  return {
    object: 'charge',
    id: `ch_${sale.id}`,
    created: sale.placedAt / 1000,
    amount: sale.cents,
    amount_refunded: backAt(sale, at),
    currency: 'eur',
    captured: true,
    status: 'succeeded',
    payment_intent: `pi_${sale.id}`,
    customer,
    billing_details: details,
  };
}

export const squareEvent = (type: string, object: object) => ({ merchant_id: 'M', type, data: { type, object } });

export function squarePayment(sale: Sale, at: number, status: string) {
  const { buyer, guest } = sale;
  const money = (amount: number) => ({ amount, currency: 'EUR' });
  const back = backAt(sale, at);
  return {
    id: `p${sale.id}`,
    status,
    created_at: time(sale.placedAt),
    updated_at: time(at),
    amount_money: money(sale.cents),
    total_money: money(sale.cents),
    ...(back > 0 && { refunded_money: money(back) }),
    ...(buyer !== undefined && { buyer_email_address: emailOf(buyer) }),
    ...(buyer !== undefined && !guest && { customer_id: `SQ${buyer}` }),
  };
}
