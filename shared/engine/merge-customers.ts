import type { Customer } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import {
  type MergeLine,
  merged,
  parted,
  personsOf,
  personsPerCustomer,
  type SaidToBeOne,
  wereParted,
} from '../domain/merge.ts';
import { customerWrite } from './draft.ts';
import { Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { RecordStore, Write } from './record-store.ts';
import { customerErased } from './resolve.ts';
import { suggestionId } from './suggest.ts';

/** What fixes a merge beside the customers. */
export interface MergeFrame {
  at: Instant;
  /** `api:<key id>`, `shop` or `verified_email`. */
  by: string;
  mint: Mint;
}

export interface MergeOutcome {
  /** `unchanged`: it had been done before. */
  status: 'merged' | 'parted' | 'unchanged';
  mergeId: string;
  /** The customer that was merged, or that left again. */
  from: string;
  /** The customer that it was merged into, or that it left. */
  into: string;
}

type Attempt = { outcome: MergeOutcome; writes: Write[] } | Stale;

const attempts = 24;

/**
 * Makes one customer of two: `from` with all its persons joins `into`. No line of the ledger moves.
 * @throws Problem `customer_not_found`, `merge_into_itself`, `already_merged`, `test_data`, `too_many_persons`,
 * `store_unavailable`, `too_busy`
 */
export function mergeCustomers(
  store: RecordStore,
  { from, into }: { from: string; into: string },
  frame: MergeFrame,
): Promise<MergeOutcome> {
  if (from === into)
    throw new Problem(409, 'merge_into_itself', 'A customer cannot be merged into itself.', { faults: faultsAtInto });
  return attempt(store, async (known) => {
    await known.fetch({ customers: [from, into] });
    const [one, other] = [await homeOf(known, from), await homeOf(known, into)];
    if (one === 'stale' || other === 'stale') return 'stale';
    if (one.id === other.id) return unchanged(one, from, into);
    if (one.id !== from)
      throw new Problem(409, 'already_merged', `This customer was merged into ${one.id}: merge that one.`);
    if (one.live !== other.live)
      throw new Problem(409, 'test_data', 'Of one of the two only tests speak: test data stays apart.');
    if (isTooLarge(one, other))
      throw new Problem(409, 'too_many_persons', `A customer is made of ${personsPerCustomer} persons at most.`);
    return draftMerge(known, one, other, frame);
  });
}

const faultsAtInto = [{ pointer: '/into', detail: 'is the same customer' }];

/**
 * As {@link mergeCustomers}, on the evidence of a shop: nothing where the shop said it before, or where something stands
 * in the way. Whom somebody took apart stays apart. Where they are one by somebody else's word it is noted that the shop
 * says so as well: what it asks for the one is for both. The shop's own word outweighs a dismissed suggestion, and holds
 * for customers too of whom only tests speak so far: orders that make them real may still be on their way.
 * @returns the customer that they are, where it is news that they are one or that the shop says so
 */
export async function mergeOnEvidence(
  store: RecordStore,
  { from, into, sourceId }: { from: string; into: string; sourceId: string },
  frame: MergeFrame,
): Promise<{ into: string } | undefined> {
  if (from === into) return undefined;
  const said: SaidToBeOne = { sourceId, persons: [from, into] };
  return attempt(store, async (known) => {
    await known.fetch({ customers: [from, into] });
    const nothing = { outcome: undefined, writes: [] };
    if (known.tombstone(from) || known.tombstone(into)) return nothing;
    const [one, other] = [await homeOf(known, from), await homeOf(known, into)];
    if (one === 'stale' || other === 'stale') return 'stale';
    if (one.id === other.id) return draftConfirmed(one, await store.merges(from), said, frame);
    if (isTooLarge(one, other)) return nothing;
    const lines = await Promise.all(personsOf(one).map((person) => store.merges(person)));
    if (wereParted(lines.flat(), personsOf(one), personsOf(other))) return nothing;
    if (frame.by !== 'shop') {
      const suggestion = await known.suggestion(suggestionId(from, into, frame.mint));
      if (one.live !== other.live || suggestion?.status === 'dismissed') return nothing;
    }
    return draftMerge(known, one, other, frame, said);
  });
}

/**
 * Takes a merge back: whoever it moved leaves again, with everything that is theirs, also from after the merge.
 * @param mergeId where it is absent, the merge that moved this customer into another, or the only one into it; of a
 * customer who has left another that very merge, so that a call that is made again takes no second one back
 * @throws Problem `customer_not_found`, `merge_not_found`, `not_merged`, `merge_not_named`, `store_unavailable`,
 * `too_busy`
 */
export function unmergeCustomer(
  store: RecordStore,
  { customerId, mergeId }: { customerId: string; mergeId?: string },
  frame: MergeFrame,
): Promise<MergeOutcome> {
  let wanted = mergeId;
  return attempt(store, async (known) => {
    const customer = await homeOf(known, customerId);
    if (customer === 'stale') return 'stale';
    const open = Object.values(customer.parts ?? {}).flatMap((part) => part.mergeId ?? []);
    // Once for all attempts: one whose answer was lost has made this customer another.
    wanted ??= await ownMerge(store, customer, customerId, open);
    if (wanted === undefined || !open.includes(wanted)) return partedBefore(store, customerId, wanted);
    return draftUnmerge(known, customer, wanted, frame);
  });
}

async function ownMerge(
  store: RecordStore,
  { id, parts }: Customer,
  customerId: string,
  open: string[],
): Promise<string | undefined> {
  if (customerId !== id) return parts?.[customerId]?.mergeId;
  const left = (await store.merges(customerId)).filter(({ kind, from }) => kind === 'unmerge' && from === customerId);
  if (left.length > 0) return left.at(-1)?.mergeId;
  if (open.length > 1)
    throw new Problem(409, 'merge_not_named', 'Several customers were merged into this one: name the merge.', {
      faults: [{ pointer: '/mergeId', detail: 'is missing' }],
    });
  return open[0];
}

async function attempt<Outcome>(
  store: RecordStore,
  draft: (known: Known) => Promise<{ outcome: Outcome; writes: Write[] } | Stale>,
): Promise<Outcome> {
  for (let count = 0; count < attempts; count++) {
    if (count > 0) await store.pause(count);
    const drafted = await draft(new Known(store, true));
    if (drafted === 'stale') continue;
    if (drafted.writes.length === 0 || (await store.commit(drafted.writes)) === 'committed') return drafted.outcome;
  }
  throw new Problem(503, 'too_busy', 'Too many writes to one customer at once. Try again.', { retryAfter: 1 });
}

async function homeOf(known: Known, customerId: string): Promise<Customer | Stale> {
  const home = await known.home(customerId);
  if (known.tombstone(customerId)) throw customerErased();
  if (!home) throw new Problem(404, 'customer_not_found', `There is no customer ${customerId}.`);
  return home;
}

function isTooLarge(one: Customer, other: Customer): boolean {
  return personsOf(one).length + personsOf(other).length > personsPerCustomer;
}

/** They are one already: the answer names the merge that moved the one or, where that gives the customer its id, the other. */
function unchanged({ id, parts = {} }: Customer, from: string, into: string): Attempt {
  const moved = parts[from]?.mergeId === undefined ? into : from;
  const { mergeId = '', into: joined = id } = parts[moved] ?? {};
  return { outcome: { status: 'unchanged', mergeId, from: moved, into: joined }, writes: [] };
}

async function draftMerge(
  known: Known,
  from: Customer,
  into: Customer,
  { at, by, mint }: MergeFrame,
  said?: SaidToBeOne,
) {
  const moved = personsOf(from);
  const stayed = personsOf(into);
  // One of them was read before somebody else merged them, the other one after.
  if (moved.some((person) => stayed.includes(person))) return 'stale';
  await known.fetch({ customers: moved });
  const mergeId = mint('mrg', from.id, into.id, String(from.version));
  const updatedAt = [from.updatedAt, into.updatedAt].reduce((last, one) => (one > last ? one : last), at);
  const customer = { ...merged(from, into, mergeId), version: into.version + 1, updatedAt };
  const writes: Write[] = [{ kind: 'customer', customer, expected: into.version }];
  for (const id of moved) {
    const expected = id === from.id ? from.version : known.stub(id)?.version;
    if (expected === undefined) return 'stale';
    writes.push({ kind: 'stub', stub: { id, version: expected + 1, mergedInto: into.id }, expected });
  }
  const given = { mergeId, at, by, ...(said && { said }) };
  const line: MergeLine = { kind: 'merge', ...given, from: from.id, into: into.id, moved, stayed };
  writes.push(...journal(line), ...(await settled(known, moved, stayed, mint)));
  return { outcome: { status: 'merged' as const, mergeId, from: from.id, into: into.id }, writes };
}

/** @param lines every merge and its undoing that the one was part of */
function draftConfirmed(home: Customer, lines: readonly MergeLine[], said: SaidToBeOne, { at, by, mint }: MergeFrame) {
  const { sourceId, persons } = said;
  const [from, into] = persons;
  const isSaid = lines.some(
    (line) => line.said?.sourceId === sourceId && persons.every((person) => line.said?.persons.includes(person)),
  );
  if (isSaid || wereParted(lines, [from], [into])) return { outcome: undefined, writes: [] };
  const mergeId = mint('mrg', sourceId, ...[from, into].sort());
  const line: MergeLine = { kind: 'confirmed', mergeId, at, by, said, from, into, moved: [from], stayed: [into] };
  // On condition that they are one still: somebody might be erased meanwhile.
  return { outcome: { into: home.id }, writes: [customerWrite(home, home, home.updatedAt), ...journal(line)] };
}

function journal(line: MergeLine): Write[] {
  return [...line.moved, ...line.stayed].map((personId) => ({ kind: 'merge', line, personId }));
}

/** So many suggestions are taken off with a merge; of the others the list sees that they speak of one customer. */
const settledAtOnce = 15;

async function settled(known: Known, moved: string[], stayed: string[], mint: Mint): Promise<Write[]> {
  const suggestions = moved.flatMap((one) => stayed.map((other) => suggestionId(one, other, mint)));
  await known.fetch({ suggestions });
  const writes: Write[] = [];
  for (const id of suggestions) {
    const suggestion = await known.suggestion(id);
    if (suggestion?.status === 'open' && writes.length < settledAtOnce)
      writes.push({ kind: 'settled', suggestion, status: 'merged' });
  }
  return writes;
}

async function draftUnmerge(
  known: Known,
  customer: Customer,
  mergeId: string,
  { at, by }: MergeFrame,
): Promise<Attempt> {
  const sides = parted(customer, mergeId);
  if (!sides) return 'stale';
  const moved = personsOf(sides.from);
  const stayed = personsOf(sides.stayed);
  await known.fetch({ customers: moved });
  const writes: Write[] = [
    {
      kind: 'customer',
      customer: { ...sides.stayed, version: customer.version + 1, updatedAt: at },
      expected: customer.version,
    },
  ];
  for (const id of moved) {
    const expected = known.stub(id)?.version;
    if (expected === undefined) return 'stale';
    const version = expected + 1;
    if (id === sides.from.id)
      writes.push({ kind: 'customer', customer: { ...sides.from, version, updatedAt: at }, expected });
    else writes.push({ kind: 'stub', stub: { id, version, mergedInto: sides.from.id }, expected });
  }
  const line: MergeLine = { kind: 'unmerge', mergeId, at, by, from: sides.from.id, into: customer.id, moved, stayed };
  writes.push(...journal(line));
  return { outcome: { status: 'parted', mergeId, from: sides.from.id, into: customer.id }, writes };
}

/** A repetition: the answer is the first one's. */
async function partedBefore(store: RecordStore, customerId: string, mergeId: string | undefined): Promise<Attempt> {
  const lines = await store.merges(customerId);
  const done = lines
    .filter((line) => line.kind === 'unmerge')
    .filter((line) => (mergeId === undefined ? [line.from, line.into].includes(customerId) : line.mergeId === mergeId))
    .at(-1);
  if (done) {
    const { mergeId: undone, from, into } = done;
    return { outcome: { status: 'unchanged', mergeId: undone, from, into }, writes: [] };
  }
  throw mergeId === undefined
    ? new Problem(409, 'not_merged', 'This customer was not merged into another one.')
    : new Problem(404, 'merge_not_found', 'No merge of this customer has this id.');
}
