import { createHmac, randomBytes } from 'node:crypto';
import type { Happening, SimulatedOrder, SimulatedRefund } from './simulation.ts';

/** One signed delivery, ready to be posted. */
export interface Delivery {
  path: string;
  headers: Record<string, string>;
  body: string;
}

export const webshopSecret = `shpss_${randomBytes(16).toString('hex')}`;
export const tillSecret = `whsec_${randomBytes(24).toString('base64')}`;

/** What the webshop (Shopify) or the till (Standard Webhooks) posts about it; `sentAt` in milliseconds since 1970. */
export function deliveryOf(happening: Happening, sentAt: number): Delivery {
  return happening.source === 'webshop' ? fromShopify(happening) : fromTill(happening, sentAt);
}

function fromShopify(happening: Happening): Delivery {
  const { kind, order, at } = happening;
  const topic = { placed: 'orders/create', refunded: 'refunds/create', cancelled: 'orders/cancelled' }[kind];
  const body = JSON.stringify(kind === 'refunded' ? shopifyRefund(order, happening.refund) : shopifyOrder(order, at));
  return {
    path: '/v1/webhooks/webshop',
    headers: {
      'content-type': 'application/json',
      'x-shopify-topic': topic,
      'x-shopify-webhook-id': deliveryName(happening),
      'x-shopify-hmac-sha256': createHmac('sha256', webshopSecret).update(body).digest('base64'),
    },
    body,
  };
}

function shopifyOrder(order: SimulatedOrder, at: number) {
  const { buyer, guest } = order;
  const names = { first_name: buyer?.firstName, last_name: buyer?.lastName };
  return {
    id: order.id,
    created_at: time(order.placedAt),
    processed_at: time(order.placedAt),
    updated_at: time(at),
    cancelled_at: order.cancelledAt !== undefined && order.cancelledAt <= at ? time(order.cancelledAt) : null,
    currency: 'EUR',
    total_price: decimal(order.cents),
    current_total_price: decimal(order.cents),
    test: order.test,
    email: buyer?.email ?? null,
    buyer_accepts_marketing: buyer?.agrees ?? false,
    customer: buyer && !guest ? { id: 500_000 + buyer.id, email: buyer.email, ...names } : null,
    billing_address: names,
    refunds: order.refunds.filter((refund) => refund.at <= at).map((refund) => shopifyRefund(order, refund)),
    line_items: [],
  };
}

function shopifyRefund(order: SimulatedOrder, refund: SimulatedRefund) {
  return {
    id: refund.id,
    order_id: order.id,
    created_at: time(refund.at),
    processed_at: time(refund.at),
    transactions: [{ kind: 'refund', status: 'success', amount: decimal(refund.cents), currency: 'EUR' }],
  };
}

function fromTill(happening: Happening, sentAt: number): Delivery {
  const body = JSON.stringify({ timestamp: time(happening.at), ...tillEvent(happening) });
  const id = deliveryName(happening);
  const seconds = Math.floor(sentAt / 1000);
  const key = Buffer.from(tillSecret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    path: '/v1/webhooks/till',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,${signature}`,
    },
    body,
  };
}

function tillEvent(happening: Happening) {
  const { order } = happening;
  if (happening.kind === 'refunded') {
    const { id, cents, at } = happening.refund;
    return { type: 'refund.created', data: { id, orderId: order.id, amount: euros(cents), refundedAt: time(at) } };
  }
  const { buyer, guest } = order;
  const customer = buyer && {
    ...(!guest && { id: `card-${buyer.id}` }),
    email: buyer.email,
    firstName: buyer.firstName,
    lastName: buyer.lastName,
  };
  const data = {
    id: order.id,
    placedAt: time(order.placedAt),
    updatedAt: time(happening.at),
    total: euros(order.cents),
    test: order.test,
    ...(customer && { customer }),
    ...(buyer?.agrees && { consents: [{ channel: 'email', purpose: 'marketing', state: 'granted' }] }),
  };
  if (happening.kind === 'cancelled')
    return { type: 'order.cancelled', data: { ...data, cancelledAt: time(happening.at) } };
  return { type: 'order.created', data };
}

function deliveryName({ kind, order, at }: Happening): string {
  return `${order.source}-${kind}-${order.id}-${at}`;
}

const time = (milliseconds: number) => new Date(milliseconds).toISOString();
const decimal = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
const euros = (cents: number) => ({ amount: decimal(cents), currency: 'EUR' });
