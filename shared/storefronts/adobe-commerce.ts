import * as z from 'zod/mini';
import type { Consent } from '../domain/consent.ts';
import { type Instant, parseInstant } from '../domain/instant.ts';
import type { Money } from '../domain/money.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { Storefront } from '../engine/storefront.ts';
import { verifyAdobe } from './adobe-signature.ts';
import {
  costOf,
  currency,
  decimal,
  emailMarketing,
  identifier,
  maybeText,
  money,
  orderedItems,
  parts,
  person,
  plainPart,
  read,
  withoutNoise,
} from './fields.ts';

/**
 * Adobe Commerce by Adobe I/O Events (developer.adobe.com, "Introduction to I/O Events webhooks" and "Commerce events").
 * Signed twice by RSA-SHA256 over the body, with keys that Adobe publishes for all of its customers: so the event must
 * also be addressed to the source's own project, `webhookId` being its client id. The event's `time` stays the same when
 * it is sent again, for a day: it sets no bound to what is taken.
 */
export const adobeCommerce: Storefront = {
  keptHeaders: [],

  countsWhen: 'placed',

  reading: 1,

  echoes: 'challenge',

  verify(delivery, { webhookId }, { fetchKey }) {
    if (!webhookId) throw new Problem(503, 'source_incomplete', 'The source has no webhookId: the client id at Adobe.');
    return verifyAdobe(delivery, fetchKey);
  },

  isFor(body, { webhookId }) {
    const said = z.safeParse(z.object({ recipient_client_id: z.string() }), body);
    return said.success && said.data.recipient_client_id === webhookId;
  },

  /** Nobody signs the headers: the body's own hash cannot be borrowed. */
  deliveryId: () => undefined,

  translate(body, _delivery, source) {
    const { type, time, data } = read(eventShape, body);
    switch (saved.exec(type)?.[1]) {
      case 'sales_order':
        return translateOrder(read(orderShape, data.value, '/data/value'), time, source);
      case 'sales_order_creditmemo':
        return translateCreditMemo(read(creditMemoShape, data.value, '/data/value'), time);
      case 'customer':
        return translateCustomer(read(customerShape, data.value, '/data/value'), time, source);
      case 'newsletter_subscriber':
        return translateSubscriber(read(subscriberShape, data.value, '/data/value'), time, source);
      default:
        return { kind: 'ignored', reason: 'event is not used' };
    }
  },
};

/** Commerce tells twice that something was saved, before and after it is sure to stay: either may be subscribed to. */
const saved = /(?:^|\.)observer\.(\w+)_save_(?:commit_)?after$/;

/** A time without its zone is one of UTC: `2017-08-21 22:22:19`. */
const time = z.pipe(
  z.string(),
  z.transform((text, context): Instant => {
    const instant = parseInstant(/^[\d-]{10}[ T][\d:.]{8,18}$/.test(text) ? `${text}Z` : text);
    if (instant !== undefined) return instant;
    context.issues.push({ code: 'custom', message: 'is no time between 1970 and 2199', input: '' });
    return z.NEVER;
  }),
);

/** A yes or no as Commerce writes them: true, 1, "1". */
const flag = z.pipe(
  z.nullish(z.union([z.boolean(), z.number(), z.string()])),
  z.transform((value) => value === true || value === 1 || value === '1' || value === 'true'),
);

const eventShape = z.object({
  type: z.string(),
  time,
  data: z.object({ value: z.optional(z.unknown()) }),
});

const amount = z.nullish(decimal);

/** Amounts in the currency of the shop (`base_…`), and in that of the order. */
const amountsShape = z.object({
  base_currency_code: z.nullish(currency),
  order_currency_code: z.nullish(currency),
  base_grand_total: amount,
  grand_total: amount,
});

const itemShape = z.object({
  name: maybeText,
  sku: maybeText,
  qty_ordered: amount,
  base_price: amount,
  base_price_incl_tax: amount,
  base_cost: amount,
  parent_item_id: z.nullish(identifier),
});

const orderShape = z.extend(amountsShape, {
  entity_id: z.nullish(identifier),
  id: z.nullish(identifier),
  state: z.nullish(z.string()),
  created_at: z.nullish(time),
  updated_at: z.nullish(time),
  base_tax_amount: amount,
  base_shipping_amount: amount,
  base_shipping_incl_tax: amount,
  base_discount_amount: amount,
  base_total_paid: amount,
  base_total_refunded: amount,
  customer_id: z.nullish(identifier),
  customer_is_guest: flag,
  customer_email: maybeText,
  customer_firstname: maybeText,
  customer_lastname: maybeText,
  billing_address: z.nullish(
    z.object({ telephone: maybeText, firstname: maybeText, lastname: maybeText, country_id: maybeText }),
  ),
  items: z.nullish(z.array(itemShape)),
});

const creditMemoShape = z.extend(amountsShape, {
  entity_id: identifier,
  order_id: identifier,
  state: z.nullish(decimal),
  created_at: z.nullish(time),
});

const customerShape = z.object({
  entity_id: z.nullish(identifier),
  id: z.nullish(identifier),
  email: maybeText,
  firstname: maybeText,
  lastname: maybeText,
  created_at: z.nullish(time),
  updated_at: z.nullish(time),
  extension_attributes: z.nullish(z.object({ is_subscribed: flag })),
});

const subscriberShape = z.object({
  subscriber_email: maybeText,
  subscriber_status: z.nullish(decimal),
  customer_id: z.nullish(identifier),
  change_status_at: z.nullish(time),
});

type CommerceOrder = z.output<typeof orderShape>;

/** In the shop's currency where it is said, else in the order's. */
function totals(given: z.output<typeof amountsShape>): { total: Money; presentment?: Money } {
  const shop = moneyOf(given.base_grand_total, given.base_currency_code, '/data/value/base_grand_total');
  const seen = moneyOf(given.grand_total, given.order_currency_code, '/data/value/grand_total');
  const total = shop ?? seen;
  if (!total) throw new Unintelligible('/data/value/base_grand_total: or base_currency_code is missing');
  return { total, ...(seen && seen.currency !== total.currency && { presentment: seen }) };
}

function moneyOf(text: string | null | undefined, code: string | null | undefined, place: string): Money | undefined {
  return text == null || code == null ? undefined : money(withoutNoise(text, code), code, place);
}

const minorOf = (text: string | null | undefined, code: string) => plainPart(text?.replace(/^-/, ''), code);

function translateOrder(order: CommerceOrder, at: Instant, source: Source): Translation {
  const id = order.entity_id ?? order.id;
  if (!id) throw new Unintelligible('/data/value/entity_id: is missing');
  const updatedAt = order.updated_at ?? at;
  const { total, presentment } = totals(order);
  const code = total.currency;
  const isInShops = order.base_grand_total != null && order.base_currency_code != null;
  const paid = isInShops ? minorOf(order.base_total_paid, code) : undefined;
  const refunded = isInShops ? minorOf(order.base_total_refunded, code) : undefined;
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: id,
      who: buyer(order, source),
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total,
          ...(presentment && { presentment }),
          ...(isInShops && saidOf(order, code)),
          test: false,
          ...(order.state === 'pending_payment' && { awaitsPayment: true as const }),
        },
        placedAt: order.created_at ?? at,
        ...(paid !== undefined && paid > 0n && paid >= total.minor && { paidAt: updatedAt }),
        ...(order.state === 'canceled' && { cancelledAt: updatedAt }),
        refunds: {},
        ...(refunded && { refundedInAll: { amount: { minor: refunded, currency: code }, refundedAt: updatedAt } }),
        consents: {},
      },
    },
  };
}

/** Parts and lines; the variant of a configurable product stands below it and would be there twice. */
function saidOf(order: CommerceOrder, code: string) {
  return {
    ...parts({
      tax: minorOf(order.base_tax_amount, code),
      shipping: minorOf(order.base_shipping_incl_tax ?? order.base_shipping_amount, code),
      discount: minorOf(order.base_discount_amount, code),
    }),
    ...orderedItems(
      (order.items ?? [])
        .filter(({ parent_item_id: parent }) => parent == null)
        .map(({ name, sku, qty_ordered, base_price, base_price_incl_tax, base_cost }) => ({
          title: name,
          sku,
          quantity: qty_ordered,
          unitPrice: minorOf(base_price_incl_tax ?? base_price, code),
          cost: costOf(base_cost, qty_ordered, code),
        })),
    ),
  };
}

/** A phone number stands as one dials it in the country of the invoice. */
function buyer(order: CommerceOrder, source: Source) {
  const isKnown = !order.customer_is_guest && order.customer_id != null && order.customer_id !== '0';
  return person(
    {
      externalId: isKnown ? (order.customer_id ?? undefined) : undefined,
      email: order.customer_email,
      phone: order.billing_address?.telephone,
      firstName: order.customer_firstname ?? order.billing_address?.firstname,
      lastName: order.customer_lastname ?? order.billing_address?.lastname,
    },
    { country: order.billing_address?.country_id ?? source.country },
  );
}

/** State 1 is open: nothing was paid back yet. State 3 was taken back. */
function translateCreditMemo(memo: z.output<typeof creditMemoShape>, at: Instant): Translation {
  const { total: amount } = totals(memo);
  if (amount.minor === 0n || memo.state === '1') return { kind: 'ignored', reason: 'nothing was paid back' };
  const refundedAt = memo.created_at ?? at;
  const refund = { amount, refundedAt, ...(memo.state === '3' && { failed: true as const }) };
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: memo.order_id,
      who: {},
      at: refundedAt,
      order: { refunds: { [memo.entity_id]: refund }, consents: {} },
    },
  };
}

/**
 * That somebody is subscribed bears no date: it is as old as the customer, and overrules nothing. That somebody is not
 * says neither yes nor no. What changes it is said with its date by the newsletter's own event.
 */
function translateCustomer(customer: z.output<typeof customerShape>, at: Instant, source: Source): Translation {
  const { email, firstname: firstName, lastname: lastName, created_at: createdAt } = customer;
  const who = person(
    { externalId: customer.entity_id ?? customer.id ?? undefined, email, firstName, lastName },
    source,
  );
  if (!who.externalId && !who.email) throw new Unintelligible('/data/value: names no id and no valid e-mail address');
  const agreed = customer.extension_attributes?.is_subscribed && createdAt;
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      person: who,
      at: customer.updated_at ?? at,
      test: false,
      consents: agreed ? [emailMarketing('granted', agreed, source.id)] : [],
    },
  };
}

/** 1 is subscribed, 3 unsubscribed; 2 and 4 still wait for a confirmation. */
const subscriberStates = new Map<string, Consent['state']>([
  ['1', 'granted'],
  ['3', 'refused'],
]);

function translateSubscriber(given: z.output<typeof subscriberShape>, at: Instant, source: Source): Translation {
  const state = subscriberStates.get(given.subscriber_status ?? '');
  if (!state) return { kind: 'ignored', reason: 'the subscription is neither confirmed nor ended' };
  const externalId = given.customer_id == null || given.customer_id === '0' ? undefined : given.customer_id;
  const who = person({ externalId, email: given.subscriber_email }, source);
  if (!who.email) throw new Unintelligible('/data/value/subscriber_email: is no e-mail address');
  const occurredAt = given.change_status_at ?? at;
  const consents = [emailMarketing(state, occurredAt, source.id)];
  return { kind: 'fact', fact: { kind: 'customer', person: who, at: occurredAt, test: false, consents } };
}
