import type { Draft, Frame, Recorded } from './draft.ts';
import { type Fact, notAfter } from './fact.ts';
import { Problem } from './problem.ts';
import { draftConversation, draftCustomer } from './record-customer.ts';
import { draftOrder } from './record-order.ts';
import { Known, type RecordStore } from './record-store.ts';

const attempts = 24;

/**
 * Writes a fact into the ledger, its customer, and the identities that lead to it, in one transaction on condition
 * of what was read; where somebody else was faster it reads again. Repeating it changes nothing.
 * @throws Unintelligible where the fact cannot be kept as it is
 * @throws Problem `store_unavailable`; `too_busy`; `customer_not_found` for a customer named by an unknown identifier
 */
export async function record(store: RecordStore, fact: Fact, frame: Frame): Promise<Recorded> {
  const heard = notAfter(fact, frame.receivedAt);
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await store.pause(attempt);
    const draft = await draftOf(new Known(store, attempt > 0), heard, frame);
    if (draft === 'stale') continue;
    if (draft.writes.length === 0) return { outcome: 'duplicate', ...draft.about };
    if ((await store.commit(draft.writes)) === 'committed') return { outcome: 'recorded', ...draft.about };
  }
  throw new Problem(503, 'too_busy', 'Too many writes to one customer at once. Try again.', { retryAfter: 1 });
}

function draftOf(known: Known, fact: Fact, frame: Frame): Promise<Draft> {
  switch (fact.kind) {
    case 'order':
      return draftOrder(known, fact, frame);
    case 'customer':
      return draftCustomer(known, fact, frame);
    case 'conversation':
      return draftConversation(known, fact, frame);
  }
}
