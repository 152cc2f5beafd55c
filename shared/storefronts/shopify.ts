import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import { parseInstant } from '../domain/instant.ts';
import { Unintelligible } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import { departure, identifier, read } from './fields.ts';
import { translateConsent, translateCustomer, translateMerge } from './shopify-customer.ts';
import { shopifyListing } from './shopify-listing.ts';
import { translateOrder, translateRefund } from './shopify-order.ts';
import { translateDataRequest, translateRedact, translateShopRedact } from './shopify-privacy.ts';
import { isAmong } from './signature.ts';

/**
 * Shopify's webhooks (shopify.dev, "HTTPS webhook delivery" and the REST admin resources Order, Refund, Customer).
 * Signed by base64 HMAC-SHA256 over the body, with the app's client secret as text.
 */
export const shopify: Storefront = {
  keptHeaders: ['x-shopify-topic', 'x-shopify-webhook-id', 'x-shopify-triggered-at', 'x-shopify-test'],

  countsWhen: 'placed',

  verify({ headers, body }, { secrets }) {
    const given = headers['x-shopify-hmac-sha256'];
    if (!given) return { refused: 'the header x-shopify-hmac-sha256 is missing' };
    const expected = secrets.map((secret) => createHmac('sha256', secret).update(body).digest('base64'));
    return isAmong([given], expected) ? { authentic: true } : { refused: 'no active secret made this signature' };
  },

  deliveryId: ({ headers }) => headers['x-shopify-webhook-id'],

  translate(body, { headers }, source) {
    const topic = headers['x-shopify-topic']?.toLowerCase();
    const isTest = headers['x-shopify-test'] === 'true';
    switch (topic) {
      case 'orders/create':
      case 'orders/updated':
      case 'orders/paid':
      case 'orders/cancelled':
        return translateOrder(body, source, isTest);
      case 'refunds/create':
        return translateRefund(body);
      case 'customers/create':
      case 'customers/update':
        return translateCustomer(body, source, isTest);
      case 'customers/merge':
        return translateMerge(body, isTest);
      case 'customers_email_marketing_consent/update':
      case 'customers_marketing_consent/update':
        return translateConsent(body, source, { saidAt: headers['x-shopify-triggered-at'], test: isTest });
      case 'customers/delete':
        return departure(
          read(z.object({ id: identifier }), body).id,
          parseInstant(headers['x-shopify-triggered-at'] ?? ''),
        );
      case 'customers/data_request':
        return translateDataRequest(body, source);
      case 'customers/redact':
        return translateRedact(body, source);
      case 'shop/redact':
        return translateShopRedact(body, source);
      case undefined:
        throw new Unintelligible('the header x-shopify-topic is missing');
      default:
        if (!/^[a-z_]+\/[a-z_]+$/.test(topic))
          throw new Unintelligible('the header x-shopify-topic names no one topic');
        return { kind: 'ignored', reason: 'topic is not used' };
    }
  },

  listing: shopifyListing,
};
