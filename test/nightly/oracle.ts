import type { Customer } from '../../shared/domain/customer.ts';

/** What a night should make of a customer, by brute force over everybody at once. */
export interface Expected {
  tier: string;
  group: string;
  scores?: Scores;
  fallingSince?: string;
  /** Bought, but not in the last 730 days. */
  lapsed?: true;
}

interface Scores {
  recency: number;
  frequency: number;
  monetary: number;
}

const groupsByScores: Record<string, string[]> = {
  new: ['R5 1'],
  promising: ['R4 1'],
  active: ['R5 2', 'R5 3', 'R4 2', 'R4 3'],
  champions: ['R5 4', 'R5 5', 'R4 5'],
  loyal: ['R4 4', 'R3 4', 'R3 5'],
  needs_attention: ['R3 3'],
  almost_lost: ['R3 1', 'R3 2', 'R2 2'],
  at_risk: ['R2 3', 'R2 4', 'R1 3'],
  previously_loyal: ['R2 5', 'R1 4', 'R1 5'],
  dormant: ['R2 1', 'R1 1', 'R1 2'],
};

function groupBy({ recency, frequency, monetary }: Scores): string {
  const cell = `R${recency} ${Math.round((frequency + monetary) / 2)}`;
  return Object.entries(groupsByScores).find(([, cells]) => cells.includes(cell))?.[0] ?? cell;
}

const ladder = [
  ['platinum', 13],
  ['gold', 11],
  ['silver', 9],
  ['bronze', 6],
  ['basic', 3],
] as const;
const small = { recency: [-365, -180, -90, -30], frequency: [2, 3, 5, 10], monetary: [5_000, 15_000, 40_000, 100_000] };

/** Standings of all live customers by the default policy in euros, worked out without any of the engine's code. */
export function expectedOf(customers: Iterable<Customer>, asOf: string, timeZone: string): Map<string, Expected> {
  const live = [...customers].filter((customer) => customer.live);
  const today = daysBetween('1970-01-01T12:00:00Z', asOf, timeZone);
  const past = (customer: Customer) => customer.facts.days.filter(({ day }) => day <= today);
  const recent = (customer: Customer) => past(customer).filter(({ day }) => day > today - 730);
  // Of each the greater is the better.
  const valuesOf = (customer: Customer): Scores => ({
    recency: (past(customer).at(-1)?.day ?? 0) - today,
    frequency: recent(customer).reduce((sum, { purchases }) => sum + purchases, 0),
    monetary: Number(recent(customer).reduce((sum, one) => sum + one.spent, 0n)),
  });
  const bought = live.filter((customer) => past(customer).length > 0);
  const buyers = bought.filter((customer) => recent(customer).length > 0).map(valuesOf);
  const fifths = (column: number[]) => {
    const sorted = column.toSorted((a, b) => a - b);
    return [1, 2, 3, 4].map((part) => sorted.find((one) => sorted.indexOf(one) * 5 >= part * sorted.length));
  };
  const cuts: Record<keyof Scores, (number | undefined)[]> =
    buyers.length < 500
      ? small
      : {
          recency: fifths(buyers.map(({ recency }) => recency)),
          frequency: fifths(buyers.map(({ frequency }) => frequency)),
          monetary: fifths(buyers.map(({ monetary }) => eightBits(monetary))),
        };
  /** Cuts come nearer by so many percent. */
  const scoresOf = (own: Scores, percent: number): Scores => {
    const score = (name: keyof Scores) =>
      1 +
      cuts[name].filter((cut) => {
        if (cut === undefined) return false;
        return own[name] * 100 >= cut * (cut < 0 ? 100 + percent : 100 - percent);
      }).length;
    return { recency: score('recency'), frequency: score('frequency'), monetary: score('monetary') };
  };
  const sum = ({ recency, frequency, monetary }: Scores) => recency + frequency + monetary;
  const expected = new Map<string, Expected>();
  for (const customer of live) expected.set(customer.id, { tier: 'prospect', group: 'prospects' });
  for (const customer of bought) {
    const own = valuesOf(customer);
    const scores = scoresOf(own, 0);
    const [byScores] = ladder.find(([, atLeast]) => sum(scores) >= atLeast) ?? ['none'];
    const { tier: before = '', fallingSince = asOf } = customer.standing ?? {};
    const names: string[] = ladder.map(([name]) => name);
    const falls = names.includes(before) && names.indexOf(byScores) > names.indexOf(before);
    const needed = ladder.find(([name]) => name === before)?.[1] ?? 16;
    const isNear = sum(scoresOf(own, 10)) >= needed && Date.parse(asOf) - Date.parse(fallingSince) < 6.5 * 86_400_000;
    const isHeld = falls && isNear;
    expected.set(customer.id, {
      tier: isHeld ? before : byScores,
      group: groupBy(scores),
      scores,
      ...(isHeld && { fallingSince }),
      ...(own.frequency === 0 && { lapsed: true }),
    });
  }
  return expected;
}

/** Calendar days from one moment to another as the clocks of a place show them, 0 at least. */
export function daysBetween(from: string, to: string, timeZone: string): number {
  const date = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const shown = (instant: string) => Date.parse(`${date.format(new Date(instant))}T00:00:00Z`);
  return Math.max(0, Math.round((shown(to) - shown(from)) / 86_400_000));
}

/** The amount with all but its first eight binary digits set to zero. */
function eightBits(amount: number): number {
  const digits = amount.toString(2);
  return Number.parseInt(`${digits.slice(0, 8)}${'0'.repeat(Math.max(0, digits.length - 8))}`, 2);
}
