import { createHmac } from 'node:crypto';
import * as z from 'zod/mini';
import type { Consent } from '../domain/consent.ts';
import { type Instant, instantOf, later, millisecondsOf } from '../domain/instant.ts';
import { type Money, parseMoney } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import {
  currency,
  decimal,
  emailMarketing,
  identifier,
  instant,
  maybeText,
  money,
  orderedItems,
  parts,
  person,
  plainPart,
  read,
  seconds,
  withoutNoise,
} from './fields.ts';
import { isAmong } from './signature.ts';

/**
 * Shopware 6's webhooks of apps (developer.shopware.com, "Webhook" and "Signing & verification in the app system").
 * Signed by hexadecimal HMAC-SHA256 over the body, with the secret that shop and app agreed on. The body's `timestamp`
 * is that of the sending, so a repeated message has another: it sets no bound to what is taken.
 */
export const shopware: Storefront = {
  keptHeaders: [],

  countsWhen: 'placed',

  reading: 2,

  verify({ headers, body }, { secrets }) {
    const given = headers['shopware-shop-signature'];
    if (!given) return { refused: 'the header shopware-shop-signature is missing' };
    const expected = secrets.map((secret) => createHmac('sha256', secret).update(body).digest('hex'));
    return isAmong([given], expected) ? { authentic: true } : { refused: 'no active secret made this signature' };
  },

  deliveryId: () => undefined,

  translate(body, _delivery, source) {
    const { data, timestamp } = read(messageShape, body);
    const { event, payload } = data;
    if (event === 'checkout.order.placed' || /^state_enter\.order(_transaction)?\.state\./.test(event)) {
      const { order } = read(orderPayload, payload, '/data/payload');
      return translateOrder(order, event, timestamp, source);
    }
    const state = newsletterStates.get(event);
    if (!state) return { kind: 'ignored', reason: 'event is not used' };
    const { newsletterRecipient } = read(newsletterPayload, payload, '/data/payload');
    return translateNewsletter(newsletterRecipient, state, timestamp, source);
  },
};

/** `newsletter.register` only asks: with double opt-in the confirmation is the yes. */
const newsletterStates = new Map<string, Consent['state']>([
  ['newsletter.confirm', 'granted'],
  ['newsletter.unsubscribe', 'refused'],
]);

const messageShape = z.object({
  data: z.object({ event: z.string(), payload: z.optional(z.unknown()) }),
  timestamp: seconds,
});

const stateShape = z.nullish(z.object({ technicalName: z.string() }));
const priceShape = z.nullish(z.object({ totalPrice: z.nullish(decimal) }));

const orderPayload = z.object({
  order: z.object({
    id: identifier,
    orderDateTime: instant,
    createdAt: z.nullish(instant),
    updatedAt: z.nullish(instant),
    amountTotal: decimal,
    amountNet: z.nullish(decimal),
    shippingTotal: z.nullish(decimal),
    currency: z.object({ isoCode: currency }),
    stateMachineState: stateShape,
    orderCustomer: z.nullish(
      z.object({
        customerId: z.nullish(identifier),
        email: maybeText,
        firstName: maybeText,
        lastName: maybeText,
        customer: z.nullish(z.object({ guest: z.nullish(z.boolean()) })),
      }),
    ),
    lineItems: z.nullish(
      z.array(
        z.object({
          label: maybeText,
          quantity: z.nullish(decimal),
          unitPrice: z.nullish(decimal),
          totalPrice: z.nullish(decimal),
          payload: z.nullish(z.union([z.object({ productNumber: maybeText }), z.array(z.unknown())])),
        }),
      ),
    ),
    transactions: z.nullish(
      z.array(
        z.object({
          amount: priceShape,
          stateMachineState: stateShape,
          createdAt: z.nullish(instant),
          updatedAt: z.nullish(instant),
          captures: z.nullish(
            z.array(
              z.object({
                refunds: z.nullish(
                  z.array(
                    z.object({
                      id: identifier,
                      amount: priceShape,
                      stateMachineState: stateShape,
                      createdAt: z.nullish(instant),
                    }),
                  ),
                ),
              }),
            ),
          ),
        }),
      ),
    ),
  }),
});

const newsletterPayload = z.object({
  newsletterRecipient: z.object({
    email: maybeText,
    firstName: maybeText,
    lastName: maybeText,
    confirmedAt: z.nullish(instant),
    updatedAt: z.nullish(instant),
  }),
});

type ShopwareOrder = z.output<typeof orderPayload>['order'];
type Transaction = NonNullable<ShopwareOrder['transactions']>[number];

const place = '/data/payload/order';

/** Amounts are those of the order's own currency; what they are in that of the shop no message says exactly. */
function translateOrder(order: ShopwareOrder, event: string, at: Instant, source: Source): Translation {
  const code = order.currency.isoCode;
  const total = money(withoutNoise(order.amountTotal, code), code, `${place}/amountTotal`);
  const entered = /^state_enter\.order_transaction\.state\.(.+)$/.exec(event)?.[1] ?? '';
  const listed = (order.transactions ?? []).flatMap((one) => one.stateMachineState?.technicalName ?? []);
  const updatedAt = later(lastChangeOf(order), entered ? toldAt(order, entered, at) : undefined) as Instant;
  const states = [entered, ...listed];
  const cameToNothing = (listed.length > 0 ? listed : [entered]).every((state) => unpaid.has(state));
  const isOver =
    event === 'state_enter.order.state.cancelled' || order.stateMachineState?.technicalName === 'cancelled';
  const inAll = refundedInAll(order, entered, total);
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
            tax: taxOf(order, total),
            shipping: plainPart(order.shippingTotal, code),
            discount: discountOf(order, code),
          }),
          ...orderedItems(
            (order.lineItems ?? []).map(({ label, quantity, unitPrice, payload }) => ({
              title: label,
              quantity,
              unitPrice: plainPart(unitPrice, code),
              sku: payload && !Array.isArray(payload) ? payload.productNumber : undefined,
            })),
          ),
          test: false,
          ...(cameToNothing && { awaitsPayment: true as const }),
        },
        placedAt: order.orderDateTime,
        ...(states.some((state) => arrived.has(state)) && { paidAt: at }),
        ...(isOver && { cancelledAt: at }),
        refunds: listedRefunds(order, code, at),
        ...(inAll && { refundedInAll: { amount: inAll, refundedAt: at } }),
        consents: {},
      },
    },
  };
}

/** What happens to a transaction moves its own time, and leaves that of its order as it was. */
function lastChangeOf({ updatedAt, createdAt, orderDateTime, transactions }: ShopwareOrder): Instant {
  return (transactions ?? []).reduce<Instant>(
    (at, one) => later(at, one.updatedAt ?? one.createdAt ?? undefined) as Instant,
    updatedAt ?? createdAt ?? orderDateTime,
  );
}

/**
 * What the transaction that entered the state does not date the event alone tells: it is as old as the event, whose time is
 * in whole seconds. One that is open has no other time than that of its beginning.
 */
function toldAt({ transactions }: ShopwareOrder, entered: string, at: Instant): Instant | undefined {
  const stateOf = (one: Transaction) => one.stateMachineState?.technicalName;
  const those = transactions?.filter((one) => stateOf(one) === entered) ?? [];
  const all = those.length > 0 ? those : (transactions ?? []);
  const isDated = all.length > 0 && all.every((one) => one.updatedAt || stateOf(one) === 'open');
  return isDated ? undefined : instantOf(millisecondsOf(at) + 999);
}

/** What is said of money that was paid is said when it was, or later: the earliest of it counts. */
const arrived = new Set(['paid', 'refunded', 'refunded_partially', 'chargeback']);
/** No purchase where no other payment is there, until one is: what is still open may be paid by invoice. */
const unpaid = new Set(['failed', 'cancelled']);
const gaveAllBack = new Set(['refunded', 'chargeback']);

/** A guest is given a new customer id with every order: it leads to nobody. */
function buyer({ orderCustomer }: ShopwareOrder, source: Source) {
  const { customerId, email, firstName, lastName, customer } = orderCustomer ?? {};
  return person(
    { externalId: customer?.guest ? undefined : (customerId ?? undefined), email, firstName, lastName },
    source,
  );
}

function taxOf({ amountNet }: ShopwareOrder, { minor, currency: code }: Money): bigint | undefined {
  const net = plainPart(amountNet, code);
  return net === undefined || net > minor ? undefined : minor - net;
}

/** Discounts are lines with negative prices. */
function discountOf({ lineItems }: ShopwareOrder, code: string): bigint | undefined {
  const prices = (lineItems ?? []).map(({ totalPrice }) => parseMoney(withoutNoise(totalPrice ?? '0', code), code));
  const taken = prices.reduce((sum, price) => (price && price.minor < 0n ? sum - price.minor : sum), 0n);
  return taken > 0n ? taken : undefined;
}

function listedRefunds({ transactions }: ShopwareOrder, code: string, at: Instant): Order['refunds'] {
  const refunds = (transactions ?? []).flatMap(({ captures }) => (captures ?? []).flatMap((one) => one.refunds ?? []));
  const listed: Order['refunds'] = {};
  for (const { id, amount, stateMachineState, createdAt } of refunds) {
    const minor = plainPart(amount?.totalPrice, code);
    if (stateMachineState?.technicalName !== 'completed' || !minor) continue;
    listed[id] = { amount: { minor, currency: code }, refundedAt: createdAt ?? at };
  }
  return listed;
}

/**
 * The transactions that were given back, or the whole order where it does not show them.
 * @throws Unintelligible of a part whose size no refund shows
 */
function refundedInAll(order: ShopwareOrder, entered: string, total: Money): Money | undefined {
  const back = (order.transactions ?? []).filter((one) => gaveAllBack.has(one.stateMachineState?.technicalName ?? ''));
  const amounts = back.map(({ amount }) => plainPart(amount?.totalPrice, total.currency) ?? total.minor);
  const minor = amounts.reduce((sum, amount) => sum + amount, 0n);
  if (minor > 0n) return { ...total, minor };
  if (gaveAllBack.has(entered)) return total;
  const isListed = Object.keys(listedRefunds(order, total.currency, '')).length > 0;
  if (entered !== 'refunded_partially' || isListed) return undefined;
  throw new Unintelligible(`${place}/transactions: do not say how much was paid back`);
}

function translateNewsletter(
  { email, firstName, lastName, confirmedAt, updatedAt }: z.output<typeof newsletterPayload>['newsletterRecipient'],
  state: Consent['state'],
  at: Instant,
  source: Source,
): Translation {
  const who = person({ email, firstName, lastName }, source);
  if (!who.email) throw new Unintelligible('/data/payload/newsletterRecipient/email: is no e-mail address');
  const occurredAt = (state === 'granted' ? confirmedAt : updatedAt) ?? at;
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      person: who,
      at: occurredAt,
      test: false,
      consents: [emailMarketing(state, occurredAt, source.id)],
    },
  };
}
