import * as z from 'zod/mini';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import type { Storefront } from '../engine/storefront.ts';
import { askProject, projectOf } from './commercetools-api.ts';
import { isWhole, translateOrder } from './commercetools-order.ts';
import {
  deletedOrder,
  departure,
  identifier,
  instant,
  maybeText,
  person,
  read,
  shortlyBefore,
  unknownToShop,
} from './fields.ts';
import { pathPart } from './shop-api.ts';

/**
 * commercetools (docs.commercetools.com, "Subscriptions", "Messages", "Orders" and "Payments"). A subscription delivers to a
 * queue, never over HTTP, and the right to send to it is the authentication. A message holds the order that was made, or
 * only says that one changed. Asked with the source's `address`, the API's with the project's key
 * (`https://api.{region}.commercetools.com/{projectKey}`), `credentials.clientId`, `clientSecret` and `authAddress`.
 */
export const commercetools: Storefront = {
  keptHeaders: [],

  countsWhen: 'placed',

  reading: 1,

  verify: () => ({ refused: 'commercetools delivers to the queue of its subscription, not over HTTP' }),

  deliveryId: () => undefined,

  translate(body, _delivery, source) {
    const message = read(messageShape, unwrapped(body));
    const { typeId, id } = message.resource;
    if (typeId !== 'order' && typeId !== 'customer' && typeId !== 'payment')
      return { kind: 'ignored', reason: 'resource is not used' };
    const project = projectOf(source);
    if (project && message.projectKey && message.projectKey !== project) {
      throw new Unintelligible("/projectKey: is another project than that of the source's address");
    }
    if (message.type === 'CustomerDeleted') return departure(id, message.createdAt ?? undefined);
    if (message.type === 'OrderDeleted' && message.createdAt) return deletedOrder(id, message.createdAt);
    const { order, customer } = message;
    if (order && made.has(message.type ?? '') && isWhole(order, source)) return translateOrder(order, source, '/order');
    if (customer && message.type === 'CustomerCreated') return translateCustomer(customer, source, '/customer');
    // What happens to a payment leaves its order as it was.
    const asOf = typeId === 'payment' ? undefined : shortlyBefore(message.createdAt);
    return { kind: 'fetch', resource: { type: typeId, id: pathPart(id, '/resource/id'), asOf } };
  },

  async fetch({ type, id }, source, ask) {
    if (type === 'customer') {
      const customer = await askProject(source, ask, `/customers/${id}`);
      return customer === undefined ? nothing(type) : translateCustomer(customer, source, '/customer');
    }
    const expand = `expand=${encodeURIComponent('paymentInfo.payments[*]')}`;
    if (type === 'order') {
      const order = await askProject(source, ask, `/orders/${id}?${expand}`);
      if (order === undefined) throw unknownToShop();
      return translateOrder(order, source, '/order');
    }
    const where = encodeURIComponent(`paymentInfo(payments(id="${id}"))`);
    const found = await askProject(source, ask, `/orders?where=${where}&limit=1&${expand}`);
    const [order] = read(z.object({ results: z.array(z.unknown()) }), found ?? { results: [] }, '/orders').results;
    // Paid before the order was made: the order's own message brings the payment along.
    return order === undefined
      ? nothing('order with this payment')
      : translateOrder(order, source, '/orders/results/0');
  },
};

const nothing = (what: string): Translation => ({ kind: 'ignored', reason: `the project has no such ${what}` });

/** Messages whose order is the state at their time. */
const made = new Set(['OrderCreated', 'OrderImported']);

/**
 * The message in what the queue brought: it may come in the envelope of EventBridge (`detail`) or of CloudEvents (`data`).
 */
function unwrapped(body: unknown): unknown {
  const envelope = z.safeParse(envelopeShape, body);
  return envelope.success ? (envelope.data.detail ?? envelope.data.data ?? body) : body;
}

const envelopeShape = z.object({
  detail: z.optional(z.record(z.string(), z.unknown())),
  data: z.optional(z.record(z.string(), z.unknown())),
});

/**
 * A name for what the queue brought, the same when it is brought again: the message's id and its resource's version.
 * Nothing where it bears none.
 */
export function messageName(body: unknown): string | undefined {
  const message = z.safeParse(z.object({ id: identifier, resourceVersion: z.nullish(identifier) }), unwrapped(body));
  return message.success ? `${message.data.id}:${message.data.resourceVersion ?? ''}` : undefined;
}

const messageShape = z.object({
  projectKey: maybeText,
  type: maybeText,
  createdAt: z.nullish(instant),
  resource: z.object({ typeId: z.string(), id: identifier }),
  order: z.nullish(z.record(z.string(), z.unknown())),
  customer: z.nullish(z.record(z.string(), z.unknown())),
});

const customerShape = z.object({
  id: identifier,
  email: maybeText,
  firstName: maybeText,
  lastName: maybeText,
  locale: maybeText,
  lastModifiedAt: instant,
  addresses: z.nullish(z.array(z.object({ phone: maybeText, mobile: maybeText }))),
});

function translateCustomer(said: unknown, source: Source, within: string): Translation {
  const customer = read(customerShape, said, within);
  const { id, email, firstName, lastName, locale, lastModifiedAt: at } = customer;
  const phone = (customer.addresses ?? []).map((address) => address.mobile ?? address.phone).find(Boolean);
  const who = person({ externalId: id, email, firstName, lastName, locale, phone }, source);
  return { kind: 'fact', fact: { kind: 'customer', person: who, at, test: false, consents: [] } };
}
