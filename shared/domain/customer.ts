import { type Consent, type Consents, consentKey, withConsents } from './consent.ts';
import { addContact, type ContactDay, type ContactDays } from './contacts.ts';
import { type Facts, noFacts } from './facts.ts';
import { type Ahead, hear } from './hearing.ts';
import type { Person } from './identity.ts';
import { earlier, type Instant, later } from './instant.ts';
import type { Scores } from './rfm.ts';

/** A field of the profile with the time at which a source said it: the latest word counts. */
export interface Dated {
  value: string;
  at: Instant;
}

export const profileFields = ['email', 'phone', 'firstName', 'lastName', 'locale'] as const;
export type ProfileField = (typeof profileFields)[number];

/** What the last value run said; its receipt stands in the ledger. */
export interface Standing {
  tier: string;
  /** The tier before that run: the same one where only the scores moved. */
  previousTier: string | null;
  /** By the policy's table of scores. */
  group: string;
  /** Scores 1 to 5; absent for prospects. */
  scores?: Scores;
  /** The run that last changed anything here. */
  runId: string;
  /** `asOf` of the run that brought the customer into this tier. */
  since: Instant;
  /** `asOf` of the first run of those that would have given a lower tier, had it not been held. */
  fallingSince?: Instant;
  /** The scores before that run: what the tier falls from. */
  fallingFrom?: Scores;
  /** Below the policy's standard of contribution: reached by these channels alone. */
  limitedTo?: readonly Consent['channel'][];
}

export interface Customer {
  id: string;
  /** Grows with every write; every write is conditional on it. */
  version: number;
  createdAt: Instant;
  updatedAt: Instant;
  profile: Partial<Record<ProfileField, Dated>>;
  /** The customer's id in each source: two ids in one source are two customers. */
  sourceIds: Record<string, string>;
  consents: Consents;
  /** In the base currency. */
  facts: Facts;
  /** By currency, what has no rate to the base yet: known, and kept out of value. */
  waiting: Record<string, Facts>;
  /** How often the customer was served, by day. */
  contacts: ContactDays;
  /** False while only test orders or test records speak of this customer: kept out of value. */
  live: boolean;
  /** The latest order, since history last came in or persons were merged or parted, that is neither a test nor history: without one there is no outreach. */
  lastLiveOrderAt?: Instant;
  standing?: Standing;
  /** By source, when it deleted its customer. */
  left?: Record<string, Instant>;
  /** What sources said with times that were still to come; of one who is several, each person has its own. */
  ahead?: Ahead;
  /** The persons that turned out to be this customer, itself among them, by their ids; absent where it is one alone. */
  parts?: Record<string, Part>;
}

/** What is known of one person; a customer is one person or, after a merge, several. */
export type PersonState = Pick<
  Customer,
  | 'createdAt'
  | 'profile'
  | 'sourceIds'
  | 'consents'
  | 'facts'
  | 'waiting'
  | 'contacts'
  | 'live'
  | 'lastLiveOrderAt'
  | 'left'
  | 'ahead'
>;

/** One person of a customer who is several, with its place in the tree of merges. */
export interface Part extends PersonState {
  /** The person that this one was merged into; absent in the one who gives the customer its id. */
  into?: string;
  /** The merge that did it. */
  mergeId?: string;
  /** The standing that the person had as a customer of its own. */
  standing?: Standing;
}

export function newCustomer(id: string, now: Instant): Customer {
  return {
    id,
    version: 0,
    createdAt: now,
    updatedAt: now,
    profile: {},
    sourceIds: {},
    consents: {},
    facts: noFacts,
    waiting: {},
    contacts: [],
    live: false,
  };
}

/** What a source says of a person and its wishes, by the source's own clock. */
export interface Said {
  person: Person;
  sourceId: string;
  at: Instant;
  consents: readonly Consent[];
}

/** What is news of it, dated by when it was heard. */
export interface Heard {
  sourceId: string;
  externalId?: string;
  profile: Customer['profile'];
  consents: readonly Consent[];
  ahead?: Ahead;
}

/** What a delivery says of a customer beside orders. */
export interface Word extends Heard {
  test: boolean;
  /** How the customer was served, where that is what is told. */
  contact?: ContactDay | undefined;
}

export function heardOf(
  customer: Pick<Customer, 'ahead'>,
  { person, sourceId, at, consents }: Said,
  heardAt: Instant,
): Heard {
  const fields = profileFields.filter((field) => person[field] !== undefined);
  const said = {
    ...Object.fromEntries(fields.map((field) => [field, at])),
    ...Object.fromEntries(consents.map((consent) => [consentKey(consent), consent.occurredAt])),
  };
  const { dates, ahead } = hear(customer.ahead, said, { sourceId, heardAt });
  const { externalId } = person;
  return {
    sourceId,
    ...(externalId !== undefined && { externalId }),
    profile: Object.fromEntries(
      fields.flatMap((field) => (dates[field] ? [[field, { value: person[field], at: dates[field] }]] : [])),
    ),
    consents: consents.flatMap((consent) => {
      const occurredAt = dates[consentKey(consent)];
      return occurredAt ? [{ ...consent, occurredAt }] : [];
    }),
    ...(ahead && { ahead }),
  };
}

/** The customer after a source's words. The order in which words arrive does not matter. */
export function withWord(customer: Customer, word: Word): Customer {
  const profile = { ...customer.profile };
  for (const field of profileFields) {
    const said = word.profile[field];
    if (said) profile[field] = laterWord(profile[field], said);
  }
  const { externalId, ahead } = word;
  return {
    ...customer,
    profile,
    sourceIds:
      externalId === undefined || Object.hasOwn(customer.sourceIds, word.sourceId)
        ? customer.sourceIds
        : { ...customer.sourceIds, [word.sourceId]: externalId },
    consents: withConsents(customer.consents, word.consents),
    contacts: word.contact ? addContact(customer.contacts, word.contact) : customer.contacts,
    live: customer.live || !word.test,
    ...(ahead && { ahead }),
  };
}

/** Of two words said at one time the one whose text is greater, so that the order of arrival does not matter. */
export function laterWord(known: Dated | undefined, said: Dated): Dated {
  const wins = !known || said.at > known.at || (said.at === known.at && said.value > known.value);
  return wins ? said : known;
}

/** The customer after a source deleted it: what it bought, and what leads to it, stays. */
export function withDeparture(customer: Customer, sourceId: string, at: Instant, heardAt: Instant): Customer {
  const { dates, ahead } = hear(customer.ahead, { left: at }, { sourceId, heardAt });
  const leftAt = later(customer.left?.[sourceId], dates.left);
  if (leftAt === undefined) return customer;
  return { ...customer, left: { ...customer.left, [sourceId]: leftAt }, ...(ahead && { ahead }) };
}

/** When the last of the sources that knew the customer by an id deleted it; nothing while one of them has it. */
export function leftAt({ sourceIds, left = {} }: Pick<Customer, 'sourceIds' | 'left'>): Instant | undefined {
  const departures = Object.keys(sourceIds).map((source) => left[source]);
  if (departures.includes(undefined)) return undefined;
  return departures.reduce((last, at) => later(last, at), undefined);
}

/** The customer after a live order (no test, no history) placed at `placedAt`. */
export function withLiveOrder(customer: Customer, placedAt: Instant): Customer {
  const lastLiveOrderAt = later(customer.lastLiveOrderAt, placedAt);
  return lastLiveOrderAt === undefined ? customer : { ...customer, lastLiveOrderAt };
}

/** The customer after history came in: what it explains is no reason for outreach. */
export function withHistory<Known extends PersonState>({
  lastLiveOrderAt: _,
  ...known
}: Known): Omit<Known, 'lastLiveOrderAt'> {
  return known;
}

/** The customer's facts in one currency. */
export function factsIn(customer: Customer, currency: string, baseCurrency: string): Facts {
  if (currency === baseCurrency) return customer.facts;
  return Object.hasOwn(customer.waiting, currency) ? (customer.waiting[currency] ?? noFacts) : noFacts;
}

export function withFactsIn(customer: Customer, currency: string, baseCurrency: string, facts: Facts): Customer {
  if (currency === baseCurrency) return { ...customer, facts };
  const { [currency]: _, ...others } = customer.waiting;
  const isNothing = facts.purchaseCount === 0 && facts.totalRefunded === 0n && facts.sales.length === 0;
  return { ...customer, waiting: isNothing ? others : { ...others, [currency]: facts } };
}

/** The time of the first purchase, in whichever currency. */
export function firstPurchaseAt({ facts, waiting }: Pick<Customer, 'facts' | 'waiting'>): Instant | undefined {
  return Object.values(waiting).reduce((first, other) => earlier(first, other.firstPurchaseAt), facts.firstPurchaseAt);
}
