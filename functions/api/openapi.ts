import * as z from 'zod/mini';
import type { RouteKey, routes } from '../../shared/contracts/routes.ts';
import { type Described, openApiDocument } from '../../shared/http/openapi.ts';
import { type Route, route } from '../../shared/http/route.ts';
import { received } from '../../shared/http/schemas/deliveries.ts';
import {
  standardCustomer,
  standardDeletion,
  standardEvent,
  standardMerge,
  standardOrder,
  standardOrderStep,
  standardPrivacy,
  standardRefund,
} from '../../shared/storefronts/standard.ts';
import type { Door } from './door.ts';

/** The route that shows the document of all routes, itself among them. */
export function showDocument(table: () => Record<string, Route<Door>>): Route<Door> {
  let document: Record<string, unknown> | undefined;
  return route({
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
    async answer(_door: Door) {
      document ??= openApiDocument(table(), webhooks, { version: '1' });
      return { status: 200, body: document };
    },
  });
}

type WebhookKey = RouteKey<Extract<(typeof routes)[number], { workload: 'webhooks' }>>;

/** Fields that are not named are let through in the payloads of others. */
function event<const Types extends [string, ...string[]]>(types: Types, data: z.core.$ZodType) {
  return z.extend(standardEvent, { type: z.enum(types), data });
}

const webhooks: Record<WebhookKey, Described> = {
  'POST /v1/webhooks/{sourceId}': {
    summary: 'Takes a delivery of a storefront',
    description:
      'Signed by the scheme of the platform over the raw body. The body below is that of the platform `standard` ' +
      '(Standard Webhooks); other platforms send their own. 202 means that the delivery is durably kept.',
    headers: {
      'webhook-id': 'Platform standard: the id of the delivery, the same when it is sent again',
      'webhook-timestamp': 'Platform standard: seconds since 1970, at most five minutes from now',
      'webhook-signature': 'Platform standard: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, several by spaces',
      'x-shopify-hmac-sha256': 'Platform shopify: base64 of HMAC-SHA256 over the body',
      'x-shopify-topic': 'Platform shopify: orders/create, refunds/create …',
    },
    body: z.union([
      event(['order.created', 'order.updated', 'order.paid', 'order.cancelled'], standardOrder),
      event(['order.paid', 'order.cancelled'], standardOrderStep),
      event(['refund.created'], standardRefund),
      event(['customer.created', 'customer.updated'], standardCustomer),
      event(['customer.merged'], standardMerge),
      event(['customer.deleted'], standardDeletion),
      event(['privacy.export_requested', 'privacy.erasure_requested'], standardPrivacy),
    ]),
    answers: { 202: { description: 'Durably kept', schema: received } },
    problems: {
      401: 'signature_refused',
      404: 'source_not_found',
      413: 'body_too_large',
      415: 'unsupported_content_encoding',
      500: 'internal',
      503: 'store_unavailable, keys_unavailable: try again',
    },
  },
  'GET /v1/webhooks/{sourceId}': {
    summary: 'Gives back what a platform asks an address before it trusts it',
    description: 'Platform adobe-commerce: the query parameter `challenge` comes back in the body, under that name.',
    query: z.object({ challenge: z.optional(z.string()) }),
    answers: { 200: { description: 'What was asked', schema: z.record(z.string(), z.string()) } },
    problems: { 404: 'source_not_found, nothing_to_echo', 503: 'store_unavailable: try again' },
  },
};
