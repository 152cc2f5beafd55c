import { verify as isSigned, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { crc32 } from 'node:zlib';
import * as z from 'zod/mini';
import { millisecondsOf, parseInstant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import type { Translation } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { AskShop, Storefront } from '../engine/storefront.ts';
import { trustedKey } from './certificate-chain.ts';
import { askAs } from './client-credentials.ts';
import { read, unknownToShop } from './fields.ts';
import {
  checkoutOf,
  checkoutShape,
  paymentShape,
  refundShape,
  translateCheckout,
  translatePayment,
  translateRefund,
  translateSold,
} from './paypal-sale.ts';
import { credentialOf, pathPart } from './shop-api.ts';

/**
 * PayPal's webhooks (developer.paypal.com, "Webhooks" and the REST resources Captures, Sales, Refunds, Orders). Signed
 * by RSA-SHA256 over `transmission id|time|webhook id|crc32 of the body`, with the key of a certificate that PayPal
 * publishes. A capture, or a sale of the older API, is the order here: refunds name it, and nothing else.
 *
 * Who bought stands with the checkout, of which PayPal tells marketplaces alone. So a capture is asked for with its
 * checkout, by the credentials `clientId` and `clientSecret`, at the source's `address` or else at PayPal's own; without
 * them it is taken as it comes.
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
        throw new Problem(503, 'keys_unavailable', 'What PayPal publishes is no chain of certificates.', {
          retryAfter: 30,
        });
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
          return translateCapture(resource, source);
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

    async fetch({ id }, source, ask) {
      const capture = await askPaypal(source, ask, `v2/payments/captures/${id}`);
      if (capture === undefined) throw unknownToShop();
      const checkoutId = checkoutOf(capture);
      const checkout = checkoutId && (await askPaypal(source, ask, `v2/checkout/orders/${checkoutId}`));
      return translateSold(capture, checkout || undefined, source);
    },
  };
}

/** A capture names its checkout, which names the buyer: both are asked for where that may be done. It is the order here. */
function translateCapture(resource: unknown, source: Source): Translation {
  const capture = read(paymentShape, resource, '/resource');
  const { clientId, clientSecret } = source.credentials ?? {};
  if (!clientId || !clientSecret || checkoutOf(resource) === undefined) return translatePayment(capture, source);
  const asOf = capture.update_time ?? capture.create_time;
  return { kind: 'fetch', resource: { type: 'order', id: pathPart(capture.id, '/resource/id'), asOf } };
}

const own = 'https://api-m.paypal.com';

/** @throws Unintelligible that says what the source lacks */
function askPaypal(source: Source, ask: AskShop, path: string): Promise<unknown> {
  const { address = own } = source;
  const [id, secret] = [credentialOf(source, 'clientId'), credentialOf(source, 'clientSecret')];
  return askAs({ address, path: 'v1/oauth2/token', id, secret }, ask, address, path);
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
