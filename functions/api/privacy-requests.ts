import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { mayUseSource, usableSources } from '../../shared/domain/access.ts';
import { personsOf } from '../../shared/domain/merge.ts';
import { newPrivacyRequest, type PrivacyRequest, timedOut, wasCutOff } from '../../shared/domain/privacy-request.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { type KeptRequest, PrivacyRequestStore } from '../../shared/dynamodb/privacy-request-store.ts';
import { listSourceIds, switchOffSource } from '../../shared/dynamodb/source-store.ts';
import type { PrivacyRequests } from '../../shared/engine/privacy-desk.ts';
import { Problem, storeUnavailable } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { exported, privacyRequest, privacyRequestIn, privacyRequests } from '../../shared/http/schemas/privacy.ts';
import { existing } from './customers.ts';
import { type Door, pagingOf } from './door.ts';
import { exportPage } from './person-export.ts';

export const makePrivacyRequest = route({
  summary:
    "Asks for all that is held of a customer, or for its erasure: tombstones at once, the rest by a worker's hand",
  scope: 'privacy:write',
  body: privacyRequestIn,
  answers: { 202: { description: 'Taken down; follow it by its id', schema: privacyRequest } },
  async answer(door: Door, { body: { type, customerId } }) {
    const { access, nonce, now: requestedAt } = door;
    await mustReachAll(door);
    const customer = await existing(door, customerId);
    const mint = mintWith((await door.settings()).salt);
    const id = mint('prv', access.keyId, nonce ?? randomBytes(16).toString('hex'));
    const request = newPrivacyRequest({
      id,
      type,
      from: { keyId: access.keyId },
      requestedAt,
      customerId: customer.id,
      personIds: personsOf(customer),
      whole: true,
    });
    const requests = requestsOf(door);
    const kept = await requests.open(request);
    if (kept.type !== 'export' && kept.status === 'open') await requests.handOver(id);
    return { status: 202, headers: { location: `/v1/privacy-requests/${id}` }, body: shown(kept) };
  },
});

export const showPrivacyRequests = route({
  summary: "Lists requests for persons' rights, newest first",
  scope: 'privacy:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of requests', schema: privacyRequests } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await storeOf(door).list({ limit, ...(after !== undefined && { after }) });
    return { status: 200, body: page(found.requests.map(shown), found.next) };
  },
});

const params = z.strictObject({ requestId: keyText });

export const showPrivacyRequest = route({
  summary: 'Shows how far a request has come, and what was done',
  scope: 'privacy:read',
  params,
  answers: { 200: { description: 'The request', schema: privacyRequest } },
  async answer(door: Door, { params: { requestId } }) {
    return { status: 200, body: shown((await found(door, requestId)).request) };
  },
});

export const exportPerson = route({
  summary: 'All that is held of a person, as it is now, page by page; with the last page the request is done',
  scope: 'privacy:write',
  params,
  query: z.strictObject({ cursor: paging.cursor }),
  answers: { 200: { description: 'A page of it', schema: exported } },
  async answer(door: Door, { params: { requestId }, query }) {
    const { request, revision } = await found(door, requestId);
    if (request.type !== 'export')
      throw new Problem(409, 'not_an_export', 'This request is for an erasure: there is nothing to hand over.');
    await mustReachAll(door);
    const { after, page } = await pagingOf(door, query);
    const { data, next } = await exportPage(door, request, after);
    if (next === undefined && request.status === 'open')
      await storeOf(door).put({ ...request, status: 'done', doneAt: door.now }, revision);
    return { status: 200, body: page(data, next) };
  },
});

/**
 * An export that left out what a key may not see would be no answer to whom it is about, and an erasure takes what every
 * source said.
 * @throws Problem `sources_not_allowed`
 */
async function mustReachAll({ access, client, tables }: Door): Promise<void> {
  if (usableSources(access) === undefined) return;
  const sourceIds = await listSourceIds(client, tables.registry);
  if (sourceIds.every((sourceId) => mayUseSource(access, sourceId))) return;
  const detail = 'It is about what all sources said: the key has to reach each of them, by "*" or by their names.';
  throw new Problem(403, 'sources_not_allowed', detail);
}

/** Where requests are kept and handed to the worker. */
export function requestsOf(door: Door): PrivacyRequests {
  return {
    open: (request) => storeOf(door).open(request),
    async handOver(requestId) {
      try {
        await door.sendErasure({ requestId });
      } catch (error) {
        throw storeUnavailable(error);
      }
    },
    switchOff: (sourceId, at, upTo) => switchOffSource(door.client, door.tables.registry, { sourceId, at, upTo }),
  };
}

function storeOf({ client, tables }: Door): PrivacyRequestStore {
  return new PrivacyRequestStore(client, tables.registry);
}

async function found(door: Door, requestId: string): Promise<KeptRequest> {
  const kept = await storeOf(door).read(requestId);
  if (!kept) throw new Problem(404, 'privacy_request_not_found', 'There is no such request.');
  return kept;
}

function shown(request: PrivacyRequest): z.infer<typeof privacyRequest> {
  const { id, type, status, from, customerId, requestedAt, dueAt, doneAt, erasedAt, counts, failure } = request;
  return {
    id,
    type,
    status,
    keyId: 'keyId' in from ? from.keyId : null,
    sourceId: 'sourceId' in from ? from.sourceId : null,
    deliveryId: 'sourceId' in from ? from.deliveryId : null,
    customerId: customerId ?? null,
    requestedAt,
    dueAt,
    doneAt: doneAt ?? null,
    erasedAt: erasedAt ?? null,
    counts,
    // A call that was cut off could not say so itself.
    failure: wasCutOff(request, Date.now()) ? timedOut : (failure ?? null),
  };
}
