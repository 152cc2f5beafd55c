import { canonicalText } from '../domain/canonical.ts';
import type { Customer } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import type { Source } from '../domain/source.ts';
import type { Tombstone } from '../domain/tombstone.ts';
import type { Write } from './record-store.ts';

/** What is fixed about the origin of a fact. */
export interface Frame {
  sourceId: string;
  baseCurrency: string;
  /** IANA name of the zone in which days are counted. */
  baseTimeZone: string;
  /** Orders placed before are history. */
  backfillBefore?: Instant;
  /** Addresses and numbers that identify nobody, beside those that never do. */
  nobody?: readonly string[];
  receivedAt: Instant;
  /** When it was played again: what that changes was not known before, whenever the message came. */
  playedAt?: Instant | undefined;
  /** When it was heard for the first time, where the same message came before and is kept. */
  firstHeardAt?: () => Promise<Instant | undefined>;
  mint: Mint;
  /** Since when a rate that an order waited for counts as known; otherwise when this is heard. */
  ratedAt?: Instant | undefined;
  /** Takes an order from whoever has it and keeps it there, without a person. */
  withoutPerson?: Tombstone;
}

/** The frame of whatever a source says, by whichever way it comes: a message, a file, a list, a partner's report. */
export function frameOfSource(
  { id, baseCurrency, baseTimeZone, backfillBefore, nobody }: Source,
  heard: Pick<Frame, 'receivedAt' | 'mint'>,
): Frame {
  return {
    sourceId: id,
    baseCurrency,
    baseTimeZone,
    ...(backfillBefore !== undefined && { backfillBefore }),
    ...(nobody && { nobody }),
    ...heard,
  };
}

export interface Recorded {
  /** `duplicate`: everything that the fact says was known already. */
  outcome: 'recorded' | 'duplicate';
  /** Absent where nobody is known yet for an order. */
  customerId?: string;
  /** The person of that customer in whose ledger it stands: that stays, whatever is merged and taken apart. */
  personId?: string;
  /** Whom an order's message names, where it is not the person in whose ledger the order stands by now. */
  namedId?: string;
  interactionId?: string;
  /** It speaks of somebody who was erased: of that person nothing was recorded. */
  erased?: true;
}

/** Two persons whom the shop's word makes one customer. */
export interface MergeEvidence {
  from: string;
  into: string;
  by: 'shop' | 'verified_email';
}

/** What one attempt would write; nothing for a duplicate. `stale` where reads did not fit together. */
export type Draft = { writes: Write[]; about: Omit<Recorded, 'outcome' | 'personId'>; merge?: MergeEvidence } | 'stale';

export function isChanged(before: Customer, after: Customer): boolean {
  return before.version === 0 || canonicalText(before) !== canonicalText(after);
}

/** @param at when what changes it was heard: a word that waited is older than others, and moves no `updatedAt` back */
export function customerWrite(before: Customer, after: Customer, at: Instant): Write {
  const updatedAt = before.version > 0 && before.updatedAt > at ? before.updatedAt : at;
  return { kind: 'customer', customer: { ...after, version: before.version + 1, updatedAt }, expected: before.version };
}
