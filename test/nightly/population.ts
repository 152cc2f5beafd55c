import fc from 'fast-check';
import { calendarOf } from '../../shared/domain/calendar.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import { foldFacts, noFacts, withOrderFacts } from '../../shared/domain/facts.ts';
import { noOrderFacts, type OrderFacts } from '../../shared/domain/order-facts.ts';
import { aCustomer } from '../fixtures/customer.ts';

export const asOf = '2026-03-30T01:00:00.000Z';
const day = 86_400_000;

/** A buyer as a night sees one. */
export function aBuyer(id: string, purchaseCount: number, totalSpent: bigint, lastPurchaseAt: string): Customer {
  const each = totalSpent / BigInt(purchaseCount);
  const spent = Array.from({ length: purchaseCount }, (_, index) =>
    index ? each : totalSpent - each * BigInt(purchaseCount - 1),
  );
  return whoBought(
    id,
    spent.map((one) => ({ at: lastPurchaseAt, spent: one })),
    'Europe/Berlin',
  );
}

interface Purchase {
  at: string;
  spent: bigint;
}

export function whoBought(id: string, purchases: readonly Purchase[], timeZone: string): Customer {
  const facts = foldFacts(purchases.map(factsOf), calendarOf(timeZone));
  return aCustomer({ id: `cus_${id}`, version: 3, facts });
}

function factsOf({ at, spent }: Purchase): OrderFacts {
  const sale = { at, refunds: 0, goods: [{ category: '', net: spent, paidBack: 0n }] };
  return { currency: 'EUR', purchase: true, spent, refunded: 0n, purchasedAt: at, sale };
}

export function aProspect(id: string): Customer {
  return aCustomer({ id: `cus_${id}`, version: 1, facts: noFacts });
}

/** A small shop: who buys much, who bought twice, who bought once long ago, and who never did. */
export const ada = aBuyer('ada', 10, 100_000n, '2026-03-28T12:00:00.000Z');
export const ben = aBuyer('ben', 2, 9_900n, '2025-12-01T12:00:00.000Z');
export const cem = aBuyer('cem', 1, 1_000n, '2024-06-01T12:00:00.000Z');
export const dee = aProspect('dee');
export const shop = [ada, ben, cem, dee];

/** The customer after another purchase on the day before {@link asOf}. */
export function bought(customer: Customer, spent: bigint): Customer {
  return boughtAt(customer, { at: '2026-03-29T12:00:00.000Z', spent }, 'Europe/Berlin');
}

export function boughtAt(customer: Customer, purchase: Purchase, timeZone: string): Customer {
  const facts = withOrderFacts(customer.facts, noOrderFacts, factsOf(purchase), calendarOf(timeZone));
  return { ...customer, version: customer.version + 1, facts };
}

/** One of whom only test orders speak. */
export function aTester(id: string): Customer {
  return { ...aProspect(id), live: false };
}

const purchase: fc.Arbitrary<Purchase> = fc.record({
  spent: fc.oneof(fc.constantFrom(0n, 4_999n, 5_000n, 15_000n), fc.bigInt({ min: 0n, max: 500_000n })),
  // Ahead of asOf too: an order may come in while the night is on. And before the window of 730 days.
  at: fc
    .oneof(
      fc.integer({ min: -1, max: 500 }).map((days) => days * day),
      fc.integer({ min: 725, max: 735 }).map((days) => days * day),
      fc.integer({ min: -day, max: 900 * day }),
    )
    .map((ago) => new Date(Date.parse(asOf) - ago).toISOString()),
});
const buyer = fc.oneof(
  { weight: 3, arbitrary: fc.array(purchase, { minLength: 1, maxLength: 1 }) },
  fc.array(purchase, { minLength: 1, maxLength: 12 }),
);

const kinds = fc.oneof(
  { weight: 12, arbitrary: buyer.map((purchases) => ({ kind: 'buyer' as const, purchases })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'prospect' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'tester' as const }) },
);

/** Populations below and above the size at which quintiles mean something. */
export const populations: fc.Arbitrary<(timeZone: string) => Customer[]> = fc
  .oneof(fc.array(kinds, { maxLength: 60 }), fc.array(kinds, { minLength: 650, maxLength: 700, size: 'max' }))
  .map(
    (members) => (timeZone: string) =>
      members.map((member, index) => {
        const id = String(index);
        if (member.kind === 'prospect') return aProspect(id);
        if (member.kind === 'tester') return aTester(id);
        return whoBought(id, member.purchases, timeZone);
      }),
  );
