import type * as z from 'zod/mini';
import type { OutreachJob } from '../../shared/domain/outreach-job.ts';
import { listJobs } from '../../shared/dynamodb/outreach-list.ts';
import { route } from '../../shared/http/route.ts';
import { type job, jobQuery, jobs } from '../../shared/http/schemas/outreach.ts';
import { type Door, pagingOf } from './door.ts';

export const showOutreachJobs = route({
  summary: 'Lists outreach jobs with their decisions, newest first',
  scope: 'outreach-jobs:read',
  query: jobQuery,
  answers: { 200: { description: 'A page of outreach jobs', schema: jobs } },
  async answer(door: Door, { query: { limit: wanted, cursor, ...filters } }) {
    const { limit, after, page } = await pagingOf(door, { limit: wanted, cursor }, filters);
    const { customerId, status, playId } = filters;
    const found = await listJobs(
      door.client,
      door.tables.outreach,
      {
        limit,
        ...(after !== undefined && { after }),
        ...(customerId !== undefined && { customerId }),
        ...(status !== undefined && { status }),
        ...(playId !== undefined && { playId }),
      },
      door.now,
    );
    return { status: 200, body: page(found.jobs.map(shown), found.next) };
  },
});

function shown(found: OutreachJob): z.infer<typeof job> {
  const { id, customerId, play, trigger, decision, channel, status, reason, providerMessageId, sentAt } = found;
  return {
    id,
    customerId,
    play,
    trigger,
    decision,
    channel: channel ?? null,
    status,
    ...(reason !== undefined && { reason }),
    ...(providerMessageId !== undefined && { providerMessageId }),
    sentAt: sentAt ?? null,
    createdAt: found.createdAt,
    updatedAt: found.updatedAt,
  };
}
