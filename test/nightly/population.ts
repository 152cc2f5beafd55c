import fc from 'fast-check';
import type { Customer } from '../../shared/domain/customer.ts';
import { noFacts } from '../../shared/domain/facts.ts';
import { aCustomer } from '../fixtures/customer.ts';

export const asOf = '2026-03-30T01:00:00.000Z';
const day = 86_400_000;

/** A buyer as a night sees one. */
export function aBuyer(id: string, purchaseCount: number, totalSpent: bigint, lastPurchaseAt: string): Customer {
  const facts = { ...noFacts, purchaseCount, totalSpent, firstPurchaseAt: lastPurchaseAt, lastPurchaseAt };
  return aCustomer({ id: `cus_${id}`, version: 3, facts });
}

export function aProspect(id: string): Customer {
  return aCustomer({ id: `cus_${id}`, version: 1, facts: noFacts });
}

/** A small shop: who buys much, who bought twice, who bought once long ago, and who never did. */
export const ada = aBuyer('ada', 10, 100_000n, '2026-03-28T12:00:00.000Z');
export const ben = aBuyer('ben', 2, 9_900n, '2025-12-01T12:00:00.000Z');
export const cem = aBuyer('cem', 1, 1_000n, '2024-01-01T12:00:00.000Z');
export const dee = aProspect('dee');
export const shop = [ada, ben, cem, dee];

/** The customer after another purchase on the day before {@link asOf}. */
export function bought(customer: Customer, spent: bigint): Customer {
  const { facts, version } = customer;
  const { purchaseCount, totalSpent } = facts;
  const lastPurchaseAt = '2026-03-29T12:00:00.000Z';
  return {
    ...customer,
    version: version + 1,
    facts: { ...facts, purchaseCount: purchaseCount + 1, totalSpent: totalSpent + spent, lastPurchaseAt },
  };
}

/** One of whom only test orders speak. */
export function aTester(id: string): Customer {
  return { ...aBuyer(id, 0, 0n, asOf), facts: noFacts, live: false };
}

const buyer = fc.record({
  purchaseCount: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 20 })),
  totalSpent: fc.oneof(fc.constantFrom(0n, 4_999n, 5_000n, 15_000n), fc.bigInt({ min: 0n, max: 500_000n })),
  // Ahead of asOf too: an order may come in while the night is on.
  lastPurchaseAt: fc
    .oneof(
      fc.integer({ min: -1, max: 500 }).map((days) => days * day),
      fc.integer({ min: -day, max: 400 * day }),
    )
    .map((ago) => new Date(Date.parse(asOf) - ago).toISOString()),
});

const kinds = fc.oneof(
  { weight: 12, arbitrary: buyer.map((facts) => ({ kind: 'buyer' as const, facts })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'prospect' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'tester' as const }) },
);

/** Populations below and above the size at which quintiles mean something. */
export const populations: fc.Arbitrary<Customer[]> = fc
  .oneof(fc.array(kinds, { maxLength: 60 }), fc.array(kinds, { minLength: 650, maxLength: 700, size: 'max' }))
  .map((members) =>
    members.map((member, index) => {
      const id = String(index);
      if (member.kind === 'prospect') return aProspect(id);
      if (member.kind === 'tester') return aTester(id);
      const { purchaseCount, totalSpent, lastPurchaseAt } = member.facts;
      return aBuyer(id, purchaseCount, totalSpent, lastPurchaseAt);
    }),
  );
