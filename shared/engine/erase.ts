import type { Customer } from '../domain/customer.ts';
import { type ErasureStep, erasureSteps, type PrivacyRequest, setDown } from '../domain/privacy-request.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import { withholdDeliveries } from './erase-deliveries.ts';
import { type Burial, bury, markAsErased } from './erase-person.ts';
import {
  cameBy,
  emptyPerson,
  erasePerson,
  forgetNames,
  forgetSource,
  holdersOf,
  knownBy,
  knownOrders,
  withdrawOrder,
} from './erase-source.ts';
import {
  counted,
  type EraseFrame,
  type Erasure,
  type ErasurePorts,
  reachOf,
  sourcesOf,
  type Taken,
} from './erasure-step.ts';
import { Known } from './known.ts';

/**
 * `again` after so many seconds; `over` where it is done, or somebody else is at it; `unread` names the deliveries whose
 * bodies could not be read: all else is done, and the request stays open for them.
 */
export type ErasureProgress = { again: number } | { unread: string[] } | 'over';

/** So long after the first pass, in seconds, what was under way meanwhile lies where the second one looks. */
const betweenPasses = 60;

class Overtaken extends Error {}

/**
 * Carries an erasure out, step by step. How far it came is kept after each page; every step can be done again, so it may
 * be cut off anywhere.
 *
 *     tombstones ─► orders ─► identities, ledger, outreach (traces) ─► deliveries
 *         ─► after a minute all of it once more ─► done
 *
 * @throws Problem `store_unavailable`, `too_busy`: to be tried again
 */
export async function erase(ports: ErasurePorts, given: PrivacyRequest, frame: EraseFrame): Promise<ErasureProgress> {
  let request: PrivacyRequest = { ...given, erasedAt: given.erasedAt ?? frame.now };
  const keep = async (changed: PrivacyRequest) => {
    request = changed;
    if (!(await ports.keep(changed))) throw new Overtaken();
  };
  try {
    await keep(request);
    for (;;) {
      const { next, isDone } = await take(ports, () => request, keep, frame);
      if (!isDone) await keep(next);
      else if (request.step !== lastStep) await keep(at(next, stepAfter(request.step)));
      else if (request.pass === 1) {
        await keep({ ...at(setDown(next), firstStep(request)), pass: 2 });
        return { again: betweenPasses };
      } else return await close(keep, setDown(next), frame);
      if (ports.remaining() >= 0) continue;
      await keep(setDown(request));
      return { again: 0 };
    }
  } catch (error) {
    if (error instanceof Overtaken) return 'over';
    throw error;
  }
}

/** What could not be read keeps a request open: kept bodies are gone through anew from the next day's look at what is open. */
async function close(
  keep: (request: PrivacyRequest) => Promise<void>,
  request: PrivacyRequest,
  { now }: EraseFrame,
): Promise<ErasureProgress> {
  const { unread = [], failure: _, cursor: __, guestIds: ___, ...done } = request;
  if (unread.length === 0) {
    await keep({ ...done, status: 'done', doneAt: now, attempts: 0, marks: [], orders: [] });
    return 'over';
  }
  await keep({ ...at(done, 'deliveries'), pass: 1, attempts: request.attempts + 1, failure: 'body_unreadable' });
  return { unread };
}

const lastStep = erasureSteps.at(-1) as ErasureStep;

function stepAfter(step: ErasureStep): ErasureStep {
  return erasureSteps[erasureSteps.indexOf(step) + 1] ?? lastStep;
}

function firstStep({ type }: PrivacyRequest): ErasureStep {
  return type === 'source_erasure' ? 'search' : 'people';
}

function at({ cursor: _, ...request }: PrivacyRequest, step: ErasureStep): PrivacyRequest {
  return { ...request, step };
}

/** One page of the step at hand. */
async function take(
  ports: ErasurePorts,
  current: () => PrivacyRequest,
  keep: (request: PrivacyRequest) => Promise<void>,
  frame: EraseFrame,
): Promise<Taken> {
  const request = current();
  const erasure = { ...frame, erasedAt: request.erasedAt ?? frame.now };
  switch (request.step) {
    case 'search':
      return searchSource(ports, current, erasure);
    case 'people': {
      const { personIds, whole } = request;
      const isBuried = await bury(ports.records, { personIds, whole }, erasure, noting(current, keep));
      return { next: current(), isDone: !isBuried };
    }
    case 'orders':
      return withdrawOrders(ports, current, keep, erasure);
    case 'traces': {
      let next = request;
      for (const personId of request.personIds) {
        const more = await emptyPerson(ports, personId, erasure, async (marks) => {
          const before = current();
          const after = { ...before, marks: joined(before.marks, marks) };
          if (after.marks.length > before.marks.length) await keep(after);
        });
        next = counted(next, request.pass === 1 ? more : { ...more, orders: 0 });
      }
      const { marks } = current();
      const gone = await tombstonesOf(ports, request.personIds);
      const sources = joined(
        sourcesOf(request),
        gone.flatMap((tombstone) => tombstone.sources),
      );
      for (const id of marks) await markAsErased(ports.records, id, sources, erasure.erasedAt);
      // By what is there: so it is right wherever a worker was cut off.
      const persons = gone.filter(({ erasedAt }) => erasedAt === erasure.erasedAt).length;
      const isOfPersons = request.type === 'erasure';
      return { next: { ...next, marks, ...(isOfPersons && { counts: { ...next.counts, persons } }) }, isDone: true };
    }
    case 'deliveries':
      return withholdDeliveries(ports, current, keep, erasure);
  }
}

/** Keeps whom a burial is about before it is done: by that, the rest of them is found. */
function noting(current: () => PrivacyRequest, keep: (request: PrivacyRequest) => Promise<void>) {
  return async ({ gone, marks }: Burial) => {
    const before = current();
    const after = {
      ...before,
      personIds: joined(before.personIds, gone),
      marks: joined(before.marks, marks),
    };
    if (JSON.stringify(after) !== JSON.stringify(before)) await keep(after);
  };
}

const joined = (some: readonly string[], more: readonly string[]) => [...new Set([...some, ...more])];

/** What is left of the persons, as far as they are gone: it says which sources knew them by ids of their own. */
async function tombstonesOf({ records }: ErasurePorts, personIds: string[]): Promise<Tombstone[]> {
  const known = new Known(records, true);
  await known.fetch({ customers: personIds });
  return personIds.flatMap((id) => known.tombstone(id) ?? []);
}

/**
 * Who is known to no other source is erased; of the others goes what this source said. What it says since, being put anew,
 * is no part of it.
 */
async function searchSource(ports: ErasurePorts, current: () => PrivacyRequest, erasure: Erasure): Promise<Taken> {
  const [sourceId] = sourcesOf(current());
  const source = sourceId === undefined ? undefined : await ports.source(sourceId);
  if (sourceId === undefined || !source) return { next: current(), isDone: true };
  const { sourceRevision = 0, cursor, pass } = current();
  if (cursor === undefined) await ports.switchOff(sourceId, erasure.erasedAt, sourceRevision);
  const idsAreSince = pass === 2 && source.erasedAt === undefined;
  const { persons, next: goesOn } = await ports.people.everybody(cursor);
  const reach = await reachOf(ports, sourceId, erasure);
  let next = current();
  for (const person of persons) {
    const known = await knownBy(ports.people, person, sourceId, { ...reach, idsAreSince });
    if (!known.before && !(await cameBy(ports.people, person, sourceId, { ...reach, ...known }))) continue;
    const more = known.otherwise
      ? await forgetSource(ports, person.personId, sourceId, { ...erasure, ...reach, keepsId: known.keepsId })
      : await erasePerson(ports, person.personId, erasure);
    next = counted(next, more);
  }
  return { next: goesOn === undefined ? next : { ...next, cursor: goesOn }, isDone: goesOn === undefined };
}

/**
 * Of orders that the source counts among the person's, and that are kept with somebody else. Who was known by nothing
 * but these orders was the person under another address, and goes as well.
 */
async function withdrawOrders(
  ports: ErasurePorts,
  current: () => PrivacyRequest,
  keep: (request: PrivacyRequest) => Promise<void>,
  erasure: Erasure,
): Promise<Taken> {
  const request = current();
  const [sourceId] = sourcesOf(request);
  if (sourceId === undefined || request.orders.length === 0) return { next: request, isDone: true };
  const { mint, now: receivedAt, baseCurrency, baseTimeZone, erasedAt } = erasure;
  const frame = { sourceId, baseCurrency, baseTimeZone, receivedAt, mint };
  const { guestIds = [] } = request;
  const listed = joined([], request.orders);
  const names = await knownOrders(ports.records, listed, frame);
  const { holders, told } = await holdersOf(ports.records, names, frame);
  const others = joined(guestIds, holders).filter((holder) => !request.personIds.includes(holder));
  if (others.length > guestIds.length) await keep({ ...request, guestIds: others });
  const id = mint('cus', sourceId, request.id);
  const place = { id, version: 1, erasedAt, sources: [sourceId] };
  await markAsErased(ports.records, id, [sourceId], erasedAt);
  let orders = 0;
  for (const name of listed)
    if ((await withdrawOrder(ports.records, name, place, frame)) && names.includes(name)) orders += 1;
  const isMeant = async (person: Customer) => {
    const { before, otherwise } = await knownBy(ports.people, { ...person, personId: person.id }, sourceId, {
      erasedAt,
      idsAreSince: true,
    });
    return !before && !otherwise;
  };
  for (const guest of others)
    if (!(await bury(ports.records, { personIds: [guest], whole: false, isMeant }, erasure, noting(current, keep))))
      await forgetNames(ports, guest, told, receivedAt);
  return { next: counted(current(), { orders }), isDone: true };
}
