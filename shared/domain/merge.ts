import { type Consents, withConsents } from './consent.ts';
import { addContacts, type ContactDays } from './contacts.ts';
import {
  type Customer,
  laterWord,
  type Part,
  type PersonState,
  profileFields,
  type Standing,
  withHistory,
} from './customer.ts';
import { addFacts, noFacts } from './facts.ts';
import { earlier, type Instant, later } from './instant.ts';

/**
 * Several persons who turned out to be one customer. Each keeps its own state and its own ledger for ever; what the
 * customer is follows from theirs. So parting them again, at any later time, puts everything back where it belongs.
 */

/** What is left in the place of a customer who was merged into another: it leads there. */
export interface Stub {
  id: string;
  version: number;
  mergedInto: string;
}

export function isStub(stored: object): stored is Stub {
  return 'mergedInto' in stored;
}

/** So many persons may be one customer: all of them are written in one transaction. */
export const personsPerCustomer = 20;

/**
 * A merge or its undoing: a line that stays. `confirmed`: a source said of two persons that they are one when they were
 * so already; it moved nobody.
 */
export interface MergeLine {
  kind: 'merge' | 'unmerge' | 'confirmed';
  /** Of what was confirmed an id of its own. */
  mergeId: string;
  at: Instant;
  /** Who or what did it: `api:<key id>`, `shop`, `verified_email`. */
  by: string;
  /** The customer that was merged. */
  from: string;
  /** The customer that it was merged into. */
  into: string;
  /** The persons that moved, `from` among them. */
  moved: string[];
  /** The persons that they joined or left. */
  stayed: string[];
  /** Which source said of which two persons that they are one; absent where somebody merged them by the API. */
  said?: SaidToBeOne;
}

export interface SaidToBeOne {
  sourceId: string;
  persons: [string, string];
}

/** Two customers of whom a source spoke as if they were one. */
export interface MergeSuggestion {
  id: string;
  /** Two persons, who may be several customers' by now. */
  customerIds: [string, string];
  reason: 'same_email' | 'same_phone';
  since: Instant;
}

/** The persons that a customer is, itself first. */
export function personsOf({ id, parts = {} }: Customer): [string, ...string[]] {
  return [
    id,
    ...Object.keys(parts)
      .filter((person) => person !== id)
      .sort(),
  ];
}

/** One person of the customer as a customer of its own, with the version of what it is kept in. */
export function personIn(customer: Customer, personId: string): Customer | undefined {
  const { id, parts, standing: current, version, updatedAt } = customer;
  if (!parts) return personId === id ? customer : undefined;
  if (!Object.hasOwn(parts, personId)) return undefined;
  const { into: _, mergeId: __, standing: own, ...state } = parts[personId] as Part;
  const standing = personId === id ? current : own;
  return { id: personId, version, updatedAt, ...state, ...(standing && { standing }) };
}

/**
 * The customer after persons of it changed.
 * @param change.isHistory whether history came in for one of them
 */
export function withPersons(
  customer: Customer,
  persons: readonly Customer[],
  { isHistory }: { isHistory: boolean },
): Customer {
  const parts = { ...customer.parts };
  for (const person of persons) {
    const { into, mergeId, standing } = parts[person.id] ?? {};
    parts[person.id] = {
      ...stateOf(person),
      ...(into && { into }),
      ...(mergeId && { mergeId }),
      ...(standing && { standing }),
    };
  }
  return united(customer, isHistory ? asHistory(parts) : parts);
}

function stateOf(customer: Customer): PersonState {
  const { createdAt, profile, sourceIds, consents, facts, waiting, contacts, live, lastLiveOrderAt, left, ahead } =
    customer;
  return {
    createdAt,
    profile,
    sourceIds,
    consents,
    facts,
    waiting,
    contacts,
    live,
    ...(lastLiveOrderAt && { lastLiveOrderAt }),
    ...(left && { left }),
    ...(ahead && { ahead }),
  };
}

type Head = Pick<Customer, 'id' | 'version' | 'updatedAt' | 'standing'>;

/** What the persons are together: facts add up, the latest word holds. The tier is the head's until the next night. */
function united({ id, version, updatedAt, standing }: Head, parts: Record<string, Part>): Customer {
  const { [id]: own, ...others } = parts;
  if (!own) throw new Error('a customer is one of its persons');
  const all = [
    own,
    ...Object.entries(others)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, part]) => part),
  ];
  const profile: Customer['profile'] = {};
  const waiting: Customer['waiting'] = {};
  let consents: Consents = {};
  let lastLiveOrderAt: Instant | undefined;
  for (const part of all) {
    for (const field of profileFields) {
      const said = part.profile[field];
      if (said) profile[field] = laterWord(profile[field], said);
    }
    consents = withConsents(consents, Object.values(part.consents));
    for (const [currency, facts] of Object.entries(part.waiting)) {
      waiting[currency] = addFacts(waiting[currency] ?? noFacts, facts);
    }
    lastLiveOrderAt = later(lastLiveOrderAt, part.lastLiveOrderAt);
  }
  const left = leftByAll(all);
  return {
    id,
    version,
    updatedAt,
    createdAt: all.reduce((first, part) => earlier(first, part.createdAt) as Instant, own.createdAt),
    profile,
    sourceIds: Object.assign({}, ...all.map(({ sourceIds }) => sourceIds).reverse()),
    consents,
    facts: all.reduce((sum, { facts }) => addFacts(sum, facts), noFacts),
    waiting,
    contacts: all.reduce<ContactDays>((sum, { contacts }) => addContacts(sum, contacts), []),
    live: all.some(({ live }) => live),
    ...(lastLiveOrderAt && { lastLiveOrderAt }),
    ...(standing && { standing }),
    ...(left && { left }),
    parts,
  };
}

/** A source has deleted the customer once it has deleted each of the persons that it knew. */
function leftByAll(parts: readonly Part[]): Record<string, Instant> | undefined {
  const left: Record<string, Instant> = {};
  const still = new Set<string>();
  for (const part of parts) {
    for (const source of Object.keys(part.sourceIds)) {
      const at = later(left[source], part.left?.[source]);
      if (part.left?.[source] === undefined) still.add(source);
      else if (at !== undefined) left[source] = at;
    }
  }
  const gone = Object.entries(left).filter(([source]) => !still.has(source));
  return gone.length > 0 ? Object.fromEntries(gone) : undefined;
}

/** The persons of a customer with their places in the tree of merges. */
function partsOf(customer: Customer): Record<string, Part> {
  return customer.parts ?? { [customer.id]: stateOf(customer) };
}

/**
 * The customer that `into` becomes when all persons of `from` join it. As after history, there is no outreach until
 * there is a live order again: what two people did before anybody knew that they are one is no news of either.
 */
export function merged(from: Customer, into: Customer, mergeId: string): Customer {
  const moved = { ...partsOf(from) };
  const top = moved[from.id];
  if (!top) throw new Error('a customer is one of its persons');
  moved[from.id] = { ...top, into: into.id, mergeId, ...(from.standing && { standing: from.standing }) };
  return united(into, asHistory({ ...partsOf(into), ...moved }));
}

export interface Parted {
  /** Who left, with a version that is still to be given. */
  from: Customer;
  stayed: Customer;
}

/**
 * Takes one merge back: the person that it moved leaves with all who were merged into that person, and both sides are
 * what they would be without it. Each has the standing that it last had as a customer.
 */
export function parted(customer: Customer, mergeId: string): Parted | undefined {
  const parts = asHistory(partsOf(customer));
  const top = Object.entries(parts).find(([, part]) => part.mergeId === mergeId);
  if (!top) return undefined;
  const [id, { standing, into: _, mergeId: __, ...state }] = top;
  const leaving: Record<string, Part> = { [id]: state };
  // Each round takes those along who were merged into somebody who leaves; no path is longer than there are persons.
  for (let round = 0; round < personsPerCustomer; round++) {
    for (const [person, part] of Object.entries(parts)) {
      if (part.into !== undefined && Object.hasOwn(leaving, part.into) && person !== id) leaving[person] = part;
    }
  }
  const staying = Object.fromEntries(Object.entries(parts).filter(([person]) => !Object.hasOwn(leaving, person)));
  const { version, updatedAt } = customer;
  return {
    from: aloneOrUnited({ id, version: 0, updatedAt, ...(standing && { standing }) }, leaving),
    stayed: aloneOrUnited({ id: customer.id, version, updatedAt, ...heldBy(customer) }, staying),
  };
}

/**
 * What is left of a customer when persons of it are erased; nothing where nobody is. Where the one is among them who
 * gave the customer its id, the rest go on under the id of another, with the standing which that one last had. As after
 * history, there is no outreach until there is a live order again.
 */
export function withoutPersons(customer: Customer, gone: readonly string[]): Customer | undefined {
  const parts = asHistory(partsOf(customer));
  const left = Object.entries(parts)
    .filter(([person]) => !gone.includes(person))
    .sort(([a, one], [b, other]) => (one.createdAt + a < other.createdAt + b ? -1 : 1));
  const [next] = left;
  if (!next) return undefined;
  const isHeadGone = gone.includes(customer.id);
  const id = isHeadGone ? next[0] : customer.id;
  const above = (into: string | undefined): string => {
    if (into === undefined || !gone.includes(into)) return into ?? id;
    return above(parts[into]?.into);
  };
  const staying = Object.fromEntries(
    left.map(([person, part]): [string, Part] => {
      const { into, mergeId: _, standing: __, ...state } = part;
      return [person, person === id ? state : { ...part, into: above(into) }];
    }),
  );
  const { version, updatedAt } = customer;
  const standing = isHeadGone ? next[1].standing : customer.standing;
  return aloneOrUnited({ id, version, updatedAt, ...(standing && { standing }) }, staying);
}

const heldBy = ({ standing }: Customer): { standing?: Standing } => (standing ? { standing } : {});

function aloneOrUnited(head: Head, parts: Record<string, Part>): Customer {
  const customer = united(head, parts);
  return (Object.keys(parts).length === 1 && personIn(customer, head.id)) || customer;
}

function asHistory(parts: Record<string, Part>): Record<string, Part> {
  return Object.fromEntries(Object.entries(parts).map(([person, part]) => [person, withHistory(part)]));
}

/** Whether one of these lines took some of the ones from some of the others: then no evidence joins them again. */
export function wereParted(lines: readonly MergeLine[], ones: readonly string[], others: readonly string[]): boolean {
  const hasOne = (persons: string[]) => ones.some((person) => persons.includes(person));
  const hasOther = (persons: string[]) => others.some((person) => persons.includes(person));
  return lines.some(
    ({ kind, moved, stayed }) =>
      kind === 'unmerge' && ((hasOne(moved) && hasOther(stayed)) || (hasOther(moved) && hasOne(stayed))),
  );
}
