import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobQuery } from '../../shared/dynamodb/outreach-list.ts';
import { jobItemOf } from '../../shared/dynamodb/outreach-store.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { Shop } from './shop.ts';

let shop: Shop;

const { channel: _, ...silent } = aJob({ status: 'silent', reason: 'consent_absent' });

/** 60 jobs on three days far apart, in a scrambled order; every third one silent, for two customers in turn. */
const jobs = Array.from({ length: 60 }, (_job, i) => {
  const createdAt = `${['2025-03-07', '2025-12-31', '2026-02-28'][i % 3]}T10:00:${String(i).padStart(2, '0')}.000Z`;
  const id = `job_${((i * 7919) % 60).toString(36).padStart(4, 'z')}`;
  const play = { id: i % 2 === 0 ? 'thanks-first-purchase' : 'recognise-top-tier', version: 1 };
  return { ...(i % 3 === 0 ? silent : aJob()), id, customerId: `cus_${i % 2}`, play, createdAt, updatedAt: createdAt };
});
const newestFirst = [...jobs].sort((a, b) => (`${a.createdAt}#${a.id}` < `${b.createdAt}#${b.id}` ? 1 : -1));

beforeAll(async () => {
  shop = await Shop.open();
  await Promise.all(jobs.map((job) => shop.addJob(job)));
  await shop.put('outreach', { ...jobItemOf({ ...aJob(), id: 'job_expired' }), expiresAt: 1_700_000_000 });
});
afterAll(() => shop.close());

async function allPages(query: Omit<JobQuery, 'after'>): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await shop.list({ ...query, ...(after !== undefined && { after }) });
    expect(page.jobs.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.jobs.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

const idsOf = (list: typeof jobs) => list.map(({ id }) => id);

describe('the list of jobs', () => {
  test.each([4, 20, 60, 100])('shows all, newest first, in pages of %i', async (limit) => {
    expect(await allPages({ limit })).toEqual(idsOf(newestFirst));
  });

  test('by status, by play, by customer', async () => {
    const ofSilence = newestFirst.filter(({ status }) => status === 'silent');
    expect(await allPages({ limit: 8, status: 'silent' })).toEqual(idsOf(ofSilence));
    const thanks = newestFirst.filter(({ play }) => play.id === 'thanks-first-purchase');
    expect(await allPages({ limit: 8, playId: 'thanks-first-purchase' })).toEqual(idsOf(thanks));
    const ofOne = newestFirst.filter(({ customerId }) => customerId === 'cus_1');
    expect(await allPages({ limit: 8, customerIds: ['cus_1'] })).toEqual(idsOf(ofOne));
    const silentOfOne = ofOne.filter(({ status }) => status === 'silent');
    expect(await allPages({ limit: 3, customerIds: ['cus_1'], status: 'silent' })).toEqual(idsOf(silentOfOne));
  });

  test('shows a job as it was put', async () => {
    expect((await shop.list({ limit: 1 })).jobs).toEqual([newestFirst[0]]);
  });

  test('a job is kept for two years', () => {
    const { expiresAt } = jobItemOf(aJob());
    expect(new Date(expiresAt * 1000).toISOString()).toBe('2028-02-29T09:31:00.000Z');
  });
});
