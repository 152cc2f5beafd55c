import * as z from 'zod/mini';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { identifier, maybeText, person, read } from './fields.ts';

/**
 * The mandatory compliance webhooks (shopify.dev, "Privacy law compliance"). An app has one address for them, and one secret,
 * in whichever shops it is installed: that they are authentic does not say that they are of this shop.
 */

const customerShape = z.object({ id: z.nullish(identifier), email: maybeText, phone: maybeText });
const shopShape = z.object({ shop_domain: maybeText });
const dataRequestShape = z.object({ customer: customerShape });
const redactShape = z.object({ customer: customerShape, orders_to_redact: z.nullish(z.array(identifier)) });

export function translateDataRequest(body: unknown, source: Source): Translation {
  refuseOtherShops(body, source);
  const { customer } = read(dataRequestShape, body);
  return { kind: 'privacy', word: { type: 'export', person: named(customer, source) } };
}

export function translateRedact(body: unknown, source: Source): Translation {
  refuseOtherShops(body, source);
  const { customer, orders_to_redact: orders } = read(redactShape, body);
  return { kind: 'privacy', word: { type: 'erasure', person: named(customer, source), orders: orders ?? [] } };
}

export function translateShopRedact(body: unknown, source: Source): Translation {
  refuseOtherShops(body, source);
  return { kind: 'privacy', word: { type: 'source_erasure' } };
}

/** @throws Unintelligible */
function refuseOtherShops(body: unknown, { address }: Source): void {
  const { shop_domain: said } = read(shopShape, body);
  if (address === undefined || !said || said.toLowerCase() === new URL(address).hostname) return;
  throw new Unintelligible("/shop_domain: is another shop than that of the source's address: nothing was carried out");
}

function named({ id, email, phone }: z.output<typeof customerShape>, source: Source) {
  const found = person({ externalId: id ?? undefined, email, phone }, source);
  if (!found.externalId && !found.email && !found.phone)
    throw new Unintelligible('/customer: names no id, valid e-mail address or phone number');
  return found;
}
