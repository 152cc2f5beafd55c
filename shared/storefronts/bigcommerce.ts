import * as z from 'zod/mini';
import { type Consents, withConsents } from '../domain/consent.ts';
import type { Instant } from '../domain/instant.ts';
import type { Refund } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { AskShop, Storefront } from '../engine/storefront.ts';
import {
  costOf,
  currency,
  decimal,
  departure,
  emailMarketing,
  identifier,
  mailDate,
  maybeText,
  orderedItems,
  parts,
  person,
  read,
  roundedMoney,
  roundedPart,
  seconds,
  shortlyBefore,
  unknownToShop,
} from './fields.ts';
import { addressOf, credentialOf } from './shop-api.ts';
import { standard } from './standard.ts';

/**
 * BigCommerce's webhooks (developer.bigcommerce.com, "Webhooks overview" and the REST resources Orders V2, Order refunds
 * V3, Customers V3). They name what changed and no more. Signed as Standard Webhooks have it, with the bytes of the
 * app's client secret as key. Asked with the source's `address`, `https://api.bigcommerce.com/stores/{hash}`, and
 * `credentials.accessToken`.
 */
export const bigcommerce: Storefront = {
  keptHeaders: [],

  countsWhen: 'placed',

  verify(delivery, source, check) {
    const secrets = source.secrets.map((secret) => `whsec_${Buffer.from(secret).toString('base64')}`);
    return standard.verify(delivery, { ...source, secrets }, check);
  },

  deliveryId: standard.deliveryId,

  translate(body, _delivery, source) {
    const { scope, producer, data, created_at } = read(eventShape, body);
    const type = resources.get(scope);
    if (!type && scope !== customerDeleted) return { kind: 'ignored', reason: 'scope is not used' };
    const store = /\/stores\/([^/]+)\/*$/.exec(source.address ?? '')?.[1];
    if (store && producer && producer !== `stores/${store}`) {
      throw new Unintelligible("/producer: is another store than that of the source's address");
    }
    const { id } = read(z.object({ id: numericId }), data, '/data');
    // What is said of a refund, or of a customer's addresses, need not change the time of the whole.
    const asOf = type === 'order' && scope !== refundMade ? shortlyBefore(created_at) : undefined;
    return type ? { kind: 'fetch', resource: { type, id, asOf } } : departure(id, created_at ?? undefined);
  },

  async fetch({ type, id }, source, ask) {
    const asked = asking(source, ask);
    return type === 'customer' ? fetchCustomer(id, source, asked) : fetchOrder(id, source, asked);
  },
};

const refundMade = 'store/order/refund/created';

const resources = new Map<string, 'order' | 'customer'>([
  ['store/order/created', 'order'],
  ['store/order/updated', 'order'],
  ['store/order/statusUpdated', 'order'],
  [refundMade, 'order'],
  ['store/customer/created', 'customer'],
  ['store/customer/updated', 'customer'],
]);

const customerDeleted = 'store/customer/deleted';

const numericId = identifier.check(z.refine((id) => /^\d{1,20}$/.test(id), { error: 'is no number' }));

const eventShape = z.object({
  scope: z.string(),
  producer: maybeText,
  data: z.unknown(),
  created_at: z.nullish(seconds),
});

const addressShape = z.nullish(
  z.object({
    first_name: maybeText,
    last_name: maybeText,
    email: maybeText,
    phone: maybeText,
    country_iso2: maybeText,
  }),
);

/** Blank where there is no date. */
const maybeDate = z.pipe(
  z.nullish(z.string()),
  z.transform((text) => (text ? text : undefined)),
);

const orderShape = z.object({
  id: identifier,
  customer_id: z.nullish(identifier),
  status_id: z.int(),
  payment_status: z.nullish(z.string()),
  date_created: mailDate,
  date_modified: maybeDate,
  /** Of the amounts: the currency that the shopper paid in. `currency_code` is merely the one that was shown. */
  default_currency_code: z.nullish(currency),
  currency_code: z.nullish(currency),
  total_inc_tax: decimal,
  total_tax: z.nullish(decimal),
  shipping_cost_inc_tax: z.nullish(decimal),
  discount_amount: z.nullish(decimal),
  coupon_discount: z.nullish(decimal),
  refunded_amount: z.nullish(decimal),
  is_email_opt_in: z.nullish(z.boolean()),
  customer_locale: maybeText,
  billing_address: addressShape,
});

const productsShape = z.array(
  z.object({
    name: maybeText,
    sku: maybeText,
    quantity: z.nullish(z.union([z.number(), z.string()])),
    price_inc_tax: z.nullish(decimal),
    cost_price_ex_tax: z.nullish(decimal),
  }),
);

const refundsShape = z.object({
  data: z.array(
    z.object({
      id: identifier,
      created: mailDate,
      total_amount: decimal,
      payments: z.nullish(z.array(z.object({ amount: z.nullish(decimal), is_declined: z.nullish(z.boolean()) }))),
    }),
  ),
});

const customersShape = z.object({
  data: z.array(
    z.object({
      id: identifier,
      email: maybeText,
      phone: maybeText,
      first_name: maybeText,
      last_name: maybeText,
      date_created: mailDate,
      date_modified: maybeDate,
    }),
  ),
});

type BigCommerceOrder = z.output<typeof orderShape>;
type Asked = (path: string) => Promise<unknown>;

function asking(source: Source, ask: AskShop): Asked {
  const address = addressOf(source, 'https://api.bigcommerce.com/stores/{store hash}');
  const headers = { 'x-auth-token': credentialOf(source, 'accessToken') };
  return (path) => ask(address, { path, headers });
}

/** Statuses by number, as "Get order statuses" lists them. */
const incomplete = 0;
const pending = 1;
const refunded = 4;
const cancelled = 5;
const declined = 6;

/** From "shipped" to "partially refunded": what the shop does only with what is paid. Awaiting payment and on hold are not. */
const paidStatuses = new Set([2, 3, refunded, 8, 9, 10, 11, 13, 14]);
const paidWords = new Set(['captured', 'paid', 'partially refunded', 'refunded']);

async function fetchOrder(id: string, source: Source, asked: Asked): Promise<Translation> {
  const found = await asked(`/v2/orders/${id}`);
  if (found === undefined) throw unknownToShop();
  const order = read(orderShape, found, '/order');
  if (order.status_id === incomplete) return { kind: 'ignored', reason: 'the checkout was not completed' };
  const [products, refunds] = await Promise.all([
    asked(`/v2/orders/${id}/products?limit=100`),
    asked(`/v3/orders/${id}/payment_actions/refunds`),
  ]);
  return translateOrder(
    order,
    read(productsShape, products ?? [], '/products'),
    read(refundsShape, refunds ?? { data: [] }, '/refunds'),
    source,
  );
}

function translateOrder(
  order: BigCommerceOrder,
  products: z.output<typeof productsShape>,
  refunds: z.output<typeof refundsShape>,
  source: Source,
): Translation {
  const code = order.default_currency_code ?? order.currency_code;
  if (!code) throw new Unintelligible('/order/default_currency_code: is missing');
  const placedAt = order.date_created;
  const updatedAt = dateOr(order.date_modified, placedAt, '/order/date_modified');
  const total = roundedMoney(order.total_inc_tax, code, '/order/total_inc_tax');
  const inAll = refundedInAll(order, total.minor, code);
  const discount = (roundedPart(order.discount_amount, code) ?? 0n) + (roundedPart(order.coupon_discount, code) ?? 0n);
  const { billing_address: buyer, customer_id: customer } = order;
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      at: updatedAt,
      who: person(
        {
          externalId: customer === '0' ? undefined : (customer ?? undefined),
          orderEmail: buyer?.email,
          phone: buyer?.phone,
          firstName: buyer?.first_name,
          lastName: buyer?.last_name,
          locale: order.customer_locale,
        },
        { country: buyer?.country_iso2 ?? source.country },
      ),
      order: {
        snapshot: {
          updatedAt,
          total,
          ...parts({
            tax: roundedPart(order.total_tax, code),
            shipping: roundedPart(order.shipping_cost_inc_tax, code),
            discount,
          }),
          ...orderedItems(
            products.map(({ name, sku, quantity, price_inc_tax, cost_price_ex_tax }) => ({
              title: name,
              sku,
              quantity,
              unitPrice: roundedPart(price_inc_tax, code),
              cost: costOf(cost_price_ex_tax, quantity, code),
            })),
          ),
          test: false,
          // Begun and not finished, or turned down by the bank: no purchase unless it is paid after all.
          ...((order.status_id === pending || order.status_id === declined) && { awaitsPayment: true }),
        },
        placedAt,
        // Nothing says when it was paid or cancelled: at the latest when the shop said this.
        ...(isPaid(order) && { paidAt: updatedAt }),
        ...(order.status_id === cancelled && { cancelledAt: updatedAt }),
        refunds: Object.fromEntries(
          refunds.data.flatMap((refund) => {
            const paid = paidBack(refund, code);
            return paid ? [[refund.id, paid]] : [];
          }),
        ),
        ...(inAll > 0n && { refundedInAll: { amount: { minor: inAll, currency: code }, refundedAt: updatedAt } }),
        consents: optIn(order, source.id),
      },
    },
  };
}

function isPaid({ status_id, payment_status }: BigCommerceOrder): boolean {
  return paidStatuses.has(status_id) || paidWords.has((payment_status ?? '').toLowerCase());
}

/** A shop can set an order to "refunded" without paying back by BigCommerce: then no figure says so. */
function refundedInAll({ refunded_amount, status_id }: BigCommerceOrder, total: bigint, code: string): bigint {
  const figure = roundedPart(refunded_amount, code) ?? 0n;
  return figure === 0n && status_id === refunded ? total : figure;
}

/** What was paid back; declined by the bank where it says so of every payment. */
function paidBack(refund: z.output<typeof refundsShape>['data'][number], code: string): Refund | undefined {
  const payments = (refund.payments ?? []).map(({ amount, is_declined }) => ({
    minor: roundedPart(amount, code) ?? 0n,
    failed: is_declined === true,
  }));
  const asked = roundedMoney(refund.total_amount, code, '/refunds/total_amount').minor;
  const failed = payments.length > 0 && payments.every((payment) => payment.failed);
  const partly = payments.some((payment) => payment.failed) && !failed;
  const minor = partly ? payments.reduce((sum, payment) => (payment.failed ? sum : sum + payment.minor), 0n) : asked;
  if (minor === 0n) return undefined;
  return { amount: { minor, currency: code }, refundedAt: refund.created, ...(failed && { failed: true }) };
}

function optIn({ is_email_opt_in, date_created }: BigCommerceOrder, sourceId: string): Consents {
  if (!is_email_opt_in) return {};
  return withConsents({}, [emailMarketing('granted', date_created, sourceId)]);
}

async function fetchCustomer(id: string, source: Source, asked: Asked): Promise<Translation> {
  const found = await asked(`/v3/customers?id:in=${id}`);
  const [customer] = read(customersShape, found ?? { data: [] }, '/customers').data;
  if (!customer) return { kind: 'ignored', reason: 'the shop has no such customer' };
  const who = person(
    {
      externalId: customer.id,
      email: customer.email,
      phone: customer.phone,
      firstName: customer.first_name,
      lastName: customer.last_name,
    },
    source,
  );
  const at = dateOr(customer.date_modified, customer.date_created, '/customers/date_modified');
  return { kind: 'fact', fact: { kind: 'customer', person: who, at, test: false, consents: [] } };
}

function dateOr(text: string | undefined, fallback: Instant, place: string): Instant {
  return text === undefined ? fallback : read(mailDate, text, place);
}
