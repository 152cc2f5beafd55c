import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { AskShop, Storefront } from '../engine/storefront.ts';
import { departure, emailMarketing, identifier, instant, maybeText, person, read, unknownToShop } from './fields.ts';
import { isAmong } from './signature.ts';
import { anyOrderShape, orderShape, paymentShape, squareAmount, squareMoney, translateOrder } from './square-order.ts';

/**
 * Square's webhooks (developer.squareup.com/docs/webhooks/overview, and the objects Order, Payment, PaymentRefund and
 * Customer). `x-square-hmacsha256-signature` is base64 HMAC-SHA256 over the notification URL, exactly as it stands in
 * Square, and the body; the key is the subscription's signature key as text.
 *
 * What was sold is in the order, which messages only name: it is asked for, with its payments and its customer, by the
 * credential `accessToken`, at the source's `address` or else at Square's own. What comes from its sandbox is a test.
 */
export const square: Storefront = {
  keptHeaders: [],

  /** An order of a till is rung up before it is a sale. */
  countsWhen: 'paid',

  verify({ headers, body }, { secrets, notificationUrl }) {
    const given = headers['x-square-hmacsha256-signature'];
    if (!given) return { refused: 'the header x-square-hmacsha256-signature is missing' };
    if (!notificationUrl) {
      return { refused: 'the source has no notificationUrl: set it to the URL that Square calls, as it stands there' };
    }
    const expected = secrets.map((secret) =>
      createHmac('sha256', secret).update(notificationUrl).update(body).digest('base64'),
    );
    return isAmong([given], expected)
      ? { authentic: true }
      : { refused: 'no active secret made this signature over the notificationUrl and the body' };
  },

  /** The event's id stands in the body. */
  deliveryId: () => undefined,

  translate(body, _delivery, source) {
    const { type } = read(z.object({ type: z.string() }), body);
    switch (type) {
      case 'order.created':
        return named(read(orderCreated, body).data.object.order_created);
      case 'order.updated':
        return named(read(orderUpdated, body).data.object.order_updated);
      case 'payment.created':
      case 'payment.updated':
        return translatePayment(read(eventOf({ payment: paymentShape }), body).data.object.payment, source);
      case 'refund.created':
      case 'refund.updated':
        return translateRefund(read(eventOf({ refund: refundShape }), body).data.object.refund);
      case 'dispute.state.updated':
        return translateDispute(read(eventOf({ dispute: disputeShape }), body).data.object.dispute);
      case 'customer.created':
      case 'customer.updated':
        return translateCustomer(read(eventOf({ customer: customerShape }), body).data.object.customer, source);
      case 'customer.deleted':
        return translateDeletion(read(customerDeleted, body));
      default:
        return { kind: 'ignored', reason: 'type is not used' };
    }
  },

  async fetch({ id }, source, ask) {
    const get = asking(source, ask);
    const found = await get(`v2/orders/${encodeURIComponent(id)}`);
    if (found === undefined) throw unknownToShop();
    const { order: seen } = read(z.object({ order: anyOrderShape }), found);
    if (seen.state === 'DRAFT') return { kind: 'ignored', reason: 'a draft is no order' };
    if (seen.returns?.length && !seen.line_items?.length) {
      return { kind: 'ignored', reason: 'what came back is told by the refund' };
    }
    const { order } = read(z.object({ order: orderShape }), found);
    const payments = [];
    for (const { id: tenderId, payment_id } of order.tenders ?? []) {
      const answer = await get(`v2/payments/${encodeURIComponent(payment_id ?? tenderId)}`);
      if (answer !== undefined) payments.push(read(z.object({ payment: paymentShape }), answer).payment);
    }
    const customerId =
      order.customer_id ?? [...(order.tenders ?? []), ...payments].find((one) => one.customer_id)?.customer_id;
    const customer = customerId ? await get(`v2/customers/${encodeURIComponent(customerId)}`) : undefined;
    const known = customer === undefined ? undefined : read(z.object({ customer: customerShape }), customer).customer;
    const payer = payments.find((payment) => payment.buyer_email_address);
    const who = person(
      { ...(known ? namesOf(known) : { externalId: customerId ?? undefined }), orderEmail: payer?.buyer_email_address },
      source,
    );
    return translateOrder(order, payments, who, isSandbox(source));
  },
};

const own = 'https://connect.squareup.com';

/** The version of the API whose fields are read here. */
const version = '2025-01-23';

function asking({ address = own, credentials }: Source, ask: AskShop) {
  const token = credentials?.accessToken;
  if (!token) throw new Unintelligible('the source lacks the credential accessToken of the Orders API');
  const headers = { authorization: `Bearer ${token}`, 'square-version': version };
  return (path: string) => ask(address, { path, headers });
}

const isSandbox = ({ address }: Source) => address?.includes('squareupsandbox.com') ?? false;

const eventOf = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.object({ data: z.object({ object: z.object(shape) }) });

const namedOrder = z.object({
  order_id: identifier,
  created_at: z.nullish(instant),
  updated_at: z.nullish(instant),
});
const orderCreated = eventOf({ order_created: namedOrder });
const orderUpdated = eventOf({ order_updated: namedOrder });

function named({ order_id: id, created_at, updated_at }: z.output<typeof namedOrder>): Translation {
  return { kind: 'fetch', resource: { type: 'order', id, asOf: updated_at ?? created_at ?? undefined } };
}

/** A payment of an order is a reason to look at the order, which may have several; one without an order is the sale. */
function translatePayment(payment: z.output<typeof paymentShape>, source: Source): Translation {
  const isPaid = payment.status === 'COMPLETED';
  if (payment.order_id && !isPaid) return { kind: 'ignored', reason: 'nothing was paid yet' };
  if (payment.order_id) return named({ order_id: payment.order_id });
  const total = squareMoney(payment.total_money ?? payment.amount_money, '/data/object/payment/total_money');
  const back = payment.refunded_money && squareMoney(payment.refunded_money, '/data/object/payment/refunded_money');
  const { buyer_email_address: email, billing_address: billing } = payment;
  const paidAt = payment.card_details?.card_payment_timeline?.captured_at ?? payment.created_at;
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: payment.id,
      who: person(
        {
          externalId: payment.customer_id ?? undefined,
          email,
          firstName: billing?.first_name,
          lastName: billing?.last_name,
        },
        source,
      ),
      at: payment.updated_at,
      order: {
        snapshot: {
          updatedAt: payment.updated_at,
          total,
          test: isSandbox(source),
          ...(!isPaid && { awaitsPayment: true as const }),
        },
        placedAt: payment.created_at,
        ...(isPaid && { paidAt }),
        refunds: {},
        ...(back && back.minor > 0n && { refundedInAll: { amount: back, refundedAt: payment.updated_at } }),
        consents: {},
      },
    },
  };
}

const refundShape = z.object({
  id: identifier,
  payment_id: z.nullish(identifier),
  status: z.nullish(z.string()),
  amount_money: squareAmount,
  created_at: instant,
});

/** It counts from its announcement, as in the payment's `refunded_money`. Its own order is that of the return. */
function translateRefund(refund: z.output<typeof refundShape>): Translation {
  const { id, payment_id, status, created_at: refundedAt } = refund;
  if (!payment_id) return { kind: 'ignored', reason: 'a refund of no payment' };
  const paidBack = {
    amount: squareMoney(refund.amount_money, '/data/object/refund/amount_money'),
    refundedAt,
    ...((status === 'FAILED' || status === 'REJECTED') && { failed: true as const }),
  };
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: payment_id,
      who: {},
      at: refundedAt,
      order: { refunds: { [id]: paidBack }, consents: {} },
    },
  };
}

const disputeShape = z.object({
  id: z.nullish(identifier),
  /** In older versions. */
  dispute_id: z.nullish(identifier),
  state: z.string(),
  amount_money: squareAmount,
  disputed_payment: z.nullish(z.object({ payment_id: z.nullish(identifier) })),
  created_at: instant,
});

/** What the bank took back for good; a payment's `refunded_money` says nothing of it. */
function translateDispute(dispute: z.output<typeof disputeShape>): Translation {
  const { id: ownId, dispute_id, state, amount_money, disputed_payment, created_at: refundedAt } = dispute;
  if (state !== 'LOST' && state !== 'ACCEPTED') return { kind: 'ignored', reason: 'nothing was taken back for good' };
  const id = ownId ?? dispute_id;
  const payment = disputed_payment?.payment_id;
  if (!id || !payment) throw new Unintelligible('/data/object/dispute: has no id, or names no payment');
  const amount = squareMoney(amount_money, '/data/object/dispute/amount_money');
  const order: Order = { refunds: { [id]: { amount, refundedAt, disputed: true } }, consents: {} };
  return { kind: 'fact', fact: { kind: 'order', externalId: payment, who: {}, at: refundedAt, order } };
}

const customerShape = z.object({
  id: identifier,
  email_address: maybeText,
  phone_number: maybeText,
  given_name: maybeText,
  family_name: maybeText,
  created_at: z.nullish(instant),
  updated_at: z.nullish(instant),
  preferences: z.nullish(z.object({ email_unsubscribed: z.nullish(z.boolean()) })),
});

type SquareCustomer = z.output<typeof customerShape>;

function namesOf({ id, email_address, phone_number, given_name, family_name }: SquareCustomer) {
  return {
    externalId: id,
    email: email_address,
    phone: phone_number,
    firstName: given_name,
    lastName: family_name,
  };
}

const customerDeleted = z.object({
  created_at: z.nullish(instant),
  data: z.object({
    id: identifier,
    object: z.nullish(
      z.object({
        event_context: z.nullish(z.object({ merge: z.nullish(z.object({ to_customer_id: z.nullish(identifier) })) })),
      }),
    ),
  }),
});

/** Of profiles that are merged each is deleted, and the message names the one that is made of them. */
function translateDeletion({ created_at: at, data: { id, object } }: z.output<typeof customerDeleted>): Translation {
  const kept = object?.event_context?.merge?.to_customer_id;
  if (kept && kept !== id) return { kind: 'fact', fact: { kind: 'merge', kept, gone: id, test: false } };
  return departure(id, at ?? undefined);
}

/** Not to have unsubscribed is no consent. */
function translateCustomer(customer: SquareCustomer, source: Source): Translation {
  const at = customer.updated_at ?? customer.created_at;
  if (!at) throw new Unintelligible('/data/object/customer/updated_at: is missing');
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      at,
      test: isSandbox(source),
      person: person(namesOf(customer), source),
      consents: customer.preferences?.email_unsubscribed ? [emailMarketing('refused', at, source.id)] : [],
    },
  };
}
