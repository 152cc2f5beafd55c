import { afterAll, beforeAll, expect, test } from 'vitest';
import { OutreachStore } from '../../shared/dynamodb/outreach-store.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
const { channel: _, ...silent } = aJob({ status: 'silent', reason: 'consent_absent' });
const createdAt = (i: number) => new Date(Date.now() - i * 7_200_000).toISOString();
const jobs = Array.from({ length: 25 }, (_job, i) => ({
  ...(i % 2 === 0 ? silent : aJob()),
  id: `job_${i}`,
  customerId: `cus_${i % 3}`,
  createdAt: createdAt(i),
  updatedAt: createdAt(i),
}));

beforeAll(async () => {
  api = await openApi();
  const store = new OutreachStore(api.store, api.embedded.tables.outreach);
  for (const job of jobs) await store.addJob(job);
});
afterAll(() => api.stop());

async function all(filters: Record<string, string>): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, string> = { ...filters, limit: '4', ...(cursor !== null && { cursor }) };
    const { status, body } = await api.call('GET /v1/outreach-jobs', { query });
    expect(status).toBe(200);
    seen.push(...body.data.map(({ id }) => id as string));
    cursor = body.nextCursor;
  } while (cursor !== null);
  return seen;
}

test('jobs are listed newest first with their decisions, by customer and status where asked', async () => {
  const idsOf = (list: typeof jobs) => list.map(({ id }) => id);
  expect(await all({})).toEqual(idsOf(jobs));
  expect(await all({ status: 'silent' })).toEqual(idsOf(jobs.filter(({ status }) => status === 'silent')));
  expect(await all({ customerId: 'cus_1' })).toEqual(idsOf(jobs.filter(({ customerId }) => customerId === 'cus_1')));
  const { body } = await api.call('GET /v1/outreach-jobs', { query: { limit: '1' } });
  expect(body.data[0]).toMatchObject({ id: 'job_0', status: 'silent', reason: 'consent_absent', channel: null });
  expect(body.data[0]).toHaveProperty('decision');
});

test('a cursor is bound to its filters', async () => {
  const { body } = await api.call('GET /v1/outreach-jobs', { query: { limit: '1', status: 'silent' } });
  const other = await api.call('GET /v1/outreach-jobs', { query: { cursor: body.nextCursor } });
  expect(other.body.code).toBe('invalid_cursor');
});

test('an unknown status is refused', async () => {
  const { status, body } = await api.call('GET /v1/outreach-jobs', { query: { status: 'read' } });
  expect([status, body.errors[0]?.pointer]).toEqual([400, '/query/status']);
});
