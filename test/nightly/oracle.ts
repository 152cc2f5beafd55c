import type { Customer } from '../../shared/domain/customer.ts';

/** What a night should make of a customer, by brute force over everybody at once. */
export interface Expected {
  tier: string;
  group: string;
  scores?: Scores;
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

/** Standings of all live customers by the default policy in euros, worked out without any of the engine's code. */
export function expectedOf(customers: Iterable<Customer>, asOf: string, timeZone: string): Map<string, Expected> {
  const live = [...customers].filter((customer) => customer.live);
  const today = daysBetween('1970-01-01T12:00:00Z', asOf, timeZone);
  const past = (customer: Customer) => customer.facts.days.filter(({ day }) => day <= today);
  const recent = (customer: Customer) => past(customer).filter(({ day }) => day > today - 730);
  const spent = (customer: Customer) => recent(customer).reduce((sum, one) => sum + one.spent, 0n);
  const bought = live.filter((customer) => past(customer).length > 0);
  const buyers = bought.filter((customer) => recent(customer).length > 0);
  const values = buyers.map((customer) => ({
    // Of each the greater is the better.
    recency: (recent(customer).at(-1)?.day ?? 0) - today,
    frequency: recent(customer).reduce((sum, { purchases }) => sum + purchases, 0),
    monetary: Number(eightBits(spent(customer))),
  }));
  const exact = (customer: Customer) => Number(spent(customer)) / 100;
  const score = (own: number, others: number[]) => {
    const worse = others.filter((other) => other < own).length;
    return 1 + [1, 2, 3, 4].filter((fifths) => worse * 5 >= fifths * others.length).length;
  };
  const steps = (own: number, thresholds: number[]) => 1 + thresholds.filter((threshold) => own >= threshold).length;
  const scoresOf = (customer: Customer, index: number) => {
    const own = values[index];
    if (!own) throw new RangeError('a buyer has values');
    if (buyers.length < 500)
      return {
        recency: steps(own.recency, [-365, -180, -90, -30]),
        frequency: steps(own.frequency, [2, 3, 5, 10]),
        monetary: steps(exact(customer), [50, 150, 400, 1000]),
      };
    const ranked = (name: keyof typeof own) => score(own[name], columns[name]);
    return { recency: ranked('recency'), frequency: ranked('frequency'), monetary: ranked('monetary') };
  };
  const columns = {
    recency: values.map(({ recency }) => recency),
    frequency: values.map(({ frequency }) => frequency),
    monetary: values.map(({ monetary }) => monetary),
  };
  const expected = new Map<string, Expected>();
  for (const customer of live) expected.set(customer.id, { tier: 'prospect', group: 'prospects' });
  const lowest = { recency: 1, frequency: 1, monetary: 1 };
  for (const customer of bought)
    expected.set(customer.id, { tier: 'basic', group: 'dormant', scores: lowest, lapsed: true });
  for (const [index, customer] of buyers.entries()) {
    const scores = scoresOf(customer, index);
    const sum = scores.recency + scores.frequency + scores.monetary;
    const tier = sum >= 13 ? 'platinum' : sum >= 11 ? 'gold' : sum >= 9 ? 'silver' : sum >= 6 ? 'bronze' : 'basic';
    expected.set(customer.id, { tier, group: groupBy(scores), scores });
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
function eightBits(amount: bigint): bigint {
  const digits = amount.toString(2);
  return BigInt(`0b${digits.slice(0, 8)}${'0'.repeat(Math.max(0, digits.length - 8))}`);
}
