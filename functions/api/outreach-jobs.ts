import type * as z from 'zod/mini';
import { personsOf } from '../../shared/domain/merge.ts';
import type { OutreachJob } from '../../shared/domain/outreach-job.ts';
import { readCustomer } from '../../shared/dynamodb/customer-reads.ts';
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
        ...(customerId !== undefined && { customerIds: await personIds(door, customerId) }),
        ...(status !== undefined && { status }),
        ...(playId !== undefined && { playId }),
      },
      door.now,
    );
    return { status: 200, body: page(found.jobs.map(shownJob), found.next) };
  },
});

/** Jobs name the person whom they began with: those of all persons are the customer's. */
async function personIds({ client, tables }: Door, customerId: string): Promise<string[]> {
  const customer = await readCustomer(client, tables.customers, customerId);
  return customer ? personsOf(customer) : [customerId];
}

export function shownJob(found: OutreachJob): z.infer<typeof job> {
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
