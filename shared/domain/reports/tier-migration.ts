import type { Instant } from '../instant.ts';

/** What two runs made of the customers. */
export interface TierMigration {
  /** Customers by the tier after the first run and after the second; `none` where there was none. */
  migrations: Record<string, Record<string, number>>;
}

/** The word for no tier; no tier has it for a name. */
const none = 'none';

export const noMigration = (): TierMigration => ({ migrations: {} });

/** Counts customers who had a tier after one of the runs at least. */
export function countMove({ migrations }: TierMigration, { before, after }: Around, customers = 1): void {
  if (before === undefined && after === undefined) return;
  const [from, to] = [before ?? none, after ?? none];
  // Tiers have any name: `constructor`, for one.
  const row = Object.hasOwn(migrations, from) ? (migrations[from] ?? {}) : {};
  migrations[from] = row;
  row[to] = (Object.hasOwn(row, to) ? (row[to] ?? 0) : 0) + customers;
}

/** Adds one to another. */
export function mergeMigration(into: TierMigration, from: TierMigration): void {
  for (const [before, row] of Object.entries(from.migrations))
    for (const [after, customers] of Object.entries(row))
      countMove(into, { ...(before !== none && { before }), ...(after !== none && { after }) }, customers);
}

/** The tiers of one customer after the first run and after the second; absent where there was none. */
export interface Around {
  before?: string;
  after?: string;
}

/** What a receipt says of a tier. */
export interface Turn {
  asOf: Instant;
  tier: string;
}

/**
 * Follows a customer back.
 * @param turns the latest first; no more of them are asked for than are needed
 */
export async function tiersAround(
  turns: AsyncIterable<Turn>,
  { from, to }: { from: Instant; to: Instant },
): Promise<Around> {
  let after: string | undefined;
  for await (const { asOf, tier } of turns) {
    if (asOf <= to) after ??= tier;
    if (asOf <= from) return { before: tier, ...(after !== undefined && { after }) };
  }
  return after === undefined ? {} : { after };
}

/** How many moved which way. */
export interface Moves {
  stayed: number;
  rose: number;
  fell: number;
  /** To or from a tier that is not among those given, as after a new policy. */
  otherwise: number;
  joined: number;
  left: number;
}

/** @param tiers the best one first */
export function movesOf({ migrations }: TierMigration, tiers: readonly string[]): Moves {
  const moves: Moves = { stayed: 0, rose: 0, fell: 0, otherwise: 0, joined: 0, left: 0 };
  for (const [before, row] of Object.entries(migrations))
    for (const [after, customers] of Object.entries(row)) moves[kindOf(before, after, tiers)] += customers;
  return moves;
}

function kindOf(before: string, after: string, tiers: readonly string[]): keyof Moves {
  if (before === none) return 'joined';
  if (after === none) return 'left';
  if (before === after) return 'stayed';
  const [from, to] = [tiers.indexOf(before), tiers.indexOf(after)];
  if (from < 0 || to < 0) return 'otherwise';
  return to < from ? 'rose' : 'fell';
}
