import * as z from 'zod/mini';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { identifier, maybeText, person, read } from './fields.ts';

/** The mandatory compliance webhooks (shopify.dev, "Privacy law compliance"). */

const customerShape = z.object({ id: z.nullish(identifier), email: maybeText, phone: maybeText });
const dataRequestShape = z.object({ customer: customerShape });
const redactShape = z.object({ customer: customerShape, orders_to_redact: z.nullish(z.array(identifier)) });

export function translateDataRequest(body: unknown, source: Source): Translation {
  const { customer } = read(dataRequestShape, body);
  return { kind: 'privacy', word: { type: 'export', person: named(customer, source) } };
}

export function translateRedact(body: unknown, source: Source): Translation {
  const { customer, orders_to_redact: orders } = read(redactShape, body);
  return { kind: 'privacy', word: { type: 'erasure', person: named(customer, source), orders: orders ?? [] } };
}

function named({ id, email, phone }: z.output<typeof customerShape>, source: Source) {
  const found = person({ externalId: id ?? undefined, email, phone }, source);
  if (!found.externalId && !found.email && !found.phone)
    throw new Unintelligible('/customer: names no id, valid e-mail address or phone number');
  return found;
}
