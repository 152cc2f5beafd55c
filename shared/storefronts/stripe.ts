import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import { millisecondsOf } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import type { Translation } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import { departure, identifier, maybeText, person, read, seconds } from './fields.ts';
import { isAmong } from './signature.ts';
import type { Said } from './stripe-fields.ts';
import { stripeListing } from './stripe-listing.ts';
import { translateDispute, translateRefund } from './stripe-refund.ts';
import {
  namesOf,
  translateCharge,
  translateInvoice,
  translateInvoicePayment,
  translateSession,
} from './stripe-sale.ts';

/**
 * Stripe's webhooks (docs.stripe.com/webhooks, and the API's objects Checkout Session, Invoice, Charge, Refund,
 * Dispute, Customer). `stripe-signature` is `t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`, any number of `v1`; the key is the
 * secret as text, `whsec_` and all.
 *
 * One sale shows up as a session, an invoice and a charge. It goes by its payment intent, its invoice, or, for the
 * first invoice of a subscription, by the subscription. All three say the same total; the invoice's word counts before
 * the session's, as it alone says what was sold, and that before the charge's.
 */
export const stripe: Storefront = {
  keptHeaders: [],

  /** Stripe speaks of payments. */
  countsWhen: 'paid',

  reading: 1,

  verify({ headers, body }, { secrets }, { now }) {
    const header = headers['stripe-signature'];
    if (!header) return { refused: 'the header stripe-signature is missing' };
    const fields = header.split(',').map((field) => field.split('=', 2).map((text) => text.trim()));
    const valuesOf = (name: string) => fields.flatMap(([key, value = '']) => (key === name ? [value] : []));
    const [timestamp = '', another] = valuesOf('t');
    if (!/^\d{1,12}$/.test(timestamp) || another !== undefined) {
      return { refused: 'stripe-signature has no time t in seconds, or two' };
    }
    if (Math.abs(Number(timestamp) * 1000 - millisecondsOf(now)) > tolerance) {
      return { refused: 'the time in stripe-signature is more than five minutes from now' };
    }
    const expected = secrets.map((secret) =>
      createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex'),
    );
    const given = valuesOf('v1').slice(0, mostSignatures);
    return isAmong(given, expected) ? { authentic: true } : { refused: 'no active secret made this signature' };
  },

  /** The event's id stands in the body. */
  deliveryId: () => undefined,

  translate: (body, _delivery, source) => translateEvent(body, source),

  get listing() {
    return stripeListing([...uses.keys()], translateEvent);
  },
};

const tolerance = 300_000;
const mostSignatures = 10;

const uses = new Map<string, (object: unknown, said: Said) => Translation>([
  ['checkout.session.completed', translateSession],
  ['checkout.session.async_payment_succeeded', translateSession],
  ['invoice.paid', translateInvoice],
  ['invoice.payment_succeeded', translateInvoice],
  ['invoice_payment.paid', translateInvoicePayment],
  ['charge.succeeded', translateCharge],
  ['charge.captured', translateCharge],
  ['charge.refunded', translateCharge],
  ['refund.created', translateRefund],
  ['refund.updated', translateRefund],
  ['refund.failed', translateRefund],
  ['charge.refund.updated', translateRefund],
  ['charge.dispute.funds_withdrawn', translateDispute],
  ['charge.dispute.funds_reinstated', translateDispute],
  ['charge.dispute.closed', translateDispute],
  ['customer.created', translateCustomer],
  ['customer.updated', translateCustomer],
  [
    'customer.deleted',
    (object, { at }) => departure(read(z.object({ id: identifier }), object, '/data/object').id, at),
  ],
]);

function translateEvent(body: unknown, source: Source): Translation {
  const { object, type } = read(z.object({ object: z.string(), type: z.string() }), body);
  const use = uses.get(type);
  if (object === 'v2.core.event' || !use) return { kind: 'ignored', reason: 'type is not used' };
  const event = read(eventShape, body);
  return use(event.data.object, { type, at: event.created, test: !event.livemode, source });
}

const eventShape = z.object({
  created: seconds,
  livemode: z.boolean(),
  data: z.object({ object: z.unknown() }),
});

const customerShape = z.object({
  id: identifier,
  email: maybeText,
  name: maybeText,
  phone: maybeText,
  preferred_locales: z.nullish(z.array(maybeText)),
});

function translateCustomer(object: unknown, { at, test, source }: Said): Translation {
  const { id, email, name, phone, preferred_locales } = read(customerShape, object, '/data/object');
  const known = { externalId: id, email, phone, ...namesOf(name), locale: preferred_locales?.[0] };
  return { kind: 'fact', fact: { kind: 'customer', at, test, person: person(known, source), consents: [] } };
}
