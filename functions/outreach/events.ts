import * as z from 'zod/mini';
import type { Trigger } from '../../shared/domain/play.ts';

/** What the functions of this workload read of the bus's events. One that is none of these is a fault of the rules. */
const order = z.object({
  'detail-type': z.literal('InteractionRecorded'),
  detail: z.object({
    customerId: z.string(),
    interactionId: z.string(),
    type: z.string(),
    occurredAt: z.string(),
    backfill: z.boolean(),
    test: z.boolean(),
    paidAt: z.optional(z.string()),
  }),
});

const tier = z.object({
  'detail-type': z.literal('TierChanged'),
  detail: z.object({
    customerId: z.string(),
    tier: z.string(),
    previousTier: z.nullable(z.string()),
    runId: z.string(),
  }),
});

const occasion = z.discriminatedUnion('detail-type', [order, tier]);

const requested = z.object({
  'detail-type': z.literal('OutreachRequested'),
  detail: z.object({ jobId: z.string() }),
});

/**
 * What happened to whom; nothing for interactions other than orders.
 * @param body the whole event, as the bus puts it into a queue
 * @throws SyntaxError, ZodError
 */
export function readOccasion(body: string): { customerId: string; trigger: Trigger } | undefined {
  const read = z.parse(occasion, JSON.parse(body));
  if (read['detail-type'] === 'TierChanged') {
    const { customerId, ...change } = read.detail;
    return { customerId, trigger: { kind: 'tier', ...change } };
  }
  const { customerId, type, ...line } = read.detail;
  return type === 'order' ? { customerId, trigger: { kind: 'order', ...line } } : undefined;
}

/**
 * The job that a queue's message asks for.
 * @param body the whole event, as the bus puts it into a queue
 * @throws SyntaxError, ZodError
 */
export function readRequest(body: string): { jobId: string } {
  return z.parse(requested, JSON.parse(body)).detail;
}
