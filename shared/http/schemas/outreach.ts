import * as z from 'zod/mini';
import { jobStatuses } from '../../domain/outreach-job.ts';
import { instant, keyText, named, page, paging } from './common.ts';

export const jobQuery = z.strictObject({
  customerId: z.optional(keyText),
  status: z.optional(z.enum(jobStatuses)),
  playId: z.optional(keyText),
  ...paging,
});

const verdict = z.strictObject({
  channel: z.string(),
  possible: z.boolean(),
  reason: z.string(),
  consent: z.optional(
    z.strictObject({ state: z.enum(['granted', 'refused']), occurredAt: instant, sourceId: z.string() }),
  ),
});

export const job = named(
  'OutreachJob',
  z.strictObject({
    id: z.string(),
    customerId: z.string(),
    play: z.strictObject({ id: z.string(), version: z.int() }),
    trigger: z.union([
      z.strictObject({
        kind: z.literal('order'),
        interactionId: z.string(),
        occurredAt: instant,
        backfill: z.boolean(),
        test: z.boolean(),
        paidAt: z.optional(instant.check(z.describe('Of an order that was known as unpaid before'))),
      }),
      z.strictObject({
        kind: z.literal('tier'),
        tier: z.string(),
        previousTier: z.nullable(z.string()),
        runId: z.string(),
      }),
    ]),
    decision: z
      .strictObject({
        decidedAt: instant,
        channels: z.array(verdict),
        chosen: z.nullable(z.string()),
        silence: z.optional(z.string()),
      })
      .check(z.describe('Which channels were possible, which were ruled out and why, what was chosen')),
    channel: z.nullable(z.string()),
    status: z.enum(jobStatuses),
    reason: z.optional(z.string()),
    providerMessageId: z.optional(z.string()),
    sentAt: z.nullable(instant),
    createdAt: instant,
    updatedAt: instant,
  }),
);

export const jobs = page('OutreachJobs', job);
