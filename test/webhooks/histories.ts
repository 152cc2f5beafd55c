import fc from 'fast-check';

/** Random histories of a shop, with what must come of them worked out from the history alone. */
export interface OrderHistory {
  id: number;
  /** Index of the person, or nobody at all. */
  person: number | undefined;
  guest: boolean;
  placedMinute: number;
  cents: number;
  currency: Currency;
  test: boolean;
  /** Minutes after the order, or never. */
  cancelledAfter: number | undefined;
  refunds: { id: number; cents: number; afterMinutes: number }[];
  /** How often the shop says `orders/updated`. */
  updates: number;
  /** What was added to the order after it was placed, in cents. */
  added: number;
}

export interface Expected {
  purchaseCount: number;
  totalSpent: number;
  totalRefunded: number;
  firstPurchaseAt: string | undefined;
  lastPurchaseAt: string | undefined;
  /** By calendar day in Berlin: purchases, and cents spent. */
  days: Record<string, [number, number]>;
}

export const people = 3;

/** The base currency, and one that has no rate to it. */
export const currencies = ['EUR', 'USD'] as const;
type Currency = (typeof currencies)[number];

export const histories: fc.Arbitrary<OrderHistory[]> = fc
  .array(
    fc.record({
      person: fc.option(fc.nat(people - 1), { nil: undefined, freq: 8 }),
      guest: fc.boolean(),
      placedMinute: fc.nat(500_000),
      cents: fc.integer({ min: 0, max: 50_000 }),
      currency: fc.constantFrom<Currency>('EUR', 'EUR', 'EUR', 'USD'),
      cancelledAfter: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined, freq: 4 }),
      refundParts: fc.array(
        fc.record({ share: fc.integer({ min: 1, max: 100 }), afterMinutes: fc.integer({ min: 1, max: 9000 }) }),
        { maxLength: 2 },
      ),
      updates: fc.nat(2),
      added: fc.constantFrom(0, 0, 500),
      isTest: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((orders) =>
    orders.map(({ refundParts, isTest, ...order }, index) => ({
      ...order,
      id: 1000 + index,
      test: isTest,
      refunds: refundParts
        .map(({ share, afterMinutes }, part) => ({
          id: (1000 + index) * 10 + part,
          cents: Math.floor((order.cents * share) / 100),
          afterMinutes,
        }))
        .filter(({ cents }) => cents > 0),
    })),
  );

const start = Date.UTC(2025, 0, 1);
export const timeOf = (minute: number) => new Date(start + minute * 60_000).toISOString();

/** An order is edited before its first update, if it has one. */
function addedBy({ added, updates, placedMinute }: OrderHistory, minute: number): number {
  return updates > 0 && minute > placedMinute ? added : 0;
}

const berlin = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' });

/** The facts of a person in one currency, added up by hand. */
export function expectedFacts(history: OrderHistory[], person: number, currency: string): Expected {
  const expected: Expected = {
    purchaseCount: 0,
    totalSpent: 0,
    totalRefunded: 0,
    firstPurchaseAt: undefined,
    lastPurchaseAt: undefined,
    days: {},
  };
  const own = history.filter((order) => order.person === person && !order.test && order.currency === currency);
  for (const order of own.toSorted((a, b) => a.placedMinute - b.placedMinute)) {
    const refunded = order.refunds.reduce((sum, { cents }) => sum + cents, 0);
    expected.totalRefunded += refunded;
    const worth = order.cents + addedBy(order, Number.POSITIVE_INFINITY);
    if (order.cancelledAfter !== undefined || (refunded > 0 && refunded >= worth)) continue;
    expected.purchaseCount += 1;
    expected.totalSpent += worth - refunded;
    expected.firstPurchaseAt ??= timeOf(order.placedMinute);
    expected.lastPurchaseAt = timeOf(order.placedMinute);
    const day = berlin.format(new Date(timeOf(order.placedMinute)));
    const [purchases, spent] = expected.days[day] ?? [0, 0];
    expected.days[day] = [purchases + 1, spent + worth - refunded];
  }
  return expected;
}

export interface Message {
  topic: string;
  body: unknown;
}

/** Every message that Shopify sends about the history, in the order in which things happened. */
export function messagesOf(history: OrderHistory[]): Message[] {
  return history.flatMap((order) => {
    const create = { topic: 'orders/create', body: orderBody(order, order.placedMinute) };
    const updates = Array.from({ length: order.updates }, (_, i) => ({
      topic: i === 0 ? 'orders/paid' : 'orders/updated',
      body: orderBody(order, order.placedMinute + 1 + i),
    }));
    const refunds = order.refunds.map((refund) => ({ topic: 'refunds/create', body: refundBody(order, refund) }));
    const last = order.placedMinute + 20_000;
    const cancelled =
      order.cancelledAfter === undefined ? [] : [{ topic: 'orders/cancelled', body: orderBody(order, last) }];
    return [create, ...updates, ...refunds, ...cancelled];
  });
}

/** The order as the shop says it at a minute; cancelled ones from 20,000 minutes after they were placed. */
export function orderBody(order: OrderHistory, asOfMinute: number) {
  const at = timeOf(order.placedMinute);
  const { person } = order;
  const email = person === undefined ? null : `Person${person}@Example.com`;
  return {
    id: order.id,
    created_at: at,
    processed_at: at,
    updated_at: timeOf(asOfMinute),
    cancelled_at:
      order.cancelledAfter !== undefined && asOfMinute >= order.placedMinute + 20_000
        ? timeOf(order.placedMinute + order.cancelledAfter)
        : null,
    currency: order.currency,
    total_price: euros(order.cents),
    current_total_price: euros(order.cents + addedBy(order, asOfMinute) - backBy(order, asOfMinute)),
    test: order.test,
    email,
    customer: person === undefined || order.guest ? null : { id: 7000 + person, email, first_name: `First${person}` },
    refunds: order.refunds
      .filter(({ afterMinutes }) => order.placedMinute + afterMinutes <= asOfMinute)
      .map((refund) => refundBody(order, refund)),
  };
}

function backBy({ refunds, placedMinute }: OrderHistory, minute: number): number {
  const back = refunds.filter(({ afterMinutes }) => placedMinute + afterMinutes <= minute);
  return back.reduce((sum, { cents }) => sum + cents, 0);
}

function refundBody(order: OrderHistory, refund: OrderHistory['refunds'][number]) {
  const at = timeOf(order.placedMinute + refund.afterMinutes);
  return {
    id: refund.id,
    order_id: order.id,
    created_at: at,
    processed_at: at,
    transactions: [{ kind: 'refund', status: 'success', amount: euros(refund.cents), currency: order.currency }],
  };
}

const euros = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
