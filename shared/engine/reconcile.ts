import { type Instant, instantOf, later, millisecondsOf } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import { endlessness, withPage } from '../domain/page-trail.ts';
import {
  ended,
  faultsPerReconciliation,
  type Reconciliation,
  type ReconciliationCounts,
  type ReconciliationFault,
} from '../domain/reconciliation.ts';
import type { Platform, Source } from '../domain/source.ts';
import { type Frame, frameOfSource } from './draft.ts';
import { type Fact, Unintelligible } from './fact.ts';
import { Known } from './known.ts';
import { Problem, StoreRefusal } from './problem.ts';
import { byItsSource } from './receive.ts';
import { record } from './record.ts';
import type { RecordStore } from './record-store.ts';
import { orderRef } from './sale-names.ts';
import type { AskShopPage, ListedItem, ListedPage, Storefront } from './storefront.ts';

export interface ReconcilePorts {
  records: RecordStore;
  storefronts: Record<Platform, Storefront>;
  ask: AskShopPage;
  /** Keeps how far it came; false where somebody else took it further meanwhile. */
  keep(run: Reconciliation): Promise<boolean>;
  /** The source and the time as they are now: it may have been switched off meanwhile. */
  look(): Promise<{ source: Source | undefined; now: Instant }>;
  /** Milliseconds that may still be spent. */
  remaining(): number;
  pause(milliseconds: number): Promise<void>;
  /** Told of a fault in a translation, so that somebody mends it. */
  onFault(error: unknown): void;
}

/**
 * An order that is found to be missing sets off outreach only where it is as fresh as this: thanks for what somebody
 * bought last month would come out of the blue. In milliseconds.
 */
const fresh = 48 * 3_600_000;

/** A message of SQS can wait so many seconds. */
const longestDelay = 900;
const firstDelay = 60;
/** Calls in a row that failed, the waits between them adding up to more than two hours. */
const mostAttempts = 12;

/**
 * Half as many orders after a call that failed: the answer may have been too large, or have taken the shop too long. Where
 * the shop said when to come again, only after so many calls in a row that came to nothing all the same.
 */
const mostHalvings = 8;
const patientAttempts = 3;
/** Twice as many are tried again after so many pages: it may have been those orders, or the hour. */
const pagesPerHalving = 8;

/** `again` after so many seconds; `over` where it has ended, or somebody else is at it. */
export type Reconciled = { again: number } | 'over';

/**
 * Goes through what a shop lists, page by page, one request at a time, and records what is missing. How far it came is
 * kept after each page: cut off anywhere, it goes on from the last page that was kept, and what was recorded twice is
 * there once, though the page's missing orders are then counted as known.
 */
export async function reconcile(ports: ReconcilePorts, run: Reconciliation, mint: Mint): Promise<Reconciled> {
  let current = run;
  for (;;) {
    const { source, now } = await ports.look();
    if (!source || source.erasedAt) return end(ports, current, { failure: erased, now });
    const { listing } = ports.storefronts[source.platform];
    const lacks = listing ? listing.lacks(source) : 'this platform has no list that could be compared with';
    if (!listing || lacks !== undefined) return end(ports, current, { failure: `not_listable: ${lacks}`, now });
    const { since, cursor, halvings = 0 } = current;
    const paged = await listing
      .page(source, { since, halvings, ...(cursor !== undefined && { cursor }) }, ports.ask)
      .catch(passing);
    if (paged instanceof Problem) return failedCall(ports, current, paged, now);
    // A shop may take its time to answer, and what an erasure is after must not come in behind it.
    const heard = await ports.look();
    if (heard.source?.revision !== source.revision) continue;
    const taken = await takeItems(ports, paged.items, source, frameOf(source, heard.now, mint));
    if (taken instanceof Problem) return failedCall(ports, current, taken, heard.now);
    const goesOnWhereItWas = paged.next !== undefined && paged.next === cursor;
    current = withTaken(current, paged, taken, heard.now);
    if (paged.next === undefined) return end(ports, current, { now: heard.now });
    const failure = goesOnWhereItWas ? 'list_loops: a page names itself as the next.' : endlessness(current.trail, run);
    if (failure !== undefined) return end(ports, current, { failure, now: heard.now });
    if (!(await ports.keep(current))) return 'over';
    const pause = paged.pause ?? 500;
    if (ports.remaining() < pause) return { again: Math.ceil(pause / 1000) };
    await ports.pause(pause);
  }
}

const erased = 'source_erased: what the source said was erased, and it is switched off.';

function withTaken(
  { cursor: _, lastFault: _fault, nextTryAt: _next, halvings: halved = 0, ...run }: Reconciliation,
  { items, next }: ListedPage,
  { counts, faults }: Taken,
  now: Instant,
): Reconciliation {
  const isNews = (counts.missing ?? 0) + (counts.changed ?? 0) > 0;
  const ids = items.map(({ externalId }) => externalId);
  const trail = withPage(run.trail, ids, isNews, 2 ** -halved);
  const halvings = trail.pages % pagesPerHalving === 0 ? halved - 1 : halved;
  return {
    ...run,
    ...(next !== undefined && { cursor: next }),
    trail,
    ...(halvings > 0 && { halvings }),
    counts: added(run.counts, counts),
    faults: [...run.faults, ...faults].slice(0, faultsPerReconciliation),
    attempts: 0,
    updatedAt: now,
  };
}

function frameOf(source: Source, now: Instant, mint: Mint): Frame {
  const old = instantOf(millisecondsOf(now) - fresh);
  const frame = frameOfSource(source, { receivedAt: now, mint });
  return { ...frame, backfillBefore: later(frame.backfillBefore, old) ?? old };
}

/** An answer that nobody understands may be better the next time, too. */
function passing(error: unknown): Problem {
  if (error instanceof Problem && error.status >= 500) return error;
  if (!(error instanceof Problem) && !(error instanceof Unintelligible)) throw error;
  const why = error instanceof Unintelligible ? `${error.reason}.` : error.message;
  return new Problem(503, 'shop_unavailable', `The shop's answer is not understood: ${why}`);
}

async function end(ports: ReconcilePorts, run: Reconciliation, { failure, now }: { failure?: string; now: Instant }) {
  const how = { now, ...(failure !== undefined && { failure }) };
  await ports.keep(ended(run, failure === undefined ? 'succeeded' : 'failed', how));
  return 'over' as const;
}

/** Nothing of the page is counted: it is asked for again, later each time. Credentials that are refused are for a person. */
async function failedCall(
  ports: ReconcilePorts,
  run: Reconciliation,
  fault: Problem,
  now: Instant,
): Promise<Reconciled> {
  const attempts = run.attempts + 1;
  const { halvings: halved = 0 } = run;
  const isPatient = fault.retryAfter !== undefined && attempts <= patientAttempts;
  const halvings = isPatient ? halved : Math.min(mostHalvings, halved + 1);
  const lastFault = `${fault.code}: ${fault.message}`;
  if (attempts >= mostAttempts || fault.code === 'shop_refused') return end(ports, run, { failure: lastFault, now });
  const again = Math.min(longestDelay, Math.max(fault.retryAfter ?? 0, firstDelay * 2 ** (attempts - 1)));
  const nextTryAt = instantOf(millisecondsOf(now) + again * 1000);
  return (await ports.keep({ ...run, attempts, halvings, lastFault, nextTryAt, updatedAt: now })) ? { again } : 'over';
}

interface Taken {
  counts: Partial<ReconciliationCounts>;
  faults: ReconciliationFault[];
}

async function takeItems(ports: ReconcilePorts, items: readonly ListedItem[], source: Source, frame: Frame) {
  let counts: Partial<ReconciliationCounts> = {};
  const faults: ReconciliationFault[] = [];
  for (const item of items) {
    const taken = await takeItem(ports, item, source, frame);
    if (taken instanceof Problem) return taken;
    counts = added(counts, { listed: 1, ...taken.counts });
    faults.push(...taken.faults);
  }
  return { counts, faults };
}

/** A problem where trying again may help. */
async function takeItem(
  ports: ReconcilePorts,
  { externalId, read }: ListedItem,
  source: Source,
  frame: Frame,
): Promise<Taken | Problem> {
  let isMissing = false;
  try {
    const said = read();
    if (said.kind !== 'fact') return { counts: { ignored: 1 }, faults: [] };
    const fact = byItsSource(said.fact, source, ports.storefronts);
    isMissing = await isUnknown(ports.records, fact, frame);
    const { outcome } = await record(ports.records, fact, frame);
    const isNews = outcome === 'recorded';
    if (isMissing) return { counts: { missing: 1, ...(isNews && { recorded: 1 }) }, faults: [] };
    return { counts: isNews ? { changed: 1 } : {}, faults: [] };
  } catch (error) {
    if (error instanceof Problem && error.status >= 500) return error;
    if (error instanceof StoreRefusal && !error.unstorable) throw error;
    const counts = { failed: 1, ...(isMissing && { missing: 1 }) };
    return { counts, faults: [{ externalId: externalId.slice(0, 255), ...faultOf(error, ports) }] };
  }
}

function faultOf(error: unknown, ports: ReconcilePorts): { code: string; detail: string } {
  if (error instanceof Unintelligible) return { code: 'not_understood', detail: error.reason };
  if (error instanceof Problem) return { code: error.code, detail: error.message };
  ports.onFault(error);
  return error instanceof StoreRefusal
    ? { code: 'not_storable', detail: 'the store refuses what it says' }
    : { code: 'internal', detail: 'reading it failed: a fault of the engine' };
}

/** Whether nothing at all was said of a sale, under whichever of its names. */
async function isUnknown(store: RecordStore, fact: Fact, frame: Frame): Promise<boolean> {
  if (fact.kind !== 'order') return false;
  const naturals = [fact.externalId, ...(fact.alsoKnownAs ?? [])].map((name) => orderRef(name, frame));
  const known = new Known(store, true);
  await known.fetch({ naturals });
  return naturals.every((ref) => known.natural(ref) === undefined);
}

function added<Counts extends Partial<ReconciliationCounts>>(
  a: Counts,
  b: Partial<ReconciliationCounts>,
): Counts & ReconciliationCounts {
  const sum = (name: keyof ReconciliationCounts) => (a[name] ?? 0) + (b[name] ?? 0);
  return {
    ...a,
    listed: sum('listed'),
    missing: sum('missing'),
    recorded: sum('recorded'),
    changed: sum('changed'),
    ignored: sum('ignored'),
    failed: sum('failed'),
  };
}
