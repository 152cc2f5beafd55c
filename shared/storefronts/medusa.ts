import * as z from 'zod/mini';
import { type Instant, later } from '../domain/instant.ts';
import { isCurrency, roundMoney } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { AskShop, Storefront } from '../engine/storefront.ts';
import {
  departure,
  identifier,
  instant,
  maybeText,
  orderedItems,
  parts,
  person,
  read,
  roundedMoney,
  roundedPart,
  unknownToShop,
} from './fields.ts';
import { addressOf, credentialOf, pathPart } from './shop-api.ts';
import { standard } from './standard.ts';

/**
 * Medusa v2 (docs.medusajs.com, "Events Reference" and the Admin API). It sends no webhooks of its own: a subscriber in
 * the shop posts its events, signed as Standard Webhooks have it (the README shows one). They name what changed and no
 * more. Asked with the source's `address`, that of the Medusa server, and `credentials.apiKey`, a secret API key.
 */
export const medusa: Storefront = {
  keptHeaders: [],

  countsWhen: 'placed',

  verify: standard.verify,

  deliveryId: standard.deliveryId,

  translate(body) {
    const { type, name, data } = read(eventShape, body);
    const event = type ?? name;
    if (!event) throw new Unintelligible('/type: is missing');
    if (/^order(-edit)?\./.test(event) || event === 'payment.captured' || event === 'payment.refunded') {
      // Events of payments and of edits bear the order's id beside their own.
      const id = data.order_id ?? (event.startsWith('order.') ? data.id : undefined);
      if (!id) throw new Unintelligible('/data/order_id: is missing');
      return { kind: 'fetch', resource: { type: 'order', id: pathPart(id, '/data/order_id') } };
    }
    const isDeleted = event === 'customer.deleted';
    if (event !== 'customer.created' && event !== 'customer.updated' && !isDeleted)
      return { kind: 'ignored', reason: 'type is not used' };
    if (!data.id) throw new Unintelligible('/data/id: is missing');
    if (isDeleted) return departure(data.id);
    return { kind: 'fetch', resource: { type: 'customer', id: pathPart(data.id, '/data/id') } };
  },

  async fetch({ type, id }, source, ask) {
    const found = await asking(
      source,
      ask,
    )(type === 'customer' ? `/admin/customers/${id}` : `/admin/orders/${id}?fields=${orderFields}`);
    if (found === undefined && type === 'customer') return { kind: 'ignored', reason: 'the shop has no such customer' };
    if (found === undefined) throw unknownToShop();
    return type === 'customer' ? translateCustomer(found, source) : translateOrder(found, source);
  },
};

const eventShape = z.object({
  type: maybeText,
  name: maybeText,
  data: z.object({ id: z.nullish(identifier), order_id: z.nullish(identifier) }),
});

const orderFields = [
  'id,status,is_draft_order,currency_code,email,customer_id,locale,created_at,updated_at,canceled_at,payment_status',
  'total,credit_line_total,tax_total,shipping_total,discount_total,*items,*customer,*billing_address,*shipping_address',
  '*payment_collections,*payment_collections.payments,*payment_collections.payments.refunds',
].join(',');

function asking(source: Source, ask: AskShop): (path: string) => Promise<unknown> {
  const address = addressOf(source, 'that of the Medusa server');
  const key = Buffer.from(`${credentialOf(source, 'apiKey')}:`).toString('base64');
  return (path) => ask(address, { path, headers: { authorization: `Basic ${key}` } });
}

const amount = z.nullish(z.union([z.number(), z.string()]));
/** The exact value of an amount: Medusa reckons with 20 digits, and JSON numbers of some clients hold fewer. */
const raw = z.nullish(z.object({ value: amount }));

const addressShape = z.nullish(z.object({ first_name: maybeText, last_name: maybeText, phone: maybeText }));

const customerShape = z.object({
  id: identifier,
  /** False for the record that Medusa keeps of a guest, one for each address. */
  has_account: z.nullish(z.boolean()),
  email: maybeText,
  phone: maybeText,
  first_name: maybeText,
  last_name: maybeText,
});

const orderShape = z.object({
  id: identifier,
  status: z.nullish(z.string()),
  is_draft_order: z.nullish(z.boolean()),
  currency_code: z.string(),
  email: maybeText,
  customer_id: z.nullish(identifier),
  locale: maybeText,
  created_at: instant,
  updated_at: instant,
  canceled_at: z.nullish(instant),
  payment_status: z.nullish(z.string()),
  total: amount,
  raw_total: raw,
  credit_line_total: amount,
  raw_credit_line_total: raw,
  tax_total: amount,
  raw_tax_total: raw,
  shipping_total: amount,
  raw_shipping_total: raw,
  discount_total: amount,
  raw_discount_total: raw,
  customer: z.nullish(customerShape),
  billing_address: addressShape,
  shipping_address: addressShape,
  items: z.nullish(
    z.array(
      z.object({
        title: maybeText,
        product_title: maybeText,
        product_type: maybeText,
        variant_sku: maybeText,
        quantity: amount,
        unit_price: amount,
        raw_unit_price: raw,
      }),
    ),
  ),
  payment_collections: z.nullish(
    z.array(
      z.object({
        payments: z.nullish(
          z.array(
            z.object({
              captured_at: z.nullish(instant),
              refunds: z.nullish(
                z.array(z.object({ id: identifier, amount, raw_amount: raw, created_at: z.nullish(instant) })),
              ),
            }),
          ),
        ),
      }),
    ),
  ),
});

type MedusaOrder = z.output<typeof orderShape>;
type Payment = NonNullable<NonNullable<MedusaOrder['payment_collections']>[number]['payments']>[number];

function translateOrder(found: unknown, source: Source): Translation {
  const { order } = read(z.object({ order: orderShape }), found);
  if (order.is_draft_order || order.status === 'draft') return { kind: 'ignored', reason: 'a draft is no order' };
  const code = order.currency_code.toUpperCase();
  const payments = (order.payment_collections ?? []).flatMap((collection) => collection.payments ?? []);
  const cancelledAt = order.canceled_at ?? (order.status === 'canceled' ? order.updated_at : undefined);
  const paidAt = paidWhen(order, payments);
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      at: order.updated_at,
      who: buyerOf(order, source),
      order: {
        snapshot: {
          updatedAt: order.updated_at,
          total: { minor: grossOf(order, code), currency: code },
          ...parts({
            tax: roundedPart(exact(order.raw_tax_total, order.tax_total), code),
            shipping: roundedPart(exact(order.raw_shipping_total, order.shipping_total), code),
            discount: roundedPart(exact(order.raw_discount_total, order.discount_total), code),
          }),
          ...orderedItems(
            (order.items ?? []).map((item) => ({
              title: item.product_title ?? item.title,
              quantity: item.quantity,
              unitPrice: roundedPart(exact(item.raw_unit_price, item.unit_price), code),
              sku: item.variant_sku,
              category: item.product_type,
            })),
          ),
          test: false,
        },
        placedAt: order.created_at,
        ...(paidAt && { paidAt }),
        ...(cancelledAt && { cancelledAt }),
        refunds: refundsOf(payments, order.updated_at, code),
        consents: {},
      },
    },
  };
}

function exact(rawAmount: z.output<typeof raw>, rounded: z.output<typeof amount>): string | number | undefined {
  return rawAmount?.value ?? rounded ?? undefined;
}

/**
 * What the customer pays in all. `total` is without the credit lines, and Medusa writes one for each refund: with them
 * it is what was ordered, and the refunds are counted once.
 */
function grossOf(order: MedusaOrder, code: string): bigint {
  const total = roundMoney(String(exact(order.raw_total, order.total)), code);
  if (!total) throw new Unintelligible(`/order/total: is no amount of ${isCurrency(code) ? code : 'a known currency'}`);
  const credit = roundedPart(exact(order.raw_credit_line_total, order.credit_line_total), code) ?? 0n;
  // Below zero where more was paid back than the order was worth in the end.
  const gross = total.minor + credit;
  if (gross < 0n) throw new Unintelligible('/order/total: is negative');
  return gross;
}

/** The address leads to a guest: Medusa keeps a record of its own for guests, beside that of the account. */
function buyerOf(
  { customer, customer_id, email, locale, billing_address, shipping_address }: MedusaOrder,
  source: Source,
) {
  const isGuest = customer?.has_account === false;
  return person(
    {
      externalId: isGuest ? undefined : (customer?.id ?? customer_id ?? undefined),
      email: isGuest ? undefined : customer?.email,
      orderEmail: email,
      phone: customer?.phone ?? billing_address?.phone ?? shipping_address?.phone,
      firstName: customer?.first_name ?? billing_address?.first_name ?? shipping_address?.first_name,
      lastName: customer?.last_name ?? billing_address?.last_name ?? shipping_address?.last_name,
      locale,
    },
    source,
  );
}

const paid = new Set(['captured', 'partially_refunded', 'refunded']);

function paidWhen(order: MedusaOrder, payments: Payment[]): Instant | undefined {
  if (!paid.has(order.payment_status ?? '')) return undefined;
  const captured = payments.reduce<Instant | undefined>(
    (at, one) => later(at, one.captured_at ?? undefined),
    undefined,
  );
  return captured ?? order.updated_at;
}

/** Medusa keeps a refund only where the provider paid it back. */
function refundsOf(payments: Payment[], at: Instant, code: string): Order['refunds'] {
  const refunds: Order['refunds'] = {};
  for (const refund of payments.flatMap((payment) => payment.refunds ?? [])) {
    const said = exact(refund.raw_amount, refund.amount);
    const paidBack = roundedMoney(String(said), code, '/order/payment_collections/payments/refunds/amount');
    if (paidBack.minor > 0n) refunds[refund.id] = { amount: paidBack, refundedAt: refund.created_at ?? at };
  }
  return refunds;
}

function translateCustomer(found: unknown, source: Source): Translation {
  const shape = z.extend(customerShape, { created_at: instant, updated_at: z.nullish(instant) });
  const { customer } = read(z.object({ customer: shape }), found);
  const who = person(
    {
      externalId: customer.has_account === false ? undefined : customer.id,
      email: customer.email,
      phone: customer.phone,
      firstName: customer.first_name,
      lastName: customer.last_name,
    },
    source,
  );
  if (!who.externalId && !who.email && !who.phone)
    return { kind: 'ignored', reason: 'a guest of whom nothing is known' };
  const at = customer.updated_at ?? customer.created_at;
  return { kind: 'fact', fact: { kind: 'customer', person: who, at, test: false, consents: [] } };
}
