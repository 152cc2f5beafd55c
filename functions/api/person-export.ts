import type { Customer } from '../../shared/domain/customer.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import { personIn } from '../../shared/domain/merge.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import type { PrivacyRequest } from '../../shared/domain/privacy-request.ts';
import { identitiesOfPerson, listInteractions } from '../../shared/dynamodb/customer-reads.ts';
import { listDeliveries } from '../../shared/dynamodb/delivery-list.ts';
import { deliveryStore } from '../../shared/dynamodb/delivery-store.ts';
import { deliveryPlace, receiptKey } from '../../shared/dynamodb/keys.ts';
import { listMerges } from '../../shared/dynamodb/merge-reads.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { newestOf } from '../../shared/dynamodb/newest.ts';
import { listJobs } from '../../shared/dynamodb/outreach-list.ts';
import { personalData } from '../../shared/dynamodb/personal-data.ts';
import { receiptOf } from '../../shared/dynamodb/receipt-store.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { getSource, listSourceIds } from '../../shared/dynamodb/source-store.ts';
import { suggestionsAbout } from '../../shared/dynamodb/suggestion-store.ts';
import { customerIdFrom } from '../../shared/engine/known.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { whoseDelivery } from '../../shared/engine/whose-delivery.ts';
import { contentOf } from '../../shared/http/delivery-content.ts';
import { person } from '../../shared/storefronts/fields.ts';
import { shownInteraction } from './answers.ts';
import { existing, shownFacts } from './customers.ts';
import type { Door } from './door.ts';
import { shownJob } from './outreach-jobs.ts';
import { shownReceipt } from './value-runs.ts';

type Content = Record<string, unknown>;
interface Section {
  contents: Content[];
  /** Where the section goes on. */
  next?: string;
}

const perPage = 50;

const sections = ['customer', 'interaction', 'receipt', 'merge', 'mergeSuggestion', 'outreachJob', 'delivery'] as const;
type SectionName = (typeof sections)[number];

/**
 * A page of all that is held of the persons of a request. It is read when it is asked for: nothing is laid aside.
 * @param after `next` of the page before
 * @throws Problem `customer_erased`, `customer_not_found`
 */
export async function exportPage(
  door: Door,
  { personIds }: PrivacyRequest,
  after: string | undefined,
): Promise<{ data: { section: SectionName; content: Content }[]; next?: string }> {
  if (personIds.length === 0) return { data: [] };
  const [section = sections[0], place] = splitted(after);
  const { contents, next } = await readers[section](door, personIds, place);
  const following = sections[sections.indexOf(section) + 1];
  const goesOn = next === undefined ? following : `${section} ${next}`;
  return {
    data: contents.map((content) => ({ section, content })),
    ...(goesOn !== undefined && { next: goesOn }),
  };
}

function splitted(after: string | undefined): [SectionName | undefined, string | undefined] {
  const [name, ...place] = (after ?? '').split(' ');
  const section = sections.find((one) => one === name);
  return [section, place.length === 0 ? undefined : place.join(' ')];
}

type Reader = (door: Door, personIds: string[], place: string | undefined) => Promise<Section>;

const readers: Record<SectionName, Reader> = {
  async customer(door, personIds) {
    const contents: Content[] = [];
    for (const personId of personIds) {
      const home = await existing(door, personId);
      contents.push(await shownPerson(door, personIn(home, personId) ?? home));
    }
    return { contents };
  },

  async interaction({ client, tables }, personIds, after) {
    const page = { personIds, limit: perPage, ...(after !== undefined && { after }) };
    const { interactions, next } = await listInteractions(client, tables.ledger, page);
    return { contents: interactions.map(shownInteraction), ...(next !== undefined && { next }) };
  },

  async receipt({ client, tables }, personIds, after) {
    const partitions = personIds.map((id) => receiptKey(id, '', '').pk);
    const page = { partitions, limit: perPage, ...(after !== undefined && { after }) };
    const { items, next } = await newestOf(client, tables.ledger, page);
    const contents = items.map((item) => ({ customerId: item.customerId, ...shownReceipt(receiptOf(item)) }));
    return { contents, ...(next !== undefined && { next }) };
  },

  async merge({ client, tables }, personIds, after) {
    const page = { personIds, limit: perPage, ...(after !== undefined && { after }) };
    const { merges, next } = await listMerges(client, tables.ledger, page);
    return { contents: merges.map((line): Content => ({ ...line })), ...(next !== undefined && { next }) };
  },

  async mergeSuggestion({ client, tables }, personIds) {
    const found = new Map<string, Content>();
    for (const personId of personIds)
      for await (const page of suggestionsAbout(client, tables.registry, personId))
        for (const { id, customerIds, reason, since } of page) found.set(id, { id, customerIds, reason, since });
    return { contents: [...found.values()] };
  },

  async outreachJob({ client, tables, now }, customerIds, after) {
    const query = { customerIds, limit: perPage, ...(after !== undefined && { after }) };
    const { jobs, next } = await listJobs(client, tables.outreach, query, now);
    return { contents: jobs.map(shownJob), ...(next !== undefined && { next }) };
  },

  delivery: readDeliveries,
};

async function shownPerson(door: Door, person: Customer): Promise<Content> {
  const { id, createdAt, updatedAt, profile, sourceIds, consents, facts, waiting, standing } = person;
  const { baseCurrency = noCurrency } = await door.settings();
  return {
    id,
    createdAt,
    updatedAt,
    profile,
    sourceIds,
    identities: await identitiesOfPerson(door.client, door.tables.registry, id, { all: true }),
    consents: Object.values(consents),
    facts: shownFacts(facts, baseCurrency),
    waiting: Object.entries(waiting).map(([currency, some]) => shownFacts(some, currency)),
    standing: standing ?? null,
  };
}

/**
 * The gateway waits for thirty seconds: after so many milliseconds no further body is read. One that is full of what looks
 * like addresses may take a second for some hundred kilobytes.
 */
const patience = 8_000;

/** Bodies of more bytes than this together do not fit into one answer of Lambda's 6 MB, once they are escaped. */
const mostBytes = 2_500_000;

/**
 * Source by source, the newest first; a place is a source and where its list goes on. What was recorded for nobody is the
 * person's where it names the person.
 */
async function readDeliveries(door: Door, personIds: string[], place: string | undefined): Promise<Section> {
  const { client, tables, now, deliveryDays } = door;
  const sourceIds = (await listSourceIds(client, tables.registry)).sort();
  const [sourceId = sourceIds[0], after] = place?.split(' ') ?? [];
  if (sourceId === undefined) return { contents: [] };
  const store = deliveryStore(client, tables.deliveries, deliveryDays);
  const query = { sourceId, limit: 200, now, ...(after !== undefined && { after }) };
  const { deliveries, next } = await listDeliveries(client, tables.deliveries, query);
  const isTheirs = await whoseOf(door, personIds, sourceId, store);
  const contents: Content[] = [];
  let bytes = 0;
  const end = performance.now() + patience;
  let last: string | undefined;
  for (const delivery of deliveries) {
    const { id, receivedAt, status } = delivery;
    if (last !== undefined && performance.now() > end) return { contents, next: `${sourceId} ${last}` };
    const before = last;
    last = deliveryPlace(receivedAt, id).listedAt;
    if (delivery.withheld || !(await isTheirs(delivery))) continue;
    const kept = await readable(store, id, now);
    const isLarge = (kept?.body.byteLength ?? 0) > mostBytes;
    const body = isLarge || !kept ? null : Buffer.from(kept.body).toString('utf8');
    bytes += body?.length ?? 0;
    if (contents.length > 0 && bytes > mostBytes) return { contents, next: `${sourceId} ${before}` };
    contents.push({ id, sourceId, receivedAt, status, body });
  }
  const following = sourceIds.find((one) => one > sourceId);
  const goesOn = next === undefined ? following : `${sourceId} ${next}`;
  return { contents, ...(goesOn !== undefined && { next: goesOn }) };
}

/** Nothing where the body cannot be unpacked: whatever else there is can be handed over. */
async function readable(store: ReturnType<typeof deliveryStore>, deliveryId: string, now: Instant) {
  try {
    return await store.get(deliveryId, now);
  } catch (error) {
    if (error instanceof Problem && error.code === 'body_unreadable') return undefined;
    throw error;
  }
}

async function whoseOf(door: Door, personIds: string[], sourceId: string, store: ReturnType<typeof deliveryStore>) {
  const { client, tables, now } = door;
  const mint = mintWith((await door.settings()).salt);
  const country = (await getSource(client, tables.registry, sourceId))?.country;
  const marks: string[] = [];
  for (const personId of personIds) {
    await existing(door, personId);
    const identities = await identitiesOfPerson(client, tables.registry, personId, { all: true });
    marks.push(...identities.map((identity) => customerIdFrom(identity, { mint })));
  }
  const phoneOf = (text: string) => person({ phone: text }, { country }).phone;
  const sought = { personIds, marks, orders: [], sourceId, mint, phoneOf };
  const content = async (deliveryId: string) => contentOf(await readable(store, deliveryId, now));
  const reads = { records: recordStore(client, tables), data: personalData(client, tables), content };
  return whoseDelivery(reads, sought, 'export');
}
