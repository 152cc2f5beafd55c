import * as z from 'zod/mini';
import { instant, keyText, named, page } from './common.ts';

export const mergeIn = named('MergeGiven', z.strictObject({ into: keyText }));

export const unmergeIn = named(
  'UnmergeGiven',
  z.strictObject({
    mergeId: z.optional(
      keyText.check(
        z.describe('Where absent, the merge of this customer into another one, or the only one of another into it'),
      ),
    ),
  }),
);

const by = z.string().check(z.describe('`api:<key id>`, `shop` or `verified_email`'));

export const mergeDone = named(
  'MergeDone',
  z.strictObject({
    status: z
      .enum(['merged', 'parted', 'unchanged'])
      .check(z.describe('`unchanged`: it had been done before, and is answered as it was')),
    mergeId: z.string(),
    customerId: z.string().check(z.describe('The customer that was merged, or that left again')),
    into: z.string().check(z.describe('The customer that it was merged into, or that it left')),
  }),
);

const mergeLine = named(
  'MergeLine',
  z.strictObject({
    kind: z
      .enum(['merge', 'unmerge', 'confirmed'])
      .check(z.describe('`confirmed`: a shop said that two are one when they were so already; nobody moved')),
    mergeId: z.string(),
    at: instant,
    by,
    customerId: z.string(),
    into: z.string(),
    movedIds: z
      .array(z.string())
      .check(z.describe('The customer that moved, with those that had been merged into it before')),
  }),
);

export const mergeLines = page('MergeLines', mergeLine);

const suggestion = named(
  'MergeSuggestion',
  z.strictObject({
    id: z.string(),
    customerIds: z.array(z.string()).check(z.minLength(2), z.maxLength(2)),
    reason: z
      .enum(['same_email', 'same_phone'])
      .check(z.describe('What a message said of the one that leads to the other')),
    since: instant,
  }),
);

export const suggestions = page('MergeSuggestions', suggestion);
