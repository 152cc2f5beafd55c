import { canonicalText } from '../domain/canonical.ts';
import type { Consent, Consents } from '../domain/consent.ts';
import { earlier, type Instant } from '../domain/instant.ts';
import type { Interaction } from '../domain/interaction.ts';
import { personIn } from '../domain/merge.ts';
import { addErased, type ErasureCounts, isSince, nothingErased, type Reach } from '../domain/privacy-request.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import { customerWrite, type Frame, isChanged } from './draft.ts';
import {
  bury,
  type ErasureFrame,
  emptyLedger,
  forgetIdentity,
  markAsErased,
  type PersonalData,
  untilCommitted,
} from './erase-person.ts';
import { Known } from './known.ts';
import { record } from './record.ts';
import type { OrderLine, RecordStore } from './record-store.ts';
import { followNames, isShadow, orderRef } from './sale-names.ts';

/** How the persons of a source are found. */
export interface SourcePeople {
  /** A page of all persons, with the source ids that each has. */
  everybody(after: string | undefined): Promise<{ persons: FoundPerson[]; next?: string }>;
  /**
   * Of which sources a person's ledger holds lines: of this one from before, of this one since (as {@link isSince} tells
   * them), and of all others.
   */
  spokenOf(
    personId: string,
    sourceId: string,
    reach: Reach,
  ): Promise<{ here: boolean; since: boolean; elsewhere: boolean }>;
  /** By whose word each of a person's identities came to lead there, where that is known. */
  broughtBy(personId: string): Promise<(string | undefined)[]>;
}

interface FoundPerson {
  personId: string;
  createdAt: Instant;
  sourceIds: Record<string, string>;
  consents: Consents;
}

export interface ErasureStores {
  records: RecordStore;
  data: PersonalData;
}

/** Everything of one person, who is the customer alone or one of several. */
export async function erasePerson(
  { records, data }: ErasureStores,
  personId: string,
  frame: ErasureFrame,
): Promise<ErasureCounts> {
  const isThere = await bury(records, { personIds: [personId], whole: false }, frame, async () => undefined);
  const counts = addErased(nothingErased, { persons: isThere ? 1 : 0 });
  return addErased(counts, await emptyPerson({ records, data }, personId, frame));
}

/** What is kept of somebody beside the customer's item. */
export async function emptyPerson(
  { records, data }: ErasureStores,
  personId: string,
  frame: ErasureFrame,
  onIdentities: (marks: string[]) => Promise<void> = async () => undefined,
): Promise<ErasureCounts> {
  const { identities, marks } = await forgetIdentities({ records, data }, personId, frame, onIdentities);
  await onIdentities(marks);
  const { orders, lines } = await emptyLedger(records, data, personId);
  const traces = await data.dropTraces(personId);
  const jobs = await data.emptyJobs(personId, frame.now);
  return addErased(nothingErased, { identities, orders, lines: lines + traces, jobs });
}

async function forgetIdentities(
  { records, data }: ErasureStores,
  personId: string,
  frame: ErasureFrame,
  onIdentities: (marks: string[]) => Promise<void>,
): Promise<{ identities: number; marks: string[] }> {
  const known = new Known(records, true);
  await known.fetch({ customers: [personId] });
  const sources = known.tombstone(personId)?.sources ?? [];
  const marks = new Set<string>();
  let identities = 0;
  const found = await data.identities(personId);
  for (const { namespace, value } of found) marks.add(frame.mint('cus', namespace, value));
  // By these the deliveries are found: they are kept before the identities are gone.
  await onIdentities([...marks]);
  for (const identity of found) {
    await forgetIdentity(records, identity, { personId, sources }, frame);
    identities += 1;
  }
  return { identities, marks: [...marks] };
}

/**
 * What a person is known by: to a source that is erased from before; to it since, when it began anew, or to others. An id
 * tells no time of its own.
 * @param idsAreSince ids from before are gone, so one that is there was said since
 */
export async function knownBy(
  people: SourcePeople,
  { personId, createdAt, sourceIds, consents }: FoundPerson,
  sourceId: string,
  { idsAreSince, ...reach }: Reach & { idsAreSince: boolean },
): Promise<{ before: boolean; otherwise: boolean; keepsId: boolean }> {
  const spoken = await people.spokenOf(personId, sourceId, reach);
  const { [sourceId]: own, ...others } = sourceIds;
  const keepsId = own !== undefined && (idsAreSince || cameSince(createdAt, reach) || spoken.since);
  const agreed = Object.values(consents).some((one) => one.sourceId !== sourceId || one.occurredAt > reach.erasedAt);
  return {
    before: spoken.here || (own !== undefined && !keepsId),
    otherwise: spoken.elsewhere || spoken.since || keepsId || Object.keys(others).length > 0 || agreed,
    keepsId,
  };
}

/** Whether somebody is there since a source was put anew: by its word alone, nobody else comes after its erasure. */
function cameSince(createdAt: Instant, { anewAt }: Reach): boolean {
  return anewAt !== undefined && createdAt >= anewAt;
}

/**
 * Whether somebody came by a source that says nothing of them any more: an order that another customer has by now leaves
 * behind what came with it, a wish of the person's, or but the addresses.
 * @param otherwise whether the person is known by anything else: then addresses tell nothing
 */
export async function cameBy(
  people: SourcePeople,
  { personId, createdAt, consents }: FoundPerson,
  sourceId: string,
  { otherwise, ...reach }: Reach & { otherwise: boolean },
): Promise<boolean> {
  const agreed = Object.values(consents).some((one) => one.sourceId === sourceId && one.occurredAt <= reach.erasedAt);
  if (agreed || otherwise || cameSince(createdAt, reach)) return agreed;
  const sources = await people.broughtBy(personId);
  return sources.length > 0 && sources.every((source) => source === sourceId);
}

/**
 * Of a person whom others know: the source's own id, what it asserted of the person's wishes, and every line that it
 * wrote. Its sales go on without a person. What came since the erasure stays.
 */
export async function forgetSource(
  { records, data }: ErasureStores,
  personId: string,
  sourceId: string,
  frame: ErasureFrame & Reach & Pick<Frame, 'baseCurrency' | 'baseTimeZone'> & { keepsId: boolean },
): Promise<ErasureCounts> {
  const { erasedAt, keepsId, mint, now } = frame;
  const isOwn = (line: Interaction) => line.sourceId === sourceId;
  await untilCommitted(records, async (known) => {
    const home = await known.home(personId);
    if (home === 'stale') return 'stale';
    const person = home && personIn(home, personId);
    if (!person) return { writes: [], outcome: undefined };
    const { [sourceId]: _, ...others } = person.sourceIds;
    const sourceIds = keepsId ? person.sourceIds : others;
    const since = (await linesOf(data, personId, (line) => isOwn(line) && isSince(line, frame))).flatMap(consentsIn);
    const saidSince = new Set(since.map(canonicalText));
    const consents = Object.fromEntries(
      Object.entries(person.consents).filter(
        ([, consent]) =>
          consent.sourceId !== sourceId || consent.occurredAt > erasedAt || saidSince.has(canonicalText(consent)),
      ),
    );
    const { [sourceId]: __, ...ahead } = person.ahead ?? {};
    const changed = { ...person, sourceIds, consents, ...(person.ahead && { ahead }) };
    return {
      writes: known.folded([customerWrite(person, changed, now)]),
      outcome: undefined,
    };
  });
  const identities = keepsId ? [] : await data.identities(personId);
  const own = identities.filter(({ namespace }) => namespace === sourceId);
  for (const identity of own) await forgetIdentity(records, identity, { personId, sources: [sourceId] }, frame);
  const ledger = mint('cus', sourceId, personId);
  await markAsErased(records, ledger, [sourceId], erasedAt);
  const place: Tombstone = { id: ledger, version: 1, erasedAt, sources: [sourceId] };
  const isOld = (line: Interaction) => isOwn(line) && !isSince(line, frame);
  const sales = await linesOf(data, personId, (line) => isOld(line) && line.type === 'order');
  const orders = sales.map(({ externalId }) => externalId);
  for (const name of orders) await withdrawOrder(records, name, place, { ...frame, sourceId, receivedAt: now });
  const isConversation = (line: Interaction) => isOld(line) && line.type !== 'order';
  const { lines } = await emptyLedger(records, data, personId, isConversation);
  return addErased(nothingErased, { identities: own.length, orders: orders.length, lines });
}

async function linesOf(
  data: PersonalData,
  personId: string,
  isMeant: (line: Interaction) => boolean,
): Promise<Interaction[]> {
  const found: Interaction[] = [];
  let after: string | undefined;
  do {
    const page = await data.lines(personId, after);
    found.push(...page.lines.map(({ interaction }) => interaction).filter(isMeant));
    after = page.next;
  } while (after !== undefined);
  return found;
}

function consentsIn(line: Interaction): Consent[] {
  if (line.type === 'consent') return [line.consent];
  return line.type === 'order' ? Object.values(line.order.consents) : [];
}

/** Of names of orders those of which anything is known. */
export async function knownOrders(records: RecordStore, names: readonly string[], frame: Frame): Promise<string[]> {
  const found: string[] = [];
  for (let start = 0; start < names.length; start += 100) {
    const some = names.slice(start, start + 100);
    const known = new Known(records, true);
    await known.fetch({ naturals: some.map((name) => orderRef(name, frame)) });
    found.push(...some.filter((name) => known.natural(orderRef(name, frame))));
  }
  return found;
}

/** The persons in whose ledgers orders stand, and when each order was last told of. */
export async function holdersOf(
  records: RecordStore,
  orders: readonly string[],
  frame: Frame,
): Promise<{ holders: string[]; told: Told[] }> {
  const holders = new Set<string>();
  const told: Told[] = [];
  for (const name of orders) {
    const { holder, line } = await untilCommitted(records, async (known) => {
      const followed = await followNames(known, [name], frame);
      return followed === 'stale' ? 'stale' : { writes: [], outcome: followed.home };
    });
    if (holder && !isShadow(holder)) holders.add(holder.id);
    if (line) told.push(...lastTold(line));
  }
  return { holders: [...holders], told };
}

/**
 * When an order was last told of. What was said of the person with it bears a time in between: words of persons are dated
 * no later than they are heard, states of orders by the shop's own clock, which may run ahead.
 */
interface Told {
  from: Instant;
  to: Instant;
}

function lastTold({ order, receivedAt, changedAt }: Pick<OrderLine, 'order' | 'receivedAt' | 'changedAt'>): Told[] {
  const { updatedAt: to } = order.snapshot ?? {};
  return to === undefined ? [] : [{ from: earlier(to, changedAt ?? receivedAt) ?? to, to }];
}

/** By the second: files tell states of one second apart by milliseconds. */
const secondOf = (at: Instant) => at.slice(0, 19);

function isWithin(at: Instant, { from, to }: Told): boolean {
  return secondOf(from) <= secondOf(at) && secondOf(at) <= secondOf(to);
}

const nameFields = ['firstName', 'lastName', 'locale'] as const;

/**
 * Of a person who goes on, the names whose last word came with orders that were taken from them: these may be another's.
 * What another order of theirs said at the same time stays.
 * @param told when the orders were last told of
 */
export async function forgetNames(
  { records, data }: ErasureStores,
  personId: string,
  told: readonly Told[],
  now: Instant,
): Promise<void> {
  await untilCommitted(records, async (known) => {
    const home = await known.home(personId);
    if (home === 'stale') return 'stale';
    const person = home && personIn(home, personId);
    const said = nameFields.filter((name) => {
      const { at } = person?.profile[name] ?? {};
      return at !== undefined && told.some((one) => isWithin(at, one));
    });
    if (!person || said.length === 0) return { writes: [], outcome: undefined };
    const lines = await linesOf(data, personId, () => true);
    const own = new Set(lines.flatMap((line) => (line.type === 'order' ? lastTold(line) : [])).map(({ from }) => from));
    const left = Object.entries(person.profile).filter(
      ([name, { at }]) => own.has(at) || !said.some((field) => field === name),
    );
    const changed = { ...person, profile: Object.fromEntries(left) };
    const writes = isChanged(person, changed) ? known.folded([customerWrite(person, changed, now)]) : [];
    return { writes, outcome: undefined };
  });
}

/**
 * Takes an order from whoever has it: it stands without a person from then on, also one that is yet to come. An order that
 * came without anybody stays as it is.
 */
export async function withdrawOrder(
  records: RecordStore,
  externalId: string,
  place: Tombstone,
  frame: Frame,
): Promise<boolean> {
  const known = new Known(records, true);
  const ref = orderRef(externalId, frame);
  await known.fetch({ naturals: [ref] });
  const entry = known.natural(ref);
  if (entry?.order?.snapshot && !entry.customerId && entry.aliasOf === undefined) return false;
  const nothingNew = { refunds: {}, consents: {} };
  const fact = { kind: 'order' as const, externalId, order: nothingNew, who: {}, at: frame.receivedAt };
  return (await record(records, fact, { ...frame, withoutPerson: place })).outcome === 'recorded';
}
