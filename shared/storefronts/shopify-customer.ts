import * as z from 'zod/mini';
import { type Consent, withConsents } from '../domain/consent.ts';
import { parseInstant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import { type Translation, Unintelligible } from '../engine/fact.ts';
import { identifier, instant, maybeText, person, read } from './fields.ts';

/** Customers of Shopify, and what they agreed to (shopify.dev, the REST admin resource Customer). */

const marketingConsent = z.nullish(z.object({ state: z.nullish(z.string()), consent_updated_at: z.nullish(instant) }));

export const customerShape = z.object({
  id: identifier,
  email: maybeText,
  phone: maybeText,
  first_name: maybeText,
  last_name: maybeText,
  verified_email: z.nullish(z.boolean()),
  updated_at: z.nullish(instant),
  created_at: z.nullish(instant),
  email_marketing_consent: marketingConsent,
  sms_marketing_consent: marketingConsent,
});

export function translateCustomer(body: unknown, source: Source, test: boolean): Translation {
  const customer = read(customerShape, body);
  const at = customer.updated_at ?? customer.created_at;
  if (!at) throw new Unintelligible('/updated_at: is missing');
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      at,
      test,
      person: person(
        {
          externalId: customer.id,
          email: customer.email,
          phone: customer.phone,
          firstName: customer.first_name,
          lastName: customer.last_name,
        },
        source,
      ),
      ...(customer.verified_email && { emailVerified: true }),
      consents: Object.values(withConsents({}, statedConsents(customer, source.id))),
    },
  };
}

/** `gid://shopify/Customer/1`; the REST resources bear the number alone. */
const customerGid = z.pipe(
  z.string().check(z.regex(/^gid:\/\/shopify\/Customer\/\d{1,30}$/, 'is no id of a customer')),
  z.transform((gid) => gid.slice(gid.lastIndexOf('/') + 1)),
);

const mergeShape = z.object({
  admin_graphql_api_customer_kept_id: customerGid,
  admin_graphql_api_customer_deleted_id: customerGid,
  status: z.string(),
});

/** Told also while it is under way, and when it failed: then nothing happened. */
export function translateMerge(body: unknown, test: boolean): Translation {
  const merge = read(mergeShape, body);
  if (merge.status.toLowerCase() !== 'completed') return { kind: 'ignored', reason: 'the merge is not completed' };
  const { admin_graphql_api_customer_kept_id: kept, admin_graphql_api_customer_deleted_id: gone } = merge;
  return { kind: 'fact', fact: { kind: 'merge', kept, gone, test } };
}

const consentShape = z.object({
  customer_id: z.nullish(identifier),
  id: z.nullish(identifier),
  email_address: maybeText,
  phone: maybeText,
  email_marketing_consent: marketingConsent,
  sms_marketing_consent: marketingConsent,
});

/** Since API version 2025-01 a customer's consents come by topics of their own: e-mail by one, SMS by the other. */
export function translateConsent(
  body: unknown,
  source: Source,
  { saidAt, test }: { saidAt: string | undefined; test: boolean },
): Translation {
  const { customer_id, id, email_address, phone, ...stated } = read(consentShape, body);
  const dates = [stated.email_marketing_consent, stated.sms_marketing_consent].flatMap(
    (consent) => consent?.consent_updated_at ?? [],
  );
  const at = dates.sort().at(-1) ?? parseInstant(saidAt ?? '');
  if (!at) throw new Unintelligible('/consent_updated_at: is missing, and so is the header x-shopify-triggered-at');
  return {
    kind: 'fact',
    fact: {
      kind: 'customer',
      at,
      test,
      person: person({ externalId: customer_id ?? id ?? undefined, email: email_address, phone }, source),
      consents: Object.values(withConsents({}, statedConsents({ ...stated, created_at: at }, source.id))),
    },
  };
}

/**
 * Only a yes or a no is an assertion: `not_subscribed` and `pending` are neither. One without a date is as old as the
 * customer, so that it overrules nothing.
 */
export function statedConsents(
  customer: Pick<z.output<typeof customerShape>, 'email_marketing_consent' | 'sms_marketing_consent' | 'created_at'>,
  sourceId: string,
): Consent[] {
  const stated: Consent[] = [];
  const channels = { email: customer.email_marketing_consent, sms: customer.sms_marketing_consent } as const;
  for (const channel of ['email', 'sms'] as const) {
    const consent = channels[channel];
    const occurredAt = consent?.consent_updated_at ?? customer.created_at;
    const state = stateOf.get(consent?.state ?? '');
    if (state && occurredAt) stated.push({ channel, purpose: 'marketing', state, occurredAt, sourceId });
  }
  return stated;
}

const stateOf = new Map<string, Consent['state']>([
  ['subscribed', 'granted'],
  ['unsubscribed', 'refused'],
]);
