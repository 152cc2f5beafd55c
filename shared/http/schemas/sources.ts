import * as z from 'zod/mini';
import { normaliseEmail, normalisePhone } from '../../domain/identity.ts';
import { type Platform, platforms } from '../../domain/source.ts';
import { currency, instant, instantIn, keyText, named, page } from './common.ts';

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

const credential = z
  .string()
  .check(z.regex(/^[\x21-\x7e]{1,4096}$/, 'must have 1 to 4096 printable ASCII characters without spaces'));

const httpsAddress = z
  .string()
  .check(z.maxLength(500), z.refine(isAddress, 'must be an https address with a public name and without a query'));

/** Without user, query or fragment. A shop on this very machine may go without encryption; whether it is asked is for the stage. */
function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const isNumber = /^[\d.]+$|^\[/.test(hostname);
  const isPublic = protocol === 'https:' && !isNumber && hostname.includes('.') && !hostname.endsWith('.localhost');
  const isHere = protocol === 'http:' && hostname === '127.0.0.1';
  return (isPublic || isHere) && `${username}${password}${search}${hash}` === '';
}

const nobody = z.pipe(
  z.string().check(z.maxLength(320)),
  z.transform((text: string, context) => {
    const value = normaliseEmail(text) ?? normalisePhone(text);
    if (value !== undefined) return value;
    const message = 'must be an e-mail address or a phone number with country code (E.164)';
    context.issues.push({ code: 'custom', input: text, message });
    return z.NEVER;
  }),
);

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
          z.describe(
            'Signing secrets, never shown again. Where absent, an existing source keeps its own; platforms that sign by ' +
              'published keys have none.',
          ),
        ),
    ),
    currency,
    timeZone,
    backfillBefore: z.optional(instantIn),
    address: z.optional(
      httpsAddress.check(z.describe('The shop, or its API: where thin messages are looked up and keys are published')),
    ),
    credentials: z.optional(
      z.record(z.string().check(z.regex(/^[a-zA-Z]{1,40}$/)), credential).check(
        z.refine((given) => Object.keys(given).length <= 8, 'must have 8 entries at most'),
        z.describe(
          "What the shop's API asks for, never shown again. Where absent, an existing source keeps its own; with another " +
            'platform, or another host of the address, they are to be given anew, or {} for none.',
        ),
      ),
    ),
    notificationUrl: z.optional(
      z.url().check(z.maxLength(500), z.describe('Square: the address that it calls, exactly as configured there')),
    ),
    webhookId: z.optional(
      keyText.check(z.describe('PayPal: its own id of the webhook. Adobe Commerce: the client id of its project')),
    ),
    country: z.optional(
      z
        .string()
        .check(
          z.regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code of two letters'),
          z.describe('Whose phone numbers stand without a country code'),
        ),
    ),
    nobody: z.optional(
      z
        .array(nobody)
        .check(
          z.maxLength(50),
          z.describe(
            "Addresses and numbers that identify nobody: the shop's own, and those put in for walk-in customers",
          ),
        ),
    ),
    countsWhen: z.optional(
      z
        .enum(['placed', 'paid'])
        .check(z.describe('What counts as a purchase; where absent, what is usual on the platform')),
    ),
  }),
);

type CheckedBy = 'secrets' | 'address' | 'notificationUrl' | 'webhookId';

/** What a platform's signatures are checked with, where it is not secrets alone; nothing where no delivery is signed. */
const checkedBy: Partial<Record<Platform, readonly CheckedBy[]>> = {
  'adobe-commerce': ['webhookId'],
  commercetools: [],
  paypal: ['webhookId'],
  saleor: ['address'],
  square: ['secrets', 'notificationUrl'],
};

/** What a source lacks for its signatures to be checked, by its name; nothing where it is complete. */
export function missingFor(
  platform: Platform,
  given: { [Name in CheckedBy]?: string | readonly string[] | undefined },
): CheckedBy | undefined {
  const names: readonly CheckedBy[] = checkedBy[platform] ?? ['secrets'];
  return names.find((name) => given[name] === undefined || given[name].length === 0);
}

/** What is wrong with a secret for its platform; nothing where it will do. */
export function secretFault(platform: Platform, text: string): string | undefined {
  if (platform === 'stripe') return text.startsWith('whsec_') ? undefined : 'must begin with whsec_';
  if (platform !== 'standard' && platform !== 'medusa') return undefined;
  const isPublic = platform === 'standard' && text.startsWith('whpk_');
  const base64 = text.replace(isPublic ? /^whpk_/ : /^whsec_/, '');
  const bytes = Buffer.from(base64, 'base64');
  const canonical = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  if (!canonical) return 'must be base64, after whsec_ or nothing; or a public key after whpk_';
  if (isPublic) return bytes.length === 32 ? undefined : 'must be base64 of the 32 bytes of an ed25519 public key';
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
    baseTimeZone: z.string().check(z.describe('The time zone in which days are counted')),
    timeZone: z.string(),
    backfillBefore: z.optional(instant),
    address: z.optional(z.string()),
    credentialNames: z.array(z.string()),
    notificationUrl: z.optional(z.string()),
    webhookId: z.optional(z.string()),
    country: z.optional(z.string()),
    nobody: z.optional(z.array(z.string())),
    countsWhen: z.enum(['placed', 'paid']),
    webhookPath: z.string(),
    erasedAt: z.optional(
      instant.check(z.describe('Since when nothing comes in by it: the shop asked for everything to be erased')),
    ),
    createdAt: instant,
    updatedAt: instant,
  }),
);

export const sources = page('Sources', source);
