import { verify as isSigned, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { crc32 } from 'node:zlib';
import * as z from 'zod/mini';
import { millisecondsOf, parseInstant } from '../domain/instant.ts';
import type { Money } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { Storefront } from '../engine/storefront.ts';
import { trustedKey } from './certificate-chain.ts';
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

/**
 * PayPal's webhooks (developer.paypal.com, "Webhooks" and the REST resources Captures, Sales, Refunds, Orders). Signed
 * by RSA-SHA256 over `transmission id|time|webhook id|crc32 of the body`, with the key of a certificate that PayPal
 * publishes. A capture, or a sale of the older API, is the order here: refunds name it, and nothing else.
 */
export function paypalTrusting(roots: () => readonly string[]): Storefront {
  let trusted: X509Certificate[] | undefined;
  return {
    keptHeaders: [],

    /** PayPal tells of money that came, not of orders. */
    countsWhen: 'paid',

    async verify({ headers, body }, { webhookId }, { now, fetchKey }) {
      const [id, time, signature, certificate] = signedHeaders.map((name) => headers[name]);
      if (!id || !time || !signature || !certificate)
        return { refused: `one of ${signedHeaders.join(', ')} is missing` };
      if (!/^[\w-]{1,100}$/.test(id)) return { refused: 'paypal-transmission-id is no identifier' };
      if ((headers['paypal-auth-algo'] ?? algorithm) !== algorithm) return { refused: 'paypal-auth-algo is another' };
      const url = addressOfPaypal(certificate);
      if (!url) return { refused: "paypal-cert-url is no address of PayPal's certificates" };
      const age = millisecondsOf(now) - millisecondsOf(parseInstant(time) ?? '');
      if (!(age > -mostAhead && age < mostBehind)) return { refused: 'paypal-transmission-time is too far from now' };
      if (!webhookId) throw new Problem(503, 'source_incomplete', 'The source has no webhookId: PayPal signs it.');

      trusted ??= roots().map((root) => new X509Certificate(root));
      const trust = { roots: trusted, now, isHolder };
      let chain = trustedKey(await fetchKey(url), trust);
      if (!chain || 'refused' in chain) chain = trustedKey(await fetchKey(url, { fresh: true }), trust);
      if (!chain)
        throw new Problem(503, 'keys_unavailable', 'What PayPal publishes is no chain of certificates.', { retryAfter: 30 });
      if ('refused' in chain) return chain;
      const text = Buffer.from(`${id}|${time}|${webhookId}|${crc32(body)}`);
      const isOurs = chain.key.asymmetricKeyType === 'rsa' && base64.test(signature);
      return isOurs && isSigned('sha256', text, chain.key, Buffer.from(signature, 'base64'))
        ? { authentic: true }
        : { refused: 'PayPal did not make this signature for this webhook' };
    },

    /** Whether the transmission's id stays when it is repeated is nowhere said: the body does. */
    deliveryId: () => undefined,

    translate(body, _delivery, source) {
      const { event_type: type, resource } = read(eventShape, body);
      switch (type) {
        case 'PAYMENT.CAPTURE.COMPLETED':
        case 'PAYMENT.SALE.COMPLETED':
          return translatePayment(read(paymentShape, resource, '/resource'), source);
        case 'PAYMENT.CAPTURE.REFUNDED':
        case 'PAYMENT.CAPTURE.REVERSED':
        case 'PAYMENT.SALE.REFUNDED':
        case 'PAYMENT.SALE.REVERSED':
          return translateRefund(read(refundShape, resource, '/resource'), type.endsWith('REVERSED'));
        case 'CHECKOUT.ORDER.COMPLETED':
          return translateCheckout(read(checkoutShape, resource, '/resource'), source);
        default:
          return { kind: 'ignored', reason: 'event type is not used' };
      }
    },
  };
}

export const paypal = paypalTrusting(() => rootCertificates);

const signedHeaders = [
  'paypal-transmission-id',
  'paypal-transmission-time',
  'paypal-transmission-sig',
  'paypal-cert-url',
] as const;
const algorithm = 'SHA256withRSA';
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
const mostAhead = 5 * 60_000;
/**
 * PayPal tries for three days, and again when the merchant asks for it, for as long as it keeps events: 30 days. Whether
 * that moves the time is nowhere said, and a message that comes twice changes nothing: refusing it would lose money.
 */
const mostBehind = 31 * 24 * 3_600_000;

const isHolder = (name: string) => /^[a-z0-9.-]+\.paypal\.com$/.test(name.toLowerCase());

/** Where PayPal publishes certificates, of its sandbox as well: who forges a message names nothing else. */
const published = /^https:\/\/api(?:-m)?(?:\.sandbox)?\.paypal\.com\/v1\/notifications\/certs\/[\w.-]{1,100}$/;

function addressOfPaypal(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && published.test(url.href) ? url : undefined;
}

const eventShape = z.object({ event_type: z.string(), resource: z.optional(z.unknown()) });

/** `value` and `currency_code` since version 2 of the API, `total` and `currency` before. */
const amountShape = z.object({
  value: z.nullish(decimal),
  total: z.nullish(decimal),
  currency_code: z.nullish(currency),
  currency: z.nullish(currency),
});

const linksShape = z.nullish(z.array(z.object({ href: z.string(), rel: z.string() })));

const paymentShape = z.object({
  id: identifier,
  status: z.nullish(z.string()),
  amount: z.extend(amountShape, {
    details: z.nullish(z.object({ tax: z.nullish(decimal), shipping: z.nullish(decimal) })),
  }),
  create_time: instant,
  update_time: z.nullish(instant),
  links: linksShape,
});

const refundShape = z.object({
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

const checkoutShape = z.object({
  payer: z.nullish(
    z.object({
      payer_id: z.nullish(identifier),
      email_address: maybeText,
      name: z.nullish(z.object({ given_name: maybeText, surname: maybeText })),
    }),
  ),
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

/** Nothing names the buyer here: the checkout does. */
function translatePayment(payment: Payment, source: Source): Translation {
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

function translateCheckout(
  { payer, purchase_units: units }: z.output<typeof checkoutShape>,
  source: Source,
): Translation {
  const paid = units.flatMap((unit) => (unit.payments?.captures ?? []).map((capture) => ({ unit, capture })));
  const [only, ...more] = paid;
  if (!only || more.length > 0) return { kind: 'ignored', reason: 'not one capture: each is told of by itself' };
  const { unit, capture } = only;
  const state = stateOf(capture, '/resource/purchase_units/payments/captures/amount');
  const code = state.total.currency;
  const said = unit.amount?.breakdown;
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
        (unit.items ?? []).map(({ name, sku, quantity, unit_amount }) => ({
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
  const who = person(
    {
      externalId: payer?.payer_id ?? undefined,
      email: payer?.email_address,
      firstName: payer?.name?.given_name,
      lastName: payer?.name?.surname,
    },
    source,
  );
  return orderFact(capture.id, order, state.updatedAt, who);
}

const arrived = new Set(['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED']);

/** A reversal is money that PayPal took back, after a dispute or a chargeback: it counts as a refund. */
function translateRefund(refund: z.output<typeof refundShape>, isReversal: boolean): Translation {
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
