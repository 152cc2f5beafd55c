import * as z from 'zod/mini';
import { importFormats } from '../../contracts/imports.ts';
import { instant, line, named, page } from './common.ts';
import { sourceId } from './sources.ts';

const number = (text: string) => Number(text);

/** A whole number in a path or a query. */
function wholeNumber(most: number) {
  return z.pipe(
    z.string().check(
      z.refine((text) => /^[1-9]\d{0,9}$/.test(text) && Number(text) <= most, `must be a number from 1 to ${most}`),
      z.meta({ type: 'integer', minimum: 1, maximum: most }),
    ),
    z.transform(number),
  );
}

const given = {
  sourceId: sourceId.check(z.describe('The source whose orders these are')),
  format: z.enum(importFormats),
  name: z.optional(line(200).check(z.describe('What you call it: the name of the file'))),
};

export const importIn = named('ImportGiven', z.strictObject(given));

/** Of a file that is given at once. */
export const importQuery = z.strictObject({
  sourceId: z.optional(given.sourceId),
  format: z.optional(given.format),
  name: given.name,
});

export const partNumber = wholeNumber(100_000);

export const partQuery = z.strictObject({
  line: z.optional(
    wholeNumber(4_000_000_000).check(
      z.describe(
        'The line of the file that the part begins with, the header of CSV left out: errors name lines of the file',
      ),
    ),
  ),
});

const counts = z.strictObject({
  recorded: z.int(),
  duplicates: z.int().check(z.describe('Known already')),
  ignored: z.int().check(z.describe('No orders, such as drafts')),
  failed: z.int().check(z.describe('Not recorded: see the errors')),
});

const error = z.strictObject({ line: z.int(), code: z.string(), detail: z.string() });

export const importPart = named(
  'ImportPart',
  z.strictObject({
    importId: z.string(),
    part: z.int(),
    items: z.int(),
    next: z.int().check(z.describe('How many items have been read: put the same part again where done is false')),
    done: z.boolean(),
    counts,
    errors: z.array(error).check(z.describe('Of this call')),
  }),
);

export const historyImport = named(
  'Import',
  z.strictObject({
    id: z.string(),
    sourceId: z.string(),
    format: z.enum(importFormats),
    name: z.nullable(z.string()),
    state: z.enum(['open', 'finished']),
    createdAt: instant,
    finishedAt: z.nullable(instant),
    parts: z.nullable(
      z.strictObject({
        put: z.int(),
        unfinished: z.array(z.int()).check(z.describe('Put and not done, a hundred at most')),
      }),
    ),
    counts: z.nullable(counts.check(z.describe('null in a list while the import is open'))),
  }),
);

export const imports = page('Imports', historyImport);

export const finishIn = named(
  'ImportFinish',
  z.strictObject({ parts: z.int().check(z.gte(1), z.lte(100_000), z.describe('How many parts the file has')) }),
);

export const errorLines = z.string().check(z.describe('One JSON object a line: line, code, detail'));
