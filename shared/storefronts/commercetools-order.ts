import * as z from 'zod/mini';
import { type Instant, later } from '../domain/instant.ts';
import { decimalsOf, type Money } from '../domain/money.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import type { Translation } from '../engine/fact.ts';
import { mayAsk } from './commercetools-api.ts';
import {
  currency,
  identifier,
  inDecimals,
  instant,
  maybeText,
  money,
  orderedItems,
  part,
  parts,
  person,
  read,
} from './fields.ts';

/** What commercetools' orders and their payments say: see commercetools.ts. */

/**
 * `fractionDigits` are those of `centAmount`; of a price finer than its currency (`highPrecision`) they are those of a
 * `preciseAmount`, and `centAmount` is that amount as the project rounded it, in the currency's own smallest units.
 */
const centMoney = z.object({
  type: maybeText,
  centAmount: z.union([z.int(), z.string().check(z.regex(/^-?\d{1,20}$/))]),
  fractionDigits: z._default(z.int().check(z.minimum(0), z.maximum(20)), 2),
  currencyCode: currency,
});
const maybeMoney = z.nullish(centMoney);
const taxed = z.nullish(z.object({ totalGross: centMoney, totalTax: maybeMoney }));

const addressShape = z.nullish(
  z.object({ firstName: maybeText, lastName: maybeText, email: maybeText, phone: maybeText, mobile: maybeText }),
);

const discounts = z.nullish(z.array(z.object({ discountedAmount: maybeMoney })));

const paymentShape = z.object({
  transactions: z.nullish(
    z.array(
      z.object({
        id: identifier,
        type: z.string(),
        state: z.nullish(z.string()),
        timestamp: z.nullish(instant),
        amount: centMoney,
      }),
    ),
  ),
});

const orderShape = z.object({
  id: identifier,
  createdAt: instant,
  lastModifiedAt: instant,
  customerId: z.nullish(identifier),
  customerEmail: maybeText,
  locale: maybeText,
  orderState: z.nullish(z.string()),
  paymentState: z.nullish(z.string()),
  totalPrice: centMoney,
  taxedPrice: taxed,
  taxedShippingPrice: taxed,
  shippingInfo: z.nullish(z.object({ price: maybeMoney })),
  discountOnTotalPrice: z.nullish(z.object({ discountedAmount: maybeMoney })),
  billingAddress: addressShape,
  shippingAddress: addressShape,
  lineItems: z.nullish(
    z.array(
      z.object({
        name: z.record(z.string(), z.string()),
        quantity: z.nullish(z.number()),
        variant: z.nullish(z.object({ sku: maybeText })),
        price: z.nullish(z.object({ value: centMoney, discounted: z.nullish(z.object({ value: centMoney })) })),
        discountedPricePerQuantity: z.nullish(
          z.array(
            z.object({
              quantity: z.int(),
              discountedPrice: z.nullish(z.object({ includedDiscounts: discounts })),
            }),
          ),
        ),
      }),
    ),
  ),
  paymentInfo: z.nullish(z.object({ payments: z.nullish(z.array(z.object({ obj: z.nullish(paymentShape) }))) })),
});

type CommercetoolsOrder = z.output<typeof orderShape>;

/** Whether the message's order says all: its payments stand in it, or cannot be asked for anyway. */
export function isWhole(order: Record<string, unknown>, source: Source): boolean {
  const info = z.safeParse(orderShape.shape.paymentInfo, order.paymentInfo);
  return !mayAsk(source) || (info.success && (info.data?.payments ?? []).every(({ obj }) => obj));
}

export function translateOrder(said: unknown, source: Source, within: string): Translation {
  const order = read(orderShape, said, within);
  // Where taxes come on top, the total price is without them.
  const total = moneyOf(order.taxedPrice?.totalGross ?? order.totalPrice, `${within}/totalPrice`);
  const discount = discountOf(order, total.currency);
  const { billingAddress: buyer, shippingAddress: receiver, lastModifiedAt: updatedAt } = order;
  const payments = paidAndBack(order, total, within);
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      at: updatedAt,
      who: person(
        {
          externalId: order.customerId ?? undefined,
          orderEmail: order.customerEmail ?? buyer?.email ?? receiver?.email,
          phone: buyer?.mobile ?? buyer?.phone ?? receiver?.mobile ?? receiver?.phone,
          firstName: buyer?.firstName ?? receiver?.firstName,
          lastName: buyer?.lastName ?? receiver?.lastName,
          locale: order.locale,
        },
        source,
      ),
      order: {
        snapshot: {
          updatedAt,
          total,
          ...parts({
            tax: minorOf(order.taxedPrice?.totalTax, total.currency),
            shipping: minorOf(order.taxedShippingPrice?.totalGross ?? order.shippingInfo?.price, total.currency),
            discount: discount > 0n ? discount : undefined,
          }),
          ...orderedItems(
            (order.lineItems ?? []).map(({ name, quantity, variant, price }) => ({
              title: inLanguage(name, order.locale),
              quantity,
              unitPrice: minorOf(price?.discounted?.value ?? price?.value, total.currency),
              sku: variant?.sku,
            })),
          ),
          test: false,
        },
        placedAt: order.createdAt,
        ...(payments.paidAt && { paidAt: payments.paidAt }),
        ...(order.orderState === 'Cancelled' && { cancelledAt: updatedAt }),
        refunds: payments.refunds,
        consents: {},
      },
    },
  };
}

/** Exact decimal text of so many minor units, with the decimals that the message says of them: `12800`, 2 → `128.00`. */
function textOf({ type, centAmount, fractionDigits, currencyCode }: z.output<typeof centMoney>): string {
  return inDecimals(String(centAmount), type === 'highPrecision' ? decimalsOf(currencyCode) : fractionDigits);
}

function moneyOf(said: z.output<typeof centMoney>, place: string): Money {
  return money(textOf(said), said.currencyCode, place);
}

function minorOf(said: z.output<typeof maybeMoney>, code: string): bigint | undefined {
  return said?.currencyCode === code ? part(textOf(said), code) : undefined;
}

function discountOf({ discountOnTotalPrice, lineItems }: CommercetoolsOrder, code: string): bigint {
  let sum = minorOf(discountOnTotalPrice?.discountedAmount, code) ?? 0n;
  for (const { quantity, discountedPrice } of (lineItems ?? []).flatMap(
    (line) => line.discountedPricePerQuantity ?? [],
  ))
    for (const { discountedAmount } of discountedPrice?.includedDiscounts ?? [])
      sum += (minorOf(discountedAmount, code) ?? 0n) * BigInt(quantity);
  return sum;
}

/** A localised name in the order's language, or else in English, or else in any. */
function inLanguage(name: Record<string, string>, locale: string | undefined): string | undefined {
  const wanted = [locale, locale?.split('-')[0], 'en'].flatMap((one) => (one ? [one.toLowerCase()] : []));
  const said = Object.entries(name);
  for (const language of wanted) {
    const found = said.find(([key]) => key.toLowerCase() === language || key.toLowerCase().startsWith(`${language}-`));
    if (found) return found[1];
  }
  return said[0]?.[1];
}

/**
 * What payments say: refunds are their transactions of type Refund, and a chargeback takes money back as well; goods that
 * come back (`returnInfo`) pay nothing back.
 */
function paidAndBack(order: CommercetoolsOrder, total: Money, within: string) {
  const payments = (order.paymentInfo?.payments ?? []).flatMap(({ obj }) => obj?.transactions ?? []);
  const refunds: Order['refunds'] = {};
  let charged = 0n;
  let chargedAt: Instant | undefined;
  for (const { id, type, state, timestamp, amount } of payments) {
    const place = `${within}/paymentInfo/payments/transactions/amount`;
    if (type === 'Charge' && state === 'Success' && amount.currencyCode === total.currency) {
      charged += moneyOf(amount, place).minor;
      chargedAt = later(chargedAt, timestamp ?? undefined);
    }
    if (type !== 'Refund' && type !== 'Chargeback') continue;
    if (state !== 'Success' && state !== 'Failure') continue;
    const back = moneyOf(amount, place);
    if (back.minor === 0n) continue;
    const refundedAt = timestamp ?? order.lastModifiedAt;
    refunds[id] = { amount: back, refundedAt, ...(state === 'Failure' && { failed: true }) };
  }
  const isPaid = order.paymentState === 'Paid' || (charged > 0n && charged >= total.minor);
  return { refunds, paidAt: isPaid ? (chargedAt ?? order.lastModifiedAt) : undefined };
}
