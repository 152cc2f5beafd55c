import { createHash, createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import { type Instant, parseInstant } from '../domain/instant.ts';
import { scale } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import { withoutEntities } from './entities.ts';
import {
  currency,
  decimal,
  deletedOrder,
  departure,
  identifier,
  knownCost,
  maybeText,
  money,
  orderedItems,
  part,
  parts,
  person,
  read,
  roundedPart,
} from './fields.ts';
import { isAmong } from './signature.ts';
import { woocommerceListing } from './woocommerce-listing.ts';

/**
 * WooCommerce's webhooks (woocommerce.com/document/webhooks, with the orders and customers of the REST API v3).
 * Signed by base64 HMAC-SHA256 over the body, with the webhook's secret as text. An order that went to the bin is only
 * named: its state is asked for at `address`, the shop's, with the credentials `consumerKey` and `consumerSecret`.
 */
export const woocommerce: Storefront = {
  keptHeaders: ['x-wc-webhook-topic', 'x-wc-webhook-delivery-id'],

  /** A bank transfer or cash on delivery is a sale before the money is there; what is merely `pending` never counts. */
  countsWhen: 'placed',

  verify({ headers, body }, { secrets }) {
    const given = headers['x-wc-webhook-signature'];
    if (!given) return { refused: 'the header x-wc-webhook-signature is missing' };
    const expected = secrets.map((secret) => createHmac('sha256', secret).update(body).digest('base64'));
    return isAmong([given], expected) ? { authentic: true } : { refused: 'no active secret made this signature' };
  },

  /** Sent when a webhook is saved; it is switched on only after an answer of exactly 200. */
  ping: ({ headers, body }) =>
    headers['x-wc-webhook-topic'] === undefined &&
    body.byteLength <= 40 &&
    /^webhook_id=\d{1,20}$/.test(Buffer.from(body).toString('latin1')),

  /** WooCommerce's own id is one for everything within a second. */
  deliveryId({ headers, body }) {
    const given = headers['x-wc-webhook-delivery-id'];
    if (!given) return undefined;
    const hash = createHash('sha256').update(body).digest('hex');
    return `${given.slice(0, 100)} ${headers['x-wc-webhook-topic']?.slice(0, 100)} ${hash}`;
  },

  translate(body, { headers }, source) {
    const topic = headers['x-wc-webhook-topic'];
    switch (topic) {
      case 'order.created':
      case 'order.updated':
      case 'order.restored':
        return translateOrder(body, source);
      case 'order.deleted':
        return { kind: 'fetch', resource: { type: 'order', id: read(z.object({ id: identifier }), body).id } };
      case 'customer.created':
      case 'customer.updated':
        return translateCustomer(body, source);
      case 'customer.deleted':
        return departure(read(z.object({ id: identifier }), body).id);
      case undefined:
        throw new Unintelligible('the header x-wc-webhook-topic is missing');
      default:
        return { kind: 'ignored', reason: 'topic is not used' };
    }
  },

  async fetch({ id }, source, ask, askedAt) {
    const { address, credentials: { consumerKey, consumerSecret } = {} } = source;
    if (!address) throw new Unintelligible("the source has no address: set it to the shop's");
    if (!consumerKey || !consumerSecret) {
      throw new Unintelligible('the source lacks the credentials consumerKey and consumerSecret of the REST API');
    }
    const basic = Buffer.from(`${consumerKey}:${consumerSecret}`).toString('base64');
    const path = `wp-json/wc/v3/orders/${encodeURIComponent(id)}`;
    const order = await ask(address, { path, headers: { authorization: `Basic ${basic}` } });
    // It was deleted, and lies not even in the bin.
    return order === undefined ? deletedOrder(id, askedAt) : translateOrder(order, source);
  },

  listing: woocommerceListing(translateOrder),
};

/** `*_gmt` times are in UTC and bear no zone. */
const utc = z.pipe(
  z.string(),
  z.transform((value, context): Instant => {
    const known = parseInstant(`${value}Z`);
    if (known !== undefined) return known;
    context.issues.push({ code: 'custom', message: 'is no time in UTC between 1970 and 2199', input: '' });
    return z.NEVER;
  }),
);

/** WordPress keeps names and titles as it writes them into a page. */
const pageText = z.pipe(
  maybeText,
  z.transform((text) => text && withoutEntities(text)),
);

const billingShape = z.nullish(
  z.object({ first_name: pageText, last_name: pageText, email: maybeText, phone: maybeText, country: maybeText }),
);

const orderShape = z.object({
  id: identifier,
  status: z.string(),
  currency,
  date_created_gmt: z.nullish(utc),
  date_modified_gmt: z.nullish(utc),
  date_paid_gmt: z.nullish(utc),
  total: decimal,
  total_tax: z.nullish(decimal),
  shipping_total: z.nullish(decimal),
  discount_total: z.nullish(decimal),
  prices_include_tax: z.nullish(z.boolean()),
  customer_id: z.nullish(identifier),
  billing: billingShape,
  line_items: z.nullish(
    z.array(
      z.object({
        name: pageText,
        sku: maybeText,
        quantity: z.nullish(z.union([z.number(), z.string()])),
        subtotal: z.nullish(decimal),
        subtotal_tax: z.nullish(decimal),
        /** Of the whole line; there where the shop keeps costs. */
        cost_of_goods_sold: z.nullish(z.object({ value: z.nullish(decimal) })),
      }),
    ),
  ),
  refunds: z.nullish(z.array(z.object({ id: identifier, total: decimal }))),
  meta_data: z.nullish(z.array(z.object({ key: z.nullish(z.string()), value: z.nullish(z.unknown()) }))),
});

type WooOrder = z.output<typeof orderShape>;

/** A basket that the shop keeps as an order. */
const drafts = new Set(['auto-draft', 'checkout-draft', 'draft', 'new']);

/** No purchase, unless it was paid: an unpaid order that was cancelled may still be paid, and then is one again. */
const unpaid = new Set(['pending', 'failed', 'cancelled']);

function translateOrder(body: unknown, source: Source): Translation {
  const order = read(orderShape, body);
  if (drafts.has(order.status)) return { kind: 'ignored', reason: 'a draft is no order' };
  const { date_created_gmt: placedAt, date_paid_gmt: paidAt, currency: code, status } = order;
  if (!placedAt) throw new Unintelligible('/date_created_gmt: is missing: the webhook needs the REST API v3');
  const updatedAt = order.date_modified_gmt ?? placedAt;
  const total = money(order.total, code, '/total');
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      who: buyer(order, source),
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total,
          ...parts({
            tax: part(order.total_tax, code),
            shipping: part(order.shipping_total, code),
            discount: part(order.discount_total, code),
          }),
          ...itemsOf(order),
          test: isTest(order),
          ...(unpaid.has(status) && { awaitsPayment: true as const }),
        },
        placedAt,
        ...(paidAt && { paidAt }),
        ...(status === 'cancelled' && paidAt && { cancelledAt: updatedAt }),
        refunds: refundsOf(order, updatedAt),
        ...(status === 'refunded' && { refundedInAll: { amount: total, refundedAt: updatedAt } }),
        consents: {},
      },
    },
  };
}

/**
 * What lies in the bin counts no more than a test order, until it is taken out again. The core has no test orders; the
 * two usual payment extensions mark theirs.
 */
function isTest({ status, meta_data }: WooOrder): boolean {
  const said = (meta_data ?? []).map(({ key, value }) => `${key}=${typeof value === 'string' ? value : ''}`);
  return status === 'trash' || said.some((one) => testMarks.has(one));
}

const testMarks = new Set(['_wcpay_mode=test', '_ppcp_paypal_payment_mode=sandbox']);

/** Of a refund the order says no time: it was paid back at the latest when the shop said this. */
function refundsOf({ refunds, currency: code }: WooOrder, updatedAt: Instant): Order['refunds'] {
  const listed: Order['refunds'] = {};
  for (const { id, total } of refunds ?? []) {
    const amount = money(total.replace(/^-/, ''), code, '/refunds/total');
    if (amount.minor > 0n) listed[id] = { amount, refundedAt: updatedAt };
  }
  return listed;
}

/** `subtotal` is that of the whole line before discounts, always without tax. */
function itemsOf({ line_items, currency: code, prices_include_tax }: WooOrder) {
  return orderedItems(
    (line_items ?? []).map(({ name, sku, quantity, subtotal, subtotal_tax, cost_of_goods_sold }) => {
      const net = part(subtotal, code);
      const tax = prices_include_tax ? (part(subtotal_tax, code) ?? 0n) : 0n;
      const thousandths = Math.round(Number(quantity ?? 0) * 1000);
      const isCounted = net !== undefined && Number.isSafeInteger(thousandths) && thousandths > 0;
      return {
        title: name,
        sku,
        quantity,
        unitPrice: isCounted ? scale(net + tax, 1000n, BigInt(thousandths)) : undefined,
        cost: knownCost(roundedPart(cost_of_goods_sold?.value, code)),
      };
    }),
  );
}

/** `customer_id` 0 is a guest. A phone number stands as one dials it in the country of the invoice. */
function buyer({ customer_id, billing }: Pick<WooOrder, 'customer_id' | 'billing'>, { country }: Source) {
  return person(
    {
      externalId: customer_id === '0' ? undefined : (customer_id ?? undefined),
      email: billing?.email,
      phone: billing?.phone,
      firstName: billing?.first_name,
      lastName: billing?.last_name,
    },
    { country: billing?.country ?? country },
  );
}

const customerShape = z.object({
  id: identifier,
  email: maybeText,
  first_name: pageText,
  last_name: pageText,
  date_created_gmt: z.nullish(utc),
  date_modified_gmt: z.nullish(utc),
  billing: billingShape,
});

function translateCustomer(body: unknown, source: Source): Translation {
  const customer = read(customerShape, body);
  const at = customer.date_modified_gmt ?? customer.date_created_gmt;
  if (!at) throw new Unintelligible('/date_modified_gmt: is missing: the webhook needs the REST API v3');
  const { billing } = customer;
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      at,
      test: false,
      consents: [],
      person: person(
        {
          externalId: customer.id,
          email: customer.email ?? billing?.email,
          phone: billing?.phone,
          firstName: customer.first_name ?? billing?.first_name,
          lastName: customer.last_name ?? billing?.last_name,
        },
        { country: billing?.country ?? source.country },
      ),
    },
  };
}
