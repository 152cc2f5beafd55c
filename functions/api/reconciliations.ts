import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { type Instant, instantOf, millisecondsOf } from '../../shared/domain/instant.ts';
import { ended, type Reconciliation } from '../../shared/domain/reconciliation.ts';
import { ReconciliationStore } from '../../shared/dynamodb/reconciliation-store.ts';
import {
  newReconciliation,
  notListable,
  reachOf,
  reconciliationIdOf,
} from '../../shared/engine/begin-reconciliation.ts';
import { Problem, storeUnavailable } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { reconciliation, reconciliationIn, reconciliations } from '../../shared/http/schemas/reconciliations.ts';
import { sourceId } from '../../shared/http/schemas/sources.ts';
import { invalid } from '../../shared/http/validate.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Door, pagingOf } from './door.ts';
import { speakingSource, visibleSource } from './visible-source.ts';

const params = z.strictObject({ sourceId });

export const startReconciliation = route({
  summary: 'Compares what is recorded with what the shop lists, and records what is missing',
  scope: 'sources:write',
  params,
  body: reconciliationIn,
  answers: { 202: { description: 'Accepted; follow it by its id', schema: reconciliation } },
  async answer(door: Door, { params: { sourceId: id }, body: { since } }) {
    const source = await speakingSource(door, id);
    const { now } = door;
    const lacks = notListable(storefronts, source);
    if (lacks !== undefined) throw new Problem(422, 'source_not_listable', `The shop cannot be asked: ${lacks}.`);
    if (since > now) throw invalid([{ pointer: '/since', detail: 'lies in the future' }]);
    const reach = reachOf(storefronts, source, now);
    if (reach !== undefined && since < reach) throw outOfReach(reach);
    const store = storeOf(door);
    const reconciliationId = reconciliationIdOf(now, randomBytes(4).toString('hex'));
    const run = newReconciliation({ id: reconciliationId, sourceId: id, by: 'request', since }, now);
    const begun = await store.begin(run);
    if (begun !== 'begun') {
      const detail = `A reconciliation of this source is under way: ${begun.id}. DELETE ends it.`;
      throw new Problem(409, 'reconciliation_under_way', detail, { retryAfter: 60 });
    }
    try {
      await door.sendReconciliation({ sourceId: id, reconciliationId });
    } catch (error) {
      await store.put(ended(run, 'failed', { now, failure: 'not_begun: the queue did not take it' }), 1);
      throw storeUnavailable(error);
    }
    const location = `/v1/sources/${id}/reconciliations/${reconciliationId}`;
    return { status: 202, headers: { location }, body: shown(run) };
  },
});

export const showReconciliations = route({
  summary: 'Lists the reconciliations of a source, newest first',
  scope: 'sources:read',
  params,
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of reconciliations', schema: reconciliations } },
  async answer(door: Door, { params: { sourceId: id }, query }) {
    const { limit, after, page } = await pagingOf(door, query);
    await visibleSource(door, id);
    const found = await storeOf(door).list(id, { limit, ...(after !== undefined && { after }) });
    return { status: 200, body: page(found.runs.map(shown), found.next) };
  },
});

export const showReconciliation = route({
  summary: 'Shows what a reconciliation found',
  scope: 'sources:read',
  params: z.strictObject({ sourceId, reconciliationId: keyText }),
  answers: { 200: { description: 'The reconciliation', schema: reconciliation } },
  async answer(door: Door, { params: { sourceId: id, reconciliationId } }) {
    await visibleSource(door, id);
    const found = await storeOf(door).read(id, reconciliationId);
    if (!found) throw notFound();
    return { status: 200, body: shown(found) };
  },
});

export const cancelReconciliation = route({
  summary: 'Ends a comparison that is under way; what it recorded stays, and the next one may begin',
  scope: 'sources:write',
  params: z.strictObject({ sourceId, reconciliationId: keyText }),
  answers: { 200: { description: 'It has ended', schema: reconciliation } },
  async answer(door: Door, { params: { sourceId: id, reconciliationId } }) {
    await visibleSource(door, id);
    const store = storeOf(door);
    for (let attempt = 0; attempt < 5; attempt++) {
      const found = await store.read(id, reconciliationId);
      if (!found) throw notFound();
      if (found.state !== 'running') return { status: 200, body: shown(found) };
      const { revision, ...run } = found;
      const after = ended(run, 'cancelled', { now: door.now });
      if (await store.put(after, revision)) return { status: 200, body: shown(after) };
    }
    throw new Problem(409, 'reconciliation_moves', 'It was taken further just now. Try again.', { retryAfter: 1 });
  },
});

const hour = 3_600_000;

/** Tells a time that is in reach for an hour at least. */
function outOfReach(whole: Instant): Problem {
  const reach = instantOf((Math.floor(millisecondsOf(whole) / hour) + 2) * hour);
  const detail = `The list of the shop is whole from ${reach} on. Begin there, and import what is older: POST /v1/imports.`;
  const faults = [{ pointer: '/since', detail: `is before ${reach}` }];
  return new Problem(422, 'since_out_of_reach', detail, { faults });
}

function notFound(): Problem {
  return new Problem(404, 'reconciliation_not_found', 'There is no such reconciliation.');
}

function storeOf({ client, tables, realTime }: Door): ReconciliationStore {
  return new ReconciliationStore(client, tables.registry, realTime());
}

function shown(run: Reconciliation): z.infer<typeof reconciliation> {
  const { id, sourceId: of, state, by, since, until, counts, faults, failure } = run;
  const { attempts, lastFault, nextTryAt, updatedAt, finishedAt } = run;
  return {
    id,
    sourceId: of,
    state,
    by,
    since,
    until,
    ...counts,
    faults,
    failure: failure ?? null,
    attempts,
    lastFault: lastFault ?? null,
    nextTryAt: nextTryAt ?? null,
    updatedAt,
    finishedAt: finishedAt ?? null,
  };
}
