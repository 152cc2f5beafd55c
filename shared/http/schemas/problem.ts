import * as z from 'zod/mini';
import { named } from './common.ts';

/** RFC 9457, `application/problem+json`. */
export const problem = named(
  'Problem',
  z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int().check(z.gte(400), z.lte(599)),
    code: z.string().check(z.describe('Stable name of what is wrong')),
    detail: z.string(),
    errors: z.optional(
      z.array(
        z.strictObject({
          pointer: z
            .string()
            .check(z.describe('JSON pointer into the body; /query/…, /path/… and /headers/… for the rest')),
          detail: z.string(),
        }),
      ),
    ),
    requestId: z.string(),
  }),
);
