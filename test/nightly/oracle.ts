import type { Customer } from '../../shared/domain/customer.ts';

/** What a night should make of a customer, by brute force over everybody at once. */
export interface Expected {
  tier: string;
  scores?: { recency: number; frequency: number; monetary: number };
}

/** Standings of all live customers by the default policy in euros, worked out without any of the engine's code. */
export function expectedOf(customers: Iterable<Customer>, asOf: string, timeZone: string): Map<string, Expected> {
  const live = [...customers].filter((customer) => customer.live);
  const buyers = live.filter(({ facts }) => facts.purchaseCount > 0);
  const values = buyers.map(({ facts }) => ({
    // Of each the greater is the better.
    recency: -daysBetween(facts.lastPurchaseAt ?? asOf, asOf, timeZone),
    frequency: facts.purchaseCount,
    monetary: Number(eightBits(facts.totalSpent)),
  }));
  const exact = (customer: Customer) => Number(customer.facts.totalSpent) / 100;
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
  for (const customer of live) expected.set(customer.id, { tier: 'prospect' });
  for (const [index, customer] of buyers.entries()) {
    const scores = scoresOf(customer, index);
    const sum = scores.recency + scores.frequency + scores.monetary;
    const tier = sum >= 13 ? 'platinum' : sum >= 11 ? 'gold' : sum >= 9 ? 'silver' : sum >= 6 ? 'bronze' : 'basic';
    expected.set(customer.id, { tier, scores });
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
