import { createHmac, verify as isSigned } from 'node:crypto';
import * as z from 'zod/mini';
import { type Consent, type Consents, consentChannels, consentPurposes, withConsents } from '../domain/consent.ts';
import { type Instant, millisecondsOf } from '../domain/instant.ts';
import type { Order } from '../domain/order.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import {
  currency,
  decimal,
  departure,
  identifier,
  instant,
  maybeText,
  money,
  orderedItems,
  part,
  parts,
  person,
  read,
  roundedPart,
} from './fields.ts';
import { isAmong, publicKey } from './signature.ts';

/**
 * Everything that has no file of its own: signed after the Standard Webhooks specification, with the body below.
 * `webhook-signature` is a list of `v1,<base64 HMAC-SHA256 of "id.timestamp.body">` separated by spaces; the key is
 * the base64 text after `whsec_`. Among them may stand `v1a,<base64 ed25519 signature of the same>`, made with the key
 * whose public half is the base64 text after `whpk_`.
 */
export const standard: Storefront = {
  keptHeaders: ['webhook-id', 'webhook-timestamp'],

  countsWhen: 'placed',

  verify({ headers, body }, { secrets }, { now }) {
    const id = headers['webhook-id'];
    const timestamp = headers['webhook-timestamp'];
    const signatures = headers['webhook-signature'];
    if (!id || !timestamp || !signatures) {
      return { refused: 'of the headers webhook-id, webhook-timestamp and webhook-signature one is missing' };
    }
    if (id.length > 255 || id.includes('.'))
      return { refused: 'webhook-id has a full stop or more than 255 characters' };
    if (!/^\d{1,12}$/.test(timestamp)) return { refused: 'webhook-timestamp is not a number of seconds' };
    if (Math.abs(Number(timestamp) * 1000 - millisecondsOf(now)) > tolerance) {
      return { refused: 'webhook-timestamp is more than five minutes from now' };
    }
    const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
    const given = signatures.split(' ').slice(0, mostSignatures);
    const shared = secrets.filter((secret) => !secret.startsWith(publicPrefix));
    const expected = shared.map((secret) => {
      const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
      return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
    });
    const published = secrets.filter((secret) => secret.startsWith(publicPrefix));
    return isAmong(given, expected) || published.some((key) => isByKey(key, content, given))
      ? { authentic: true }
      : { refused: 'no active secret made this signature' };
  },

  deliveryId: ({ headers }) => headers['webhook-id'],

  translate(body, _delivery, source) {
    const { type, timestamp, data } = read(standardEvent, body);
    const at = timestamp;
    switch (type) {
      case 'order.paid':
      case 'order.cancelled':
        if (isStepAlone(data)) return translateStep(read(standardOrderStep, data, '/data'), type, at);
        return translateOrder(read(standardOrder, data, '/data'), type, at, source);
      case 'order.created':
      case 'order.updated':
        return translateOrder(read(standardOrder, data, '/data'), type, at, source);
      case 'refund.created':
        return translateRefund(read(standardRefund, data, '/data'), at);
      case 'customer.created':
      case 'customer.updated':
        return translateCustomer(read(standardCustomer, data, '/data'), at, source);
      case 'customer.merged':
        return translateMerge(read(standardMerge, data, '/data'));
      case 'customer.deleted':
        return departure(read(standardDeletion, data, '/data').id, at);
      case 'privacy.export_requested':
      case 'privacy.erasure_requested':
        return translatePrivacy(read(standardPrivacy, data, '/data'), type, source);
      default:
        return { kind: 'ignored', reason: 'type is not used' };
    }
  },
};

const tolerance = 5 * 60_000;
const mostSignatures = 10;
const publicPrefix = 'whpk_';

/** Whether one of the `v1a` signatures was made with the private half of an ed25519 key. */
function isByKey(key: string, content: Uint8Array, given: readonly string[]): boolean {
  const x = Buffer.from(key.slice(publicPrefix.length), 'base64').toString('base64url');
  const publicHalf = publicKey({ kty: 'OKP', crv: 'Ed25519', x });
  const signatures = given.flatMap((one) => /^v1a,([A-Za-z0-9+/]{86}==)$/.exec(one)?.[1] ?? []);
  return (
    publicHalf !== undefined &&
    signatures.some((one) => isSigned(null, content, publicHalf, Buffer.from(one, 'base64')))
  );
}

const moneyShape = z.object({ amount: decimal, currency });

const consentShape = z.object({
  channel: z.enum(consentChannels),
  purpose: z._default(z.enum(consentPurposes), 'marketing'),
  state: z.enum(['granted', 'refused']),
  occurredAt: z.nullish(instant),
});

const consentList = z.nullish(z.array(consentShape).check(z.maxLength(20)));

const personShape = {
  id: z.nullish(identifier),
  email: maybeText,
  phone: maybeText,
  firstName: maybeText,
  lastName: maybeText,
  locale: maybeText,
};

/** The data of `order.created`, `order.updated`, `order.paid` and `order.cancelled`. */
export const standardOrder = z.object({
  id: identifier,
  placedAt: instant,
  updatedAt: z.nullish(instant),
  paidAt: z.nullish(instant),
  cancelledAt: z.nullish(instant),
  /** What the customer pays in all, tax and shipping included, before refunds. */
  total: moneyShape,
  /** Parts of the total, as decimal text in its currency; `discount` was taken off the prices. */
  tax: z.nullish(decimal),
  shipping: z.nullish(decimal),
  discount: z.nullish(decimal),
  items: z.nullish(
    z.array(
      z.object({
        title: maybeText,
        quantity: z.nullish(z.number()),
        unitPrice: z.nullish(decimal),
        sku: maybeText,
        category: maybeText,
        /** What all pieces cost the merchant. */
        cost: z.nullish(decimal),
      }),
    ),
  ),
  test: z.nullish(z.boolean()),
  /** Absent for a sale to somebody unknown; without `id` a guest. */
  customer: z.nullish(z.object(personShape)),
  /** What the customer agreed to, or not, at the checkout. */
  consents: consentList,
  refunds: z.nullish(z.array(z.object({ id: identifier, amount: moneyShape, refundedAt: z.nullish(instant) }))),
});

/** The data of `order.paid` and `order.cancelled`, where the order itself is told elsewhere. */
export const standardOrderStep = z.object({
  id: identifier,
  paidAt: z.nullish(instant),
  cancelledAt: z.nullish(instant),
});

/** The data of `refund.created`. */
export const standardRefund = z.object({
  id: identifier,
  orderId: identifier,
  amount: moneyShape,
  refundedAt: z.nullish(instant),
});

/** The data of `customer.created` and `customer.updated`. */
export const standardCustomer = z.object({
  ...personShape,
  /** The shop has seen that the address is this person's: it may join who was known by it alone. */
  emailVerified: z.nullish(z.boolean()),
  updatedAt: z.nullish(instant),
  test: z.nullish(z.boolean()),
  consents: consentList,
});

/** The data of `customer.merged`: of two customers the shop made one. */
export const standardMerge = z.object({
  keptId: identifier,
  mergedId: identifier,
  test: z.nullish(z.boolean()),
});

/** The data of `customer.deleted`. */
export const standardDeletion = z.object({ id: identifier });

/** The data of `privacy.export_requested` and `privacy.erasure_requested`. */
export const standardPrivacy = z.object({
  customer: z.object({ id: z.nullish(identifier), email: maybeText, phone: maybeText }),
  orders: z.nullish(z.array(identifier).check(z.maxLength(2_000))),
});

/** The body of a delivery. Other types are let through and ignored, and so are fields that are not named here. */
export const standardEvent = z.object({
  type: z.string().check(z.minLength(1), z.maxLength(128)),
  /** When it happened. */
  timestamp: instant,
  data: z.unknown(),
});

function translateOrder(order: z.output<typeof standardOrder>, type: string, at: Instant, source: Source): Translation {
  const updatedAt = order.updatedAt ?? at;
  const paidAt = order.paidAt ?? (type === 'order.paid' ? at : undefined);
  const cancelledAt = order.cancelledAt ?? (type === 'order.cancelled' ? at : undefined);
  const refunds: Order['refunds'] = {};
  for (const { id, amount, refundedAt } of order.refunds ?? []) {
    const paid = money(amount.amount, amount.currency, '/data/refunds/amount');
    if (paid.minor > 0n) refunds[id] = { amount: paid, refundedAt: refundedAt ?? at };
  }
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: order.id,
      who: person({ ...order.customer, externalId: order.customer?.id ?? undefined }, source),
      at: updatedAt,
      order: {
        snapshot: {
          updatedAt,
          total: money(order.total.amount, order.total.currency, '/data/total/amount'),
          ...parts({
            tax: part(order.tax, order.total.currency),
            shipping: part(order.shipping, order.total.currency),
            discount: part(order.discount, order.total.currency),
          }),
          ...orderedItems(
            (order.items ?? []).map((item) => ({
              ...item,
              unitPrice: part(item.unitPrice, order.total.currency),
              cost: roundedPart(item.cost, order.total.currency),
            })),
          ),
          test: order.test === true,
        },
        placedAt: order.placedAt,
        ...(paidAt && { paidAt }),
        ...(cancelledAt && { cancelledAt }),
        refunds,
        consents: consentsOf(order.consents, order.placedAt, source.id),
      },
    },
  };
}

/** Whether no order is told, but only what became of it. */
function isStepAlone(data: unknown): boolean {
  const { total, placedAt } = (data ?? {}) as { total?: unknown; placedAt?: unknown };
  return total === undefined && placedAt === undefined;
}

/** It waits for its order, as a refund does. */
function translateStep(
  { id, paidAt, cancelledAt }: z.output<typeof standardOrderStep>,
  type: 'order.paid' | 'order.cancelled',
  at: Instant,
): Translation {
  const step = type === 'order.paid' ? { paidAt: paidAt ?? at } : { cancelledAt: cancelledAt ?? at };
  const order: Order = { ...step, refunds: {}, consents: {} };
  return { kind: 'fact', fact: { kind: 'order', externalId: id, who: {}, at, order } };
}

function translateRefund(refund: z.output<typeof standardRefund>, at: Instant): Translation {
  const refundedAt = refund.refundedAt ?? at;
  const amount = money(refund.amount.amount, refund.amount.currency, '/data/amount/amount');
  if (amount.minor === 0n) return { kind: 'ignored', reason: 'nothing was paid back' };
  return {
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: refund.orderId,
      who: {},
      at: refundedAt,
      order: { refunds: { [refund.id]: { amount, refundedAt } }, consents: {} },
    },
  };
}

function translateCustomer(
  customer: z.output<typeof standardCustomer>,
  timestamp: Instant,
  source: Source,
): Translation {
  const at = customer.updatedAt ?? timestamp;
  const who = person({ ...customer, externalId: customer.id ?? undefined }, source);
  if (!who.externalId && !who.email && !who.phone) {
    throw new Unintelligible('/data: names no id, valid e-mail address or phone number in international form');
  }
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      person: who,
      at,
      ...(customer.emailVerified && { emailVerified: true }),
      test: customer.test === true,
      consents: Object.values(consentsOf(customer.consents, at, source.id)),
    },
  };
}

function translateMerge({ keptId: kept, mergedId: gone, test }: z.output<typeof standardMerge>): Translation {
  return { kind: 'fact', fact: { kind: 'merge', kept, gone, test: test === true } };
}

function translatePrivacy(
  { customer, orders }: z.output<typeof standardPrivacy>,
  type: string,
  source: Source,
): Translation {
  const who = person({ ...customer, externalId: customer.id ?? undefined }, source);
  if (!who.externalId && !who.email && !who.phone) {
    throw new Unintelligible('/data/customer: names no id, valid e-mail address or phone number in international form');
  }
  if (type === 'privacy.export_requested') return { kind: 'privacy', word: { type: 'export', person: who } };
  return { kind: 'privacy', word: { type: 'erasure', person: who, orders: orders ?? [] } };
}

function consentsOf(list: z.output<typeof consentList>, at: Instant, sourceId: string): Consents {
  const stated = (list ?? []).map(
    ({ occurredAt, ...consent }): Consent => ({ ...consent, occurredAt: occurredAt ?? at, sourceId }),
  );
  return withConsents({}, stated);
}
