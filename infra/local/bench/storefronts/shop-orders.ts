import { currencyOf, emailOf, type Sale } from './history.ts';
import { backAt, decimal, isOver, linesOf, nameOf, refundsUntil, time, worthAt } from './sale-state.ts';

/** Orders as the shops show them at a time, in as many fields as they are read by and some more. */

export function shopifyOrder(sale: Sale, at: number) {
  const { buyer, guest } = sale;
  const worth = decimal(worthAt(sale, at));
  const name = buyer === undefined ? undefined : nameOf(buyer);
  const names = { first_name: name?.first ?? null, last_name: name?.last ?? null };
  const email = buyer === undefined ? null : emailOf(buyer);
  const address = {
    ...names,
    address1: '1 Long Street',
    city: 'Berlin',
    zip: '10115',
    country_code: 'DE',
    phone: null,
  };
  return {
    id: 5_000_000_000_000 + sale.id,
    created_at: time(sale.placedAt),
    processed_at: time(sale.placedAt),
    updated_at: time(at),
    cancelled_at: isOver(sale, at) ? time(at) : null,
    currency: currencyOf.shopify,
    total_price: worth,
    current_total_price: decimal(worthAt(sale, at) - backAt(sale, at)),
    total_price_set: { presentment_money: { amount: worth, currency_code: currencyOf.shopify } },
    financial_status: 'paid',
    taxes_included: true,
    test: sale.test,
    email,
    buyer_accepts_marketing: false,
    customer: buyer === undefined || guest ? null : { id: 7_000_000_000_000 + buyer, email, ...names },
    billing_address: address,
    shipping_address: address,
    refunds: refundsUntil(sale, at).map((refund) => shopifyRefund(sale, refund)),
    line_items: linesOf(sale, worthAt(sale, at)).map(({ title, sku, cents }, line) => ({
      id: sale.id * 10 + line,
      title,
      sku,
      price: decimal(cents),
      quantity: 1,
      current_quantity: 1,
    })),
  };
}

export function shopifyRefund(sale: Sale, { id, cents, at }: Sale['refunds'][number]) {
  const transaction = { kind: 'refund', status: 'success', amount: decimal(cents), currency: currencyOf.shopify };
  const created = { created_at: time(at), processed_at: time(at) };
  return { id, order_id: 5_000_000_000_000 + sale.id, ...created, transactions: [transaction], refund_line_items: [] };
}

export function wooOrder(sale: Sale, at: number) {
  const { buyer, guest } = sale;
  const utc = (milliseconds: number) => time(milliseconds).slice(0, 19);
  const name = buyer === undefined ? undefined : nameOf(buyer);
  const fullyBack = backAt(sale, at) >= worthAt(sale, at);
  return {
    id: sale.id,
    status: isOver(sale, at) ? 'cancelled' : fullyBack ? 'refunded' : 'completed',
    currency: currencyOf.woocommerce,
    date_created_gmt: utc(sale.placedAt),
    date_modified_gmt: utc(at),
    date_paid_gmt: utc(sale.placedAt),
    total: decimal(worthAt(sale, at)),
    total_tax: '0.00',
    customer_id: buyer === undefined || guest ? 0 : 1 + buyer,
    billing: {
      first_name: name?.first ?? '',
      last_name: name?.last ?? '',
      email: buyer === undefined ? '' : emailOf(buyer),
      country: 'US',
    },
    line_items: linesOf(sale, worthAt(sale, at)).map(({ title, sku, cents }) => ({
      name: title,
      sku,
      quantity: 1,
      subtotal: decimal(cents),
      subtotal_tax: '0.00',
    })),
    refunds: refundsUntil(sale, at).map(({ id, cents }) => ({ id, reason: '', total: `-${decimal(cents)}` })),
    meta_data: sale.test ? [{ key: '_wcpay_mode', value: 'test' }] : [],
  };
}

export function shopwareEvent(sale: Sale, event: string, at: number, state: string) {
  const { buyer, guest } = sale;
  const worth = worthAt(sale, at);
  const name = buyer === undefined ? undefined : nameOf(buyer);
  const inState = (technicalName: string) => ({ technicalName });
  const refunds = refundsUntil(sale, at).map(({ id, cents, at: back }) => ({
    id: `refund${id}`,
    amount: { totalPrice: cents / 100 },
    stateMachineState: inState('completed'),
    createdAt: time(back),
  }));
  const order = {
    id: `sw${sale.id}`,
    orderDateTime: time(sale.placedAt),
    updatedAt: time(at),
    amountTotal: worth / 100,
    currency: { isoCode: currencyOf.shopware },
    stateMachineState: inState(isOver(sale, at) ? 'cancelled' : 'open'),
    orderCustomer: name && {
      customerId: guest ? `guest${sale.id}` : `swc${buyer}`,
      email: emailOf(buyer ?? 0),
      firstName: name.first,
      lastName: name.last,
      customer: { guest },
    },
    lineItems: linesOf(sale, worth).map(({ title, sku, cents }) => ({
      label: title,
      quantity: 1,
      unitPrice: cents / 100,
      totalPrice: cents / 100,
      payload: { productNumber: sku },
    })),
    transactions: [{ amount: { totalPrice: worth / 100 }, stateMachineState: inState(state), captures: [{ refunds }] }],
  };
  return { data: { event, payload: { order } }, source: { shopId: 'bench' }, timestamp: at / 1000 };
}

export function saleorOrder(sale: Sale, at: number) {
  const { buyer, guest } = sale;
  const money = (cents: number) => ({ amount: cents / 100, currency: currencyOf.saleor });
  const name = buyer === undefined ? undefined : nameOf(buyer);
  const user = { id: `user${buyer}`, email: emailOf(buyer ?? 0), firstName: name?.first, lastName: name?.last };
  return {
    id: `sl${sale.id}`,
    status: isOver(sale, at) ? 'CANCELED' : 'UNFULFILLED',
    created: time(sale.placedAt),
    updatedAt: time(at),
    isPaid: true,
    userEmail: buyer === undefined ? '' : emailOf(buyer),
    user: buyer === undefined || guest ? null : user,
    billingAddress: { firstName: name?.first ?? '', lastName: name?.last ?? '', phone: '' },
    total: { gross: money(worthAt(sale, at)), tax: money(0) },
    totalRefunded: money(backAt(sale, at)),
    lines: linesOf(sale, worthAt(sale, at)).map(({ title, sku, cents }) => ({
      productName: title,
      productSku: sku,
      quantity: 1,
      unitPrice: { gross: money(cents) },
    })),
  };
}
