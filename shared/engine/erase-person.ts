import type { Customer } from '../domain/customer.ts';
import type { Identity } from '../domain/identity.ts';
import type { Instant } from '../domain/instant.ts';
import type { Interaction, Mint } from '../domain/interaction.ts';
import { personIn, personsOf, withoutPersons } from '../domain/merge.ts';
import type { ErasureCounts } from '../domain/privacy-request.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import { customerIdFrom, Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { IdentityEntry, RecordStore, Write } from './record-store.ts';

/** What is kept of a person beside the customer's item, and how it goes. Everything can be done again. */
export interface PersonalData {
  /** Some of the identities that lead to a person; the index follows the table after a moment. */
  identities(personId: string): Promise<Identity[]>;
  /** A page of the ledger in the order of time. */
  lines(personId: string, after: string | undefined): Promise<{ lines: Line[]; next?: string }>;
  /** Takes a line that is no sale out of the ledger, and the name by which it would be known again. */
  dropLine(personId: string, line: Interaction): Promise<void>;
  /** Receipts of value, the journal of merges, suggestions. */
  dropTraces(personId: string): Promise<number>;
  /** Leaves decisions without what they say of the person; what waits to be sent is withdrawn. */
  emptyJobs(personId: string, now: Instant): Promise<number>;
}

export interface ErasureFrame {
  erasedAt: Instant;
  now: Instant;
  mint: Mint;
}

const attempts = 24;

export async function untilCommitted<Outcome>(
  store: RecordStore,
  draft: (known: Known) => Promise<{ writes: Write[]; outcome: Outcome } | Stale>,
): Promise<Outcome> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await store.pause(attempt);
    const drafted = await draft(new Known(store, true));
    if (drafted === 'stale') continue;
    if (drafted.writes.length === 0 || (await store.commit(drafted.writes)) === 'committed') return drafted.outcome;
  }
  throw new Problem(503, 'too_busy', 'Too many writes to one customer at once. Try again.', { retryAfter: 1 });
}

export interface Burial {
  /** The persons who go, of one customer. */
  gone: string[];
  /** Minted from the identities that the customer's item shows. */
  marks: string[];
}

/**
 * Puts tombstones in the place of persons of one customer, in one transaction; the others of the customer go on.
 * @param whole all persons of the customer go
 * @param isMeant of a person as it is when it would go; all are where it is absent
 * @param note keeps whom it is about, before it is done; true where it was known already
 * @returns false where none of the persons is there any more, or the one that is is not meant
 */
export function bury(
  store: RecordStore,
  {
    personIds,
    whole,
    isMeant,
  }: { personIds: readonly string[]; whole: boolean; isMeant?: (person: Customer) => Promise<boolean> },
  frame: ErasureFrame,
  note: (burial: Burial) => Promise<void>,
): Promise<boolean> {
  return untilCommitted(store, async (known) => {
    await known.fetch({ customers: [...personIds] });
    const next = personIds.find((id) => known.isThere(id));
    if (next === undefined) return { writes: [], outcome: false };
    const home = await known.home(next);
    if (!home || home === 'stale') return 'stale';
    if (isMeant && !(await isMeant(personIn(home, next) ?? home))) return { writes: [], outcome: false };
    const all = personsOf(home);
    const gone = whole ? all : all.filter((person) => personIds.includes(person));
    await known.fetch({ customers: all });
    const rest = withoutPersons(home, gone);
    const writes = burialWrites(known, home, gone, rest, frame);
    if (writes === 'stale') return 'stale';
    await note({ gone, marks: await marksOf(known, home, gone, frame) });
    return { writes, outcome: true };
  });
}

function burialWrites(
  known: Known,
  home: Customer,
  gone: string[],
  rest: Customer | undefined,
  { erasedAt, now }: ErasureFrame,
): Write[] | Stale {
  const writes: Write[] = [];
  const versionOf = (id: string) => (id === home.id ? home.version : known.stub(id)?.version);
  for (const id of personsOf(home)) {
    const expected = versionOf(id);
    if (expected === undefined) return 'stale';
    const version = expected + 1;
    if (gone.includes(id)) {
      const sources = Object.keys(personIn(home, id)?.sourceIds ?? {}).sort();
      writes.push({ kind: 'tombstone', tombstone: { id, version, erasedAt, sources }, expected });
    } else if (rest && id === rest.id) {
      writes.push({ kind: 'customer', customer: { ...rest, version, updatedAt: now }, expected });
    } else if (rest && rest.id !== home.id) {
      writes.push({ kind: 'stub', stub: { id, version, mergedInto: rest.id }, expected });
    }
  }
  return writes;
}

/** Of identities that lead to the person alone: an address that is somebody else's tells nothing. */
async function marksOf(known: Known, home: Customer, gone: string[], frame: ErasureFrame): Promise<string[]> {
  const marks = new Set<string>();
  for (const id of gone) {
    const { profile, sourceIds } = personIn(home, id) ?? home;
    const identities: Identity[] = [
      ...Object.entries(sourceIds).map(([namespace, value]) => ({ namespace, value })),
      ...(profile.email ? [{ namespace: 'email', value: profile.email.value }] : []),
      ...(profile.phone ? [{ namespace: 'phone', value: profile.phone.value }] : []),
    ];
    await known.fetch({ identities });
    for (const identity of identities)
      if ((await known.identity(identity))?.customerId === id) marks.add(customerIdFrom(identity, frame));
  }
  return [...marks];
}

/**
 * Takes an identity from who was erased and leaves a tombstone at the id that is minted from it. Who shares the address
 * goes on with it.
 */
export function forgetIdentity(
  store: RecordStore,
  identity: Identity,
  { personId, ...left }: { personId: string; sources: string[] },
  { erasedAt, mint }: ErasureFrame,
): Promise<void> {
  const id = customerIdFrom(identity, { mint });
  return untilCommitted(store, async (known) => {
    await known.fetch({ identities: [identity], customers: [id] });
    const entry = await known.identity(identity);
    const writes: Write[] = [];
    if (entry?.customerId === personId) {
      const heir = await heirOf(known, entry);
      writes.push({ kind: 'forgotten', identity, entry, ...(heir && { heir }) });
    }
    const before = known.tombstone(id);
    const isFree = before ? before.erasedAt < erasedAt : !known.isThere(id);
    const tombstone: Tombstone = { id, erasedAt, version: (before?.version ?? 0) + 1, ...left };
    if (isFree) writes.push({ kind: 'tombstone', tombstone, expected: before?.version ?? 0 });
    return { writes, outcome: undefined };
  });
}

async function heirOf(known: Known, { met }: IdentityEntry): Promise<IdentityEntry | undefined> {
  await known.fetch({ customers: met });
  const [customerId, ...others] = met.filter((person) => known.isThere(person));
  return customerId === undefined ? undefined : { customerId, met: others };
}

/**
 * Leaves a tombstone where nobody was known: so that nobody comes to be by what was said before.
 * @param id minted from an identity
 */
export function markAsErased(store: RecordStore, id: string, sources: string[], erasedAt: Instant): Promise<void> {
  return untilCommitted(store, async (known) => {
    await known.fetch({ customers: [id] });
    const before = known.tombstone(id);
    if (before ? before.erasedAt >= erasedAt : known.isThere(id)) return { writes: [], outcome: undefined };
    const version = (before?.version ?? 0) + 1;
    const tombstone = { id, version, erasedAt, sources };
    return { writes: [{ kind: 'tombstone', tombstone, expected: before?.version ?? 0 }], outcome: undefined };
  });
}

/**
 * Leaves of a ledger what accounting needs: sales, refunds and cancellations without a person.
 * @param isMeant of a person who goes on, the lines that go
 */
export async function emptyLedger(
  store: RecordStore,
  data: PersonalData,
  personId: string,
  isMeant: (line: Interaction) => boolean = () => true,
): Promise<Pick<ErasureCounts, 'orders' | 'lines'>> {
  const counts = { orders: 0, lines: 0 };
  let after: string | undefined;
  let conflicts = 0;
  for (;;) {
    const page = await data.lines(personId, after);
    const meant = page.lines.filter(({ interaction }) => isMeant(interaction));
    const emptied = await emptyLines(store, data, personId, meant);
    counts.lines += emptied.lines;
    if (emptied.conflict) {
      conflicts += 1;
      if (conflicts > attempts)
        throw new Problem(503, 'too_busy', 'Orders change faster than they are emptied. Try again.', { retryAfter: 1 });
      await store.pause(conflicts);
      continue;
    }
    counts.orders += meant.filter(({ interaction }) => interaction.type === 'order').length;
    after = page.next;
    if (after === undefined) return counts;
  }
}

export interface Line {
  interaction: Interaction;
  revision: number;
}

async function emptyLines(store: RecordStore, data: PersonalData, personId: string, lines: readonly Line[]) {
  let dropped = 0;
  for (const { interaction, revision } of lines) {
    if (interaction.type === 'refund' || interaction.type === 'cancellation') continue;
    if (interaction.type !== 'order') {
      await data.dropLine(personId, interaction);
      dropped += 1;
      continue;
    }
    const { consents, ...order } = interaction.order;
    if (Object.keys(consents).length === 0) continue;
    const line = { ...interaction, order: { ...order, consents: {} } };
    const write: Write = { kind: 'interaction', customerId: personId, interaction: line, revision, moved: true };
    if ((await store.commit([write])) === 'conflict') return { lines: dropped, conflict: true };
  }
  return { lines: dropped, conflict: false };
}
