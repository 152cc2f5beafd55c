import * as z from 'zod/mini';
import { privacyTypes } from '../../domain/privacy-request.ts';
import { instant, keyText, named, page } from './common.ts';

export const privacyRequestIn = named(
  'PrivacyRequestGiven',
  z.strictObject({
    type: z.enum(['export', 'erasure']),
    customerId: keyText.check(z.describe('With all persons who were merged into this customer')),
  }),
);

const count = z.int();

export const privacyRequest = named(
  'PrivacyRequest',
  z.strictObject({
    id: z.string(),
    type: z
      .enum(privacyTypes)
      .check(z.describe('`source_erasure`: whatever one source said, asked for by shop/redact of Shopify')),
    status: z
      .enum(['open', 'done'])
      .check(z.describe('An export is done once it was fetched to its end, an erasure once nothing is left')),
    keyId: z.nullable(z.string()).check(z.describe('Of the API key that asked')),
    sourceId: z.nullable(z.string()).check(z.describe('Of the source that asked')),
    deliveryId: z.nullable(z.string()),
    customerId: z.nullable(z.string()).check(z.describe('null where nobody was known by what was given')),
    requestedAt: instant,
    dueAt: instant,
    doneAt: z.nullable(instant),
    erasedAt: z.nullable(instant).check(z.describe('What was said of a time up to this is what is erased')),
    counts: z.strictObject({
      persons: count,
      identities: count,
      orders: count.check(z.describe('Left as amounts without a person')),
      lines: count.check(z.describe('Calls, messages, reviews, consents, receipts of value and the like')),
      jobs: count,
      deliveries: count.check(z.describe('Whose bodies were taken out')),
    }),
    failure: z.nullable(z.string()).check(z.describe('Why the last attempt failed; it is tried again')),
  }),
);

export const privacyRequests = page('PrivacyRequests', privacyRequest);

export const exported = page(
  'PersonExported',
  z.strictObject({
    section: z.enum(['customer', 'interaction', 'receipt', 'merge', 'mergeSuggestion', 'outreachJob', 'delivery']),
    content: z.record(z.string(), z.unknown()),
  }),
);
