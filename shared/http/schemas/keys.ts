import * as z from 'zod/mini';
import { everySource, type Scope, scopes } from '../../domain/access.ts';
import { instant, instantIn, named, page } from './common.ts';
import { sourceId } from './sources.ts';

const scope = z.enum(scopes as [Scope, ...Scope[]]);

export const keyIn = named(
  'KeyGiven',
  z.strictObject({
    partner: z.string().check(
      z.regex(/^[a-z0-9][a-z0-9-]{0,54}$/, 'must have 1 to 55 lower-case letters, digits and hyphens'),
      z.refine((name) => name !== 'admin', 'is reserved'),
    ),
    scopes: z.array(scope).check(
      z.minLength(1),
      z.maxLength(scopes.length),
      z.refine((list) => new Set(list).size === list.length, 'names a scope twice'),
    ),
    sources: z.optional(
      z
        .array(z.union([sourceId, z.literal(everySource)]))
        .check(
          z.maxLength(20),
          z.describe(
            'Sources that the key has to do with, as far as its scopes go: to report, import, compare, and to see and ' +
              'replay deliveries. "*" stands for all, also those made later; without any the key reaches none',
          ),
        ),
    ),
    expiresAt: z.optional(instantIn),
    rateLimitPerMinute: z.optional(z.int().check(z.gte(1), z.lte(60_000))),
  }),
);

const shown = {
  id: z.string(),
  partner: z.string(),
  scopes: z.array(scope),
  sources: z.array(z.string()),
  rateLimitPerMinute: z.int(),
  expiresAt: z.nullable(instant),
  createdAt: instant,
};

export const key = named('Key', z.strictObject(shown));
export const keys = page('Keys', key);
export const keyMade = named(
  'KeyMade',
  z.strictObject({ ...shown, key: z.string().check(z.describe('The text of the key; it is shown this once')) }),
);
