import * as z from 'zod/mini';
import { type Platform, platforms } from '../../domain/source.ts';
import { currency, instant, instantIn, named } from './common.ts';

/** A namespace of identities: what is not a source must not look like one. */
const reserved = /^(email|phone|constructor|rapport|partner|partner-.*)$/;

export const sourceId = z.string().check(
  z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must have 1 to 63 lower-case letters, digits and hyphens'),
  z.refine((id) => !reserved.test(id), 'is reserved'),
);

const timeZone = z
  .string()
  .check(z.maxLength(64), z.refine(isTimeZone, 'must be an IANA time zone'), z.meta({ examples: ['Europe/Berlin'] }));

function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const secret = z
  .string()
  .check(z.regex(/^[\x21-\x7e]{8,512}$/, 'must have 8 to 512 printable ASCII characters without spaces'));

export const sourceIn = named(
  'SourceGiven',
  z.strictObject({
    platform: z.enum(platforms),
    secrets: z.optional(
      z
        .array(secret)
        .check(
          z.minLength(1),
          z.maxLength(5),
          z.describe('Signing secrets, never shown again. Where absent, an existing source keeps its own.'),
        ),
    ),
    currency,
    timeZone,
    backfillBefore: z.optional(instantIn),
  }),
);

/** What is wrong with a secret for its platform; nothing where it will do. */
export function secretFault(platform: Platform, text: string): string | undefined {
  if (platform !== 'standard') return undefined;
  const base64 = text.replace(/^whsec_/, '');
  const bytes = Buffer.from(base64, 'base64');
  const canonical = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  if (!canonical) return 'must be base64, with whsec_ before it or without';
  return bytes.length >= 16 && bytes.length <= 128 ? undefined : 'must be base64 of 16 to 128 bytes';
}

export const source = named(
  'Source',
  z.strictObject({
    id: z.string(),
    platform: z.enum(platforms),
    secretCount: z.int(),
    currency: z.string(),
    baseCurrency: z.string().check(z.describe('The currency in which facts are counted')),
    timeZone: z.string(),
    backfillBefore: z.optional(instant),
    webhookPath: z.string(),
    createdAt: instant,
    updatedAt: instant,
  }),
);
