import * as z from 'zod/mini';
import { personsOf } from '../../shared/domain/merge.ts';
import { listMerges } from '../../shared/dynamodb/merge-reads.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { dismissSuggestion, listSuggestions } from '../../shared/dynamodb/suggestion-store.ts';
import {
  type MergeFrame,
  type MergeOutcome,
  mergeCustomers,
  unmergeCustomer,
} from '../../shared/engine/merge-customers.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { mergeDone, mergeIn, mergeLines, suggestions, unmergeIn } from '../../shared/http/schemas/merges.ts';
import { existing } from './customers.ts';
import { type Door, pagingOf } from './door.ts';

const params = z.strictObject({ customerId: keyText });

export const mergeInto = route({
  summary: 'Makes one customer of two: this one and all that is its own join another; it can be taken back at any time',
  scope: 'customers:write',
  params,
  body: mergeIn,
  answers: { 200: { description: 'They are one', schema: mergeDone } },
  async answer(door: Door, { params: { customerId: from }, body: { into } }) {
    const store = recordStore(door.client, door.tables);
    return { status: 200, body: shown(await mergeCustomers(store, { from, into }, await frameOf(door))) };
  },
});

export const unmerge = route({
  summary: 'Takes a merge back: each has again what is its own, also from after the merge',
  scope: 'customers:write',
  params,
  body: unmergeIn,
  bodyMayLack: true,
  answers: { 200: { description: 'They are two', schema: mergeDone } },
  async answer(door: Door, { params: { customerId }, body: { mergeId } }) {
    const store = recordStore(door.client, door.tables);
    const wanted = { customerId, ...(mergeId !== undefined && { mergeId }) };
    return { status: 200, body: shown(await unmergeCustomer(store, wanted, await frameOf(door))) };
  },
});

async function frameOf({ access, now, settings }: Door): Promise<MergeFrame> {
  return { at: now, by: `api:${access.keyId}`, mint: mintWith((await settings()).salt) };
}

function shown({ status, mergeId, from, into }: MergeOutcome): z.infer<typeof mergeDone> {
  return { status, mergeId, customerId: from, into };
}

export const showMerges = route({
  summary: 'Lists what was merged into a customer and taken apart again, newest first, and what shops said of it since',
  scope: 'customers:read',
  params,
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of merges and their undoings', schema: mergeLines } },
  async answer(door: Door, { params: { customerId }, query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const personIds = personsOf(await existing(door, customerId));
    const found = await listMerges(door.client, door.tables.ledger, {
      personIds,
      limit,
      ...(after !== undefined && { after }),
    });
    const lines = found.merges.map(({ kind, mergeId, at, by, from, into, moved }) => ({
      kind,
      mergeId,
      at,
      by,
      customerId: from,
      into,
      movedIds: kind === 'confirmed' ? [] : moved,
    }));
    return { status: 200, body: page(lines, found.next) };
  },
});

export const showSuggestions = route({
  summary: 'Lists customers who may be one, newest first',
  scope: 'customers:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of suggestions', schema: suggestions } },
  async answer(door: Door, { query }) {
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listSuggestions(door.client, door.tables, { limit, ...(after !== undefined && { after }) });
    return { status: 200, body: page(found.suggestions, found.next) };
  },
});

export const dropSuggestion = route({
  summary: 'Dismisses a suggestion for good: the two are not suggested again',
  scope: 'customers:write',
  params: z.strictObject({ suggestionId: keyText }),
  answers: { 204: { description: 'Dismissed' } },
  async answer({ client, tables }: Door, { params: { suggestionId } }) {
    if (!(await dismissSuggestion(client, tables.registry, suggestionId)))
      throw new Problem(404, 'suggestion_not_found', 'There is no such suggestion.');
    return { status: 204 };
  },
});
