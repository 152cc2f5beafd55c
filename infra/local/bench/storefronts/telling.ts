import { currencyOf, emailOf, type Sale } from './history.ts';
import { squareEvent, squarePayment, stripeCharge, stripeEvent, stripeSession } from './payments.ts';
import { decimal, linesOf, nameOf, time, worthAt } from './sale-state.ts';
import { saleorOrder, shopifyOrder, shopifyRefund, shopwareEvent, wooOrder } from './shop-orders.ts';
import type { Message } from './signing.ts';

/** A step in the life of a sale, as its shop tells it at that time. */
type Step = { at: number } & (
  | { kind: 'placed' | 'edited' | 'cancelled' }
  | { kind: 'refunded'; refund: Sale['refunds'][number] }
);

function stepsOf({ placedAt, edited, refunds, cancelledAt }: Sale): Step[] {
  const steps: Step[] = [{ kind: 'placed', at: placedAt }];
  if (edited) steps.push({ kind: 'edited', at: edited.at });
  for (const refund of refunds) steps.push({ kind: 'refunded', at: refund.at, refund });
  if (cancelledAt !== undefined) steps.push({ kind: 'cancelled', at: cancelledAt });
  return steps;
}

/** Everything that the shop of a sale posts about it, in the order of time. */
export function messagesOf(sale: Sale): (Message & { at: number })[] {
  return stepsOf(sale).flatMap((step) =>
    tell[sale.shop](sale, step).map(([topic, content], part) => {
      const id = `${sale.shop}-${sale.id}-${step.at / 1000}-${part}`;
      const body = JSON.stringify(withId(content, sale.shop, id));
      return { shop: sale.shop, id, topic, body, at: step.at + part };
    }),
  );
}

/** Events that bear their id in the body. */
function withId(content: object, shop: Sale['shop'], id: string): object {
  if (shop === 'stripe') return { id: `evt_${id}`, ...content };
  if (shop === 'square') return { event_id: id, ...content };
  return content;
}

type Tell = (sale: Sale, step: Step) => [topic: string, content: object][];

const tell: Record<Sale['shop'], Tell> = {
  shopify(sale, step) {
    if (step.kind !== 'refunded') {
      const topic = { placed: 'orders/create', edited: 'orders/updated', cancelled: 'orders/cancelled' }[step.kind];
      return [[topic, shopifyOrder(sale, step.at)]];
    }
    return [
      ['refunds/create', shopifyRefund(sale, step.refund)],
      ['orders/updated', shopifyOrder(sale, step.at)],
    ];
  },

  woocommerce: (sale, step) => [[step.kind === 'placed' ? 'order.created' : 'order.updated', wooOrder(sale, step.at)]],

  stripe(sale, step) {
    if (step.kind !== 'refunded') {
      return [
        ['', stripeEvent(sale, 'charge.succeeded', step.at, stripeCharge(sale, step.at))],
        ['', stripeEvent(sale, 'checkout.session.completed', step.at + 1000, stripeSession(sale))],
      ];
    }
    const { id, cents, at } = step.refund;
    const refund = {
      object: 'refund',
      id: `re_${id}`,
      amount: cents,
      currency: 'eur',
      status: 'succeeded',
      created: at / 1000,
      charge: `ch_${sale.id}`,
      payment_intent: `pi_${sale.id}`,
    };
    return [
      ['', stripeEvent(sale, 'refund.created', at, refund)],
      ['', stripeEvent(sale, 'charge.refunded', at, stripeCharge(sale, at))],
    ];
  },

  square(sale, step) {
    if (step.kind !== 'refunded') {
      return [
        ['', squareEvent('payment.created', { payment: squarePayment(sale, step.at, 'APPROVED') })],
        ['', squareEvent('payment.updated', { payment: squarePayment(sale, step.at + 1000, 'COMPLETED') })],
      ];
    }
    const { id, cents, at } = step.refund;
    const amount_money = { amount: cents, currency: 'EUR' };
    const refund = { id: `r${id}`, payment_id: `p${sale.id}`, status: 'COMPLETED', amount_money, created_at: time(at) };
    return [
      ['', squareEvent('refund.created', { refund })],
      ['', squareEvent('payment.updated', { payment: squarePayment(sale, at, 'COMPLETED') })],
    ];
  },

  shopware(sale, step) {
    const transaction = 'state_enter.order_transaction.state';
    switch (step.kind) {
      case 'placed':
        return [
          ['', shopwareEvent(sale, 'checkout.order.placed', step.at, 'open')],
          ['', shopwareEvent(sale, `${transaction}.paid`, step.at + 1000, 'paid')],
        ];
      case 'edited':
        return [['', shopwareEvent(sale, 'state_enter.order.state.in_progress', step.at, 'paid')]];
      case 'refunded':
        return [['', shopwareEvent(sale, `${transaction}.refunded_partially`, step.at, 'refunded_partially')]];
      case 'cancelled':
        return [['', shopwareEvent(sale, 'state_enter.order.state.cancelled', step.at, 'paid')]];
    }
  },

  saleor(sale, step) {
    const name = {
      placed: 'OrderCreated',
      edited: 'OrderUpdated',
      refunded: 'OrderRefunded',
      cancelled: 'OrderCancelled',
    };
    const event = { __typename: name[step.kind], issuedAt: time(step.at), order: saleorOrder(sale, step.at) };
    return [[name[step.kind].replace(/(?<=[a-z])[A-Z]/, '_$&').toLowerCase(), event]];
  },

  till: standardEvents,
  kiosk: standardEvents,
};

function standardEvents(sale: Sale, step: Step): [string, object][] {
  const { buyer, guest, shop } = sale;
  const money = (cents: number) => ({ amount: decimal(cents), currency: currencyOf[shop] });
  const event = (type: string, data: object): [string, object] => ['', { type, timestamp: time(step.at), data }];
  if (step.kind === 'refunded') {
    const { id, cents, at } = step.refund;
    return [event('refund.created', { id, orderId: sale.id, amount: money(cents), refundedAt: time(at) })];
  }
  const name = buyer === undefined ? undefined : nameOf(buyer);
  const type = { placed: 'order.created', edited: 'order.updated', cancelled: 'order.cancelled' }[step.kind];
  return [
    event(type, {
      id: sale.id,
      placedAt: time(sale.placedAt),
      updatedAt: time(step.at),
      total: money(worthAt(sale, step.at)),
      test: sale.test,
      items: linesOf(sale, worthAt(sale, step.at)).map(({ title, sku, cents }) => ({
        title,
        sku,
        quantity: 1,
        unitPrice: decimal(cents),
      })),
      ...(name && {
        customer: {
          ...(!guest && { id: `${shop}-${buyer}` }),
          email: emailOf(buyer ?? 0),
          firstName: name.first,
          lastName: name.last,
        },
      }),
    }),
  ];
}
