import fc from 'fast-check';

/** Random lives of a shop that sells in several currencies, and what must come of them, worked out by hand. */
export interface Sale {
  id: number;
  person: number;
  /** Days after the first. */
  day: number;
  currency: Currency;
  minor: bigint;
  /** What the total became when the order was edited. */
  edited: bigint | undefined;
  refunds: { id: string; minor: bigint }[];
  cancelled: boolean;
  /** The person that it turned out to be of. */
  movedTo: number | undefined;
}

const decimals = { EUR: 2, USD: 2, JPY: 0, KWD: 3 };
export type Currency = keyof typeof decimals;
export const currencies = Object.keys(decimals) as Currency[];
export const people = 2;
/** Orders stand on the first so many days, rates a little before too. */
const days = 25;

export type Step =
  | { kind: 'said'; type: string; data: Record<string, unknown>; at: string }
  | { kind: 'rate'; date: string; currency: Currency; rate: string }
  | { kind: 'count' };

const currency = fc.constantFrom<Currency>('EUR', 'USD', 'JPY', 'KWD', 'USD', 'JPY', 'KWD');

const sales: fc.Arbitrary<Sale[]> = fc
  .array(
    fc.record({
      person: fc.nat(people - 1),
      day: fc.nat(days - 1),
      currency,
      minor: fc.bigInt({ min: 0n, max: 900_000n }),
      edited: fc.option(fc.bigInt({ min: 1n, max: 900_000n }), { nil: undefined, freq: 2 }),
      shares: fc.array(fc.constantFrom(1n, 10n, 33n, 50n, 100n), { maxLength: 2 }),
      cancelled: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
      movedTo: fc.option(fc.nat(people - 1), { nil: undefined, freq: 1 }),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((drawn) =>
    drawn.map(({ shares, ...sale }, id) => ({
      ...sale,
      id,
      refunds: shares
        .map((share, index) => ({ id: `${id}-${index}`, minor: ((sale.edited ?? sale.minor) * share) / 100n }))
        .filter(({ minor }) => minor > 0n),
    })),
  );

const rates: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constant('rate' as const),
    date: fc.integer({ min: -5, max: days }).map(dayAt),
    currency: fc.constantFrom<Currency>('USD', 'JPY', 'KWD'),
    rate: fc
      .tuple(fc.constantFrom('0', '1', '3', '161', '1000'), fc.integer({ min: 1, max: 9999 }))
      .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(4, '0')}`),
  }),
  { minLength: 2, maxLength: 14 },
);

export interface Life {
  sales: Sale[];
  /** In the order in which they are taken. */
  steps: Step[];
  atOnce: number;
  faults: (string | undefined)[];
}

export function lives(faults: readonly string[]): fc.Arbitrary<Life> {
  return fc
    .record({
      sales,
      rates,
      counts: fc.nat(3),
      /** Whether the rates are there before anything is sold, or come in between. */
      early: fc.boolean(),
      repeats: fc.array(fc.nat(), { maxLength: 3 }),
      shuffle: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
      atOnce: fc.integer({ min: 1, max: 4 }),
      faults: fc.array(fc.option(fc.constantFrom(...faults), { nil: undefined, freq: 2 }), { maxLength: 40 }),
    })
    .map(({ sales: sold, rates: published, counts, early, repeats, shuffle, ...life }) => {
      const said = sold.flatMap(messagesOf);
      const again = repeats.map((n) => said[n % said.length] as Step);
      const counted = Array.from({ length: counts }, (): Step => ({ kind: 'count' }));
      const mixed = shuffled([...said, ...again, ...counted, ...(early ? [] : published)], shuffle);
      return { ...life, sales: sold, steps: early ? [...published, ...mixed] : mixed };
    });
}

const first = Date.UTC(2026, 0, 10, 12);
export const timeAt = (day: number, minute = 0) => new Date(first + day * 86_400_000 + minute * 60_000).toISOString();
export function dayAt(day: number): string {
  return timeAt(day).slice(0, 10);
}

/** Every message about a sale; they may come in any order. */
function messagesOf(sale: Sale): Step[] {
  const money = (minor: bigint) => ({ amount: decimal(minor, decimals[sale.currency]), currency: sale.currency });
  const order = (minor: bigint, person: number, minute: number) => ({
    id: `order-${sale.id}`,
    placedAt: timeAt(sale.day),
    updatedAt: timeAt(sale.day, minute),
    total: money(minor),
    customer: { id: `c-${person}`, email: `person${person}@example.com` },
  });
  const said = (type: string, minute: number, data: Record<string, unknown>): Step => ({
    kind: 'said',
    type,
    data,
    at: timeAt(sale.day, minute),
  });
  const last = sale.edited ?? sale.minor;
  const owner = sale.movedTo ?? sale.person;
  return [
    said('order.created', 0, order(sale.minor, sale.person, 0)),
    ...(sale.edited === undefined ? [] : [said('order.updated', 1, order(sale.edited, sale.person, 1))]),
    ...(sale.movedTo === undefined ? [] : [said('order.updated', 2, order(last, owner, 2))]),
    ...(sale.cancelled
      ? [said('order.cancelled', 3, { ...order(last, owner, 3), cancelledAt: timeAt(sale.day, 3) })]
      : []),
    ...sale.refunds.map(({ id, minor }) =>
      said('refund.created', 4, {
        id,
        orderId: `order-${sale.id}`,
        amount: money(minor),
        refundedAt: timeAt(sale.day, 4),
      }),
    ),
  ];
}

function decimal(minor: bigint, places: number): string {
  const digits = minor.toString().padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

export interface Sum {
  purchaseCount: number;
  totalSpent: bigint;
  totalRefunded: bigint;
  firstPurchaseAt: string | undefined;
  lastPurchaseAt: string | undefined;
}

/**
 * What a person bought, by the currency in which it counts.
 * @param rateOf the decimal text of the rate by which a sale is counted, where there is one
 */
export function sumsByHand(
  sold: readonly Sale[],
  person: number,
  rateOf: (sale: Sale) => string | undefined,
): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  const own = sold.filter((sale) => (sale.movedTo ?? sale.person) === person);
  for (const sale of own.toSorted((a, b) => a.day - b.day)) {
    const rate = rateOf(sale);
    const name = rate === undefined ? sale.currency : 'EUR';
    const sum: Sum = sums.get(name) ?? {
      purchaseCount: 0,
      totalSpent: 0n,
      totalRefunded: 0n,
      firstPurchaseAt: undefined,
      lastPurchaseAt: undefined,
    };
    sums.set(name, sum);
    const total = sale.edited ?? sale.minor;
    const back = sale.refunds.reduce((all, { minor }) => all + minor, 0n);
    const counted = (minor: bigint) => (rate === undefined ? minor : euroCents(minor, sale.currency, rate));
    sum.totalRefunded += counted(back);
    if (sale.cancelled || (back > 0n && back >= total)) continue;
    sum.purchaseCount += 1;
    sum.totalSpent += counted(total) - counted(back);
    sum.firstPurchaseAt ??= timeAt(sale.day);
    sum.lastPurchaseAt = timeAt(sale.day);
  }
  return sums;
}

/** As on paper: what the amount is in euros, as a fraction, to the nearest cent, and from the middle to the even one. */
function euroCents(minor: bigint, of: Currency, rate: string): bigint {
  const [whole = '', fraction = ''] = rate.split('.');
  const above = minor * 100n * 10n ** BigInt(fraction.length);
  const below = BigInt(whole + fraction) * 10n ** BigInt(decimals[of]);
  const down = above / below;
  const rest = above - down * below;
  if (rest * 2n < below) return down;
  if (rest * 2n > below) return down + 1n;
  return down % 2n === 0n ? down : down + 1n;
}

function shuffled<T>(list: readonly T[], random: readonly number[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = (random[i % random.length] ?? 0) % (i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
