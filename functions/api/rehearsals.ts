import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type { Instant } from '../../shared/domain/instant.ts';
import { type Rehearsal, studyOf } from '../../shared/domain/rehearsal.ts';
import type { ValueRun } from '../../shared/domain/value-run.ts';
import { listDifferences } from '../../shared/dynamodb/difference-store.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { differencesPage, rehearsal as shownRehearsal } from '../../shared/http/schemas/value.ts';
import { type Door, pagingOf } from './door.ts';
import { lookUntil, startRun } from './value-run-machine.ts';
import { shownRun } from './value-runs.ts';

const answers = {
  200: { description: 'Done: what would differ', schema: shownRehearsal },
  202: { description: 'Under way: follow it by the id of its run', schema: shownRehearsal },
};
const params = z.strictObject({ runId: keyText });

export const previewDraft = route({
  summary:
    'Says of whom the draft of the tier policy makes something else than the published one, and writes nothing to customers',
  scope: 'tier-policy:read',
  answers,
  async answer(door: Door) {
    const store = tierPolicyStore(door.client, door.tables.registry);
    if (!(await store.draft())) throw new Problem(409, 'no_draft', 'There is no draft of the tier policy.');
    return rehearse(door, { kind: 'preview' }, door.now);
  },
});

export const replayRun = route({
  summary: 'Computes a past value run again from the ledger, and says what differs',
  scope: 'value-runs:read',
  params,
  answers,
  async answer(door: Door, { params: { runId: of } }) {
    const run = await valueRunStore(door.client, door.tables.registry).read(of);
    if (!run) throw new Problem(404, 'value_run_not_found', 'There is no such value run, or it has not begun yet.');
    if (run.state !== 'succeeded' || run.rehearsal)
      throw new Problem(409, 'value_run_unfinished', 'Only a value run that has succeeded can be computed again.');
    return rehearse(door, { kind: 'replay', of }, run.asOf);
  },
});

export const showDifferences = route({
  summary: 'Lists the customers of whom a preview or a replay makes something else',
  scope: 'value-runs:read',
  params,
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of differences', schema: differencesPage } },
  async answer(door: Door, { params: { runId }, query }) {
    const run = await valueRunStore(door.client, door.tables.registry).read(runId);
    if (!run?.rehearsal || studyOf(run.rehearsal))
      throw new Problem(404, 'rehearsal_not_found', 'There is no preview or replay of this id.');
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listDifferences(door.client, door.tables.registry, {
      runId,
      limit,
      ...(after !== undefined && { after }),
    });
    return { status: 200, body: page(found.differences, found.next) };
  },
});

/** The gateway waits for thirty seconds. A small shop is answered at once, a large one is followed by the run's id. */
const patience = 12_000;
const shownAtOnce = 100;

async function rehearse(door: Door, rehearsal: Rehearsal, asOf: Instant) {
  const store = valueRunStore(door.client, door.tables.registry);
  const runId = `${rehearsal.kind}_${door.nonce ?? randomUUID()}`;
  const execution = await startRun(door.machine(), runId, { asOf, runId, rehearsal });
  const end = door.realTime() + Math.min(patience, door.request.remaining() - 5_000);
  await lookUntil(door.machine(), execution, () => door.realTime() >= end);
  const run = await store.read(runId);
  const { differences, next } = await listDifferences(door.client, door.tables.registry, { runId, limit: shownAtOnce });
  const { id, state } = run ?? { id: runId, state: 'running' };
  const location = `/v1/value-runs/${id}`;
  const done = state === 'succeeded' || state === 'failed';
  return {
    status: done ? 200 : 202,
    headers: { location },
    body: {
      run: run ? shownRun(run) : unbegun(runId, asOf, rehearsal),
      identical: run ? identical(run) : null,
      differences,
      more: next !== undefined,
    },
  };
}

function unbegun(id: string, asOf: Instant, rehearsal: Rehearsal) {
  return { id, asOf, status: 'requested' as const, startedAt: null, finishedAt: null, rehearsal };
}

function identical({ rehearsal, report }: ValueRun): boolean | null {
  if (rehearsal?.kind !== 'replay' || !report) return null;
  return report.differences === 0 && report.sameCustomers === true && report.sameFit === true;
}
