/** What a run makes of one customer, as far as it is counted. */
export interface Move {
  buyer: boolean;
  /** The tier before the run; null where there was none. */
  from: string | null;
  to: string;
  /** Below the policy's standard. */
  limited: boolean;
}

/** What assigning came to; over segments it adds up. */
export interface Tally {
  /** Live customers, buyers or not: those in the tiers. */
  customers: number;
  buyers: number;
  /** Customers whose tier or scores changed. */
  changed: number;
  /** Customers by tier, after the run. */
  tiers: Record<string, number>;
  /** Customers by the tier before the run (`none` for those who had none) and the tier after it. */
  migrations: Record<string, Record<string, number>>;
  /** Customers below the policy's standard. */
  limited: number;
  /** Who was counted, as a sum of hashes: two runs that counted others differ in it. */
  who: number;
}

export function emptyTally(): Tally {
  return { customers: 0, buyers: 0, changed: 0, tiers: {}, migrations: {}, limited: 0, who: 0 };
}

/** Counts one customer in. */
export function tallyCustomer(
  tally: Tally,
  { customerId }: { customerId: string },
  { kind, buyer, from, to, limited }: Move & { kind: 'kept' | 'written' | 'changed' },
): void {
  tally.customers += 1;
  tally.who = (tally.who + hashOf(customerId)) % 2 ** 48;
  if (buyer) tally.buyers += 1;
  if (kind !== 'kept') tally.changed += 1;
  if (limited) tally.limited += 1;
  add(tally.tiers, to, 1);
  tallyMove(tally, from ?? 'none', to, 1);
}

/** Adds one tally to another. */
export function mergeTally(into: Tally, from: Tally): void {
  into.customers += from.customers;
  into.buyers += from.buyers;
  into.changed += from.changed;
  into.limited += from.limited;
  into.who = (into.who + from.who) % 2 ** 48;
  for (const [tier, times] of Object.entries(from.tiers)) add(into.tiers, tier, times);
  for (const [before, row] of Object.entries(from.migrations))
    for (const [after, times] of Object.entries(row)) tallyMove(into, before, after, times);
}

/** 48 bits by two multiplicative hashes of 24 (after Fowler, Noll and Vo): for telling sets apart, not for secrets. */
function hashOf(text: string): number {
  let [high, low] = [0x811c9d, 0xc59d1c];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = ((high ^ code) * 0x93) % 2 ** 24;
    low = ((low ^ code) * 0x193 + 1) % 2 ** 24;
  }
  return high * 2 ** 24 + low;
}

function tallyMove({ migrations }: Tally, from: string, to: string, times: number): void {
  if (!Object.hasOwn(migrations, from)) migrations[from] = {};
  add(migrations[from] as Record<string, number>, to, times);
}

/** Tiers have any name: `constructor`, for one. */
function add(counts: Record<string, number>, name: string, times: number): void {
  counts[name] = (Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0) + times;
}
