import { verify as isSigned, type KeyObject } from 'node:crypto';
import * as z from 'zod/mini';
import type { Money } from '../domain/money.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { Storefront } from '../engine/storefront.ts';
import {
  currency,
  decimal,
  identifier,
  instant,
  maybeText,
  money,
  orderedItems,
  parts,
  person,
  plainPart,
  read,
  withoutNoise,
} from './fields.ts';
import { publicKey } from './signature.ts';

/**
 * Saleor's webhooks (docs.saleor.io, "Payload Signature" and the events of subscription queries). Signed by a detached
 * JWS (RS256) with a key that the shop publishes below its own address; a webhook with a `secretKey` is not taken. The
 * shop's own subscription query shapes the body. It should ask for the fields of the schemas below:
 *
 * ```graphql
 * subscription { event { __typename issuedAt
 *   ... on OrderCreated { order { ...Fields } } # and OrderUpdated, OrderFullyPaid, OrderCancelled, OrderRefunded
 *   ... on CustomerUpdated { user { id email firstName lastName languageCode updatedAt } } # and CustomerCreated
 * } }
 * ```
 */
export const saleor: Storefront = {
  keptHeaders: ['saleor-event'],

  countsWhen: 'placed',

  async verify({ headers, body }, { address }, { fetchKey }) {
    const given = headers['saleor-signature'];
    if (!given) return { refused: 'the header saleor-signature is missing' };
    const [head = '', payload, mac = '', ...more] = given.split('.');
    const said = headerOf(head);
    if (!said || payload !== '' || more.length > 0 || !base64url.test(mac)) {
      return { refused: 'saleor-signature is no detached JWS by RS256' };
    }
    if (!address) throw new Problem(503, 'source_incomplete', 'The source has no address: it publishes the keys.');
    const url = new URL('/.well-known/jwks.json', address);
    const content = said.b64 === false ? body : Buffer.from(Buffer.from(body).toString('base64url'));
    const text = Buffer.concat([Buffer.from(`${head}.`), content]);
    const signature = Buffer.from(mac, 'base64url');
    const isBy = (keys: readonly KeyObject[]) => keys.some((key) => isSigned('sha256', text, key, signature));

    if (isBy(keysIn(await fetchKey(url), said.kid) ?? [])) return { authentic: true };
    const published = keysIn(await fetchKey(url, { fresh: true }), said.kid);
    if (!published) {
      const detail = 'What the shop publishes below its address is no list of keys.';
      throw new Problem(503, 'keys_unavailable', detail, { retryAfter: 30 });
    }
    return isBy(published) ? { authentic: true } : { refused: 'no key that the shop publishes made this signature' };
  },

  deliveryId: () => undefined,

  /** The event's name is signed where the subscription asks for `__typename`; else the header says it. */
  translate(body, { headers }, source) {
    const event = read(eventShape, body);
    const name = (event.__typename ?? headers['saleor-event'])?.replaceAll('_', '').toLowerCase();
    switch (name) {
      case undefined:
        throw new Unintelligible('/__typename: is missing: the subscription must ask for it');
      case 'ordercreated':
      case 'orderconfirmed':
      case 'orderupdated':
      case 'orderpaid':
      case 'orderfullypaid':
      case 'ordercancelled':
      case 'orderrefunded':
      case 'orderfullyrefunded':
        return translateOrder(read(orderShape, event.order, '/order'), name, event.issuedAt ?? undefined, source);
      case 'customercreated':
      case 'customerupdated':
        return translateCustomer(read(userShape, event.user, '/user'), event.issuedAt ?? undefined, source);
      default:
        return { kind: 'ignored', reason: 'event is not used' };
    }
  },
};

const base64url = /^[\w-]+$/;

const headerShape = z.object({
  alg: z.literal('RS256'),
  kid: z.optional(z.string()),
  b64: z.optional(z.boolean()),
  crit: z.optional(z.array(z.literal('b64'))),
});

/** Of a header that is no JSON, or asks for what is not understood, nothing. */
function headerOf(text: string): z.output<typeof headerShape> | undefined {
  if (text.length > 1000 || !base64url.test(text)) return undefined;
  return z.safeParse(headerShape, parsed(Buffer.from(text, 'base64url').toString('utf8'))).data;
}

const keysShape = z.object({
  keys: z
    .array(
      z.object({ kty: z.string(), kid: z.optional(z.string()), n: z.optional(z.string()), e: z.optional(z.string()) }),
    )
    .check(z.maxLength(20)),
});

/** The keys that may have signed; nothing where the text is no list of keys. */
function keysIn(text: string, kid: string | undefined): KeyObject[] | undefined {
  const keys = z.safeParse(keysShape, parsed(text)).data?.keys;
  return keys?.flatMap(({ kty, kid: own, n, e }) => {
    if (kty !== 'RSA' || !n || !e || (kid !== undefined && own !== undefined && own !== kid)) return [];
    return publicKey({ kty, n, e }) ?? [];
  });
}

/** Of text that is no JSON nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const eventShape = z.object({
  __typename: z.nullish(z.string()),
  issuedAt: z.nullish(instant),
  order: z.optional(z.unknown()),
  user: z.optional(z.unknown()),
});

const moneyShape = z.object({ amount: decimal, currency });
const priceShape = z.object({ gross: moneyShape, tax: z.nullish(moneyShape) });

const userShape = z.object({
  id: z.nullish(identifier),
  email: maybeText,
  firstName: maybeText,
  lastName: maybeText,
  languageCode: maybeText,
  updatedAt: z.nullish(instant),
  dateJoined: z.nullish(instant),
});

const orderShape = z.object({
  id: identifier,
  status: z.nullish(z.string()),
  created: instant,
  updatedAt: z.nullish(instant),
  isPaid: z.nullish(z.boolean()),
  languageCodeEnum: maybeText,
  userEmail: maybeText,
  user: z.nullish(userShape),
  billingAddress: z.nullish(z.object({ firstName: maybeText, lastName: maybeText, phone: maybeText })),
  total: priceShape,
  undiscountedTotal: z.nullish(priceShape),
  shippingPrice: z.nullish(priceShape),
  totalRefunded: z.nullish(moneyShape),
  transactions: z.nullish(
    z.array(z.object({ chargedAmount: z.nullish(moneyShape), refundedAmount: z.nullish(moneyShape) })),
  ),
  lines: z.nullish(
    z.array(
      z.object({
        productName: maybeText,
        variantName: maybeText,
        productSku: maybeText,
        quantity: z.nullish(decimal),
        unitPrice: z.nullish(priceShape),
      }),
    ),
  ),
});

type SaleorOrder = z.output<typeof orderShape>;

const exact = ({ amount, currency: code }: z.output<typeof moneyShape>, place: string) =>
  money(withoutNoise(amount, code), code, place);

function minorOf(given: z.output<typeof moneyShape> | null | undefined, code: string): bigint | undefined {
  return given?.currency === code ? plainPart(given.amount, code) : undefined;
}

function translateOrder(order: SaleorOrder, event: string, issuedAt: string | undefined, source: Source): Translation {
  if (order.status === 'DRAFT') return { kind: 'ignored', reason: 'it is a draft' };
  const updatedAt = order.updatedAt ?? issuedAt ?? order.created;
  const total = exact(order.total.gross, '/order/total/gross');
  const code = total.currency;
  const before = minorOf(order.undiscountedTotal?.gross, code);
  const isOver = event === 'ordercancelled' || order.status === 'CANCELED' || order.status === 'EXPIRED';
  const isPaid =
    order.isPaid || event === 'orderfullypaid' || (total.minor > 0n && charged(order, code) >= total.minor);
  const refunded = refundedIn(order, event, total);
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      who: person(
        {
          externalId: order.user?.id ?? undefined,
          email: order.user?.email,
          orderEmail: order.userEmail,
          phone: order.billingAddress?.phone,
          firstName: order.user?.firstName ?? order.billingAddress?.firstName,
          lastName: order.user?.lastName ?? order.billingAddress?.lastName,
          locale: localeOf(order.user?.languageCode ?? order.languageCodeEnum),
        },
        source,
      ),
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total,
          ...parts({
            tax: minorOf(order.total.tax, code),
            shipping: minorOf(order.shippingPrice?.gross, code),
            discount: before !== undefined && before > total.minor ? before - total.minor : undefined,
          }),
          ...orderedItems(
            (order.lines ?? []).map(({ productName, variantName, productSku, quantity, unitPrice }) => ({
              title: productName && variantName ? `${productName}, ${variantName}` : productName,
              sku: productSku,
              quantity,
              unitPrice: minorOf(unitPrice?.gross, code),
            })),
          ),
          test: false,
        },
        placedAt: order.created,
        ...(isPaid && { paidAt: updatedAt }),
        ...(isOver && { cancelledAt: updatedAt }),
        refunds: {},
        ...(refunded && { refundedInAll: { amount: refunded, refundedAt: updatedAt } }),
        consents: {},
      },
    },
  };
}

/** What was charged and not yet given back. */
function charged({ transactions }: SaleorOrder, code: string): bigint {
  return (transactions ?? []).reduce((sum, { chargedAmount }) => sum + (minorOf(chargedAmount, code) ?? 0n), 0n);
}

/** The figure of the order, or else the sum of its transactions. */
function refundedIn({ totalRefunded, transactions }: SaleorOrder, event: string, total: Money): Money | undefined {
  const told = (transactions ?? []).map(({ refundedAmount }) => minorOf(refundedAmount, total.currency));
  const sum = told.reduce((minor: bigint, refunded) => minor + (refunded ?? 0n), 0n);
  const known = totalRefunded ? exact(totalRefunded, '/order/totalRefunded') : { ...total, minor: sum };
  if (known.minor > 0n) return known;
  if (event === 'orderfullyrefunded') return total;
  if (event !== 'orderrefunded') return undefined;
  throw new Unintelligible('/order/totalRefunded: is missing or nothing: the subscription must ask for it');
}

/** `PT_BR` is the locale `pt-br`. */
function localeOf(code: string | undefined): string | undefined {
  return code?.replaceAll('_', '-').toLowerCase();
}

function translateCustomer(
  user: z.output<typeof userShape>,
  issuedAt: string | undefined,
  source: Source,
): Translation {
  const at = user.updatedAt ?? issuedAt ?? user.dateJoined;
  if (!at) throw new Unintelligible('/user/updatedAt: is missing: the subscription must ask for it');
  const { id, email, firstName, lastName, languageCode } = user;
  const who = person(
    { externalId: id ?? undefined, email, firstName, lastName, locale: localeOf(languageCode) },
    source,
  );
  if (!who.externalId && !who.email) throw new Unintelligible('/user: names no id and no valid e-mail address');
  return { kind: 'fact', fact: { kind: 'customer', person: who, at, test: false, consents: [] } };
}
